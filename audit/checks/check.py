"""The declaration of a check, and a finding."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from audit.controls.catalog import BUILT_IN
from audit.tables.schemas import SCHEMAS, YES, Severity

if TYPE_CHECKING:
    from audit.checks.bindings import DirectGrant
    from audit.checks.context import CheckContext

Confidence = Literal["high", "medium", "low"]
FixedBy = Literal["binding", "role", "subject", "tokens", "namespace", "repository"]

# Lists that decide what a binding grants; a check that needs others declares them.
BINDINGS: Final = ("rolebindings", "clusterrolebindings", "roles", "clusterroles")
DOCUMENT: Final = "docs/checks.md"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that the configuration can change."""

    default: int
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault: its place, subject and binding, and the rows that show it.

    Raises ValueError without a place or without evidence: nobody could look it up.
    """

    zone: str
    namespace: str  # `*`: every namespace, or the zone itself
    detail: str
    evidence_in: str  # the table whose rows show it
    rows: int
    subject_kind: str = ""
    subject: str = ""
    repository: str = "*"
    binding_kind: str = ""
    binding: str = ""
    role_kind: str = ""
    role: str = ""
    remedy: tuple[str, ...] = ()
    answer: int = YES
    severity: Severity | None = None  # overrides the check's own
    confidence: Confidence | None = None  # likewise

    def __post_init__(self) -> None:
        if not self.zone or not self.namespace:
            raise ValueError("a finding needs a place: zone and namespace")
        if self.evidence_in not in SCHEMAS or self.rows < 1:
            raise ValueError("a finding needs evidence: a table, and rows of it")


@dataclass(frozen=True, slots=True)
class GrantFindings:
    """Many findings, each about one subject of one binding of `zone`, as columns: grant, sentence, commands.

    `remedies` are the lines of each joined, as the table `findings` holds them.
    """

    zone: str
    grants: "Sequence[DirectGrant]"
    details: Sequence[str]
    remedies: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: everything that reports show of it, and `find`, which yields its findings in one zone."""

    id: str
    title: str
    severity: Severity
    confidence: Confidence
    why: str
    remedy: tuple[str, ...]  # commands, with placeholders in braces
    find: "Callable[[CheckContext], Iterable[Finding | GrantFindings]]"
    needs: tuple[str, ...] = BINDINGS  # lists without which the answer is unknown
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    routes: bool = False  # whether routes decide: where they were not followed, the answer is unknown
    fixed_by: FixedBy = "binding"  # what its findings have in common that one decision fixes

    @property
    def controls(self) -> tuple[str, ...]:
        """Return the names of the built-in controls that its findings can touch."""
        return BUILT_IN.of_check(self.id)

    @property
    def anchor(self) -> str:
        """Return the link to the documentation of this check."""
        return f"{DOCUMENT}#{self.id}"
