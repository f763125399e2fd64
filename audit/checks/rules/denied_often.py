"""Somebody is refused again and again."""

from collections.abc import Iterator

from audit.checks.bindings import SPELLED, listed
from audit.checks.check import Check, Finding, Threshold
from audit.checks.context import CheckContext

_DECIDE = "# Grant what is missing if it is needed, or stop what tries."


def _find(context: CheckContext) -> Iterator[Finding]:
    limit, times = context.days_ago(context.threshold(CHECK, "days")), context.threshold(CHECK, "times")
    table = context.tables["usage"]
    tried: dict[tuple[str, str, str], list[dict[str, str | int]]] = {}
    for row in table.take(table.where("outcome", {"denied"}) & ~table.where("namespace", {"*"})).records():
        if str(row["last"]) >= limit:
            key = str(row["namespace"]), str(row["subject_kind"]), str(row["subject"])
            tried.setdefault(key, []).append(row)
    for (namespace, kind, subject), rows in sorted(tried.items()):
        count = sum(int(row["count"]) for row in rows)
        if count >= times:
            what = listed(sorted({f"{row['action']} {row['repository']}" for row in rows}))
            yield Finding(
                zone=context.zone,
                namespace=namespace,
                subject_kind=kind,
                subject=subject,
                detail=f"{SPELLED[kind]} {subject} was refused {count:,} times in {namespace}: {what}",
                evidence_in="usage",
                rows=len(rows),
                remedy=(_DECIDE,),
            )


CHECK = Check(
    id="denied-often",
    title="Refused repeatedly",
    severity="low",
    confidence="medium",
    why=(
        "Somebody lacks a right that is needed, something is configured wrongly, or somebody tries to use what they "
        "have no right to."
    ),
    remedy=(_DECIDE,),
    needs=(),
    find=_find,
    fixed_by="subject",
    thresholds={
        "times": Threshold(20, "refusals in one namespace"),
        "days": Threshold(30, "days since the last one, at most"),
    },
)
