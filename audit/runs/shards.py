"""Shards of a job that collects many zones on several machines: what each left, and which attempt counts.

A job has a name, and each of its shards an index. An attempt at a shard writes its snapshots under a name of its own,
and at the end one record with their names and digests. The record is replaced atomically: of several attempts,
concurrent or not, one counts, never a mix.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from audit.errors import UsageError
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
        return int.from_bytes(hashlib.sha256(zone.encode()).digest()[:8], "big") % self.count == self.index


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
        record = ShardRecord(FORMAT, VERSION, self._part.index, self._part.count, self._zones)
        before = records(self._job).get(self._part.index)
        if before is not None and before.whole and not record.whole:
            return False
        self._job.write(f"{self._part.index}{_ENDING}", [msgspec.json.format(msgspec.json.encode(record)) + b"\n"])
        return True


def job_store(out: Store, job: str) -> Store:
    """Return the folder of a job among the runs. Raises UsageError for an invalid name."""
    if not _NAME.fullmatch(job):
        raise UsageError("invalid job name", where=job, fix="use lower-case letters, digits, dashes and dots")
    return out.inside(f"{FOLDER}/{job}")


def records(job: Store) -> dict[int, ShardRecord]:
    """Return the record of each shard that has one. Raises UsageError for a record that cannot be read."""
    found = {}
    for name in job.entries():
        if name.endswith(_ENDING):
            record = _record(job, name)
            found[record.index] = record
    return found


_RECORD: Final = msgspec.json.Decoder(ShardRecord)


def _record(job: Store, name: str) -> ShardRecord:
    where = f"{job.where}/{name}"
    try:
        record = _RECORD.decode(job.read(name))
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=where, fix="merge again") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError("this is not the record of a shard", where=where, fix="run that shard again") from error
    if (record.format, record.version, f"{record.index}{_ENDING}") != (FORMAT, VERSION, name):
        raise UsageError("this is not the record of this shard, or has another version", where=where)
    return record


def snapshots(
    job: Store, found: Mapping[int, ShardRecord], zones: Iterable[str]
) -> Iterator[tuple[str, Snapshot | str]]:
    """Yield for each of `zones` its snapshot, or why there is none; one at a time is in memory."""
    for zone in zones:
        saved = next((record.zones[zone] for record in found.values() if zone in record.zones), None)
        if saved is None:
            yield zone, _missing(found, zone)
        else:
            yield zone, _snapshot(job, saved)


def _missing(found: Mapping[int, ShardRecord], zone: str) -> str:
    count = next((record.count for record in found.values()), 0)
    index = next((index for index in range(count) if Shard(index, count).holds(zone)), None)
    if index is None or index in found:
        return "no shard had this zone in its configuration"
    return f"shard {index} of {count} has no result"


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
