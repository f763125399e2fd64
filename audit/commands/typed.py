"""What people type: subjects, places and actions; and hints where a name was probably mistyped."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

from audit.errors import UsageError
from audit.rbac.rules import ACTIONS
from audit.rbac.subjects import ACCOUNT, GROUP, USER, Identity, user
from audit.snapshot.model import Snapshot

_PREFIXES: Final = {"user": USER, "group": GROUP, "serviceaccount": ACCOUNT, "sa": ACCOUNT}
_NEAR: Final = 100  # names before and after a mistyped one, among which the right one is looked for


class Place(NamedTuple):
    """A namespace and a repository in it; an empty repository is any that no rule names."""

    namespace: str
    repository: str


def subject_of(text: str) -> Identity:
    """Return the subject that `text` means: `user/NAME` (or just NAME), `group/NAME`, `sa/NAMESPACE:NAME`.

    Raises UsageError.
    """
    prefix, slash, name = text.partition("/")
    kind = _PREFIXES.get(prefix.lower()) if slash else None
    subject = identity(kind or USER, name if kind else text)
    if subject is None:
        raise UsageError("not a subject", where=text, fix="write user/NAME, group/NAME or sa/NAMESPACE:NAME")
    return subject


def identity(kind: str, name: str) -> Identity | None:
    """Return the subject of a kind and name; None if there can be none of that name."""
    if kind == ACCOUNT:
        namespace, _, account = name.partition(":")
        return Identity(ACCOUNT, name) if namespace and account and ":" not in account else None
    if not name:
        return None
    return user(name) if kind == USER else Identity(kind, name)


def place_of(text: str) -> Place:
    """Return the place that `NAMESPACE` or `NAMESPACE/REPOSITORY` means. Raises UsageError."""
    namespace, _, repository = text.partition("/")
    if not namespace or namespace == "*":
        raise UsageError("not a namespace", where=text, fix="write NAMESPACE or NAMESPACE/REPOSITORY")
    return Place(namespace, "" if repository == "*" else repository)


def action_of(text: str) -> str:
    """Return the action that was typed. Raises UsageError if there is no such action."""
    if text not in ACTIONS:
        raise UsageError("no such action", where=text, fix=f"choose one of {', '.join(ACTIONS)}")
    return text


def subject_hints(snapshot: Snapshot, typed: str, subject: Identity) -> Iterator[str]:
    """Yield a note if a name without its kind is the name of a group in this zone, and of no user."""
    if subject.kind != USER or typed.lower().startswith("user/"):
        return
    code = snapshot.code(subject.name)
    subjects, members = snapshot.tables["subjects"], snapshot.tables["members"]
    named = subjects["name"] == code
    as_user = (named & (subjects["kind"] == snapshot.code(USER))).any() or (members["user"] == code).any()
    as_group = (named & (subjects["kind"] == snapshot.code(GROUP))).any()
    if code > 0 and as_group and not as_user:
        yield f"note: {subject.name} was read as a user; there is a group of this name: group/{subject.name}"


def namespace_hints(snapshot: Snapshot, namespace: str) -> Iterator[str]:
    """Yield a note if the zone lists no such namespace: a typing error must not look like no access."""
    table, text = snapshot.tables["namespaces"], snapshot.strings
    names = [text[code] for code in table["name"].tolist()]
    if namespace not in names:
        near = get_close_matches(namespace, neighbours(namespace, names), n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        yield f"note: zone {snapshot.origin.zone} lists no namespace {namespace}{meant}"


def neighbours(name: str, names: Sequence[str]) -> list[str]:
    """Return those of the sorted `names` that begin or end like `name`: comparing with ten thousand is too slow."""
    backwards = sorted(other[::-1] for other in names)
    near = {*_around(name, names), *(other[::-1] for other in _around(name[::-1], backwards))}
    return sorted(near)


def _around(name: str, ordered: Sequence[str]) -> Sequence[str]:
    at = bisect_left(ordered, name)
    return ordered[max(at - _NEAR, 0) : at + _NEAR]
