"""Shards of a job that collects many zones on several machines: what each left, and which attempt counts.

A job has a name, and each of its shards an index. An attempt at a shard writes its snapshots under a name of its own,
and at the end one record with their names and digests. The record is replaced atomically: of several attempts,
concurrent or not, one counts, never a mix.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from audit.errors import UsageError, contained
from audit.format_version import UPGRADE, too_new
from audit.runs.runs import COMPLETE
from audit.snapshot.model import SUFFIX, Snapshot, decode, encode
from audit.storage.store import Store

FOLDER: Final = "shards"
FORMAT: Final = "registry-audit shard"
VERSION: Final = 1
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")  # of a Kubernetes object
_ENDING: Final = ".json"


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` parts of the zones; `index` is from 0."""

    index: int
    count: int

    def holds(self, zone: str) -> bool:
        """Return whether a zone is in this shard.

        This follows from the zone's id alone: neither a retry nor a different configuration moves a zone from shard
        to shard. Shards therefore differ in size.
        """
        return _shard_of(zone, self.count) == self.index


def _shard_of(zone: str, count: int) -> int:
    return int.from_bytes(hashlib.sha256(zone.encode()).digest()[:8], "big") % count


class SavedSnapshot(msgspec.Struct, frozen=True):
    """The snapshot of a zone, saved by an attempt: its state, its file in the job's folder, its SHA-256 (hex)."""

    state: str
    file: str
    sha256: str


class ShardRecord(msgspec.Struct, frozen=True):
    """The result of one attempt at a shard, by zone."""

    format: str
    version: int
    index: int
    count: int
    zones: dict[str, SavedSnapshot]
    finished: str = ""  # RFC 3339, UTC; empty in records of version 0.1

    @property
    def whole(self) -> bool:
        """Return whether every zone is complete."""
        return all(zone.state == COMPLETE for zone in self.zones.values())


class Attempt:
    """One attempt at a shard, under a name that no other attempt has."""

    def __init__(self, job: Store, part: Shard, name: str) -> None:
        self._job = job
        self._part = part
        self._name = name
        self._zones: dict[str, SavedSnapshot] = {}

    def save(self, snapshot: Snapshot) -> None:
        """Save the snapshot of a zone. Raises UsageError when it cannot be written."""
        data = encode(snapshot)
        zone, state = snapshot.origin.zone, snapshot.state
        file = f"{self._part.index}/{self._name}/{zone}{SUFFIX}"
        self._job.write(file, [data])
        self._zones[zone] = SavedSnapshot(state, file, hashlib.sha256(data).hexdigest())

    def finish(self) -> bool:
        """Make this attempt count, unless an earlier one is complete and this one is not; return whether it counts."""
        record = ShardRecord(FORMAT, VERSION, self._part.index, self._part.count, self._zones, _now())
        before = records(self._job).found.get(self._part.index)
        if before is not None and before.whole and not record.whole:
            return False
        self._job.write(f"{self._part.index}{_ENDING}", [msgspec.json.format(msgspec.json.encode(record)) + b"\n"])
        return True


def job_store(out: Store, job: str) -> Store:
    """Return the folder of a job among the runs. Raises UsageError for an invalid name."""
    if not _NAME.fullmatch(job):
        raise UsageError("invalid job name", where=job, fix="use lower-case letters, digits, dashes and dots")
    return out.inside(f"{FOLDER}/{job}")


class ShardRecords(NamedTuple):
    """The records of a job, by shard: those that can be read, and why the others cannot."""

    found: dict[int, ShardRecord]
    damaged: dict[int, str]

    @property
    def shard_count(self) -> int:
        """Return how many shards the job has, as most of them say; 0 if none does."""
        counts = Counter(record.count for record in self.found.values())
        return max(counts, key=counts.__getitem__, default=0)


def records(job: Store) -> ShardRecords:
    """Return the record of each shard that has one; a damaged record costs the zones of its shard only."""
    found: dict[int, ShardRecord] = {}
    damaged: dict[int, str] = {}
    for name in job.entries():
        index = name.removesuffix(_ENDING)
        if name.endswith(_ENDING) and index.isdecimal():
            try:
                found[int(index)] = _record(job, name)
            except BaseException as error:  # noqa: BLE001  one record never loses the others
                damaged[int(index)] = contained(error)
    return ShardRecords(found, damaged)


_RECORD: Final = msgspec.json.Decoder(ShardRecord)


def _record(job: Store, name: str) -> ShardRecord:
    where = f"{job.where}/{name}"
    try:
        data = job.read(name)
        if wrong := too_new(data, FORMAT, VERSION):
            raise UsageError(f"this record of a shard {wrong}", where=where, fix=UPGRADE)
        record = _RECORD.decode(data)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=where, fix="merge again") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError("this is not the record of a shard", where=where, fix="run that shard again") from error
    if (record.format, record.version, f"{record.index}{_ENDING}") != (FORMAT, VERSION, name):
        raise UsageError("this is not the record of this shard", where=where)
    return record


def last_written(job: Store) -> str:
    """Return when a job left something for the last time (RFC 3339, UTC); "" if nothing says so.

    Records of version 0.1 and attempts that did not end have no time of their own: then snapshots are read for it.
    """
    times = [record.finished for record in records(job).found.values()]
    if times and all(times):
        return max(times)
    for file in job.files():
        if file.endswith(SUFFIX):
            try:
                times.append(decode(job.read(file), file).origin.finished)
            except (OSError, UsageError):
                continue
    return max(times, default="")


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def snapshots(job: Store, left: ShardRecords, zones: Iterable[str]) -> Iterator[tuple[str, Snapshot | str]]:
    """Yield for each of `zones` its snapshot, or why there is none; one at a time is in memory."""
    for zone in zones:
        saved = next((record.zones[zone] for record in left.found.values() if zone in record.zones), None)
        yield zone, _missing(left, zone) if saved is None else _snapshot(job, saved)


def _missing(left: ShardRecords, zone: str) -> str:
    index = _shard_of(zone, left.shard_count) if left.shard_count else min(left.damaged, default=-1)
    if index in left.damaged:
        return f"the result of shard {index} cannot be used: {left.damaged[index]}"
    if index in left.found or index < 0:
        return "no shard had this zone in its configuration"
    return f"shard {index} of {left.shard_count} has no result"


def _snapshot(job: Store, saved: SavedSnapshot) -> Snapshot | str:
    try:
        data = job.read(saved.file)
        if hashlib.sha256(data).hexdigest() != saved.sha256:
            return f"{saved.file} was changed after the shard wrote it"
        return decode(data, saved.file)
    except OSError as error:
        return f"{saved.file} cannot be read: {error.strerror}"
    except UsageError as error:
        return f"{saved.file}: {error.what}"
    except BaseException as error:  # noqa: BLE001  one snapshot never loses the others
        return f"{saved.file}: {contained(error)}"
