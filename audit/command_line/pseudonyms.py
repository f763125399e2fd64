"""`--pseudonyms`: the key, the map that is kept apart from the run, and how pseudonyms are judged by real names."""

import json
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from audit.config.model import Config, Namespaces
from audit.errors import UsageError
from audit.findings.exceptions import GLOB, ExceptionEntry, ExceptionSet
from audit.job.judging import Judgement
from audit.masking import remember
from audit.pseudonyms.pseudonymizer import LEFT_OUT, Pseudonymizer
from audit.pseudonyms.pseudonyms import Pseudonyms
from audit.rbac.subjects import ACCOUNT, GROUP, USER
from audit.regular_files import SMALL, read_regular
from audit.runs.runs import NAMES
from audit.snapshot.model import Snapshot
from audit.storage.files import write_private
from audit.storage.store import is_url
from audit.tenancy.platform import Platform
from reports.audience import Audience

EXCEPTIONS_DIGEST: Final = "exceptions_sha256"  # the option of a manifest
SHORTEST: Final = 16  # bytes of a key
_LONGEST: Final = 1 << 16
_KINDS: Final = {"user": USER, "group": GROUP, "sa": ACCOUNT}
_MAP: Final = msgspec.json.Decoder(dict[str, str])  # names by pseudonym
_MAKE: Final = "(umask 077; head -c 32 /dev/urandom > {})"


@dataclass(frozen=True)
class RealPlatform(Platform):
    """The platform when names are replaced: what belongs to it is decided by the real names."""

    real: Callable[[str], str] = str

    def _name(self, name: str) -> str:
        return self.real(name)


@dataclass(frozen=True, slots=True)
class Names:
    """By what names are replaced, and where the map of them is kept."""

    by: Pseudonyms
    path: Path

    def keep(self) -> None:
        """Write the names behind the pseudonyms, with those that are in the file. Raises UsageError when it cannot."""
        text = json.dumps({**known_names(self.path), **self.by.names}, indent=1, sort_keys=True)
        write_private(self.path, [text.encode(), b"\n"])

    def pseudonymizer(self, config: Config | None) -> Pseudonymizer:
        """Return what replaces the names in facts."""
        given = config.namespaces if config else Namespaces()
        return Pseudonymizer(self.by, given.organization_label, {*given.include.labels, *given.exclude.labels})

    def refuse(self, snapshots: Sequence[Snapshot]) -> None:
        """Raise UsageError for facts whose names were replaced before."""
        for snapshot in snapshots:
            if snapshot.origin.names:
                what = f"zone {snapshot.origin.zone}: its names have already been replaced"
                raise UsageError(what, fix="leave --pseudonyms out, or give what was collected")

    def judgement(self, judgement: Judgement) -> Judgement:
        """Return by what pseudonyms are judged as the names behind them would be."""
        given = judgement.settings.platform
        platform = RealPlatform(given.namespaces, given.subjects, real=self.by.real)
        decisions = ExceptionSet(judgement.decisions.entries, self._pseudonymous, self.by.real)
        return replace(judgement, settings=replace(judgement.settings, platform=platform), decisions=decisions)

    def reader(self, reader: Audience) -> Audience:
        """Return for whom a report is, by pseudonym."""
        return replace(reader, name=self.by.group(reader.name)) if reader.kind == "organization" else reader

    def options(self, options: Mapping[str, str]) -> dict[str, str]:
        """Return what a manifest says of what was asked for, so that no guess can be compared with it."""
        keyed = {name: self.by.digest(text) for name, text in options.items() if name == EXCEPTIONS_DIGEST}
        return {**options, **keyed, NAMES: self.by.fingerprint}

    def _pseudonymous(self, decision: ExceptionEntry) -> ExceptionEntry:
        changes = {
            "id": decision.id and self.by.of("exception", decision.id),
            "namespace": self._glob(decision.namespace, self.by.namespace),
            "subject": self._subject(decision.subject),
            "why": LEFT_OUT,
            "decided_by": self.by.user(decision.decided_by),
            "ticket": decision.ticket and LEFT_OUT,
            "cause": decision.cause and self.by.of("cause", decision.cause),
        }
        return decision.model_copy(update=changes)

    def _subject(self, text: str) -> str:
        prefix, slash, name = text.partition("/")
        kind = _KINDS.get(prefix)
        if not slash or kind is None:
            return self.by.of("pattern", text)
        return f"{prefix}/{self._glob(name, lambda name: self.by.subject(kind, name))}"

    def _glob(self, text: str, of: Callable[[str], str]) -> str:
        return self.by.of("pattern", text) if GLOB.search(text) else of(text)


def names_of(key: Path | None, path: Path | None, out: str) -> Names | None:
    """Return by what names are replaced; None when they are not. Raises UsageError for what would give names away."""
    if key is None or path is None:
        if key is None and path is None:
            return None
        fix = "the map has the names; keep it apart from the runs"
        raise UsageError("--pseudonyms and --pseudonym-map must be given together", fix=fix)
    for file, what in ((key, "key"), (path, "map")):
        if not is_url(out) and file.resolve().is_relative_to(Path(out).resolve()):
            raise UsageError(f"the {what} is in the folder of runs", where=str(file), fix="keep it elsewhere")
    if path.resolve() == key.resolve():
        raise UsageError("the map would overwrite the key", where=str(path), fix="give another file")
    names = Names(Pseudonyms(_secret(key), known_names(path)), path)
    names.keep()  # before the run: a map that cannot be written is reported at once
    return names


def without_names(config: Config) -> Config:
    """Return the configuration of shards, or of their merge. Raises UsageError if it says to replace names."""
    if config.pseudonyms.key_file:
        raise UsageError("pseudonyms cannot be combined with shards", fix="run all zones together")
    return config


def _secret(key: Path) -> bytes:
    make = f"make one: {_MAKE.format(key)}"
    try:
        found = key.stat()
        secret = read_regular(key, limit=SMALL)[: _LONGEST + 1]
    except OSError as error:
        raise UsageError(f"cannot read this key: {error.strerror}", where=str(key), fix=make) from error
    if found.st_mode & (stat.S_IROTH | stat.S_IWOTH):
        raise UsageError("others may read or write this key", where=str(key), fix=f"chmod o= {key}, or another key")
    remember(secret)
    if len(secret) < SHORTEST:
        raise UsageError(f"this key is shorter than {SHORTEST} bytes", where=str(key), fix=make)
    return secret


def known_names(path: Path) -> dict[str, str]:
    """Return the map in a file; empty when there is none yet. Raises UsageError for a file that is something else."""
    try:
        return _MAP.decode(read_regular(path))
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError("not a map of pseudonyms", where=str(path), fix="give the one of an earlier run") from error
