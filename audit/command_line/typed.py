"""What people type: subjects, places and actions; and hints where a name was probably mistyped."""

import re
import shlex
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

from audit.access.images import ImageName
from audit.errors import UsageError
from audit.rbac.misspelt import meant_by
from audit.rbac.rules import CLUSTER_ONLY, NEEDS, RIGHTS
from audit.rbac.subjects import ACCOUNT, GROUP, USER, Identity, user
from audit.snapshot.model import Snapshot

_PREFIXES: Final = {"user": USER, "group": GROUP, "serviceaccount": ACCOUNT, "sa": ACCOUNT}
_INTERNAL: Final = "image-registry.openshift-image-registry.svc:5000"  # of every zone
# What people call an action -> the right. Pruning images is deleting them.
ACTION_WORDS: Final = {**{name: name for name in NEEDS}, "prune": "delete"}
_PARTS: Final = 2  # of a name in the registry: namespace and image stream
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_NEAR: Final = 100  # names before and after a mistyped one, among which the right one is looked for


class Place(NamedTuple):
    """A namespace and a repository in it; an empty repository is any that no rule names."""

    namespace: str
    repository: str


EVERYWHERE: Final = Place("*", "")


def subject_of(text: str) -> Identity:
    """Return the subject that `text` means: `user/NAME` (or just NAME), `group/NAME`, `sa/NAMESPACE:NAME`.

    Raises UsageError.
    """
    prefix, slash, name = text.partition("/")
    kind = _PREFIXES.get(prefix.lower()) if slash else None
    subject = identity(kind or USER, name if kind else text)
    if subject is None:
        raise UsageError(
            "not a subject", where=text or "SUBJECT", fix="write user/NAME, group/NAME or sa/NAMESPACE:NAME"
        )
    return subject


def identity(kind: str, name: str) -> Identity | None:
    """Return the subject of a kind and name; None if there can be none of that name."""
    if kind == ACCOUNT:
        namespace, _, account = name.partition(":")
        return Identity(ACCOUNT, name) if namespace and account and ":" not in account else None
    if not name:
        return None
    return user(name) if kind == USER else Identity(kind, name)


def subject_in(snapshot: Snapshot, text: str) -> tuple[Identity, list[str]]:
    """Return the subject that `text` means in this zone, and notes about how it was read. Raises UsageError.

    `NAMESPACE:NAME`, as tables print a service account, is one if the zone has it and no such user.
    """
    subject = subject_of(text)
    if text.lower().startswith("user/"):
        return subject, []
    if subject.kind != USER:
        return subject, [*subject_hints(snapshot, subject)]
    account = identity(ACCOUNT, subject.name)
    if account and not _is_user(snapshot, subject.name) and _is_account(snapshot, account.name):
        return account, [f"note: {text} was read as the service account sa/{text}"]
    return subject, [*subject_hints(snapshot, subject)]


def place_of(text: str) -> Place:
    """Return the place that `NAMESPACE`, `NAMESPACE/REPOSITORY` or an image reference means. Raises UsageError.

    Of an image reference, the host of the registry, the tag and the digest name no place: they are left out.
    """
    parts = text.partition("://")[2].split("/") if "://" in text else text.split("/")
    if len(parts) > 1 and _is_host(parts[0]):
        parts = parts[1:]
    namespace, repository = parts[0], _without_tag("/".join(parts[1:]))
    # The integrated registry has names of two parts only.
    if not namespace or namespace == "*" or _is_host(namespace) or "@" in namespace or len(parts) > _PARTS:
        raise UsageError(
            "not a namespace",
            where=text or "NAMESPACE",
            fix="write NAMESPACE, NAMESPACE/REPOSITORY or HOST/NAMESPACE/REPOSITORY:TAG",
        )
    return Place(namespace, "" if repository == "*" else repository)


def image_of(text: str) -> ImageName:
    """Return the images that a digest, `NAMESPACE/STREAM:TAG`, `…@DIGEST`, or a place means. Raises UsageError."""
    name, _, digest = text.rpartition("@") if "@" in text else ("", "", text if _DIGEST.fullmatch(text) else "")
    if digest and not _DIGEST.fullmatch(digest):
        raise UsageError("not a digest", where=text, fix="sha256: and 64 hexadecimal digits")
    if digest and not name:
        return ImageName(digest=digest)
    where = place_of(name or text)
    last = (name or text).rpartition("/")[2]
    return ImageName(where.namespace, where.repository, last.partition(":")[2] if where.repository else "", digest)


def where_of(action: str, text: str | None, example: str) -> Place:
    """Return the place that `text` means for an action; without one, the whole zone, if the action is about that.

    Raises UsageError with `example`, a right line.
    """
    if text is not None:
        return place_of(text)
    if RIGHTS[action] & CLUSTER_ONLY:
        return EVERYWHERE
    raise UsageError(f"{action} is about a namespace", fix=f"for example: registry-audit {example}")


def _is_host(part: str) -> bool:
    """Return whether part of an image reference is a registry's host: a namespace has neither dots nor a port."""
    return part == "localhost" or "." in part or ":" in part


def _without_tag(repository: str) -> str:
    """Return the name of an image stream: `name` of `name:tag` and `name@sha256:…`."""
    return repository.partition("@")[0].partition(":")[0]


def action_of(text: str) -> str:
    """Return the right that the word for an action means. Raises UsageError if there is no such action."""
    if text not in ACTION_WORDS:
        near = get_close_matches(text.lower(), ACTION_WORDS, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UsageError("no such action", where=text, fix=f"{meant}choose one of {', '.join(ACTION_WORDS)}")
    return ACTION_WORDS[text]


def check_order(command: str, words: Sequence[str], at: int) -> None:
    """Raise UsageError with the right line if the action is not the word `at`, and another word is one."""
    found = next((other for other, word in enumerate(words) if word in ACTION_WORDS), at)
    if words[at] in ACTION_WORDS or found == at:
        return
    ordered = [*words]
    ordered.insert(at, ordered.pop(found))
    raise UsageError(
        f"the action {words[found]} is in the wrong place", fix=shlex.join(["registry-audit", command, *ordered])
    )


def check_subject_first(snapshots: Sequence[Snapshot], subject: str, namespace: str) -> None:
    """Raise UsageError with the right line of `explain` if its arguments were exchanged."""
    prefix, slash, _ = namespace.partition("/")
    if any(snapshot.lists(prefix) for snapshot in snapshots) or subject.partition("/")[0].lower() in _PREFIXES:
        return
    spelled = bool(slash) and prefix.lower() in _PREFIXES
    known = any(snapshot.lists(subject) and is_seen(snapshot, subject_of(namespace)) for snapshot in snapshots)
    if spelled or known:
        line = shlex.join(["registry-audit", "explain", namespace, subject])
        raise UsageError("the subject comes before the namespace", fix=line)


def is_seen(snapshot: Snapshot, subject: Identity) -> bool:
    """Return whether anything that was read of a zone names a subject; the cluster makes those of `system:` itself."""
    kind, name = subject
    if kind == ACCOUNT:
        return _is_account(snapshot, name)
    return name.startswith("system:") or (_is_user if kind == USER else _is_group)(snapshot, name)


def never_seen(snapshot: Snapshot, subject: Identity) -> list[str]:
    """Return a line if nothing that was read of a zone names a subject, with the name that was probably meant."""
    if is_seen(snapshot, subject):
        return []
    kind, name = subject
    words = {USER: "user", GROUP: "group", ACCOUNT: "service account"}[kind]
    near = _suggestion(name, subject_names(snapshot, kind))
    if not near and kind == USER and snapshot.lists(name):
        near = f"; it is a namespace: registry-audit who pull {shlex.quote(name)}"
    return [f"{words} {name} was never seen in zone {snapshot.origin.zone}: nothing that was read names it{near}"]


def subject_names(snapshot: Snapshot, kind: str) -> list[str]:
    """Return the sorted names of the subjects of a kind that are listed or bound."""
    tables, text = snapshot.tables, snapshot.strings
    bound = tables["subjects"]["name"][tables["subjects"]["kind"] == snapshot.code(kind)]
    if kind == ACCOUNT:
        accounts = tables["serviceaccounts"]
        pairs = zip(accounts["namespace"].tolist(), accounts["name"].tolist(), strict=True)
        return sorted({f"{text[namespace]}:{text[name]}" for namespace, name in pairs})
    listed = [tables["members"]["user"], tables["users"]["name"]] if kind == USER else [tables["groups"]["name"]]
    return sorted({text[code] for column in (bound, *listed) for code in column.tolist()})


def subject_hints(snapshot: Snapshot, subject: Identity) -> Iterator[str]:
    """Yield a note if this zone knows no such subject, and another one was probably meant."""
    kind, name = subject
    unknown = not _is_user(snapshot, name) if kind == USER else kind == GROUP and not _is_listed_group(snapshot, name)
    if not unknown:
        return
    if meant := meant_by(kind, name):
        yield f"note: {name} was read as a {kind.lower()}; did you mean {meant}?"
    elif kind == USER and _is_group(snapshot, name):
        yield f"note: {name} was read as a user; there is a group of this name: group/{name}"
    elif kind == USER and identity(ACCOUNT, name):
        yield f"note: {name} was read as a user; a service account is sa/{name}"


def _is_user(snapshot: Snapshot, name: str) -> bool:
    members, users, code = snapshot.tables["members"], snapshot.tables["users"], snapshot.code(name)
    return _is_bound(snapshot, USER, name) or bool((members["user"] == code).any() or (users["name"] == code).any())


def _is_group(snapshot: Snapshot, name: str) -> bool:
    return _is_bound(snapshot, GROUP, name) or _is_listed_group(snapshot, name)


def _is_listed_group(snapshot: Snapshot, name: str) -> bool:
    return bool((snapshot.tables["groups"]["name"] == snapshot.code(name)).any())


def _is_account(snapshot: Snapshot, name: str) -> bool:
    namespace, _, account = name.partition(":")
    at, code = snapshot.code(namespace), snapshot.code(account)
    listed = snapshot.tables["serviceaccounts"], snapshot.tables["subjects"]
    bound = listed[1]["kind"] == snapshot.code(ACCOUNT)
    return any(
        ((table["namespace"] == at) & (table["name"] == code) & rows).any() and code > 0
        for table, rows in zip(listed, (True, bound), strict=True)
    )


def _is_bound(snapshot: Snapshot, kind: str, name: str) -> bool:
    subjects, code = snapshot.tables["subjects"], snapshot.code(name)
    return code > 0 and bool(((subjects["name"] == code) & (subjects["kind"] == snapshot.code(kind))).any())


def place_hints(snapshots: Sequence[Snapshot], place: Place, typed: str = "") -> Iterator[str]:
    """Yield notes if no zone lists such a namespace, or image stream in it: a typing error must not look like no.

    Also if the host of an image reference is the registry of another zone.
    """
    if place == EVERYWHERE:
        return
    listing = [snapshot for snapshot in snapshots if snapshot.lists(place.namespace)]
    for snapshot in listing or snapshots:
        yield from _zone_hints(snapshot, place, typed)
    if listing or not snapshots:
        return
    if all(not len(snapshot.tables["namespaces"]["name"]) for snapshot in snapshots):
        yield f"note: no list of namespaces was read: whether there is a namespace {place.namespace} is not known"
        return
    zones: dict[str, list[str]] = {}  # by namespace: those that list it
    for snapshot in snapshots:
        for code in snapshot.tables["namespaces"]["name"].tolist():
            zones.setdefault(snapshot.strings[code], []).append(snapshot.origin.zone)
    near = get_close_matches(place.namespace, neighbours(place.namespace, sorted(zones)), n=1)
    several = len(snapshots) > 1
    where = "no zone lists" if several else f"zone {snapshots[0].origin.zone} lists no"
    meant = f"; did you mean {near[0]}{f' (zone {zones[near[0]][0]})' if several else ''}?" if near else ""
    yield f"note: {where} {'a namespace ' if several else 'namespace '}{place.namespace}{meant}"


def _zone_hints(snapshot: Snapshot, place: Place, typed: str) -> Iterator[str]:
    """Yield notes about the registry and the image stream that were typed."""
    text, zone = snapshot.strings, snapshot.origin.zone
    host = typed.rpartition("://")[2].partition("/")[0]
    registry = snapshot.origin.registry
    if registry and _is_host(host) and host not in {registry, _INTERNAL}:
        yield f"note: {host} is not the registry of zone {zone}, which is {registry}"
    streams = snapshot.tables["imagestreams"]
    here = streams["name"][streams["namespace"] == snapshot.code(place.namespace)]
    repositories = sorted(text[code] for code in here.tolist())
    if snapshot.lists(place.namespace) and place.repository and place.repository not in repositories:
        near = _suggestion(place.repository, repositories)
        if near:
            yield f"note: namespace {place.namespace} has no image stream {place.repository}{near}"


def _suggestion(name: str, names: Sequence[str]) -> str:
    close = neighbours(name, names)
    near = get_close_matches(name, close, n=1) or [other for other in close if len(name) > 1 and other.startswith(name)]
    return f"; did you mean {near[0]}?" if near else ""


def neighbours(name: str, names: Sequence[str]) -> list[str]:
    """Return those of the sorted `names` that begin or end like `name`: comparing with ten thousand is too slow."""
    backwards = sorted(other[::-1] for other in names)
    near = {*_around(name, names), *(other[::-1] for other in _around(name[::-1], backwards))}
    return sorted(near)


def _around(name: str, ordered: Sequence[str]) -> Sequence[str]:
    at = bisect_left(ordered, name)
    return ordered[max(at - _NEAR, 0) : at + _NEAR]
