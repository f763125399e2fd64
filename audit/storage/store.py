"""Where files are stored: a folder, or a bucket with a URL (S3 and compatible, Google, Azure) by obstore.

A name is a relative path with `/`. Files are written atomically, and are private: in a folder by their mode, in a
bucket by its permissions. Credentials come from the environment, as for the tools of the provider, never from a URL.
"""

import errno
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
from audit.extras import require
from audit.masking import remember
from audit.regular_files import LARGEST, read_regular, too_large
from audit.storage.aws_profile import shared_settings
from audit.storage.files import make_private_dir, write_private

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES: Final = ("s3", "gs", "az")
LATEST: Final = "latest"  # links to the last complete run
_IN_MEMORY: Final = 64 << 20  # bytes of a file buffered in memory instead of on disk before they are sent
_CLAIMS: Final = ".claims"  # where runs that start in the same second agree on their names

_PLAIN: Final = "AWS_ALLOW_HTTP"
_ENDPOINT: Final = re.compile(r"ENDPOINT(_URL(_S3)?)?$")
_SECRET: Final = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|SAS")  # in the name of a variable
_VARIABLES: Final = ("AWS_", "AZURE_", "GOOGLE_")  # that the library reads

T = TypeVar("T")


class Store(Protocol):
    """Stores files. Reading raises FileNotFoundError, or OSError for other reasons; writing raises UsageError."""

    where: str  # path or URL, for messages

    def entries(self, name: str = "") -> list[str]:
        """Return the names of the files and folders in a folder, sorted; none if it does not exist."""
        ...

    def files(self, name: str = "") -> list[str]:
        """Return the names of all files below a folder, sorted, relative to the store; links are not followed."""
        ...

    def irregular_files(self) -> list[str]:
        """Return the names of everything in the store that is neither a file nor a folder with files, sorted."""
        ...

    def read(self, name: str) -> bytes:
        """Return a file."""
        ...

    def write(self, name: str, chunks: Iterable[bytes]) -> int:
        """Write a file atomically; return its size. An error from `chunks` passes through."""
        ...

    def claim(self, name: str) -> bool:
        """Reserve a folder; False if it is taken."""
        ...

    def release(self, name: str) -> None:
        """Release a reserved folder that is still empty."""
        ...

    def link(self, name: str, target: str) -> None:
        """Make `name` a link to `target` atomically: a symbolic link, in a bucket a file with the name of it."""
        ...

    def link_target(self, name: str) -> str:
        """Return the target of `name`, as set by `link`; "" if there is none."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, a link, or a folder with all in it."""
        ...

    def inside(self, name: str) -> "Store":
        """Return a folder of the store as a store."""
        ...


def store_of(place: str) -> Store:
    """Return the store of a path or URL. Raises UsageError for a URL that is not supported."""
    if not is_url(place):
        return Folder(Path(place))
    parts = urlsplit(place)
    shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    if parts.scheme not in SCHEMES or not parts.hostname or ":" in parts.netloc.rpartition("@")[2]:
        fix = f"use a path, or {', '.join(f'{scheme}://' for scheme in SCHEMES)} and the name of a bucket"
        raise UsageError("unsupported URL", where=shown, fix=fix)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            "a URL must not have a user, password or query", where=shown, fix="put credentials into the environment"
        )
    require("s3")
    return Bucket(f"{parts.scheme}://{parts.netloc}", parts.path.strip("/"))


def is_url(place: str) -> bool:
    """Return whether a place is a URL, not a path."""
    return "://" in place


def locate(place: str) -> tuple[Store, str]:
    """Return the store that contains a run, and the name of the run; `latest` and links are followed."""
    if not is_url(place):
        path = Path(place).resolve()
        return Folder(path.parent), path.name
    parent, _, name = place.rstrip("/").rpartition("/")
    if parent.endswith("/"):
        raise UsageError("this is a bucket, not a folder in one", where=place, fix="add the name of a folder")
    store = store_of(parent)
    try:
        target = store.link_target(name) if name == LATEST else name
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=place) from error
    if not target:
        raise UsageError("there is no run here", where=place, fix="give a run, or a folder of runs")
    return store, target


def resolve_store(place: str) -> Store:
    """Return the store of a path or URL; `latest` is followed."""
    if is_url(place) and place.rstrip("/").endswith(f"/{LATEST}"):
        store, name = locate(place)
        return store.inside(name)
    return store_of(place)


class Folder:
    """A folder of this machine; it need not exist."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = str(path)

    def entries(self, name: str = "") -> list[str]:
        """Return the names in a folder."""
        folder = self.path / name
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def files(self, name: str = "") -> list[str]:
        """Return the names of all files below a folder."""
        return sorted(
            (Path(folder) / file).relative_to(self.path).as_posix()
            for folder, _, files in os.walk(self.path / name)
            for file in files
        )

    def irregular_files(self) -> list[str]:
        """Return the names of links, empty folders, and everything else that is not a file."""
        return sorted(path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if _is_irregular(path))

    def read(self, name: str) -> bytes:
        """Return a file."""
        return read_regular(self.path / name, self.path)

    def write(self, name: str, chunks: Iterable[bytes]) -> int:
        """Write a file of mode 0600, and create the folders that lead to it."""
        path = self.path / name
        for folder in (self.path, *reversed(path.parents)):
            if folder.is_relative_to(self.path):
                make_private_dir(folder)
        return write_private(path, chunks)

    def claim(self, name: str) -> bool:
        """Create a new folder of mode 0700."""
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
        """Make a symbolic link."""
        beside = self.path / f".{name}.tmp"
        try:
            beside.unlink(missing_ok=True)
            beside.symlink_to(target)
            beside.replace(self.path / name)
        except OSError as error:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise UsageError(f"cannot move this link: {error.strerror}", where=str(self.path / name)) from error

    def link_target(self, name: str) -> str:
        """Return the target of a symbolic link."""
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
    """A folder in a bucket; the folder "" is the whole bucket."""

    def __init__(self, root: str, folder: str) -> None:
        self._root = root
        self._folder = folder
        self.where = f"{root}/{folder}".rstrip("/")
        self._made: ObjectStore | None = None

    def entries(self, name: str = "") -> list[str]:
        """Return the names in a folder."""
        import obstore

        prefix = self._path(name)
        listed = self._request(lambda store: obstore.list_with_delimiter(store, prefix or None))
        paths = [*listed["common_prefixes"], *(entry["path"] for entry in listed["objects"])]
        return sorted(path.removeprefix(prefix).strip("/") for path in paths)

    def files(self, name: str = "") -> list[str]:
        """Return the names of all files below a folder."""
        import obstore

        listed = self._request(
            lambda store: [entry for page in obstore.list(store, self._path(name) or None) for entry in page]
        )
        return sorted(entry["path"].removeprefix(self._folder).strip("/") for entry in listed)

    def irregular_files(self) -> list[str]:
        """Return nothing: a bucket has files only."""
        return []

    def read(self, name: str) -> bytes:
        """Return a file."""
        import obstore

        def get(store: "ObjectStore") -> bytes:
            found = obstore.get(store, self._path(name))
            if found.meta["size"] > LARGEST:
                raise OSError(errno.EFBIG, too_large())
            return bytes(found.bytes())

        return self._request(get, name)

    def write(self, name: str, chunks: Iterable[bytes]) -> int:
        """Send a file once it is complete."""
        import obstore

        with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            size = sum(file.write(chunk) for chunk in chunks)
            file.seek(0)
            self._write(lambda store: obstore.put(store, self._path(name), cast("IO[bytes]", file)), name)
        return size

    def claim(self, name: str) -> bool:
        """Reserve a folder by creating a file beside it, which only one can create."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        def create(store: "ObjectStore") -> bool:
            with suppress(AlreadyExistsError):
                obstore.put(store, self._path(f"{_CLAIMS}/{name}"), b"", mode="create")
                return True
            return False

        return self._write(create, name)

    def release(self, name: str) -> None:
        """Remove the file that reserves the folder."""
        self.remove(f"{_CLAIMS}/{name}")

    def link(self, name: str, target: str) -> None:
        """Write the name of the target into a file."""
        self.write(name, [target.encode()])

    def link_target(self, name: str) -> str:
        """Return the content of the file of this name."""
        try:
            return self.read(name).decode("ascii", "replace")
        except FileNotFoundError:
            return ""

    def remove(self, name: str) -> None:
        """Remove a file, or all files in a folder."""
        import obstore

        def remove(store: "ObjectStore") -> None:
            obstore.delete(store, [self._path(file) for file in self.files(name) or [name]])

        self._write(remove, name)

    def inside(self, name: str) -> Store:
        """Return a folder in this one."""
        return Bucket(self._root, self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}".strip("/")

    def _request(self, ask: "Callable[[ObjectStore], T]", name: str = "") -> T:
        """Call `ask` with the bucket; errors are raised as those of files."""
        from obstore.exceptions import BaseError, NotFoundError

        try:
            return ask(self._store())
        except (NotFoundError, FileNotFoundError) as error:
            raise FileNotFoundError(2, "no such file", f"{self.where}/{name}") from error
        except (BaseError, OSError) as error:
            raise OSError(5, _short_message(error), f"{self.where}/{name}") from error

    def _write(self, write: "Callable[[ObjectStore], T]", name: str) -> T:
        """Call `write` with the bucket; errors are raised as UsageError."""
        try:
            return self._request(write, name)
        except OSError as error:
            fix = "check the URL, the credentials in the environment, and their permissions"
            raise UsageError(f"cannot write here: {error.strerror}", where=f"{self.where}/{name}", fix=fix) from error

    def _store(self) -> "ObjectStore":
        if self._made is None:
            from obstore.store import from_url

            _check_environment()
            patience: Any = {"max_retries": 4, "retry_timeout": timedelta(minutes=2)}
            # No connection without encryption unless requested, as for the tools of the provider.
            plain = os.environ.get(_PLAIN, "").lower() == "true"
            settings: Any = shared_settings(os.environ) if self._root.startswith("s3://") else {}
            if endpoint := settings.pop("endpoint_url", ""):
                settings["aws_endpoint"] = endpoint
            self._made = from_url(
                self._root,
                config=settings,
                client_options={"timeout": "120s", "allow_http": plain},
                retry_config=patience,
            )
        return self._made


def _check_environment() -> None:
    """Raise UsageError for variables that the library cannot use: it would end the program.

    A Secret that was made by `echo | base64` ends with a line break.
    """
    for name, value in sorted(os.environ.items()):
        if not name.startswith(_VARIABLES):
            continue
        if _SECRET.search(name):
            remember(value)
        if not value.isprintable():
            fix = "set it again without the line break; `printf %s` adds no line break"
            raise UsageError(f"the variable {name} holds a line break or another control character", fix=fix)
        if _ENDPOINT.search(name) and value and not _is_address(value):
            raise UsageError(f"the variable {name} is not an address", fix="write https://HOST or https://HOST:PORT")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_irregular(path: Path) -> bool:
    if path.is_symlink():
        return True
    return not any(path.iterdir()) if path.is_dir() else not path.is_file()


def _short_message(error: Exception) -> str:
    """Return one short line for an error of the library.

    Its messages may quote a whole response, which may name the access key: of a response, only the code is kept.
    """
    text = " ".join(str(error).split("Debug source:")[0].split())
    if "builder error" in text and "http://" in text:
        return f"{text}: set {_PLAIN}=true to use a server without TLS"
    code = _CODE.search(text)
    short = text.partition("<")[0].rstrip(" :-")[:_MAX_MESSAGE]
    return f"{short} ({code[1]})" if code else short or type(error).__name__


_CODE: Final = re.compile(r"<Code>(\w{1,60})</Code>")
_MAX_MESSAGE: Final = 300  # characters
