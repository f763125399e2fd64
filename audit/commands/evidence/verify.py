"""`verify`, and `run --verify`: the tables of each zone compared with what the zone itself answers."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Final, NamedTuple

from audit import console
from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.collect.access_reviews import Reviews
from audit.collect.decode import CollectError
from audit.collect.zones import Zone
from audit.command_line.result import Grid, Result
from audit.command_line.signals import stopping
from audit.command_line.sources import collected, configured, limits_of, saved
from audit.command_line.sources import zones as zones_of
from audit.config.model import Config
from audit.errors import Stopped, UsageError
from audit.exit_codes import of_answer
from audit.parallel import run_parallel
from audit.snapshot.model import Snapshot
from audit.snapshot.scope import scope_of
from audit.tables.schemas import ANSWERS, YES
from audit.verify.cells import CONFIDENCE, CellDifference, Verification, not_asked
from audit.verify.cells import verify as verify_zone
from audit.verify.result import Agreement
from audit.verify.sampling import POPULATIONS, SamplePlan
from audit.verify.subject_lists import ListComparison, compare_lists, draw_places

_EXPLAINED: Final = """\
wrong at most: with {:.0%} confidence, of the cells that say yes, of those that say no, and of subjects and namespaces
without a row, each: exact binomial bounds, after Clopper and Pearson (--seed {} draws the same cells again)"""

_LIST_HEADER: Final = ("zone", "lists", "same", "failed", "partial", "list errs", "tables err")


class VerifyOptions(NamedTuple):
    """How many cells (None: all) and lists of subjects to compare in each zone, drawn by `seed`."""

    cells: int | None
    lists: int = 0
    seed: int = 0


class ComparedZone(NamedTuple):
    """The result of comparing a zone with its tables; `lists` is None when no lists were requested."""

    cells: Verification
    lists: ListComparison | None = None

    @property
    def sound(self) -> bool:
        """Return whether every question was answered, and as the tables say."""
        return self.cells.verified.sound and (self.lists is None or self.lists.sound)


def any_seed() -> int:
    """Return an unpredictable seed; it is reported, so that the same cells can be drawn again."""
    return secrets.randbelow(1 << 32)


def verify(config: Path | None, paths: Sequence[str], only: Sequence[str], options: VerifyOptions) -> Result:
    """Return how far tables and zones agree, and each cell where they do not.

    The facts are those at `paths`, or are collected now.
    """
    settings = configured(config)
    with stopping() as stop:
        zones = zones_of(settings, only, stop)
        snapshots = saved(paths, only) if paths else [*collected(settings, zones, stop)]
        compared = compare(settings, zones.zones, snapshots, options, stop)
        if stop.is_set():
            raise Stopped("stopped before all questions were answered")
    records = [_record(zone) for zone in compared]
    return Result(
        value=lambda: {"seed": options.seed, "confidence": CONFIDENCE, "zones": records},
        text=_text(compared),
        notes=[_EXPLAINED.format(CONFIDENCE, options.seed)],
        exit_code=of_answer(complete=all(zone.sound for zone in compared)),
    )


def verified(
    config: Config, zones: Sequence[Zone], snapshots: Sequence[Snapshot], cells: int, stop: Event
) -> dict[str, Agreement]:
    """Compare `cells` cells of each snapshot with its zone; log and return the agreement by zone."""
    options = VerifyOptions(cells, seed=any_seed())
    agreements = {zone.cells.zone: zone.cells.verified for zone in compare(config, zones, snapshots, options, stop)}
    for zone, agreement in agreements.items():
        # Without an answer, the reason is among the gaps of the zone.
        if agreement.agreed + agreement.differed:
            cells_agree = f"{agreement.agreed:,} of {agreement.asked:,} cells agree"
            console.note(f"{zone}: verified: {cells_agree} (seed {agreement.seed})")
    return agreements


def compare(
    config: Config, zones: Sequence[Zone], snapshots: Sequence[Snapshot], options: VerifyOptions, stop: Event
) -> list[ComparedZone]:
    """Compare each snapshot with its zone, several at once. Raises UsageError for a zone that is not configured."""
    there: Mapping[str, Zone] = {zone.id: zone for zone in zones}
    for snapshot in snapshots:
        if snapshot.origin.zone not in there:
            missing = f"the configuration has no zone {snapshot.origin.zone}"
            raise UsageError(missing, fix="--zone names those to verify")
    limits = limits_of(config)

    def one(snapshot: Snapshot) -> ComparedZone:
        try:
            reviews = Reviews(there[snapshot.origin.zone], limits, stop)
        except CollectError as error:
            return ComparedZone(not_asked(snapshot.origin.zone, f"{error.reason}: {error.detail}"))
        return _compared(snapshot, reviews, options, _draw(config, snapshot, options), stop)

    done = run_parallel(snapshots, one, stop.is_set, at_once=config.collect.zones_at_once)
    return [found for _, found in sorted(done, key=lambda item: item[0])]


def _draw(config: Config, snapshot: Snapshot, options: VerifyOptions) -> SamplePlan:
    """Return what to draw of a zone: cells of the namespaces that are reported on."""
    selects = None if config.namespaces.everything else config.namespaces.selects
    return SamplePlan(options.cells, options.seed, scope_of(snapshot, selects).namespaces)


def _compared(
    snapshot: Snapshot, reviews: Reviews, options: VerifyOptions, draw: SamplePlan, stop: Event
) -> ComparedZone:
    authorizer = Authorizer(bound_subjects(snapshot))
    cells = verify_zone(authorizer, reviews.may, draw, stop)
    if not options.lists:
        return ComparedZone(cells)
    places = draw_places(snapshot, options.lists, draw)
    return ComparedZone(cells, compare_lists(authorizer, reviews.who_can, reviews.may, places, stop))


def _text(compared: Sequence[ComparedZone]) -> Iterator[str | Grid]:
    header = ["zone", "agree", *POPULATIONS, "differ", "failed", "left out", "wrong at most"]
    yield Grid(header, [_row(zone.cells) for zone in compared])
    lists = [zone.lists for zone in compared if zone.lists]
    if lists:
        yield ""
        yield Grid(_LIST_HEADER, [*map(_list_row, lists)])
    yield ""
    for zone in compared:
        yield from _lines(zone)


def _row(verification: Verification) -> list[str]:
    seen = verification.verified
    shares = [f"{agreed:,}/{asked:,}" for agreed, asked in verification.shares.values()]
    bound = f"{seen.bound:.2%}" if seen.agreed + seen.differed else "unknown"
    counts = [f"{count:,}" for count in (seen.differed, seen.failed, seen.left_out)]
    return [verification.zone, f"{seen.agreed:,}/{seen.asked:,}", *shares, *counts, bound]


def _list_row(comparison: ListComparison) -> list[str]:
    counts = (
        comparison.asked,
        comparison.same,
        comparison.failed,
        comparison.partial,
        comparison.settled,
        len(comparison.differences),
    )
    return [comparison.zone, *(f"{count:,}" for count in counts)]


def _lines(compared: ComparedZone) -> Iterator[str]:
    seen, zone = compared.cells.verified, compared.cells.zone
    if seen.why:
        what = f"{seen.failed:,} questions without an answer" if seen.asked else "no questions"
        yield f"{zone}: {what}: {seen.why}"
    if compared.lists and compared.lists.why:
        unanswered = compared.lists.failed + compared.lists.open
        yield f"{zone}: {unanswered:,} questions about lists without an answer: {compared.lists.why}"
    for difference in _differences(compared):
        cell = difference.cell
        ours, theirs = ANSWERS[cell.answer], ANSWERS[cell.answer != YES]
        asked = f"{cell.who.kind} {cell.who.name}, {cell.action}, {cell.namespace}/{cell.repository}"
        yield f"{zone}: {asked}: the tables say {ours}, the zone {theirs}"
        yield from (f"  the tables: {reason}" for reason in difference.why)
        yield f"  the zone: {difference.reason or 'no reason given'}"


def _differences(zone: ComparedZone) -> list[CellDifference]:
    """Return the differences of cells and lists, without duplicates."""
    listed = zone.lists.differences if zone.lists else ()
    return [*{difference.cell: difference for difference in (*zone.cells.differences, *listed)}.values()]


def _record(zone: ComparedZone) -> dict[str, object]:
    seen, lists = zone.cells.verified, zone.lists
    return {
        "zone": zone.cells.zone,
        **{name: getattr(seen, name) for name in ("asked", "agreed", "differed", "failed", "left_out", "bound", "why")},
        "agreed_of": {name: list(share) for name, share in zone.cells.shares.items()},
        "lists": lists
        and {name: getattr(lists, name) for name in ("asked", "same", "failed", "partial", "settled", "open", "why")},
        "differences": [_difference(difference) for difference in _differences(zone)],
    }


def _difference(difference: CellDifference) -> dict[str, object]:
    cell = difference.cell
    return {
        "subject_kind": cell.who.kind,
        "subject": cell.who.name,
        "action": cell.action,
        "namespace": cell.namespace,
        "repository": cell.repository,
        "table": ANSWERS[cell.answer],
        "why": list(difference.why),
        "zone_says": ANSWERS[cell.answer != YES],
        "reason": difference.reason,
    }
