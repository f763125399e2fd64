"""The manifest of a run: what was requested, what was read and what was not, and which files were written."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from audit.access.facts.reconcile import Count
from audit.findings.ruleset import ChecksDigest
from audit.runs.info import RunInfo
from audit.runs.runs import FORMAT, VERSION, Link
from audit.snapshot.model import Snapshot, gap_lines

DIGEST: Final = "manifest.sha256"  # for `sha256sum -c`


class WrittenFile(msgspec.Struct, frozen=True):
    """A file of the run: name (relative to its folder), size in bytes, SHA-256 (hex), rows (-1: not a table)."""

    name: str
    size: int
    sha256: str
    rows: int = -1


class MissingPart(msgspec.Struct, frozen=True):
    """A format, file or result of a shard that the run lacks, and why."""

    name: str
    reason: str


class HashingChunks:
    """Passes chunks through and hashes them, so that no file has to be read again."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._sha256 = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the chunks."""
        for chunk in self._chunks:
            self._sha256.update(chunk)
            yield chunk

    @property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of the chunks that went through."""
        return self._sha256.hexdigest()


class NamespaceGlobs(msgspec.Struct, frozen=True):
    """Namespaces by name and label, as globs of the configuration."""

    names: tuple[str, ...] = ()
    labels: dict[str, str] = {}


class RunScope(msgspec.Struct, frozen=True):
    """Which namespaces are reported on: included (none: all) and excluded ones, and the label of organizations."""

    include: NamespaceGlobs = NamespaceGlobs()
    exclude: NamespaceGlobs = NamespaceGlobs()
    organization_label: str = ""


class ToolInfo(msgspec.Struct, frozen=True):
    """The program that wrote the run, and the version of its tables."""

    name: str
    version: str
    tables: int


class ZoneEvidence(msgspec.Struct, frozen=True):
    """One zone: which cluster, read by whom and when, and how each list adds up; `errors` say what was not read.

    `state` is complete, partial, failed, or stale: it could not be read, and an earlier state is used.
    """

    id: str
    source: str
    api: str
    cluster_id: str
    server_version: str
    collected_by: str
    collected_from: str
    collected_to: str
    collected_with: str
    state: str
    lists: tuple[Count, ...]
    errors: tuple[str, ...]


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A manifest. `state` is complete, partial, failed or stopped; `previous` is None for the first run."""

    format: str
    version: int
    state: str
    as_of: str
    exit_code: int
    tool: ToolInfo
    run: RunInfo
    checks: ChecksDigest
    scope: RunScope
    options: dict[str, str]
    zones: tuple[ZoneEvidence, ...]
    previous: Link | None
    files: tuple[WrittenFile, ...]
    missing: tuple[MissingPart, ...] = ()
    head: bool = False  # a head record is kept beside the runs


@dataclass(frozen=True, slots=True)
class ManifestParts:
    """What a manifest holds besides the run and its files."""

    program: ToolInfo
    checks: ChecksDigest
    scope: RunScope
    options: Mapping[str, str]
    zones: Sequence[ZoneEvidence]
    previous: Link | None
    missing: Sequence[MissingPart] = ()


def zone_evidence(snapshot: Snapshot, lists: Sequence[Count] = ()) -> ZoneEvidence:
    """Return the entry of a zone. Its state is that of the snapshot; a run may know better (see `--verify`)."""
    origin = snapshot.origin
    return ZoneEvidence(
        id=origin.zone,
        source=origin.source,
        api=origin.place,
        cluster_id=origin.cluster_id,
        server_version=origin.server_version,
        collected_by=origin.user,
        collected_from=origin.started,
        collected_to=origin.finished,
        collected_with=origin.tool,
        state=snapshot.state,
        lists=tuple(lists),
        errors=gap_lines(snapshot.gaps),
    )


def evidence_digest(files: Iterable[WrittenFile]) -> str:
    """Return the SHA-256 (hex) over the names and digests of a run's snapshots: runs with equal snapshots share it."""
    lines = (f"{file.sha256}  {file.name}\n" for file in sorted(files, key=lambda file: file.name))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def manifest(run: RunInfo, files: Sequence[WrittenFile], about: ManifestParts, *, state: str, exit_code: int) -> bytes:
    """Return the manifest of a run as JSON."""
    record = Manifest(
        format=FORMAT,
        version=VERSION,
        state=state,
        as_of=run.as_of,
        exit_code=exit_code,
        tool=about.program,
        run=run,
        checks=about.checks,
        scope=about.scope,
        options=dict(about.options),
        zones=tuple(about.zones),
        previous=about.previous,
        files=tuple(sorted(files, key=lambda file: file.name)),
        missing=tuple(sorted(about.missing, key=lambda part: part.name)),
        head=True,
    )
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def sha256sum(data: bytes, name: str) -> bytes:
    """Return a line for `sha256sum -c`."""
    return f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode()


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema of manifests."""
    schema: dict[str, Any] = json.loads(_schema_text())
    return schema


def _schema_text() -> str:
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Manifest of a run of registry-audit",
    }
    return json.dumps(head | msgspec.json.schema(Manifest), indent=2) + "\n"


# What `make docs` writes into docs/.
DOCUMENTS: Final[Mapping[str, Callable[[], str]]] = {"manifest.schema.json": _schema_text}
