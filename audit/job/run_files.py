"""The files of a run: what was written, and what is missing because writing or making it failed."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from audit import console
from audit.errors import UsageError, contained
from audit.runs.manifest import HashingChunks, MissingPart, WrittenFile
from audit.storage.store import Store


class RunFiles:
    """The files of one run, in its own folder. A part that fails is missing; the others are written."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.written: list[WrittenFile] = []
        self.missing: list[MissingPart] = []

    def write(self, name: str, chunks: Iterable[bytes], rows: int = -1) -> None:
        """Write a file, whole or not at all."""
        hashing = HashingChunks(chunks)
        size = self.store.write(name, hashing)
        self.written.append(WrittenFile(name, size, hashing.digest, rows))

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Record the part as missing, with the reason, if the block fails."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001  also a panic of native code; a stop passes
            self.lack(name, contained(error))

    def lack(self, name: str, reason: str) -> None:
        """Record a part as missing."""
        self.missing.append(MissingPart(name, reason))
        console.note(f"missing: {name}: {reason}", level="error")

    def free_space(self) -> None:
        """Remove the files of formats that are incomplete: on a full disk, the manifest needs the space."""
        formats = {part.name for part in self.missing}
        for file in [file for file in self.written if _format_of(file.name) in formats]:
            with suppress(UsageError):
                self.store.remove(file.name)
                self.written.remove(file)


def _format_of(name: str) -> str:
    folder, _, _ = name.partition("/")
    return folder if folder == "parquet" else name.rpartition(".")[2]
