"""`zones`: where each zone is, who we are there, what we may read, and what a report would not know."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Final

from audit.collect.required_access import OPTIONAL, REQUIRED_ROLES, UNKNOWN_WITHOUT, manifest
from audit.collect.self_check import SelfCheck, self_check
from audit.collect.zones import Zone, registry_of
from audit.command_line.result import Grid, Result, Verbatim
from audit.command_line.signals import stopping
from audit.command_line.sources import zones as zones_of
from audit.config.model import Config
from audit.config.zones import KubeconfigZones, ZonesFrom
from audit.errors import Stopped, UsageError
from audit.exit_codes import of_state
from audit.job.load_config import load_config
from audit.parallel import run_parallel
from audit.snapshot.objects import KINDS, NEEDED
from audit.tables.schemas import ANSWERS, NO, YES

_SECONDS: Final = 30.0  # for one zone: a dozen short questions


def zones(config: Path | None, kubeconfig: Path | None, contexts: Sequence[str], only: Sequence[str]) -> Result:
    """Return the zones of a configuration, or of the contexts of a kubeconfig."""
    settings = _settings(config, kubeconfig, contexts)
    with stopping() as stop:
        checks = _check(zones_of(settings, only, stop).zones, settings, stop)
        if stop.is_set():
            raise Stopped("stopped before all zones had answered")
    return Result(
        value=lambda: {"zones": [_record(check) for check in checks]},
        text=_text(checks),
        exit_code=of_state(_state(checks)),
    )


def required_access(parts: Sequence[str]) -> Result:
    """Return the ClusterRoles that are needed. Raises UsageError for a part that does not exist."""
    names = [name for part in parts for name in part.split(",") if name]
    for name in names:
        if name not in REQUIRED_ROLES:
            raise UsageError(f"no such part: {name}", fix=f"choose from {', '.join(REQUIRED_ROLES)}")
    return Result(value=lambda: {"manifest": manifest(names)}, text=[Verbatim(manifest(names) + "\n")])


def _settings(config: Path | None, kubeconfig: Path | None, contexts: Sequence[str]) -> Config:
    if config is None:
        listed = KubeconfigZones(path=kubeconfig and kubeconfig.absolute(), contexts=tuple(contexts) or ("*",))
        return Config(zones_from=ZonesFrom(kubeconfig=listed))
    if kubeconfig or contexts:
        raise UsageError("--config already names the zones", fix="give either --config, or --kubeconfig and --context")
    return load_config(config)


def _check(zones: Sequence[Zone], config: Config, stop: Event) -> list[SelfCheck]:
    seconds = min(_SECONDS, config.collect.timeout_seconds)
    at_once = run_parallel(
        zones, lambda zone: self_check(zone, seconds, stop), stop.is_set, at_once=config.collect.zones_at_once
    )
    return [check for _, check in sorted(at_once, key=lambda done: done[0])]


def _text(checks: Sequence[SelfCheck]) -> Iterator[str | Grid]:
    yield Grid(["zone", "api", "registry", "we are", "may list", *OPTIONAL], [_row(check) for check in checks])
    more = [f"{check.zone.id}: {line}" for check in checks for line in (*check.zone.about, *_unknown(check))]
    yield from ["", *more] if more else []


def _row(check: SelfCheck) -> list[str]:
    answers = [check.may[name] for name in check.may if name not in OPTIONAL]
    live = not check.trouble and not check.zone.dump
    named = f"{check.zone.id} ({check.zone.name})" if check.zone.name else check.zone.id
    counted = f"{answers.count(YES)} of {len(answers)} kinds" if live else ""
    optional = [ANSWERS[check.may[name]] if live else "" for name in OPTIONAL]
    return [named, check.api, _registry(check), check.user or ("unknown" if live else ""), counted, *optional]


def _registry(check: SelfCheck) -> str:
    """Return the host of the registry as far as it is known before the zone is read."""
    return check.zone.registry or registry_of(check.api)


def _unknown(check: SelfCheck) -> Iterator[str]:
    """Yield what a report will not know of a zone, a line each."""
    if check.zone.dump:
        return
    if check.trouble:
        yield f"nothing will be known: {check.trouble}"
        return
    for name, meaning in UNKNOWN_WITHOUT.items():
        if name not in OPTIONAL and check.may[name] == NO:
            yield f"not known: {meaning} (may not list {name}{_elsewhere(name)})"
        elif name not in OPTIONAL and check.may[name] != YES:
            yield f"perhaps not known: {meaning} (the zone does not say whether we may list {name}: {check.why})"


def _elsewhere(kind: str) -> str:
    """Return what is still read of a kind that may not be listed: the namespaces that the account sees."""
    if kind == "namespaces":
        return ": only those that this account sees are read"
    return " in all namespaces: only in those that this account sees" if KINDS[kind].namespaced else ""


def _record(check: SelfCheck) -> dict[str, object]:
    return {
        "zone": check.zone.id,
        "name": check.zone.name,
        "api": check.api,
        "registry": _registry(check),
        "about": list(check.zone.about),
        "user": check.user,
        "groups": list(check.groups),
        "may": {name: ANSWERS[answer] for name, answer in check.may.items()},
        "not_known": [*_unknown(check)],
        "trouble": check.trouble,
    }


def _state(checks: Sequence[SelfCheck]) -> str:
    if all(check.trouble for check in checks):
        return "failed"
    complete = all(check.zone.dump or all(check.may[name] == YES for name in NEEDED) for check in checks)
    return "complete" if complete else "partial"
