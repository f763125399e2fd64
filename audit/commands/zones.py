"""`zones`: where each zone is, who we are there, what we may read, and what a report will therefore not know."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Final

from audit import console
from audit.collect.required_access import OPTIONAL, REQUIRED_ROLES, UNKNOWN_WITHOUT, manifest
from audit.collect.self_check import SelfCheck, self_check
from audit.collect.zones import Zone
from audit.commands.sources import stopping
from audit.commands.sources import zones as zones_of
from audit.config.model import Config
from audit.config.zones import KubeconfigZones, ZonesFrom
from audit.errors import DONE, NOTHING, PARTIAL, Stopped, UsageError
from audit.job.load_config import load_config
from audit.parallel import run_parallel
from audit.snapshot.objects import KINDS, NEEDED
from audit.tables.model import ANSWERS, NO, YES

_SECONDS: Final = 30.0  # for one zone: a dozen short questions


def show(
    config: Path | None, kubeconfig: Path | None, contexts: Sequence[str], only: Sequence[str], *, as_json: bool
) -> int:
    """Print the zones of a configuration, or of a kubeconfig's contexts; return the exit code."""
    given = _settings(config, kubeconfig, contexts)
    with stopping() as stop:
        zones = zones_of(given, only, stop).zones
        found = _ask(zones, given, stop)
        if stop.is_set():
            raise Stopped("stopped before all zones had answered")
    if as_json:
        console.result_json({"zones": [_record(one) for one in found]})
    else:
        _tell(found)
    return _exit_code(found)


def required_access(parts: Sequence[str]) -> int:
    """Print the ClusterRoles that are needed; raises UsageError for a part that there is not."""
    named = [name for part in parts for name in part.split(",") if name]
    for name in named:
        if name not in REQUIRED_ROLES:
            raise UsageError(f"no such part: {name}", fix=f"choose from {', '.join(REQUIRED_ROLES)}")
    console.result(manifest(named))
    return DONE


def _settings(config: Path | None, kubeconfig: Path | None, contexts: Sequence[str]) -> Config:
    if config is None:
        listed = KubeconfigZones(path=kubeconfig and kubeconfig.absolute(), contexts=tuple(contexts) or ("*",))
        return Config(zones_from=ZonesFrom(kubeconfig=listed))
    if kubeconfig or contexts:
        raise UsageError("the zones stand in the configuration", fix="give --config, or --kubeconfig and --context")
    return load_config(config)


def _ask(zones: Sequence[Zone], config: Config, stop: Event) -> list[SelfCheck]:
    seconds = min(_SECONDS, config.collect.timeout_seconds)
    at_once = run_parallel(
        zones, lambda zone: self_check(zone, seconds, stop), stop.is_set, at_once=config.collect.zones_at_once
    )
    return [one for _, one in sorted(at_once, key=lambda done: done[0])]


def _tell(found: Sequence[SelfCheck]) -> None:
    header = ["zone", "api", "registry", "we are", "may list", *OPTIONAL]
    console.table(header, [_row(one) for one in found])
    more = [f"{one.zone.id}: {line}" for one in found for line in (*one.zone.about, *_unknown(one))]
    console.lines(["", *more] if more else [])


def _row(one: SelfCheck) -> list[str]:
    listed = [one.may[name] for name in one.may if name not in OPTIONAL]
    asked = not one.trouble and not one.zone.dump
    named = f"{one.zone.id} ({one.zone.name})" if one.zone.name else one.zone.id
    counted = f"{listed.count(YES)} of {len(listed)} kinds" if asked else ""
    optional = [ANSWERS[one.may[name]] if asked else "" for name in OPTIONAL]
    return [named, one.api, one.zone.registry, one.user or ("not said" if asked else ""), counted, *optional]


def _unknown(one: SelfCheck) -> Iterator[str]:
    """Yield what a report will not know of a zone, a line each."""
    if one.zone.dump:
        return
    if one.trouble:
        yield f"nothing will be known: {one.trouble}"
        return
    for name, meaning in UNKNOWN_WITHOUT.items():
        if name not in OPTIONAL and one.may[name] == NO:
            yield f"not known: {meaning} (may not list {name}{_elsewhere(name)})"
        elif name not in OPTIONAL and one.may[name] != YES:
            yield f"perhaps not known: {meaning} (the zone does not say whether we may list {name}: {one.why})"


def _elsewhere(kind: str) -> str:
    """Say what is read of a kind all the same: what is in the namespaces that an account sees."""
    if kind == "namespaces":
        return ": only those that this account sees are read"
    return " in all namespaces: only in those that this account sees" if KINDS[kind].namespaced else ""


def _record(one: SelfCheck) -> dict[str, object]:
    return {
        "zone": one.zone.id,
        "name": one.zone.name,
        "api": one.api,
        "registry": one.zone.registry,
        "about": list(one.zone.about),
        "user": one.user,
        "groups": list(one.groups),
        "may": {name: ANSWERS[answer] for name, answer in one.may.items()},
        "not_known": [*_unknown(one)],
        "trouble": one.trouble,
    }


def _exit_code(found: Sequence[SelfCheck]) -> int:
    if all(one.trouble for one in found):
        return NOTHING
    whole = (one.zone.dump or all(one.may[name] == YES for name in NEEDED) for one in found)
    return DONE if all(whole) else PARTIAL
