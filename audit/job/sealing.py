"""The end of a run: its lists are counted again, and the manifest is written, chained and signed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from audit import console
from audit.access.facts.reconcile import reconcile
from audit.checks.settings import Settings
from audit.config.model import Config
from audit.errors import UsageError
from audit.findings.ruleset import ChecksDigest, checks_digest
from audit.job.run_files import RunFiles
from audit.pseudonyms.pseudonyms import Pseudonyms
from audit.runs.head import HEAD, head_record
from audit.runs.manifest import (
    DIGEST,
    ManifestParts,
    NamespaceGlobs,
    RunScope,
    ToolInfo,
    ZoneEvidence,
    manifest,
    sha256sum,
    zone_evidence,
)
from audit.runs.outcome import RunOutcome
from audit.runs.run_lock import chain_lock
from audit.runs.runs import MANIFEST, Link
from audit.runs.signing import SUFFIX, Signer
from audit.snapshot.model import Snapshot
from audit.snapshot.scope import Selects
from audit.storage.store import Store
from audit.tables.model import Table
from audit.tables.schemas import VERSION


@dataclass(frozen=True, slots=True)
class Seal:
    """What a manifest records of the request for the run, and what signs it (None: nothing)."""

    scope: RunScope = field(default_factory=RunScope)
    options: Mapping[str, str] = field(default_factory=dict)
    signer: Signer | None = None
    pseudonyms: Pseudonyms | None = None


def signer_of(config: Config) -> Signer | None:
    """Return what signs manifests, if anything does. Raises UsageError."""
    evidence = config.evidence
    return Signer(evidence.key_file, evidence.password_env) if evidence.key_file else None


def reach_of(config: Config, settings: Settings) -> RunScope:
    """Return which namespaces are reported on, for the manifest."""
    chosen = config.namespaces.include, config.namespaces.exclude
    include, exclude = (NamespaceGlobs(names=selection.names, labels=selection.labels) for selection in chosen)
    return RunScope(include, exclude, settings.organization_label)


class Sealing:
    """Gathers the evidence of one run, zone by zone, and writes its manifest last."""

    def __init__(self, seal: Seal, settings: Settings, selects: Selects | None, out: Store) -> None:
        self._seal = seal
        self._settings = settings
        self._selects = selects
        self._out = out
        self._zones: dict[str, ZoneEvidence] = {}

    def seen(self, snapshot: Snapshot) -> None:
        """Record what was read of a zone."""
        self._zones[snapshot.origin.zone] = zone_evidence(snapshot)

    def counted(self, snapshot: Snapshot, tables: Mapping[str, Table]) -> None:
        """Count a zone again, by its tables."""
        lists, zone = reconcile(snapshot, self._selects, tables), snapshot.origin.zone
        self._zones[zone] = msgspec.structs.replace(self._zones[zone], lists=lists)

    def _checks(self) -> ChecksDigest:
        found, names = checks_digest(self._settings), self._seal.pseudonyms
        return msgspec.structs.replace(found, sha256=names.digest(found.sha256)) if names else found

    def _scope(self) -> RunScope:
        """Return which namespaces were reported on; with pseudonyms not by globs, which could give names away."""
        scope, names = self._seal.scope, self._seal.pseudonyms
        if not names:
            return scope
        excluded = NamespaceGlobs(tuple(sorted(names.left_out)))
        return RunScope(NamespaceGlobs(), excluded, scope.organization_label)

    def write(self, folder: Store, outcome: RunOutcome, files: RunFiles) -> None:
        """Write the manifest into the folder of the run, and beside it its digest and its signature."""
        with chain_lock(self._out, console.note) as previous:
            data, run_id = self._manifest(outcome, files, previous), outcome.run_id
            # The manifest itself comes last: a run that has one has all the rest.
            folder.write(DIGEST, [sha256sum(data, MANIFEST)])
            if self._seal.signer:
                folder.write(f"{MANIFEST}{SUFFIX}", [self._seal.signer.sign(data, f"run {run_id}")])
            folder.write(MANIFEST, [data])
            self._head(outcome, data)

    def _head(self, outcome: RunOutcome, data: bytes) -> None:
        """Record which run ended last. Without it the run is whole, but its removal would not show."""
        digest, finished = hashlib.sha256(data).hexdigest(), outcome.run.finished if outcome.run else ""
        try:
            self._out.write(HEAD, [head_record(outcome.run_id, digest, finished, self._seal.signer)])
        except UsageError as error:
            console.note(f"{HEAD} was not written: {error}", level="error")

    def _manifest(self, outcome: RunOutcome, files: RunFiles, previous: Link | None) -> bytes:
        run = outcome.run
        assert run is not None  # noqa: S101  a run that has ended knows what it saw
        parts = ManifestParts(
            program=ToolInfo("registry-audit", run.version, VERSION),
            checks=self._checks(),
            scope=self._scope(),
            options=self._seal.options,
            zones=[msgspec.structs.replace(self._zones[zone.id], state=zone.state) for zone in run.zones],
            previous=previous,
            missing=outcome.missing,
        )
        return manifest(run, files.written, parts, state=outcome.state, exit_code=outcome.exit_code)
