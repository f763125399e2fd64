"""A place that somebody names -> the snapshots of the dumps there: one of a zone, or a folder with one of each zone."""

from pathlib import Path
from typing import Final

from audit.collect.dumps.files import STDIN
from audit.collect.dumps.names import is_archive, is_data, stem_of
from audit.collect.run import collect_folder
from audit.errors import UsageError
from audit.snapshot.model import Snapshot

_TREE: Final = ("cluster-scoped-resources", "namespaces")
_IMAGE: Final = "-sha256-"  # in the names of must-gather's folders, one for each image of one zone
_FIX: Final = "give a snapshot, or files that `registry-audit dump-commands` describes"


def collect_dumps(place: Path, zone_id: str = "") -> list[Snapshot]:
    """Return the snapshots of the dumps at `place`: a folder, a file, an archive, or standard input (`-`).

    A folder that holds nothing but several dumps has one of each zone. Raises UsageError when two are of one cluster,
    or when a file holds nothing that can be read.
    """
    dumps = _dumps_in(place) if place.is_dir() else []
    if len(dumps) > 1:
        return _apart([collect_folder(dump, stem_of(dump.name)) for dump in dumps], place, zone_id)
    name = zone_id or ("dump" if str(place) == STDIN else "" if place.is_dir() else stem_of(place.name))
    snapshot = collect_folder(place, name)
    if not place.is_dir() and not any(
        len(columns["name"]) for columns in snapshot.tables.values() if "name" in columns
    ):
        raise UsageError(f"cannot read this snapshot: {snapshot.gaps[0].detail}", where=str(place), fix=_FIX)
    return [snapshot]


def _dumps_in(place: Path) -> list[Path]:
    """Return the dumps in a folder that is none itself: folders of files, trees, or archives."""
    entries = sorted(entry for entry in place.iterdir() if not entry.name.startswith("."))
    if any(entry.name in _TREE or is_data(entry.name) for entry in entries):
        return []
    return [entry for entry in entries if (_is_dump(entry) if entry.is_dir() else is_archive(entry.name))]


def _is_dump(folder: Path) -> bool:
    if _IMAGE in folder.name:
        return False
    inner = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    return any(
        is_data(entry.name) or is_archive(entry.name) or entry.name in _TREE or _IMAGE in entry.name for entry in inner
    )


def _apart(snapshots: list[Snapshot], place: Path, zone_id: str) -> list[Snapshot]:
    if zone_id:
        raise UsageError("--zone-id is for one dump, and here are several", where=str(place), fix="give one of them")
    clusters: dict[str, str] = {}
    for snapshot in snapshots:
        origin = snapshot.origin
        other = clusters.setdefault(origin.cluster_id or f"zone {origin.zone}", origin.zone)
        if other != origin.zone:
            raise UsageError(
                f"{other} and {origin.zone} are dumps of one cluster",
                where=str(place),
                fix="give one of them, and name the zone with --zone-id",
            )
    return snapshots
