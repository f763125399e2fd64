"""The folder of a campaign: its initial state, the accepted answers and their files. It is append-only."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

import msgspec

from audit.campaigns.answers import Decision, answered, is_answer
from audit.campaigns.campaign import FORMAT, VERSION, Campaign, Groups
from audit.campaigns.causes import CampaignCauses
from audit.campaigns.reading import Row, Unreadable, rows_of
from audit.errors import UsageError
from audit.format_version import UPGRADE, too_new
from audit.storage.store import Store

CAMPAIGN: Final = "campaign.json"
APPLIED: Final = "applied"  # the folder of records, one for each time that answers were accepted
ANSWERS: Final = "answers"  # the folder of their files, by SHA-256
_FORMAT: Final = "registry-audit review answers"
_ENDING: Final = ".json"


class AnswerFile(msgspec.Struct, frozen=True):
    """A file of answers: its original name, and its SHA-256 (hex), under which it is stored."""

    name: str
    sha256: str


class AnswersRecord(msgspec.Struct, frozen=True):
    """Answers that were accepted together: their files, decisions, and groups (None: the groups of the campaign).

    `previous` is the SHA-256 (hex) of the previous record or, in the first record, of the campaign file.
    """

    format: str
    version: int
    previous: str
    applied: str
    sources: tuple[AnswerFile, ...]
    decisions: tuple[Decision, ...]
    groups: Groups | None = None


class StandingDecision(NamedTuple):
    """A decision in force, and the members of the groups when it was made."""

    decision: Decision
    groups: Groups


_CAMPAIGN: Final = msgspec.json.Decoder(Campaign)
_RECORD: Final = msgspec.json.Decoder(AnswersRecord)


class CampaignFolder:
    """A campaign and its decisions. Raises UsageError if the folder holds no campaign, or its files were modified."""

    def __init__(self, store: Store) -> None:
        self.store = store
        data = _read(store, CAMPAIGN)
        _check_version(data, FORMAT, _where(store, CAMPAIGN))
        try:
            self.campaign = _CAMPAIGN.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError("this is not a campaign", where=_where(store, CAMPAIGN)) from error
        if (self.campaign.format, self.campaign.version) != (FORMAT, VERSION):
            raise UsageError("this is not a campaign", where=_where(store, CAMPAIGN))
        self.causes = CampaignCauses(self.campaign)
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.records: list[AnswersRecord] = []
        self._last = self.sha256
        for name in store.entries(APPLIED):
            # Files that begin with a dot were not written completely.
            if not name.startswith("."):
                self._load(name)

    def _load(self, name: str) -> None:
        where = f"{APPLIED}/{name}"
        data = _read(self.store, where)
        _check_version(data, _FORMAT, _where(self.store, where))
        try:
            record = _RECORD.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError("this is not a record of answers", where=_where(self.store, where)) from error
        if record.previous != self._last:
            fix = "restore the folder: each record has the digest of the previous one"
            raise UsageError("this record does not follow the previous one", where=_where(self.store, where), fix=fix)
        self.records.append(record)
        self._last = hashlib.sha256(data).hexdigest()

    def check_answers(self) -> None:
        """Raise UsageError unless the decisions of each record are those in its files, which must be unchanged.

        No later record holds the digest of the last one, so it is checked against its files.
        """
        known: set[str] = set()
        for number, record in enumerate(self.records, 1):
            where = f"record {number} in {self.store.where}/{APPLIED}"
            rows, _ = self.causes.expanded([row for file in record.sources for row in self._rows(file)])
            given = [cells for row in rows if (cells := answered(row))["decision"]]
            known |= {decision.id for decision in record.decisions}
            by_id: dict[str, list[Mapping[str, str]]] = {}
            for cells in given:
                by_id.setdefault(cells["id"], []).append(cells)
            for decision in record.decisions:
                if not any(is_answer(decision, cells) for cells in by_id.get(decision.id, ())):
                    raise UsageError(f"the decision on {decision.id} is not in its files of answers", where=where)
            if missing := by_id.keys() - known:
                raise UsageError(f"the decision on {min(missing)} is missing from the record", where=where)

    def _rows(self, file: AnswerFile) -> list[Row]:
        name = f"{ANSWERS}/{file.sha256}{PurePosixPath(file.name).suffix.lower()}"
        data = _read(self.store, name)
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise UsageError("this file of answers was changed", where=_where(self.store, name))
        try:
            return rows_of(Path(file.name), data)
        except Unreadable as error:
            raise UsageError(f"this file of answers {error}", where=_where(self.store, name)) from error

    @property
    def decided(self) -> Mapping[str, StandingDecision]:
        """Return the latest decision on each decided line, by the id of the line."""
        return {
            decision.id: StandingDecision(decision, self.campaign.groups if record.groups is None else record.groups)
            for record in self.records
            for decision in record.decisions
        }

    def add(
        self, decisions: Sequence[Decision], files: Mapping[str, bytes], groups: Groups | None, applied: str
    ) -> AnswersRecord:
        """Store decisions, and the files that contain them. Raises UsageError if they cannot be written."""
        sources = []
        for name, data in files.items():
            digest = hashlib.sha256(data).hexdigest()
            self.store.write(f"{ANSWERS}/{digest}{PurePosixPath(name).suffix.lower()}", [data])
            sources.append(AnswerFile(name, digest))
        record = AnswersRecord(_FORMAT, VERSION, self._last, applied, tuple(sources), tuple(decisions), groups)
        # The number keeps the order; the digest keeps concurrent writers from overwriting each other.
        name = f"{APPLIED}/{len(self.records) + 1:04}-{self._last[:12]}{_ENDING}"
        self.store.write(name, [_json(record)])
        self._load(PurePosixPath(name).name)
        return record


def begin(store: Store, campaign: Campaign, files: Mapping[str, Iterable[bytes]]) -> None:
    """Write a new campaign and its sheets. Raises UsageError if the folder already holds one."""
    if CAMPAIGN in store.entries():
        raise UsageError("there is already a campaign here", where=store.where, fix="give another folder")
    for name, chunks in files.items():
        store.write(name, chunks)
    # Written last: a folder with this file is complete.
    store.write(CAMPAIGN, [_json(campaign)])


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def _check_version(data: bytes, name: str, where: str) -> None:
    if wrong := too_new(data, name, VERSION):
        raise UsageError(f"this review {wrong}", where=where, fix=UPGRADE)


def _read(store: Store, name: str) -> bytes:
    try:
        return store.read(name)
    except OSError as error:
        fix = "registry-audit review start begins a campaign" if name == CAMPAIGN else ""
        raise UsageError(f"cannot be read: {error.strerror}", where=_where(store, name), fix=fix) from error


def _where(store: Store, name: str) -> str:
    return f"{store.where}/{name}"
