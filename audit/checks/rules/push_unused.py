"""Somebody may push and, as the logs say, does not."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import USER


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    unused = rows.where("push_used", "not used".__eq__) & rows.can("push")
    # Who pulls needs something of it: pull-only.
    pulling = rows.of(USER) & rows.where("used", "used".__eq__)
    # Every namespace has an account for builds, whether or not it builds.
    builders = rows.where("binding", "system:image-builders".__eq__)
    rows_of_others = unused & ~pulling & ~builders & context.outsiders & rows.local
    return context.findings(rows_of_others, "does not use the right to push")


CHECK = Check(
    id="push-unused",
    title="A right to push that nobody uses",
    severity="low",
    confidence="medium",
    why=(
        "Nobody misses it, and whoever gets hold of the account can replace images. The logs of the registry cover the "
        "whole threshold (usage.threshold_days), and nobody pushed with it."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
