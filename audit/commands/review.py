"""`review`: start a campaign of access reviews, apply answers, show its status, and export its evidence."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import Final, Self

from audit import console
from audit.campaigns.answers import AnswerContext, decisions_of
from audit.campaigns.campaign import FORMAT, VERSION, Campaign, CampaignScope, ZoneLines
from audit.campaigns.evidence import CSV, JSON, SUMS, evidence_json
from audit.campaigns.folder import CampaignFolder, begin
from audit.campaigns.proof import UNKNOWN, LaterState, LineOutcome, outcomes
from audit.campaigns.reading import Row, Unreadable, rows_of
from audit.campaigns.reviewers import load_reviewers
from audit.campaigns.scripts import ENDING, pending, zone_script
from audit.campaigns.stamping import patterns
from audit.campaigns.uncovered import NO_REVIEWER, ONLY_OWN, OUTSIDE, left, outside, uncovered, waiting_for
from audit.checks.settings import Settings, settings_of
from audit.command_line.options import LaterOptions, UseOptions
from audit.command_line.overlay import config_with
from audit.command_line.result import Grid, Result
from audit.command_line.sources import saved
from audit.command_line.use import use_of
from audit.config.model import Config
from audit.errors import ConfigError, UsageError
from audit.exit_codes import of_answer
from audit.extras import missing, require
from audit.job.load_config import load_config
from audit.job.sealing import signer_of
from audit.regular_files import read_regular
from audit.runs.manifest import HashingChunks
from audit.runs.signing import SUFFIX
from audit.snapshot.scope import Selects
from audit.storage.store import resolve_store, store_of
from audit.version import version
from reports.audience import Audience
from reports.review import CAUSES, GRANTS, PLATFORM, UNCOVERED, ReviewSheets, evidence_csv, uncovered_csv

_SHEETS: Final = (".xlsx", ".csv")


@dataclass(frozen=True, slots=True)
class ZonesState:
    """The state of zones, as a command line names it, and the configuration by which it is judged."""

    paths: Sequence[str] = ()
    only: Sequence[str] = ()
    config: Path | None = None

    @classmethod
    def later(cls, options: LaterOptions) -> Self:
        """Return the state since a campaign began."""
        return cls(options.snapshot or (), (), options.config)

    def read(self) -> Config | None:
        """Return the configuration."""
        return load_config(self.config) if self.config else None

    def facts(self, config: Config | None) -> list[ZoneLines]:
        """Return the facts of the zones. Raises UsageError when one cannot be read."""
        settings: Settings = settings_of(config)
        return [ZoneLines(snapshot, settings) for snapshot in saved(self.paths, self.only)] if self.paths else []


def start(
    seen: ZonesState, reviewers: Path, within: CampaignScope, due: str, out: str, use: UseOptions | None = None
) -> Result:
    """Begin a campaign about every visible grant; `use` says where its last use is known from."""
    now, last = datetime.now(UTC), _day(due, "--due")
    if last < now.date():
        raise UsageError(f"--due {due} is in the past", fix="give a later day")
    people, config = load_reviewers(reviewers), seen.read()
    zones = seen.facts(config)
    if not zones:
        raise UsageError("nothing to decide on", fix="--snapshot PATH: a run, or saved snapshots")
    uses = {zone.zone: use_of(zone.snapshot, use) for zone in zones} if use else {}
    campaign = Campaign(
        FORMAT,
        VERSION,
        version(),
        f"{now:%Y-%m-%dT%H:%M:%SZ}",
        last,
        within,
        tuple(zone.basis for zone in zones),
        people,
        tuple(
            entry
            for zone in zones
            for entry in zone.weighed(zone.within(within, _selects(config)), now, uses.get(zone.zone))
        ),
        {zone.zone: zone.groups for zone in zones},
        tuple(
            sorted(
                {name for reviewer in people for name in reviewer.who}
                & frozenset().union(*(zone.people for zone in zones))
            )
        ),
    )
    if not campaign.lines:
        raise UsageError(
            "no grant to decide on", where=", ".join(seen.paths), fix="widen --namespace or --organization"
        )
    lines = ReviewSheets(campaign, campaign.lines, campaign.groups)
    store = store_of(out)
    files = {f"{name}.csv": lines.csv(name == PLATFORM) for name in (GRANTS, PLATFORM)}
    files[f"{CAUSES}.csv"] = lines.causes_csv()
    apart = [*uncovered(campaign), *outside(campaign, zones)]
    files[f"{UNCOVERED}.csv"] = uncovered_csv(apart)
    if missing("xlsx"):
        console.note("no workbook is written: workbooks need the extra [xlsx]; decide in the CSV files")
    else:
        files[f"{GRANTS}.xlsx"] = lines.workbook()
    begin(store, campaign, files)
    return _begun(campaign, store.where, Counter(reason for _, reason in apart), len(lines.causes.by_id))


def _begun(campaign: Campaign, where: str, apart: Mapping[str, int], causes: int) -> Result:
    for zone in campaign.basis:
        for gap in zone.gaps:
            console.note(f"{zone.zone}: not seen: {gap}")
    counts = {
        "lines": len(campaign.lines),
        "of the platform": sum(entry.line.platform for entry in campaign.lines),
        "privileged": sum(entry.line.privileged for entry in campaign.lines),
        "without a reviewer": apart.get(NO_REVIEWER, 0),
        "that only their own subjects may review": apart.get(ONLY_OWN, 0),
        "outside of the campaign": apart.get(OUTSIDE, 0),
        "causes that one decision covers": causes,
    }
    names = ("lines", "of_the_platform", "privileged", "without_a_reviewer", "only_own", "outside", "causes")
    keyed = dict(zip(names, counts.values(), strict=True))
    unknown = [
        f"{zone}: {group}" for zone, groups in campaign.groups.items() for group in groups if groups[group] is None
    ]
    strangers = sorted(campaign.people - {*campaign.present})
    return Result(
        value=lambda: {
            "folder": where,
            "due": campaign.due.isoformat(),
            **keyed,
            "unknown_members": unknown,
            "reviewers_without_account": strangers,
        },
        text=[*(f"{count} {name}" for name, count in counts.items()), f"due on {campaign.due}: {where}"],
        notes=[
            *(f"the members of group {group} are unknown: the campaign does not name them" for group in unknown),
            *(f"reviewer {name} is not a user of any zone: check the spelling" for name in strangers),
        ],
        exit_code=of_answer(complete=all(zone.state == "complete" for zone in campaign.basis)),
        files=True,
    )


def apply(folder: str, files: Sequence[Path], seen: ZonesState, *, replace: bool) -> Result:
    """Apply the answers in files, all or none. Raises ConfigError with every mistake."""
    if any(file.suffix.lower() == ".xlsx" for file in files):
        require("xlsx")
    now, reviewing, config = datetime.now(UTC), CampaignFolder(resolve_store(folder)), seen.read()
    later = LaterState(reviewing.campaign, seen.facts(config), _selects(config))
    stands = list(outcomes(reviewing.campaign, reviewing.decided, later, now.date()))
    first = {entry.line.id: entry for entry in reviewing.campaign.lines}
    before = AnswerContext(
        reviewing.campaign,
        first,
        {name: later.line(entry) or entry for name, entry in first.items()},
        reviewing.campaign.groups | later.groups,
        {outcome.decision.id: outcome.decision for outcome in stands if outcome.decision and not outcome.undecided},
        now.date(),
        replace,
    )
    given, rows, mistakes = _rows(files)
    rows, of_causes = reviewing.causes.expanded(rows)
    mistakes += of_causes
    decisions, wrong, silent = decisions_of(rows, before)
    if mistakes or wrong:
        raise ConfigError(", ".join(map(str, files)), [*mistakes, *wrong], "no answers were applied", "answers")
    new = [
        decision
        for decision in decisions
        if decision.id not in before.decided or decision.answer != before.decided[decision.id].answer
    ]
    if new:
        groups = reviewing.campaign.groups | later.groups if later.zones else None
        reviewing.add(new, given, groups, f"{now:%Y-%m-%dT%H:%M:%SZ}")
    known = len(decisions) - len(new)
    known_before = f", {known} were already known" if known else ""
    return Result(
        value=lambda: {"taken": len(new), "known": known, "undecided": silent},
        text=[f"{len(new)} decisions applied{known_before}; {silent} lines are undecided in these files"],
        files=True,
    )


def _rows(files: Iterable[Path]) -> tuple[dict[str, bytes], list[Row], list[str]]:
    """Return the bytes of each file, their rows, and what is wrong with the files."""
    given: dict[str, bytes] = {}
    rows: list[Row] = []
    mistakes: list[str] = []
    for path in files:
        try:
            given[str(path)] = read_regular(path)
            rows += rows_of(path, given[str(path)])
        except OSError as error:
            mistakes.append(f"{path.name}: cannot be read: {error.strerror}")
        except Unreadable as error:
            mistakes += [f"{path.name}: {line}" for line in str(error).split("\n")]
    return given, rows, mistakes


def status(folder: str, seen: ZonesState, todo: Path | None) -> Result:
    """Return how far a campaign is, and what a later run shows of its decisions."""
    reviewing, later, found = _stand(folder, seen)
    campaign = reviewing.campaign
    if todo is not None:
        _write_todo(todo, campaign, [outcome for outcome in found if outcome.undecided], later)
    counts = {
        apart: Counter(outcome.text for outcome in found if outcome.entry.line.platform == apart)
        for apart in (False, True)
    }
    stamps = [pattern for pattern in patterns(reviewing) if pattern.stamped]
    gone = left(campaign, later)
    waiting = waiting_for(campaign, found, gone)
    open_now = [outcome for outcome in found if outcome.undecided and not outcome.entry.line.platform]
    summary: dict[str, object] = {
        "due": campaign.due.isoformat(),
        "overdue": bool(open_now) and campaign.due < datetime.now(UTC).date(),
        "lines": dict(counts[False]),
        "platform": dict(counts[True]),
        "undecided": len(open_now),
        "undecided_privileged": sum(outcome.entry.line.privileged for outcome in open_now),
        "not_asked_about": len(later.added),
        "rubber_stamps": [stamp.record() for stamp in stamps],
        "reviewers_who_left": gone,
        "waiting_for_them": len(waiting),
    }
    return Result(
        value=lambda: summary | {"changed": [_remark(outcome) for outcome in found if outcome.why]},
        text=_text(counts, summary),
        notes=[
            *(_note(outcome) for outcome in found if outcome.why),
            *(
                f"{stamp.reviewer}: looks like a rubber stamp: {stamp.decisions} decisions, {', '.join(stamp.signs)}"
                for stamp in stamps
            ),
            *(f"reviewer {name} has left" for name in gone),
            *([f"{len(waiting)} lines wait for reviewers who have left: name other reviewers"] if waiting else []),
        ],
        exit_code=of_answer(complete=all(outcome.removal != UNKNOWN for outcome in found)),
    )


def _remark(outcome: LineOutcome) -> Mapping[str, str]:
    return {"id": outcome.entry.line.id, "outcome": outcome.text, "remark": outcome.why}


def _note(outcome: LineOutcome) -> str:
    line = outcome.entry.line
    return f"{line.id} {line.zone}/{line.namespace} {line.subject}: {outcome.text}: {outcome.why}"


def _text(counts: Mapping[bool, Counter[str]], summary: Mapping[str, object]) -> Iterator[str | Grid]:
    rows = [
        ["platform" if apart else "", outcome, str(count)]
        for apart, counter in counts.items()
        for outcome, count in sorted(counter.items())
    ]
    yield Grid(["", "outcome", "lines"], rows)
    late = ", and that is past" if summary["overdue"] else ""
    undecided = f"{summary['undecided']} undecided ({summary['undecided_privileged']} privileged)"
    yield from ("", f"{undecided}; due on {summary['due']}{late}")
    yield f"{summary['not_asked_about']} grants appeared since the campaign began, and are not part of it"


def _write_todo(path: Path, campaign: Campaign, left: Sequence[LineOutcome], later: LaterState) -> None:
    """Write what is still to be decided, or again, as it is now."""
    if path.suffix.lower() == ".xlsx":
        require("xlsx")
    if path.suffix.lower() not in _SHEETS:
        raise UsageError("answers must be .xlsx or .csv", where=str(path))
    now = [later.line(outcome.entry) or outcome.entry for outcome in left]
    lines = ReviewSheets(campaign, now, campaign.groups | later.groups)
    folder = store_of(str(path.parent))
    chunks = lines.csv(*lines.apart) if path.suffix.lower() == ".csv" else lines.workbook()
    folder.write(path.name, chunks)


def export(folder: str, seen: ZonesState, out: str, key: Path | None) -> Result:
    """Write the evidence of a campaign, with the digest of each file, signed when a key is given."""
    reviewing, later, found = _stand(folder, seen)
    signer, store = signer_of(config_with(seen.read(), sign_key=key)), store_of(out)
    when = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    sums = b""
    for name, chunks in ((CSV, evidence_csv(found)), (JSON, [evidence_json(reviewing, found, later, when)])):
        hashing = HashingChunks(chunks)
        store.write(name, hashing)
        sums += f"{hashing.digest}  {name}\n".encode()
    store.write(SUMS, [sums])
    if signer:
        store.write(f"{SUMS}{SUFFIX}", [signer.sign(sums, f"review {reviewing.sha256}")])
    counts = Counter(outcome.text for outcome in found)
    return Result(
        value=lambda: {"folder": store.where, "lines": len(found), "outcomes": dict(counts)},
        text=[
            Grid(["outcome", "lines"], [[said, str(count)] for said, count in sorted(counts.items())]),
            "",
            store.where,
        ],
        files=True,
        exit_code=of_answer(complete=all(outcome.removal != UNKNOWN for outcome in found)),
    )


def script(folder: str, seen: ZonesState, out: str) -> Result:
    """Write the commands of all decisions, a script for each zone. Raises UsageError for a zone without a snapshot."""
    _, later, found = _stand(folder, seen)
    store, written = store_of(out), {}
    zones = sorted({outcome.entry.line.zone for outcome in found if outcome.state in {"revoked", "reduced"}})
    for zone in zones:
        if not (todo := pending(found, zone)):
            continue
        if zone not in later.zones:
            raise UsageError(
                f"no state of zone {zone}", fix="--snapshot PATH: a current run, whose bindings are removed"
            )
        name = f"{PurePosixPath(Audience('zone', zone).folder).name}{ENDING}"
        store.write(name, [zone_script(later.zones[zone], todo, later).encode(errors="backslashreplace")])
        written[name] = len(todo)
    return Result(
        value=lambda: {"folder": store.where, "scripts": written},
        text=[*(f"{name}: {count} lines" for name, count in written.items()), "" if written else "nothing to remove"],
        files=True,
    )


def _stand(folder: str, seen: ZonesState) -> tuple[CampaignFolder, LaterState, list[LineOutcome]]:
    """Return a campaign, what was seen since, and how each line stands."""
    reviewing, config = CampaignFolder(resolve_store(folder)), seen.read()
    reviewing.check_answers()
    later = LaterState(reviewing.campaign, seen.facts(config), _selects(config))
    today = datetime.now(UTC).date()
    return reviewing, later, list(outcomes(reviewing.campaign, reviewing.decided, later, today))


def _selects(config: Config | None) -> Selects | None:
    return config.namespaces.selects if config and not config.namespaces.everything else None


def _day(text: str, what: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{what} is not a date: {text}", fix="YYYY-MM-DD") from error
