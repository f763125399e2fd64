"""What a shell offers while a command is typed: zones, namespaces and subjects of the last snapshot, and fixed words.

A shell shows nothing but the offers: whatever cannot be read offers nothing. Heavy libraries are loaded when a word is
completed, not when the program starts.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from audit.snapshot.model import Snapshot

Offers = Callable[[Any, str], list[str]]
_PLACES: Final = ("registry-audit", "reports", "demo-report")  # where runs usually are, if no --snapshot is typed
_MOST: Final = 200  # offers


def _offering(names: Callable[[Any, str], Iterable[str]]) -> Offers:
    """Return a completion that offers those of the names that begin with what is typed."""

    def offers(ctx: Any, incomplete: str) -> list[str]:
        try:
            found = sorted({name for name in names(ctx, incomplete) if name.startswith(incomplete)})
        except Exception:  # noqa: BLE001  an error message would be completed into the line
            return []
        return [name for name in found if name.isprintable()][:_MOST]

    return offers


def _snapshots(ctx: Any) -> "list[Snapshot]":
    """Return the snapshots that the line names, or else those of the last run in a usual folder."""
    from audit.command_line.sources import saved

    typed = [ctx.params.get("snapshot"), ctx.params.get("runs")]
    given = [place for value in typed if value for place in ([value] if isinstance(value, str) else value)]
    places = given or [place for place in _PLACES if Path(place).is_dir()][:1]
    # Standard input is the shell's own.
    return saved(places, ctx.params.get("zone") or ()) if places and "-" not in places else []


@_offering
def zones(ctx: Any, _: str) -> Iterable[str]:
    """Yield the zones of the snapshots."""
    ctx.params.pop("zone", None)
    return (snapshot.origin.zone for snapshot in _snapshots(ctx))


@_offering
def namespaces(ctx: Any, _: str) -> Iterable[str]:
    """Yield the namespaces of the snapshots."""
    for snapshot in _snapshots(ctx):
        yield from (snapshot.strings[code] for code in snapshot.tables["namespaces"]["name"].tolist())


@_offering
def subjects(ctx: Any, incomplete: str) -> Iterable[str]:
    """Yield the subjects of the snapshots: users as they are, or all with their prefix."""
    from audit.command_line.typed import subject_names
    from audit.rbac.subjects import ACCOUNT, GROUP, USER

    for snapshot in _snapshots(ctx):
        for prefix, kind in (("user/", USER), ("group/", GROUP), ("sa/", ACCOUNT)):
            names = subject_names(snapshot, kind)
            yield from (prefix + name for name in names)
            if kind == USER and "/" not in incomplete:
                yield from names


def _words(load: Callable[[], Iterable[str]]) -> Offers:
    """Return a completion that offers fixed words."""
    return _offering(lambda *_: load())


def _actions() -> Iterable[str]:
    from audit.command_line.typed import ACTION_WORDS

    return ACTION_WORDS


def _formats() -> Iterable[str]:
    from audit.config.model import FORMATS

    return FORMATS


def _scopes() -> Iterable[str]:
    from audit.command_line.overlay import SCOPES

    return SCOPES


def _severities() -> Iterable[str]:
    from audit.tables.schemas import SEVERITIES

    return SEVERITIES


actions, formats, scopes, severities = map(_words, (_actions, _formats, _scopes, _severities))
