"""Repositories that nobody has pushed to for a long time, but many can."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from audit.checks.bindings import listed
from audit.checks.check import BINDINGS, Check, Finding, Threshold
from audit.checks.context import CheckContext
from audit.checks.remedies import DELETE_STREAM, fill
from audit.rbac.subjects import ACCOUNT, USER
from audit.tables.schemas import YES

_FIRST: Final = (
    "# Delete only what nobody runs any more; for the others, remove push access from those who do not need it."
)


def _find(context: CheckContext) -> Iterator[Finding]:
    days, many = context.threshold(CHECK, "days"), context.threshold(CHECK, "subjects")
    limit, able = context.days_ago(days), _pushers(context)
    for namespace, names in _stale(context, limit).items():
        if able.get(namespace, 0) >= many and not context.platform.has(namespace):
            idle = f"nobody has pushed to {listed(names)} for {days} days"
            yield Finding(
                zone=context.zone,
                namespace=namespace,
                repository=", ".join(names),
                detail=f"in {namespace}, {idle}, and {able[namespace]} people and accounts can",
                evidence_in="repositories",
                rows=len(names),
                remedy=(_FIRST, *(fill(DELETE_STREAM, namespace=namespace, repository=name) for name in names)),
            )


def _stale(context: CheckContext, limit: str) -> dict[str, list[str]]:
    table = context.tables["repositories"]
    columns = (table.text(name).strings() for name in ("namespace", "repository", "created", "pushed"))
    found: dict[str, list[str]] = {}
    for namespace, repository, created, pushed in sorted(zip(*columns, strict=True)):
        # One that nobody has pushed to is as old as itself; without any time, nothing can be said.
        if "" < (pushed or created) < limit:
            found.setdefault(namespace, []).append(repository)
    return found


def _pushers(context: CheckContext) -> dict[str, int]:
    """Return how many people and accounts can push in each namespace, by bindings of that namespace."""
    access = context.tables["access"]
    namespace, subject = access.text("namespace"), access.text("subject")
    rows = access.where("subject_kind", {USER, ACCOUNT}) & (access.numbers("push") == YES)
    size = max(len(subject.values), 1)
    # A code of this column is one subject: people and accounts of the same name have codes of their own.
    pairs = np.sort(namespace.codes[rows].astype(np.int64) * size + subject.codes[rows])
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    counts = np.bincount(pairs // size, minlength=len(namespace.values)).tolist()
    return dict(zip(namespace.values, counts, strict=True))


CHECK = Check(
    id="stale-repository",
    title="A repository that nobody pushes to, but many can",
    severity="low",
    confidence="medium",
    why=(
        "Nobody watches what nobody works on: an image that is replaced there goes unnoticed. Delete the repository, "
        "or remove push access from those who do not need it."
    ),
    remedy=(DELETE_STREAM,),
    needs=(*BINDINGS, "groups", "imagestreams"),
    find=_find,
    fixed_by="repository",
    thresholds={
        "days": Threshold(365, "days without a push"),
        "subjects": Threshold(5, "report where at least so many people and accounts can push"),
    },
)
