"""A world as the snapshot that a perfect, or an imperfect, collection of it would leave."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date

import msgspec

from audit.access.facts.build import facts_of
from audit.findings.exceptions import ExceptionEntry, ExceptionMatcher, ExceptionSet, ExceptionUse
from audit.findings.model import FindingRecord, encode_findings, findings_table
from audit.snapshot.builder import SnapshotBuilder
from audit.snapshot.model import Gap, Listing, Origin, Snapshot
from audit.snapshot.objects import KINDS
from audit.tables.model import Table, table_of
from audit.tables.schemas import SCHEMAS
from tests.worlds.plain_rbac import World

ORIGIN = Origin("zone-1", "dump", "somewhere", judged=True)


def snapshot_of(world: World, hidden: Iterable[Gap] = (), zone: str = "zone-1") -> Snapshot:
    """Return the snapshot of `world` without the objects that the gaps in `hidden` are about."""
    gaps = list(hidden)
    facts = SnapshotBuilder()
    for plural, kind in KINDS.items():
        if kind.optional and plural not in world:
            continue
        blind = {gap.namespace for gap in gaps if gap.kind == plural}
        raw = [item for item in world.get(plural) or [] if not _hidden(item, blind)]
        items = [msgspec.convert(item, kind.item) for item in raw]
        facts.add(plural, items)
        if not blind:
            facts.listed(Listing(plural, len(items)))
    for gap in gaps:
        facts.gap(gap)
    return facts.snapshot(msgspec.structs.replace(ORIGIN, zone=zone))


def _hidden(item: dict[str, dict[str, str]], blind: Collection[str]) -> bool:
    return "" in blind or item["metadata"].get("namespace", "-") in blind


def all_tables(snapshot: Snapshot) -> dict[str, Table]:
    """Return every table of a zone, those that need a judgement without a row."""
    made = facts_of(snapshot)
    return {name: made[name] if name in made else table_of(name, []) for name in SCHEMAS}


def decided(
    found: Sequence[FindingRecord], decisions: Sequence[ExceptionEntry], today: date
) -> tuple[list[FindingRecord], list[ExceptionUse]]:
    """Return the findings of one zone as decisions leave them, and how each decision is used."""
    deciding = ExceptionMatcher(ExceptionSet(decisions), today)
    return deciding.accept(found), deciding.uses()


def written(found: Sequence[FindingRecord]) -> bytes:
    """Return findings of one zone as a run writes them."""
    return b"".join(encode_findings([findings_table(found)]))
