"""What an account without cluster-wide rights can see: its namespaces, read one by one."""

from collections.abc import Mapping, Sequence
from typing import Final

from audit.collect.connect.connection import Connection
from audit.collect.limits import Limits
from audit.collect.lists import ListJob, ListResult, read_lists
from audit.snapshot.builder import SnapshotBuilder
from audit.snapshot.model import Gap, Listing
from audit.snapshot.objects import KINDS, PROJECTS, Kind

# The gap of a kind that was not listed in all namespaces on request.
_WIDE: Final = Gap("", "", "missing", "read namespace by namespace, as requested")


class Tenant:
    """Reads a zone namespace by namespace; other namespaces, and what is refused in one, are gaps."""

    def __init__(self, connection: Connection, limits: Limits, facts: SnapshotBuilder) -> None:
        self._connection = connection
        self._limits = limits
        self._facts = facts
        self._names: list[str] = []
        self._whole = False

    def read(self, kinds: Sequence[Kind], refused: Mapping[str, Gap], *, whole: bool) -> None:
        """Read `kinds` in each visible namespace; `kinds` includes namespaces unless they have been listed.

        `refused` has the gap of each kind that was refused over all namespaces; `whole` is whether all namespaces of
        the zone are known.
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
            self._record(plural, outcomes, refused.get(plural, _WIDE))

    def _projects(self, wide: Gap) -> None:
        """List the namespaces that are visible to the account."""
        (outcome,) = read_lists(self._connection, self._limits, [ListJob(PROJECTS)])
        self._facts.add("namespaces", outcome.items)
        self._names = sorted({item.metadata.name for item in outcome.items})
        if outcome.gap is None:
            detail = f"{wide.detail}; only the {len(self._names)} that are visible to the account are listed"
            self._facts.gap(Gap("namespaces", "*" if self._names else "", wide.reason, detail))
        elif outcome.gap.reason == "not-served":
            self._facts.gap(
                Gap("namespaces", "", wide.reason, f"{wide.detail}; and the server does not serve projects")
            )
        else:
            self._facts.gap(Gap("namespaces", "", outcome.gap.reason, f"projects: {outcome.gap.detail}"))

    def _record(self, plural: str, outcomes: Sequence[ListResult], wide: Gap) -> None:
        """Record what was read of a kind, and what was not."""
        gaps = [outcome.gap for outcome in outcomes if outcome.gap]
        if len(gaps) == len(outcomes):
            # Read nowhere: one gap, not one for each namespace.
            reason = wide.reason if {gap.reason for gap in gaps} <= {wide.reason} else gaps[0].reason
            first = f"; in {gaps[0].namespace}: {gaps[0].detail}" if gaps else ""
            self._facts.gap(Gap(plural, "", reason, f"{wide.detail}{first}"))
            return
        for gap in gaps:
            self._facts.gap(gap)
        if not self._whole:
            seen = len(outcomes) - len(gaps)
            detail = f"{wide.detail}; read in {seen} of the {len(outcomes)} namespaces that are visible to the account"
            self._facts.gap(Gap(plural, "*", wide.reason, detail))
        elif not gaps:
            count = sum(len(outcome.items) for outcome in outcomes)
            self._facts.listed(Listing(plural, count, "", sum(outcome.pages for outcome in outcomes)))
