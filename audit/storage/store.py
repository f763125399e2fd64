"""Where files are kept: a folder, or a place with a URL (S3 and what speaks it, Google's, Azure's) by obstore.

A name is a relative path with `/`. What is written is whole or not there, and nobody else may read it: in a folder by
its mode, elsewhere by the rights of the bucket. Credentials come from the environment, as the provider's own tools take
them; they never stand in a URL.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from audit.errors import UsageError
from audit.storage.files import make_private_dir, write_private

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES: Final = ("s3", "gs", "az")
LATEST: Final = "latest"  # leads to the last run that was complete
_IN_MEMORY: Final = 64 << 20  # bytes of a file that are gathered in memory, and not on disk, before they are sent
_CLAIMS: Final = ".claims"  # where runs of one second in a bucket agree on who is called what

_PLAIN: Final = "AWS_ALLOW_HTTP"

T = TypeVar("T")


class Store(Protocol):
    """A place for files. Reading raises FileNotFoundError, or OSError for any other reason; writing UsageError."""

    where: str  # path or URL, for people

    def entries(self, name: str = "") -> list[str]:
        """Return the names of the files and folders in a folder, sorted; none when there is no such folder."""
        ...

    def files(self, name: str = "") -> list[str]:
        """Return the names of all files below a folder, sorted, as seen from this place; links are not followed."""
        ...

    def irregular_files(self) -> list[str]:
        """Return the names of what is below this place and is neither a file nor leads to one: links, empty folders."""
        ...

    def read(self, name: str) -> bytes:
        """Return a file."""
        ...

    def write(self, name: str, chunks: Iterable[bytes]) -> int:
        """Write a file, whole or not at all; return its bytes. What `chunks` raises passes through."""
        ...

    def claim(self, name: str) -> bool:
        """Take a folder for oneself; False when somebody has it."""
        ...

    def release(self, name: str) -> None:
        """Give back a folder that was claimed, and in which nothing is."""
        ...

    def link(self, name: str, target: str) -> None:
        """Make `name` lead to `target` in one step: a link in a folder, elsewhere a file that holds the name."""
        ...

    def link_target(self, name: str) -> str:
        """Return what `name` leads to, as `link` made it; empty when it leads nowhere."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, a link, or a folder with all in it."""
        ...

    def inside(self, name: str) -> "Store":
        """Return the place of a folder in this one."""
        ...


def store_of(place: str) -> Store:
    """Return the store that a path or URL means. Raises UsageError for a URL that is none of ours."""
    if not is_url(place):
        return Folder(Path(place))
    parts = urlsplit(place)
    shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    if parts.scheme not in SCHEMES or not parts.hostname:
        fix = f"give a path, or {', '.join(f'{scheme}://' for scheme in SCHEMES)} and the name of a bucket"
        raise UsageError("this is no place for files", where=shown, fix=fix)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            "a place has no user, password or query in it", where=shown, fix="credentials come from the environment"
        )
    return Bucket(f"{parts.scheme}://{parts.netloc}", parts.path.strip("/"))


def is_url(place: str) -> bool:
    """Say whether a place is a URL, and not a path of this machine."""
    return "://" in place


def locate(place: str) -> tuple[Store, str]:
    """Return the store that holds a place, and its name in it, which `latest` (or a link) leads to."""
    if not is_url(place):
        path = Path(place).resolve()
        return Folder(path.parent), path.name
    parent, _, name = place.rstrip("/").rpartition("/")
    if parent.endswith("/"):
        raise UsageError("this is a bucket, and no folder in one", where=place, fix="add the name of a folder")
    store = store_of(parent)
    try:
        target = store.link_target(name) if name == LATEST else name
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=place) from error
    if not target:
        raise UsageError("this leads nowhere", where=place, fix="give a run, or a folder of runs")
    return store, target


def resolve_store(place: str) -> Store:
    """Return the store that a path or URL means; `latest` is the run that it leads to."""
    if is_url(place) and place.rstrip("/").endswith(f"/{LATEST}"):
        store, name = locate(place)
        return store.inside(name)
    return store_of(place)


class Folder:
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        """Take the folder; it need not be there."""
        self.path = path
        self.where = str(path)

    def entries(self, name: str = "") -> list[str]:
        """Return the names in a folder."""
        folder = self.path / name
        return sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []

    def files(self, name: str = "") -> list[str]:
        """Return the names of all files below a folder."""
        found = os.walk(self.path / name)
        return sorted(
            (Path(folder) / one).relative_to(self.path).as_posix() for folder, _, names in found for one in names
        )

    def irregular_files(self) -> list[str]:
        """Return the names of links, of folders without anything in them, and of what is no file."""
        found = self.path.rglob("*")
        return sorted(one.relative_to(self.path).as_posix() for one in found if _is_other(one))

    def read(self, name: str) -> bytes:
        """Return a file."""
        return (self.path / name).read_bytes()

    def write(self, name: str, chunks: Iterable[bytes]) -> int:
        """Write a file of mode 0600, and the folders that lead to it."""
        path = self.path / name
        for folder in (self.path, *reversed(path.parents)):
            if folder.is_relative_to(self.path):
                make_private_dir(folder)
        return write_private(path, chunks)

    def claim(self, name: str) -> bool:
        """Create a folder of mode 0700 that is not there yet."""
        make_private_dir(self.path)
        try:
            (self.path / name).mkdir(mode=0o700)
        except FileExistsError:
            return False
        except OSError as error:
            raise UsageError(f"cannot create a folder here: {error.strerror}", where=self.where) from error
        return True

    def release(self, name: str) -> None:
        """Remove an empty folder."""
        self.remove(name)

    def link(self, name: str, target: str) -> None:
        """Make a link."""
        beside = self.path / f".{name}.tmp"
        try:
            beside.unlink(missing_ok=True)
            beside.symlink_to(target)
            beside.replace(self.path / name)
        except OSError as error:
            raise UsageError(f"cannot move this link: {error.strerror}", where=str(self.path / name)) from error

    def link_target(self, name: str) -> str:
        """Return where a link leads."""
        link = self.path / name
        return str(link.readlink()) if link.is_symlink() else ""

    def remove(self, name: str) -> None:
        """Remove a file, a link, or a folder with all in it."""
        path = self.path / name
        try:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        except OSError as error:
            raise UsageError(f"cannot remove this: {error.strerror}", where=str(path)) from error

    def inside(self, name: str) -> Store:
        """Return a folder in this one."""
        return Folder(self.path / name)


class Bucket:
    """A folder in a bucket."""

    def __init__(self, root: str, folder: str) -> None:
        """Take the URL of the bucket, and the folder in it (empty: all of it)."""
        self._root = root
        self._folder = folder
        self.where = f"{root}/{folder}".rstrip("/")
        self._made: ObjectStore | None = None

    def entries(self, name: str = "") -> list[str]:
        """Return the names in a folder."""
        import obstore

        prefix = self._path(name)
        found = self._asked(lambda store: obstore.list_with_delimiter(store, prefix or None))
        paths = [*found["common_prefixes"], *(one["path"] for one in found["objects"])]
        return sorted(path.removeprefix(prefix).strip("/") for path in paths)

    def files(self, name: str = "") -> list[str]:
        """Return the names of all files below a folder."""
        import obstore

        found = self._asked(
            lambda store: [one for part in obstore.list(store, self._path(name) or None) for one in part]
        )
        return sorted(one["path"].removeprefix(self._folder).strip("/") for one in found)

    def irregular_files(self) -> list[str]:
        """Return nothing: a bucket holds files only."""
        return []

    def read(self, name: str) -> bytes:
        """Return a file."""
        import obstore

        return self._asked(lambda store: bytes(obstore.get(store, self._path(name)).bytes()), name)

    def write(self, name: str, chunks: Iterable[bytes]) -> int:
        """Send a file when all of it is there: nothing is sent of one that breaks off."""
        import obstore

        with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            size = sum(file.write(chunk) for chunk in chunks)
            file.seek(0)
            self._told(lambda store: obstore.put(store, self._path(name), cast("IO[bytes]", file)), name)
        return size

    def claim(self, name: str) -> bool:
        """Say that this folder is taken, in a file beside it that only one can create."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        def create(store: "ObjectStore") -> bool:
            with suppress(AlreadyExistsError):
                obstore.put(store, self._path(f"{_CLAIMS}/{name}"), b"", mode="create")
                return True
            return False

        return self._told(create, name)

    def release(self, name: str) -> None:
        """Take away the file that said that this folder is taken."""
        self.remove(f"{_CLAIMS}/{name}")

    def link(self, name: str, target: str) -> None:
        """Write the name of the target into a file."""
        self.write(name, [target.encode()])

    def link_target(self, name: str) -> str:
        """Return what the file of this name holds."""
        try:
            return self.read(name).decode("ascii", "replace")
        except FileNotFoundError:
            return ""

    def remove(self, name: str) -> None:
        """Remove a file, or all files whose names begin with that of the folder."""
        import obstore

        def remove(store: "ObjectStore") -> None:
            obstore.delete(store, [self._path(one) for one in self.files(name) or [name]])

        self._told(remove, name)

    def inside(self, name: str) -> Store:
        """Return a folder in this one."""
        return Bucket(self._root, self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}".strip("/")

    def _asked(self, ask: "Callable[[ObjectStore], T]", name: str = "") -> T:
        """Ask, with failures as those of files."""
        from obstore.exceptions import BaseError, NotFoundError

        try:
            return ask(self._store())
        except (NotFoundError, FileNotFoundError) as error:
            raise FileNotFoundError(2, "no such file", f"{self.where}/{name}") from error
        except (BaseError, OSError) as error:
            raise OSError(5, _said(error), f"{self.where}/{name}") from error

    def _told(self, tell: "Callable[[ObjectStore], T]", name: str) -> T:
        """Write, with failures as a message for people."""
        try:
            return self._asked(tell, name)
        except OSError as error:
            fix = "check its address, the credentials in the environment, and their rights"
            raise UsageError(f"cannot write here: {error.strerror}", where=f"{self.where}/{name}", fix=fix) from error

    def _store(self) -> "ObjectStore":
        if self._made is None:
            from obstore.store import from_url

            patience: Any = {"max_retries": 4, "retry_timeout": timedelta(minutes=2)}
            # Nothing goes over a line that is not encrypted unless somebody says so, as with the provider's own tools.
            plain = os.environ.get(_PLAIN, "").lower() == "true"
            self._made = from_url(
                self._root, client_options={"timeout": "120s", "allow_http": plain}, retry_config=patience
            )
        return self._made


def _is_other(path: Path) -> bool:
    if path.is_symlink():
        return True
    return not any(path.iterdir()) if path.is_dir() else not path.is_file()


def _said(error: Exception) -> str:
    """Return what went wrong in one short line.

    The library's texts are long, and may quote a whole answer, which may name the key that was used: of an answer, only
    its code is told.
    """
    text = " ".join(str(error).split("Debug source:")[0].split())
    if "builder error" in text and "http://" in text:
        return f"{text}: a server without TLS is asked only with {_PLAIN}=true"
    code = _CODE.search(text)
    short = text.partition("<")[0].rstrip(" :-")[:_LONGEST]
    return f"{short} ({code[1]})" if code else short or type(error).__name__


_CODE: Final = re.compile(r"<Code>(\w{1,60})</Code>")
_LONGEST: Final = 300  # characters
