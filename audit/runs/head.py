"""The head record beside the runs: which run ended last. It shows that runs are missing at the end of the chain.

Whoever can remove runs can also put back an older head record: a copy kept elsewhere, such as in Git, shows that.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from audit.errors import UsageError
from audit.format_version import UPGRADE, too_new
from audit.runs.manifest import Manifest
from audit.runs.signing import Signer, Verifier
from audit.storage.store import Store

HEAD: Final = "head.json"
_FORMAT: Final = "registry-audit head"
_VERSION: Final = 1
_LONGEST: Final = 1 << 16  # bytes


class Head(msgspec.Struct, frozen=True):
    """The run that ended last, the SHA-256 (hex) of its manifest, and when that was written (RFC 3339)."""

    format: str
    version: int
    run_id: str
    manifest_sha256: str
    written: str


class HeadRecord(msgspec.Struct, frozen=True):
    """A head and its signature, a file of minisign as text (empty: not signed), in one file: both change at once."""

    head: Head
    signature: str = ""


class _Outer(msgspec.Struct):
    head: msgspec.Raw


_RECORD: Final = msgspec.json.Decoder(HeadRecord)
_OUTER: Final = msgspec.json.Decoder(_Outer)


def head_record(run_id: str, manifest_sha256: str, written: str, signer: Signer | None) -> bytes:
    """Return the head record as a file."""
    head = Head(_FORMAT, _VERSION, run_id, manifest_sha256, written)
    signature = signer.sign(_signed(head), _comment(head)).decode() if signer else ""
    return _file(HeadRecord(head, signature))


def _file(record: HeadRecord) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def decode_head(data: bytes) -> HeadRecord | None:
    """Return a head record; None for anything else, also for one that is not written as this program does."""
    try:
        record = _RECORD.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    known = (record.head.format, record.head.version) == (_FORMAT, _VERSION)
    return record if known and _file(record) == data else None


def _later_version(data: bytes) -> str:
    """Return why a record that `decode_head` does not read is of a later version; else ""."""
    try:
        head = bytes(_OUTER.decode(data).head)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return too_new(head, _FORMAT, _VERSION)


def load_head(path: Path) -> HeadRecord:
    """Return a copy of a head record that was kept elsewhere. Raises UsageError when it is none."""
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST)
    except OSError as error:
        raise UsageError(f"cannot read this head record: {error.strerror}", where=str(path)) from error
    record = decode_head(data)
    if record is None:
        if wrong := _later_version(data):
            raise UsageError(f"this head record {wrong}", where=str(path), fix=UPGRADE)
        raise UsageError("this is not a head record", where=str(path), fix=f"give a copy of {HEAD}")
    return record


def head_problems(
    store: Store,
    manifests: Mapping[str, Manifest],
    digests: Mapping[str, str],
    verifier: Verifier | None,
    *,
    alone: bool,
) -> Iterator[tuple[str, bool]]:
    """Yield what is wrong with the head record beside these runs, and whether it is a problem or only a remark.

    `alone`: there is only one run, which may be a copy without it.
    """
    if HEAD not in store.entries():
        if not alone and any(manifest.head for manifest in manifests.values()):
            yield "it is missing: it would show whether the newest runs are here", True
        return
    try:
        data = store.read(HEAD)
    except OSError:
        data = b""
    record = decode_head(data)
    if record is None:
        yield f"it {_later_version(data) or 'is not a head record, or cannot be read'}", True
        return
    yield from ((what, True) for what in record_problems(record, digests, verifier))
    later = _after(record.head.run_id, manifests)
    if len(later) == 1:
        yield f"{later[0]} ended after it was written, or it is an older one", False
    elif later:
        yield f"{len(later)} runs ended after it was written: it is an older one", True


def record_problems(record: HeadRecord, digests: Mapping[str, str], verifier: Verifier | None) -> Iterator[str]:
    """Yield why a head record does not match these runs, by the digests of their manifests."""
    head = record.head
    if verifier is not None:
        if not record.signature:
            yield "it is not signed"
        elif not verifier.holds(_signed(head), record.signature.encode(), _comment(head)):
            yield "its signature is not valid"
    if head.run_id not in digests:
        yield f"the run that ended last, {head.run_id}, is missing (SHA-256 {head.manifest_sha256})"
    elif digests[head.run_id] != head.manifest_sha256:
        yield f"the manifest of {head.run_id} is not the one that it names"


def _after(run: str, manifests: Mapping[str, Manifest]) -> list[str]:
    """Return the runs that follow a run along the chain."""
    following = {manifest.previous.run_id: name for name, manifest in manifests.items() if manifest.previous}
    found: list[str] = []
    while (run := following.get(run, "")) and run not in found:
        found.append(run)
    return found


def _signed(head: Head) -> bytes:
    return msgspec.json.encode(head)


def _comment(head: Head) -> str:
    return f"head {head.run_id}"
