"""What stays of a run that was removed by age: its manifest, and a note that says when and why the files went."""

from typing import Final

import msgspec

from audit.runs.manifest import DIGEST
from audit.runs.runs import MANIFEST, PRUNED
from audit.runs.signing import SUFFIX as SIGNATURE
from audit.storage.store import Store

_FORMAT: Final = "registry-audit pruned"
_VERSION: Final = 1
# The files of a run that was removed by age.
STAYS: Final = frozenset({MANIFEST, DIGEST, PRUNED, f"{MANIFEST}{SIGNATURE}", f"{PRUNED}{SIGNATURE}"})


class Tombstone(msgspec.Struct, frozen=True):
    """Which run it was, the SHA-256 (hex) of its manifest, when its files went (RFC 3339), and after how many days."""

    format: str
    version: int
    run_id: str
    manifest_sha256: str
    removed: str
    keep_days: int


def tombstone(run_id: str, manifest_sha256: str, removed: str, keep_days: int) -> bytes:
    """Return the note as a file."""
    note = Tombstone(_FORMAT, _VERSION, run_id, manifest_sha256, removed, keep_days)
    return msgspec.json.format(msgspec.json.encode(note), indent=2) + b"\n"


_TOMBSTONE: Final = msgspec.json.Decoder(Tombstone)


def read_tombstone(folder: Store) -> Tombstone | None:
    """Return the note of a run; None when it has none. One that cannot be read says nothing that holds."""
    try:
        return _TOMBSTONE.decode(folder.read(PRUNED))
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return Tombstone("", 0, "", "", "", 0)
