"""Where logs are: files and folders of this machine, or folders in buckets, which are copied while they are read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from audit.config.usage import ZONE
from audit.errors import UsageError
from audit.storage.store import Folder, is_url, store_of


def places_of(logs: Sequence[str], zone: str, *, only: bool) -> list[str]:
    """Return where the logs of a zone are; `only`: there is no other zone. Raises UsageError when that is not clear."""
    if unclear := [place for place in logs if ZONE not in place and not only]:
        raise UsageError("which zone are these logs from?", where=unclear[0], fix=f"put {ZONE} into the path")
    return [place.replace(ZONE, zone) for place in logs]


@contextmanager
def local(places: Sequence[str]) -> Iterator[list[Path]]:
    """Yield paths of this machine for paths and URLs. Raises UsageError for what cannot be read."""
    with TemporaryDirectory(prefix="registry-audit-") as folder:
        yield [
            _copied(place, Path(folder) / str(at)) if is_url(place) else Path(place) for at, place in enumerate(places)
        ]


def _copied(url: str, folder: Path) -> Path:
    store, copy = store_of(url), Folder(folder)
    try:
        names = store.files()
        for name in names:
            copy.write(name, [store.read(name)])
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror or error}", where=url) from error
    if not names:
        raise UsageError("no logs here", where=store.where, fix="give the URL of a folder")
    return folder
