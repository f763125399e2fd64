"""Changes as a summary in Markdown for a ticket or a chat: short, and names cannot act as markup or mentions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from audit.errors import printable
from audit.findings.model import FindingRecord
from audit.tables.model import Table

CHANGES: Final = "changes.md"
_LINES: Final = 50  # of one section; all are in changes.csv
_PLACES: Final = 3  # namespaces that one line names
_SECTIONS: Final = {
    "gained": "Gained access",
    "widened": "Can do more",
    "changed": "Changed",
    "narrowed": "Can do less",
    "lost": "Lost access",
    "appeared": "Appeared",
    "gone": "Gone",
    "unseen": "Not compared, because data is missing",
    "no-effect": "Changes without effect on access",
}
_KINDS: Final = {"User": "user", "Group": "group", "ServiceAccount": "service account"}
# Mentions, references to issues or merge requests, and links.
_REFERENCE: Final = re.compile(r"@|[#!%&~$](?=\w)|:(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
# Texts are always inside a line: characters that only matter at its start need no escape.
_ACTIVE: Final = re.compile(r"([\\`*_\[\]|~$])")
_ENTITIES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_NO_WIDTH: Final = "\u200b"
Row = Mapping[str, str]


class _Folded(NamedTuple):
    """Changes that are one line: the first of them, how many members its group has, and the namespaces of all."""

    row: Row
    people: int
    namespaces: Sequence[str]


def markdown(text: str) -> str:
    """Return `text` as Markdown that only shows it: no markup, link, mention, table cell or HTML."""
    text = printable(text)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    # Renderers look for mentions and links after they remove escapes: only a character in between prevents them.
    text = _REFERENCE.sub(lambda match: match.group() + _NO_WIDTH, text)
    return _ACTIVE.sub(r"\\\1", text).translate(_ENTITIES)


def changes_summary(changes: Table, since: str) -> str:
    """Return a summary of the table `changes`; `since` names the earlier run."""
    rows = [{name: str(value) for name, value in row.items()} for row in changes.records()]
    lines = [f"# Registry access: changes since {markdown(since)}", "", _counts(rows), ""]
    shown: dict[str, list[_Folded]] = {}
    for folded in _folded(rows):
        shown.setdefault(folded.row["change"], []).append(folded)
    for change, title in _SECTIONS.items():
        if mine := shown.get(change):
            lines += [
                f"## {title}",
                "",
                "| subject or object | where | before | after | cause |",
                "|---|---|---|---|---|",
            ]
            lines += map(_line, mine[:_LINES])
            more = len(mine) - _LINES
            lines += ["", *([f"and {more} more: changes.csv has all", ""] if more > 0 else [])]
    return "\n".join(lines).rstrip() + "\n"


def effect_summary(
    zone: str,
    changes: Table,
    new: Sequence[FindingRecord],
    gone: Sequence[FindingRecord],
    roles: Sequence[tuple[str, str]],
    routes: Mapping[str, Sequence[str]],
) -> str:
    """Return a summary of what would change in a zone: access, findings that come and go, and what roles give.

    `routes` are sentences by title.
    """
    lines = [f"# Registry access: what would change in {markdown(zone)}", ""]
    if roles:
        lines += ["## Roles", "", "| role | grants in the registry |", "|---|---|"]
        lines += [f"| {markdown(name)} | {markdown(words)} |" for name, words in roles]
        lines.append("")
    for title, findings in (("New findings", new), ("Resolved findings", gone)):
        if findings:
            lines += [f"## {title}", "", "| severity | check | where | finding |", "|---|---|---|---|"]
            for finding in findings[:_LINES]:
                cells = (finding.severity, finding.check, finding.namespace, finding.detail)
                lines.append(f"| {' | '.join(map(markdown, cells))} |")
            more = len(findings) - _LINES
            lines += ["", *([f"and {more} more", ""] if more > 0 else [])]
    for title, sentences in routes.items():
        if sentences:
            rest = [f"- and {len(sentences) - _LINES} more"] if len(sentences) > _LINES else []
            lines += [f"## {title}", "", *(f"- {markdown(sentence)}" for sentence in sentences[:_LINES]), *rest, ""]
    # The title of the summary of changes names an earlier run, and there is none.
    lines += changes_summary(changes, "").split("\n")[2:]
    return "\n".join(lines).rstrip() + "\n"


def _counts(rows: Sequence[Row]) -> str:
    counts = {change: sum(row["change"] == change for row in rows) for change in _SECTIONS}
    counted = [f"{title.lower()}: {counts[change]}" for change, title in _SECTIONS.items() if counts[change]]
    return f"{'; '.join(counted)}." if counted else "No changes."


def _folded(rows: Sequence[Row]) -> Iterator[_Folded]:
    """Yield what is one line: a change, a group with its members, or a subject in many namespaces."""
    groups = {_fold(row, row["subject"]) for row in rows if row["subject_kind"] == "Group"}
    people: dict[tuple[str, ...], int] = {}
    kept: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row["group"] and _fold(row, row["group"]) in groups:
            at = _fold(row, row["group"])
            people[at] = people.get(at, 0) + 1
            continue
        same = ("zone", "change", "object", "subject_kind", "subject", "repository", "before", "after", "cause")
        kept.setdefault(tuple(row[name] for name in same), []).append(row)
    for many in kept.values():
        first = many[0]
        count = people.get(_fold(first, first["subject"]), 0) if first["subject_kind"] == "Group" else 0
        yield _Folded(first, count, [row["namespace"] for row in many])


def _fold(row: Row, group: str) -> tuple[str, ...]:
    return (*(row[name] for name in ("zone", "namespace", "repository", "change", "cause")), group)


def _line(folded: _Folded) -> str:
    row, people, namespaces = folded
    cells = [_who(row, people), _where(row, namespaces), row["before"], row["after"], row["cause"]]
    return f"| {' | '.join(markdown(cell) for cell in cells)} |"


def _who(row: Row, people: int) -> str:
    if row["object"] not in {"access", "group"}:
        return row["object"]
    who = f"{_KINDS.get(row['subject_kind'], row['subject_kind'])} {row['subject']}"
    if people:
        return f"{who} ({people} {'member' if people == 1 else 'members'})"
    return f"{who}, through group {row['group']}" if row["group"] else who


def _where(row: Row, namespaces: Sequence[str]) -> str:
    """Return zone, namespaces and repository in words, without what stands for all of them."""
    named = [name for name in dict.fromkeys(namespaces) if name != "*"]
    if not named:
        return f"{row['zone']}: all namespaces" if row["object"] == "access" else row["zone"]
    more = len(named) - _PLACES
    places = f"{', '.join(named[:_PLACES])}{f' and {more} more namespaces' if more > 0 else ''}"
    return f"{row['zone']}: {places}{'' if row['repository'] in {'', '*'} else ', repository ' + row['repository']}"
