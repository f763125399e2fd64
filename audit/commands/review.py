"""`review`: every grant put to a person, the answers taken, how far it is, and the evidence of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from audit import console
from audit.campaigns.answers import AnswerContext, decisions_of
from audit.campaigns.campaign import FORMAT, VERSION, Campaign, CampaignScope, ZoneLines
from audit.campaigns.evidence import CSV, JSON, SUMS, evidence_json
from audit.campaigns.folder import CampaignFolder, begin
from audit.campaigns.proof import UNKNOWN, LaterState, LineOutcome, outcomes
from audit.campaigns.reading import Row, Unreadable, rows_of
from audit.campaigns.reviewers import load_reviewers
from audit.checks.settings import Settings, settings_of
from audit.commands.sources import saved
from audit.config.model import Config
from audit.errors import DONE, PARTIAL, ConfigError, UsageError
from audit.job.load_config import load_config
from audit.job.sealing import signer_of
from audit.runs.manifest import HashingChunks
from audit.runs.signing import SUFFIX
from audit.snapshot.scope import Selects
from audit.storage.store import resolve_store, store_of
from audit.version import version
from reports.review import GRANTS, PLATFORM, ReviewSheets, evidence_csv

_SHEETS: Final = (".xlsx", ".csv")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of zones, as a command line names it, and by which configuration it is looked at."""

    paths: Sequence[str] = ()
    only: Sequence[str] = ()
    config: Path | None = None

    def read(self) -> Config | None:
        """Return the configuration."""
        return load_config(self.config) if self.config else None

    def facts(self, config: Config | None) -> list[ZoneLines]:
        """Return what the zones are made of. Raises UsageError when one cannot be read."""
        settings: Settings = settings_of(config)
        return [ZoneLines(one, settings) for one in saved(self.paths, self.only)] if self.paths else []


def start(seen: Seen, reviewers: Path, within: CampaignScope, due: str, out: str, *, as_json: bool) -> int:
    """Begin a campaign about every grant that was seen; return the exit code."""
    now, last = datetime.now(UTC), _day(due, "--due")
    if last < now.date():
        raise UsageError(f"--due {due} is past", fix="give a day to come")
    people, config = load_reviewers(reviewers), seen.read()
    zones = seen.facts(config)
    if not zones:
        raise UsageError("say what is to be decided on", fix="--snapshot PATH: a run, or saved snapshots")
    campaign = Campaign(
        FORMAT,
        VERSION,
        version(),
        f"{now:%Y-%m-%dT%H:%M:%SZ}",
        last,
        within,
        tuple(one.basis for one in zones),
        people,
        tuple(asked for one in zones for asked in one.within(within, _selects(config))),
        {one.zone: one.groups for one in zones},
    )
    if not campaign.lines:
        raise UsageError("there is no grant to decide on", where=", ".join(seen.paths), fix="ask for more")
    lines = ReviewSheets(campaign, campaign.lines, campaign.groups)
    store = store_of(out)
    files = {f"{name}.csv": lines.csv(name == PLATFORM) for name in (GRANTS, PLATFORM)}
    begin(store, campaign, {f"{GRANTS}.xlsx": lines.workbook(), **files})
    return _begun(campaign, store.where, as_json=as_json)


def _begun(campaign: Campaign, where: str, *, as_json: bool) -> int:
    """Say what has begun; return the exit code."""
    for one in campaign.basis:
        for gap in one.gaps:
            console.note(f"{one.zone}: not seen: {gap}")
    counts = {
        "lines": len(campaign.lines),
        "of the platform": sum(one.line.platform for one in campaign.lines),
        "privileged": sum(one.line.privileged for one in campaign.lines),
        "without a reviewer": sum(not campaign.reviewers_of(one) for one in campaign.lines),
    }
    if as_json:
        said = {name.replace(" ", "_"): count for name, count in counts.items()}
        console.result_json({"folder": where, "due": campaign.due.isoformat(), **said})
    else:
        console.lines([*(f"{count} {name}" for name, count in counts.items()), f"due on {campaign.due}: {where}"])
    return DONE if all(one.state == "complete" for one in campaign.basis) else PARTIAL


def apply(folder: str, files: Sequence[Path], seen: Seen, *, replace: bool, as_json: bool) -> int:
    """Take the answers in files, all of them or none; return the exit code. Raises ConfigError with every mistake."""
    now, reviewing, config = datetime.now(UTC), CampaignFolder(resolve_store(folder)), seen.read()
    later = LaterState(reviewing.campaign, seen.facts(config), _selects(config))
    stands = list(outcomes(reviewing.campaign, reviewing.decided, later, now.date()))
    first = {one.line.id: one for one in reviewing.campaign.lines}
    before = AnswerContext(
        reviewing.campaign,
        first,
        {name: later.line(asked) or asked for name, asked in first.items()},
        reviewing.campaign.groups | later.groups,
        {one.decision.id: one.decision for one in stands if one.decision and not one.undecided},
        now.date(),
        replace,
    )
    given, rows, mistakes = _rows(files)
    decisions, wrong, silent = decisions_of(rows, before)
    if mistakes or wrong:
        raise ConfigError(", ".join(map(str, files)), [*mistakes, *wrong], "nothing was taken", "answers")
    new = [one for one in decisions if one.id not in before.decided or one.said != before.decided[one.id].said]
    if new:
        groups = reviewing.campaign.groups | later.groups if later.zones else None
        reviewing.add(new, given, groups, f"{now:%Y-%m-%dT%H:%M:%SZ}")
    if as_json:
        console.result_json({"taken": len(new), "known": len(decisions) - len(new), "undecided": silent})
    else:
        known_before = f", {len(decisions) - len(new)} were known" if len(new) < len(decisions) else ""
        console.lines([f"{len(new)} decisions taken{known_before}; {silent} lines are undecided in these files"])
    return DONE


def _rows(files: Iterable[Path]) -> tuple[dict[str, bytes], list[Row], list[str]]:
    """Return the bytes of each file, their rows, and what is wrong with the files."""
    given: dict[str, bytes] = {}
    rows: list[Row] = []
    mistakes: list[str] = []
    for path in files:
        try:
            given[str(path)] = path.read_bytes()
            rows += rows_of(path, given[str(path)])
        except OSError as error:
            mistakes.append(f"{path.name}: cannot be read: {error.strerror}")
        except Unreadable as error:
            mistakes += [f"{path.name}: {line}" for line in str(error).split("\n")]
    return given, rows, mistakes


def status(folder: str, seen: Seen, todo: Path | None, *, as_json: bool) -> int:
    """Say how far a campaign is, and what a later run says of the decisions; return the exit code."""
    reviewing, later, found = _stand(folder, seen)
    campaign = reviewing.campaign
    if todo is not None:
        _write_todo(todo, campaign, [one for one in found if one.undecided], later)
    counts = {apart: Counter(one.said for one in found if one.asked.line.platform == apart) for apart in (False, True)}
    open_now = [one for one in found if one.undecided and not one.asked.line.platform]
    said: dict[str, object] = {
        "due": campaign.due.isoformat(),
        "overdue": bool(open_now) and campaign.due < datetime.now(UTC).date(),
        "lines": dict(counts[False]),
        "platform": dict(counts[True]),
        "undecided": len(open_now),
        "undecided_privileged": sum(one.asked.line.privileged for one in open_now),
        "not_asked_about": len(later.added),
    }
    if as_json:
        console.result_json(said | {"changed": [_remark(one) for one in found if one.why]})
    else:
        _print(counts, said, found)
    return PARTIAL if any(one.removal == UNKNOWN for one in found) else DONE


def _remark(outcome: LineOutcome) -> Mapping[str, str]:
    return {"id": outcome.asked.line.id, "outcome": outcome.said, "remark": outcome.why}


def _print(counts: Mapping[bool, Counter[str]], said: Mapping[str, object], found: Sequence[LineOutcome]) -> None:
    rows = [
        ["platform" if apart else "", outcome, str(count)]
        for apart, one in counts.items()
        for outcome, count in sorted(one.items())
    ]
    console.table(["", "outcome", "lines"], rows)
    for one in found:
        line = one.asked.line
        if one.why:
            console.note(f"{line.id} {line.zone}/{line.namespace} {line.subject}: {one.said}: {one.why}")
    late = ", and that is past" if said["overdue"] else ""
    console.lines(
        [
            "",
            f"{said['undecided']} undecided ({said['undecided_privileged']} privileged); due on {said['due']}{late}",
            f"{said['not_asked_about']} grants appeared since and are no part of it",
        ]
    )


def _write_todo(path: Path, campaign: Campaign, left: Sequence[LineOutcome], later: LaterState) -> None:
    """Write what is still to be decided, or again, as it is now."""
    if path.suffix.lower() not in _SHEETS:
        raise UsageError("this is neither .xlsx nor .csv", where=str(path))
    now = [later.line(one.asked) or one.asked for one in left]
    lines = ReviewSheets(campaign, now, campaign.groups | later.groups)
    folder = store_of(str(path.parent))
    chunks = lines.csv(*lines.apart) if path.suffix.lower() == ".csv" else lines.workbook()
    folder.write(path.name, chunks)


def export(folder: str, seen: Seen, out: str, key: Path | None, *, as_json: bool) -> int:
    """Write the evidence of a campaign, with the digest of each file, signed when a key is given."""
    reviewing, later, found = _stand(folder, seen)
    signer, store = signer_of(seen.read(), key), store_of(out)
    when = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    sums = b""
    for name, chunks in ((CSV, evidence_csv(found)), (JSON, [evidence_json(reviewing, found, later, when)])):
        hashing = HashingChunks(chunks)
        store.write(name, hashing)
        sums += f"{hashing.digest}  {name}\n".encode()
    store.write(SUMS, [sums])
    if signer:
        store.write(f"{SUMS}{SUFFIX}", [signer.sign(sums, f"review {reviewing.sha256}")])
    counts = Counter(one.said for one in found)
    if as_json:
        console.result_json({"folder": store.where, "lines": len(found), "outcomes": dict(counts)})
    else:
        console.table(["outcome", "lines"], [[said, str(count)] for said, count in sorted(counts.items())])
        console.lines(["", store.where])
    return PARTIAL if any(one.removal == UNKNOWN for one in found) else DONE


def _stand(folder: str, seen: Seen) -> tuple[CampaignFolder, LaterState, list[LineOutcome]]:
    """Return a campaign, what was seen since, and how each line stands."""
    reviewing, config = CampaignFolder(resolve_store(folder)), seen.read()
    later = LaterState(reviewing.campaign, seen.facts(config), _selects(config))
    today = datetime.now(UTC).date()
    return reviewing, later, list(outcomes(reviewing.campaign, reviewing.decided, later, today))


def _selects(config: Config | None) -> Selects | None:
    return config.namespaces.selects if config and not config.namespaces.everything else None


def _day(text: str, what: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{what} is no day: {text}", fix="YYYY-MM-DD") from error
