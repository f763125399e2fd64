"""Questions about access, one at a time or many from a file: `can`, `who` and `explain`."""

import csv
import sys
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import closing
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NamedTuple

from audit import console
from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.access.sentences import Explanation, verdict
from audit.access.sentences import explain as explanation_of
from audit.errors import DONE, PARTIAL, UsageError
from audit.rbac.roles import HOW
from audit.rbac.rules import ACTIONS
from audit.rbac.subjects import ACCOUNT, GROUP, USER, Identity, user
from audit.snapshot.model import Snapshot
from audit.tables.model import ANSWERS, UNKNOWN

COLUMNS: Final = ("zone", "subject_kind", "subject", "action", "namespace", "repository")
_KINDS: Final = (USER, GROUP, ACCOUNT)
_PREFIXES: Final = {"user": USER, "group": GROUP, "serviceaccount": ACCOUNT, "sa": ACCOUNT}
_MOST_MISTAKES: Final = 20
_NEAR: Final = 100  # names before and after one that was mistyped, among which the one that was meant is looked for


class Place(NamedTuple):
    """A namespace and a repository in it; an empty repository is any that no rule singles out."""

    namespace: str
    repository: str


def subject_of(text: str) -> Identity:
    """Return who `text` means: `user/NAME` (or just NAME), `group/NAME`, `sa/NAMESPACE:NAME`. Raises UsageError."""
    prefix, slash, name = text.partition("/")
    kind = _PREFIXES.get(prefix.lower()) if slash else None
    found = _identity(kind or USER, name if kind else text)
    if found is None:
        raise UsageError("this names no subject", where=text, fix="write user/NAME, group/NAME or sa/NAMESPACE:NAME")
    return found


def _identity(kind: str, name: str) -> Identity | None:
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
        raise UsageError("this names no namespace", where=text, fix="write NAMESPACE or NAMESPACE/REPOSITORY")
    return Place(namespace, "" if repository == "*" else repository)


def action_of(text: str) -> str:
    """Return the action that was typed. Raises UsageError for what is none."""
    if text not in ACTIONS:
        raise UsageError("no such action", where=text, fix=f"choose one of {', '.join(ACTIONS)}")
    return text


def can(snapshot: Snapshot, subject: str, action: str, place: str, *, as_json: bool) -> int:
    """Print whether a subject may do something, and why; return the exit code."""
    who, where = subject_of(subject), place_of(place)
    authorizer = Authorizer(bound_subjects(snapshot, [where.namespace]))
    answer, why = verdict(authorizer, who, action_of(action), *where)
    if as_json:
        asked = dict(zip(COLUMNS, (snapshot.origin.zone, *who, action, *where), strict=True))
        console.result_json({**asked, "answer": ANSWERS[answer], "why": list(why)})
    else:
        console.lines([ANSWERS[answer], *(f"  {reason}" for reason in why)])
    _hint(snapshot, subject, who)
    _unlisted(snapshot, where.namespace)
    return PARTIAL if answer == UNKNOWN else DONE


def _hint(snapshot: Snapshot, typed: str, who: Identity) -> None:
    """Say when a name without its kind is a group's name in this zone, and not a user's."""
    if who.kind != USER or typed.lower().startswith("user/"):
        return
    code = snapshot.code(who.name)
    subjects, members = snapshot.tables["subjects"], snapshot.tables["members"]
    named = subjects["name"] == code
    as_user = (named & (subjects["kind"] == snapshot.code(USER))).any() or (members["user"] == code).any()
    as_group = (named & (subjects["kind"] == snapshot.code(GROUP))).any()
    if code > 0 and as_group and not as_user:
        console.note(f"note: {who.name} was taken for a user; there is a group of this name: group/{who.name}")


def _unlisted(snapshot: Snapshot, namespace: str) -> None:
    """Say when the zone's list has no such namespace, and what was meant: a slip must not look like no access."""
    table, text = snapshot.tables["namespaces"], snapshot.strings
    names = [text[code] for code in table["name"].tolist()]
    if namespace not in names:
        near = get_close_matches(namespace, _neighbours(namespace, names), n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        console.note(f"note: the list of zone {snapshot.origin.zone} has no namespace {namespace}{meant}")


def _neighbours(name: str, names: Sequence[str]) -> list[str]:
    """Return those of `names`, which are sorted, that begin or end much as `name` does: ten thousand are too many."""
    backwards = sorted(one[::-1] for one in names)
    found = {*_around(name, names), *(one[::-1] for one in _around(name[::-1], backwards))}
    return sorted(found)


def _around(name: str, ordered: Sequence[str]) -> Sequence[str]:
    at = bisect_left(ordered, name)
    return ordered[max(at - _NEAR, 0) : at + _NEAR]


def explain(snapshots: Sequence[Snapshot], subject: str, namespace: str | None, *, as_json: bool) -> int:
    """Print each way in of a subject; return the exit code, which is PARTIAL when there may be others."""
    who = subject_of(subject)
    if namespace is not None:
        namespace = place_of(namespace).namespace
    found: dict[str, Explanation] = {}
    for snapshot in snapshots:
        authorizer = Authorizer(bound_subjects(snapshot, None if namespace is None else [namespace]))
        found[snapshot.origin.zone] = explanation_of(authorizer, who, namespace)
        _hint(snapshot, subject, who)
        if namespace is not None:
            _unlisted(snapshot, namespace)
    if as_json:
        ways = [line for zone, explanation in found.items() for line in _ways(zone, explanation)]
        unseen = {zone: list(explanation.obstacles) for zone, explanation in found.items() if explanation.obstacles}
        console.result_json({"subject_kind": who.kind, "subject": who.name, "ways": ways, "not_seen": unseen})
    for zone, explanation in found.items() if not as_json else ():
        nothing = f"no binding that was seen gives {who.kind} {who.name} anything"
        told = [text for _, text in explanation.grants] or [nothing]
        console.lines(f"{zone}: {text}" for text in (*told, *explanation.obstacles))
    return DONE if all(explanation.whole for explanation in found.values()) else PARTIAL


def _ways(zone: str, explanation: Explanation) -> Iterator[dict[str, str]]:
    for grant, text in explanation.grants:
        place = {"namespace": grant.namespace or "*", "repository": grant.repository or "*"}
        yield {"zone": zone, **place, "group": grant.group, "how": HOW[grant.how], "why": text}


def questions(path: Path, snapshots: Sequence[Snapshot]) -> int:
    """Print the questions of a CSV file with a column `answer`; return the exit code (PARTIAL: some are unknown).

    All mistakes of the file are told at once, before anything is printed.
    """
    header, rows = _read(path)
    zones = {snapshot.origin.zone: snapshot for snapshot in snapshots}
    asked = [_asked(dict(zip(header, row, strict=True)), zones) for row in rows]
    wrong = [f"line {line}: {question}" for line, question in enumerate(asked, 2) if isinstance(question, str)]
    if wrong:
        more = [f"and {len(wrong) - _MOST_MISTAKES} more"] if len(wrong) > _MOST_MISTAKES else []
        raise UsageError(
            "\n  ".join(["not all of these can be asked", *wrong[:_MOST_MISTAKES], *more]), where=str(path)
        )
    good = [question for question in asked if not isinstance(question, str)]
    answers = _answers(good, zones)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*header, "answer"])
    writer.writerows([*row, ANSWERS[answer]] for row, answer in zip(rows, answers, strict=True))
    return PARTIAL if UNKNOWN in answers else DONE


class _Question(NamedTuple):
    zone: str
    who: Identity
    action: str
    place: Place


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    fix = f"the columns are {','.join(COLUMNS)}"
    try:
        with closing(path.open(encoding="utf-8-sig", newline="")) as file:
            rows = [row for row in csv.reader(file, strict=True) if row]
    except OSError as error:
        raise UsageError(f"cannot read this file: {error.strerror}", where=str(path)) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"this is not CSV in UTF-8: {error}", where=str(path), fix=fix) from error
    header = rows[0] if rows else []
    missing = [name for name in COLUMNS if name not in header]
    if missing or len(set(header)) < len(header):
        what = f"columns missing: {', '.join(missing)}" if missing else "a column stands there twice"
        raise UsageError(what, where=str(path), fix=fix)
    odd = [str(line) for line, row in enumerate(rows, 1) if len(row) != len(header)]
    if odd:
        raise UsageError(f"row {odd[0]} has another number of cells than the header", where=str(path), fix=fix)
    return header, rows[1:]


def _asked(cells: dict[str, str], zones: dict[str, Snapshot]) -> _Question | str:
    """Return the question of one row, or what is wrong with it."""
    zone = cells["zone"] or (next(iter(zones)) if len(zones) == 1 else "")
    kind, subject, action, namespace = (cells[name] for name in COLUMNS[1:5])
    who = _identity(kind, subject) if kind in _KINDS else None
    if zone not in zones:
        return f"no zone {zone!r} here: one of {', '.join(zones)}" if zone else "several zones: name one"
    if kind not in _KINDS:
        return f"no such kind {kind!r}: one of {', '.join(_KINDS)}"
    if who is None:
        return f"no {kind} is called {subject!r}" + ("; write namespace:name" if kind == ACCOUNT else "")
    if action not in ACTIONS:
        return f"no such action {action!r}: one of {', '.join(ACTIONS)}"
    if not namespace or namespace == "*":
        return "name one namespace"
    return _Question(zone, who, action, Place(namespace, "" if cells["repository"] == "*" else cells["repository"]))


def _answers(asked: Sequence[_Question], zones: dict[str, Snapshot]) -> list[int]:
    places: dict[str, set[str]] = {}
    for question in asked:
        places.setdefault(question.zone, set()).add(question.place.namespace)
    authorizers = {zone: Authorizer(bound_subjects(zones[zone], names)) for zone, names in places.items()}
    return [authorizers[q.zone].answer(q.who, q.action, *q.place) for q in asked]


def who(snapshots: Sequence[Snapshot], action: str, place: str, *, as_json: bool) -> int:
    """Print everybody who may do something in a place; return the exit code (PARTIAL: there may be others)."""
    where, action = place_of(place), action_of(action)
    for snapshot in snapshots:
        _unlisted(snapshot, where.namespace)
    lines = [line for snapshot in snapshots for line in _holders(snapshot, action, where)]
    if as_json:
        console.result_json(lines)
    elif lines:
        console.table(list(lines[0]), [list(line.values()) for line in lines])
    else:
        console.note(f"nobody can {action} in {place}")
    return PARTIAL if any(line["access"] == ANSWERS[UNKNOWN] for line in lines) else DONE


def _holders(snapshot: Snapshot, action: str, where: Place) -> Iterator[dict[str, str]]:
    """Yield a line for each subject with access: the row of the narrowest place that says so."""
    from audit.access.tables import tables_of

    access = tables_of(snapshot, [where.namespace])["access"]
    best: dict[tuple[str, ...], dict[str, str]] = {}
    for row in access.take(access.numbers(action) > 0).records():
        cells = {name: str(value) for name, value in row.items()}
        if where.repository and cells["repository"] not in {"*", where.repository}:
            continue
        key = cells["subject_kind"], cells["subject"], "" if where.repository else cells["repository"]
        before = best.get(key)
        # Rows come with `*` first; a narrower one replaces it unless it knows less.
        if before is None or before[action] != "yes" or cells[action] == "yes":
            best[key] = cells
    for _, cells in sorted(best.items()):
        shown = ("subject_kind", "subject", "namespace", "repository", "how", "group", "binding", "role")
        yield {"zone": cells["zone"], "access": cells[action], **{name: cells[name] for name in shown}}
