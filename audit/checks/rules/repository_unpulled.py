"""A repository that many may pull from, and nobody does."""

from collections import Counter
from collections.abc import Iterator

from audit.checks.bindings import EVERY, listed
from audit.checks.check import BINDINGS, Check, Finding, Threshold
from audit.checks.context import CheckContext
from audit.rbac.subjects import ACCOUNT, USER
from audit.tables.schemas import YES

_DECIDE = "# A node that has an image pulls it no more: delete only what no pod, CronJob or BuildConfig names."


def _find(context: CheckContext) -> Iterator[Finding]:
    days, many = context.use_days, context.threshold(CHECK, "subjects")
    limit, access, usage = context.days_ago(days), context.tables["access"], context.tables["usage"]
    if not days:
        return
    people = access.where("subject_kind", {USER, ACCOUNT}) & access.where("repository", {EVERY})
    able = Counter(access.take(people & (access.numbers("pull") == YES)).text("namespace").strings())
    done = usage.take(usage.where("outcome", {"done"}) & usage.where("action", {"pull", "read"}))
    columns = (done.text(name).strings() for name in ("namespace", "repository", "last"))
    pulled = {(namespace, name) for namespace, name, last in zip(*columns, strict=True) if last >= limit}
    table = context.tables["repositories"]
    columns = (table.text(name).strings() for name in ("namespace", "repository", "created"))
    idle: dict[str, list[str]] = {}
    for namespace, name, created in sorted(zip(*columns, strict=True)):
        if (namespace, name) not in pulled and "" < created < limit and not context.platform.has(namespace):
            idle.setdefault(namespace, []).append(name)
    for namespace, names in idle.items():
        if able[namespace] >= many:
            yield Finding(
                zone=context.zone,
                namespace=namespace,
                repository=", ".join(names),
                detail=f"in {namespace}, nobody pulled {listed(names)} for {days} days, and {able[namespace]} can",
                evidence_in="repositories",
                rows=len(names),
                remedy=(_DECIDE,),
            )


CHECK = Check(
    id="repository-unpulled",
    title="A repository that many may pull from, and nobody does",
    severity="info",
    confidence="medium",
    why="Images that nobody pulls grow old, and their faults with them. The logs of the registry cover the "
    "whole threshold (usage.threshold_days).",
    remedy=(_DECIDE,),
    needs=(*BINDINGS, "imagestreams"),
    find=_find,
    fixed_by="repository",
    thresholds={
        "subjects": Threshold(10, "report if at least this many people and accounts can pull"),
    },
)
