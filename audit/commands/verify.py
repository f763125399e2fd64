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
from audit.commands.sources import collected, limits_of, saved, stopping
from audit.commands.sources import zones as zones_of
from audit.config.model import Config
from audit.errors import DONE, PARTIAL, Stopped, UsageError
from audit.job.load_config import load_config
from audit.parallel import run_parallel
from audit.snapshot.model import Snapshot
from audit.snapshot.scope import scope_of
from audit.tables.model import ANSWERS, YES
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
    """What to ask of each zone: so many cells (None: all), and so many lists of subjects, drawn by `seed`."""

    cells: int | None
    lists: int = 0
    seed: int = 0


class Compared(NamedTuple):
    """What comparing a zone has shown; `lists` is None when none were wanted."""

    cells: Verification
    lists: ListComparison | None = None

    @property
    def sound(self) -> bool:
        """Say whether all was answered, and as the tables say."""
        return self.cells.verified.sound and (self.lists is None or self.lists.sound)


def any_seed() -> int:
    """Return a seed that nobody can foresee; it is told, so that the same cells can be asked again."""
    return secrets.randbelow(1 << 32)


def verify(config: Path, paths: Sequence[str], only: Sequence[str], wanted: VerifyOptions, *, as_json: bool) -> int:
    """Print how far tables and zones agree, and each cell where they do not; return the exit code.

    The facts are those at `paths`, or are collected now.
    """
    given = load_config(config)
    with stopping() as stop:
        zones = zones_of(given, only, stop)
        snapshots = saved(paths, only) if paths else [*collected(given, zones, stop)]
        found = compare(given, zones.zones, snapshots, wanted, stop)
        if stop.is_set():
            raise Stopped("stopped before all was asked")
    if as_json:
        zone_records = [_record(one) for one in found]
        console.result_json({"seed": wanted.seed, "confidence": CONFIDENCE, "zones": zone_records})
    else:
        _tell(found, wanted.seed)
    return DONE if all(one.sound for one in found) else PARTIAL


def verified(
    config: Config, zones: Sequence[Zone], snapshots: Sequence[Snapshot], cells: int, stop: Event
) -> dict[str, Agreement]:
    """Compare so many cells of each snapshot with its zone, say how it went, and return it by zone."""
    wanted = VerifyOptions(cells, seed=any_seed())
    found = {one.cells.zone: one.cells.verified for one in compare(config, zones, snapshots, wanted, stop)}
    for zone, one in found.items():
        # Why there is no answer is told with all else that was not seen.
        if one.agreed + one.differed:
            console.note(f"{zone}: verified: {one.agreed:,} of {one.asked:,} cells agree (seed {one.seed})")
    return found


def compare(
    config: Config, zones: Sequence[Zone], snapshots: Sequence[Snapshot], wanted: VerifyOptions, stop: Event
) -> list[Compared]:
    """Compare each snapshot with its zone, several at once. Raises UsageError for one whose zone is not there."""
    there: Mapping[str, Zone] = {zone.id: zone for zone in zones}
    for snapshot in snapshots:
        if snapshot.origin.zone not in there:
            missing = f"the configuration has no zone {snapshot.origin.zone}"
            raise UsageError(missing, fix="--zone names those to verify")
    limits = limits_of(config)

    def one(snapshot: Snapshot) -> Compared:
        try:
            reviews = Reviews(there[snapshot.origin.zone], limits, stop)
        except CollectError as error:
            return Compared(not_asked(snapshot.origin.zone, f"{error.reason}: {error.detail}"))
        return _compared(snapshot, reviews, wanted, _draw(config, snapshot, wanted), stop)

    done = run_parallel(snapshots, one, stop.is_set, at_once=config.collect.zones_at_once)
    return [found for _, found in sorted(done, key=lambda item: item[0])]


def _draw(config: Config, snapshot: Snapshot, wanted: VerifyOptions) -> SamplePlan:
    """Return what to draw of a zone: of the namespaces that are reported on."""
    selects = None if config.namespaces.everything else config.namespaces.selects
    return SamplePlan(wanted.cells, wanted.seed, scope_of(snapshot, selects).namespaces)


def _compared(snapshot: Snapshot, reviews: Reviews, wanted: VerifyOptions, draw: SamplePlan, stop: Event) -> Compared:
    authorizer = Authorizer(bound_subjects(snapshot))
    cells = verify_zone(authorizer, reviews.may, draw, stop)
    if not wanted.lists:
        return Compared(cells)
    places = draw_places(snapshot, wanted.lists, draw)
    return Compared(cells, compare_lists(authorizer, reviews.who_can, reviews.may, places, stop))


def _tell(found: Sequence[Compared], seed: int) -> None:
    header = ["zone", "agree", *POPULATIONS, "differ", "failed", "left out", "wrong at most"]
    console.table(header, [_row(one.cells) for one in found])
    lists = [one.lists for one in found if one.lists]
    if lists:
        console.lines([""])
        console.table(
            ["zone", "lists", "same", "failed", "partial", "list errs", "tables err"], [*map(_list_row, lists)]
        )
    console.lines(["", *(line for one in found for line in _lines(one))])
    console.note(_EXPLAINED.format(CONFIDENCE, seed))


def _row(one: Verification) -> list[str]:
    seen = one.verified
    shares = [f"{agreed:,}/{asked:,}" for agreed, asked in one.shares.values()]
    bound = f"{seen.bound:.2%}" if seen.agreed + seen.differed else "unknown"
    counts = [f"{count:,}" for count in (seen.differed, seen.failed, seen.left_out)]
    return [one.zone, f"{seen.agreed:,}/{seen.asked:,}", *shares, *counts, bound]


def _list_row(one: ListComparison) -> list[str]:
    counts = one.asked, one.same, one.failed, one.partial, one.settled, len(one.differences)
    return [one.zone, *(f"{count:,}" for count in counts)]


def _lines(one: Compared) -> Iterator[str]:
    seen, zone = one.cells.verified, one.cells.zone
    if seen.why:
        what = f"{seen.failed:,} questions without an answer" if seen.asked else "nothing was asked"
        yield f"{zone}: {what}: {seen.why}"
    if one.lists and one.lists.why:
        yield f"{zone}: {one.lists.failed + one.lists.open:,} questions about lists without an answer: {one.lists.why}"
    for difference in _differences(one):
        cell = difference.cell
        ours, theirs = ANSWERS[cell.answer], ANSWERS[cell.answer != YES]
        asked = f"{cell.who.kind} {cell.who.name}, {cell.action}, {cell.namespace}/{cell.repository}"
        yield f"{zone}: {asked}: the tables say {ours}, the zone {theirs}"
        yield from (f"  the tables: {reason}" for reason in difference.why)
        yield f"  the zone: {difference.reason or 'it gives no reason'}"


def _differences(one: Compared) -> list[CellDifference]:
    """Return the differences of cells and lists, each once."""
    listed = one.lists.differences if one.lists else ()
    return [*{difference.cell: difference for difference in (*one.cells.differences, *listed)}.values()]


def _record(one: Compared) -> dict[str, object]:
    seen, lists = one.cells.verified, one.lists
    return {
        "zone": one.cells.zone,
        **{name: getattr(seen, name) for name in ("asked", "agreed", "differed", "failed", "left_out", "bound", "why")},
        "agreed_of": {name: list(share) for name, share in one.cells.shares.items()},
        "lists": lists
        and {name: getattr(lists, name) for name in ("asked", "same", "failed", "partial", "settled", "open", "why")},
        "differences": [_difference(difference) for difference in _differences(one)],
    }


def _difference(one: CellDifference) -> dict[str, object]:
    cell = one.cell
    return {
        "subject_kind": cell.who.kind,
        "subject": cell.who.name,
        "action": cell.action,
        "namespace": cell.namespace,
        "repository": cell.repository,
        "table": ANSWERS[cell.answer],
        "why": list(one.why),
        "zone_says": ANSWERS[cell.answer != YES],
        "reason": one.reason,
    }
