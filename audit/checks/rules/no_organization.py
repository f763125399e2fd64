"""A namespace without an organization."""

from collections.abc import Iterator

from audit.checks.check import Check, Finding
from audit.checks.context import CheckContext
from audit.checks.remedies import LABEL_NAMESPACE, fill


def _find(context: CheckContext) -> Iterator[Finding]:
    table = context.tables["namespaces"]
    names = zip(table.text("namespace").strings(), table.text("organization").strings(), strict=True)
    for namespace, organization in sorted(names):
        if not organization and not context.platform.has(namespace):
            yield Finding(
                zone=context.zone,
                namespace=namespace,
                detail=f"namespace {namespace} has no label {context.label}, nobody is responsible for its access",
                evidence_in="namespaces",
                rows=1,
                remedy=(fill(LABEL_NAMESPACE, namespace=namespace, label=context.label),),
            )


CHECK = Check(
    id="no-organization",
    title="A namespace without an organization",
    severity="low",
    confidence="high",
    why="Nobody is asked to review its access, and no check can tell who does not belong there.",
    remedy=(LABEL_NAMESPACE,),
    needs=("namespaces",),
    find=_find,
    fixed_by="namespace",
)
