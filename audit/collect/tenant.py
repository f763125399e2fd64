"""What an account without cluster-wide rights can see: the namespaces that it is shown, read one by one."""

from collections.abc import Mapping, Sequence
from typing import Final

from audit.collect.connection import Connection
from audit.collect.limits import Limits
from audit.collect.lists import ListJob, ListResult, read_lists
from audit.snapshot.builder import SnapshotBuilder
from audit.snapshot.model import Gap, Listing
from audit.snapshot.objects import KINDS, PROJECTS, Kind

# What is said of a kind that nobody wanted to list in all namespaces.
_WIDE: Final = Gap("", "", "missing", "read namespace by namespace, as asked")


class Tenant:
    """Reads a zone namespace by namespace; what lies in others, and what is refused in one of them, is a gap."""

    def __init__(self, connection: Connection, limits: Limits, facts: SnapshotBuilder) -> None:
        """Take what to ask, within which limits, and where the facts go."""
        self._connection = connection
        self._limits = limits
        self._facts = facts
        self._names: list[str] = []
        self._whole = False

    def read(self, kinds: Sequence[Kind], refused: Mapping[str, Gap], *, whole: bool) -> None:
        """Read `kinds` in each namespace that is seen; namespaces are among them unless they have been listed.

        `refused` holds what was said to those who wanted to list a kind in all namespaces; `whole` says that all
        namespaces of the zone are known.
        """
        spaced = [kind for kind in kinds if kind.namespaced]
        if KINDS["namespaces"] in kinds:
            self._projects(refused.get("namespaces", _WIDE))
        else:
            self._names, self._whole = self._facts.names("namespaces"), whole
        done: dict[str, list[ListResult]] = {kind.plural: [] for kind in spaced}
        jobs = [ListJob(kind, name) for name in self._names for kind in spaced]
        for outcome in read_lists(self._connection, self._limits, jobs):
            self._facts.add(outcome.job.kind.plural, outcome.items)
            done[outcome.job.kind.plural].append(outcome)
        for plural, outcomes in done.items():
            self._tell(plural, outcomes, refused.get(plural, _WIDE))

    def _projects(self, wide: Gap) -> None:
        """List the namespaces that are shown to this account."""
        (outcome,) = read_lists(self._connection, self._limits, [ListJob(PROJECTS)])
        self._facts.add("namespaces", outcome.items)
        self._names = sorted({item.metadata.name for item in outcome.items})
        if outcome.gap is None:
            detail = f"{wide.detail}; only the {len(self._names)} that this account sees are listed"
            self._facts.gap(Gap("namespaces", "*" if self._names else "", wide.reason, detail))
        elif outcome.gap.reason == "not-served":
            self._facts.gap(Gap("namespaces", "", wide.reason, f"{wide.detail}; and there are no projects here"))
        else:
            self._facts.gap(Gap("namespaces", "", outcome.gap.reason, f"projects: {outcome.gap.detail}"))

    def _tell(self, plural: str, outcomes: Sequence[ListResult], wide: Gap) -> None:
        """Record what was seen of a kind and what was not."""
        gaps = [outcome.gap for outcome in outcomes if outcome.gap]
        if len(gaps) == len(outcomes):
            # Seen nowhere: one gap says so, and not one for each namespace.
            reason = wide.reason if {gap.reason for gap in gaps} <= {wide.reason} else gaps[0].reason
            first = f"; in {gaps[0].namespace}: {gaps[0].detail}" if gaps else ""
            self._facts.gap(Gap(plural, "", reason, f"{wide.detail}{first}"))
            return
        for gap in gaps:
            self._facts.gap(gap)
        if not self._whole:
            seen = len(outcomes) - len(gaps)
            detail = f"{wide.detail}; read in {seen} of the {len(outcomes)} namespaces that this account sees"
            self._facts.gap(Gap(plural, "*", wide.reason, detail))
        elif not gaps:
            count = sum(len(outcome.items) for outcome in outcomes)
            self._facts.listed(Listing(plural, count, "", sum(outcome.pages for outcome in outcomes)))
