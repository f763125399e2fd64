"""`can --questions`: many questions from a CSV file, answered in CSV."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.command_line.result import Result, Verbatim
from audit.command_line.typed import ACTION_WORDS, Place, identity, place_hints, place_of, subject_hints
from audit.errors import UsageError
from audit.exit_codes import of_answer
from audit.rbac.subjects import ACCOUNT, GROUP, USER, Identity
from audit.regular_files import read_regular
from audit.snapshot.model import Snapshot
from audit.tables.schemas import ANSWERS, UNKNOWN

COLUMNS: Final = ("zone", "subject_kind", "subject", "action", "namespace", "repository")
_KINDS: Final = (USER, GROUP, ACCOUNT)
_MAX_MISTAKES: Final = 20


class _Question(NamedTuple):
    zone: str
    subject: Identity
    action: str
    place: Place


def questions(path: Path, snapshots: Sequence[Snapshot]) -> Result:
    """Return the questions of a CSV file with a column `answer`. Raises UsageError with all mistakes of the file."""
    header, rows = _read(path)
    zones = {snapshot.origin.zone: snapshot for snapshot in snapshots}
    parsed = [_question(dict(zip(header, row, strict=True)), zones) for row in rows]
    mistakes = [f"line {line}: {question}" for line, question in enumerate(parsed, 2) if isinstance(question, str)]
    if mistakes:
        more = [f"and {len(mistakes) - _MAX_MISTAKES} more"] if len(mistakes) > _MAX_MISTAKES else []
        lines = ["some questions are invalid", *mistakes[:_MAX_MISTAKES], *more]
        raise UsageError("\n  ".join(lines), where=str(path))
    asked = [question for question in parsed if not isinstance(question, str)]
    answers = _answers(asked, zones)
    answered = [[*row, ANSWERS[answer]] for row, answer in zip(rows, answers, strict=True)]
    return Result(
        value=lambda: [dict(zip([*header, "answer"], row, strict=True)) for row in answered],
        text=[Verbatim(_csv([[*header, "answer"], *answered]))],
        notes=islice(_hints(asked, zones), _MAX_MISTAKES),
        exit_code=of_answer(complete=UNKNOWN not in answers),
    )


def _csv(rows: Sequence[Sequence[str]]) -> str:
    file = StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    fix = f"the columns are {','.join(COLUMNS)}"
    try:
        text = read_regular(path).decode("utf-8-sig")
        rows = [row for row in csv.reader(StringIO(text, newline=""), strict=True) if row]
    except OSError as error:
        raise UsageError(f"cannot read the file: {error.strerror}", where=str(path)) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"not CSV in UTF-8: {error}", where=str(path), fix=fix) from error
    header = rows[0] if rows else []
    missing = [name for name in COLUMNS if name not in header]
    if missing or len(set(header)) < len(header):
        what = f"missing columns: {', '.join(missing)}" if missing else "duplicate column"
        raise UsageError(what, where=str(path), fix=fix)
    odd = [str(line) for line, row in enumerate(rows, 1) if len(row) != len(header)]
    if odd:
        raise UsageError(f"row {odd[0]} does not have as many cells as the header", where=str(path), fix=fix)
    return header, rows[1:]


def _question(cells: Mapping[str, str], zones: Mapping[str, Snapshot]) -> _Question | str:
    """Return the question of one row, or what is wrong with it."""
    zone = cells["zone"] or (next(iter(zones)) if len(zones) == 1 else "")
    kind, name, action, namespace, repository = (cells[column] for column in COLUMNS[1:])
    subject = identity(kind, name) if kind in _KINDS else None
    if zone not in zones:
        return f"no such zone: {zone!r} (one of {', '.join(zones)})" if zone else "several zones: name one"
    if kind not in _KINDS:
        return f"no such kind: {kind!r} (one of {', '.join(_KINDS)})"
    if subject is None:
        return f"not the name of a {kind}: {name!r}" + ("; write namespace:name" if kind == ACCOUNT else "")
    if action not in ACTION_WORDS:
        return f"no such action: {action!r} (one of {', '.join(ACTION_WORDS)})"
    try:
        place = _place(namespace, repository)
    except UsageError as error:
        return f"{error.what}: {(error.where if namespace else namespace)!r}"
    return _Question(zone, subject, ACTION_WORDS[action], place)


def _place(namespace: str, repository: str) -> Place:
    """Return the place of two cells, either of which may be an image reference. Raises UsageError."""
    if not namespace:
        return place_of(repository)
    place = place_of(namespace)
    if not repository or repository == "*":
        return place
    within = place_of(f"{place.namespace}/{repository}") if "/" not in repository else place_of(repository)
    if within.namespace != place.namespace:
        raise UsageError(f"the repository is not in namespace {place.namespace}", where=repository)
    return within


def _hints(questions: Sequence[_Question], zones: Mapping[str, Snapshot]) -> Iterator[str]:
    """Yield each note about a name that was probably mistyped once."""
    for zone, subject in dict.fromkeys((question.zone, question.subject) for question in questions):
        yield from subject_hints(zones[zone], subject)
    for zone, place in dict.fromkeys((question.zone, question.place) for question in questions):
        yield from place_hints([zones[zone]], place)


def _answers(asked: Sequence[_Question], zones: Mapping[str, Snapshot]) -> list[int]:
    namespaces: dict[str, set[str]] = {}
    for question in asked:
        namespaces.setdefault(question.zone, set()).add(question.place.namespace)
    authorizers = {zone: Authorizer(bound_subjects(zones[zone], names)) for zone, names in namespaces.items()}
    return [authorizers[q.zone].answer(q.subject, q.action, *q.place) for q in asked]
