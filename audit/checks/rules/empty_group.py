"""A group without members."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.neighbours import any_right
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import GROUP
from audit.tables.arrays import distinct


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    access, rows = context.tables["access"], context.bindings
    subject = access.text("subject")
    empty = subject.codes[access.where("account", {"present"}) & (access.numbers("members") == 0)]
    names = {subject.values[code] for code in distinct(empty, len(subject.values))}
    return context.findings(rows.of(GROUP, names.__contains__) & any_right(context), "has no members and has access")


CHECK = Check(
    id="empty-group",
    title="A group without members",
    severity="low",
    confidence="high",
    why="Nobody has this access today. Whoever is added to the group, for whatever reason, has it at once.",
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "groups"),
    find=_find,
    fixed_by="subject",
)
