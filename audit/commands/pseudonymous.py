"""`--pseudonyms`: the key, the map that is kept apart from the run, and decisions about names."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from audit.checks.platform import Platform
from audit.config import Config
from audit.errors import UsageError
from audit.exceptions import Accepted
from audit.files import write_private
from audit.inventory import ORGANIZATION_LABEL
from audit.pseudonyms import SHORTEST, Pseudonyms

SUFFIX: Final = ".map.json"  # behind the name of the key
_GLOB: Final = re.compile(r"[*?\[]")
_KINDS: Final = {"user": "User", "group": "Group", "sa": "ServiceAccount"}
_NOT_TOLD: Final = "(left out)"


def pseudonyms_of(key: Path | None, config: Config | None, out: str) -> Pseudonyms | None:
    """Return the pseudonyms of a key; None without one. Raises UsageError for what would give names away."""
    if key is None:
        return None
    try:
        secret = key.read_bytes()
    except OSError as error:
        fix = f"make one: head -c 32 /dev/urandom > {key}"
        raise UsageError(f"cannot read this key: {error.strerror}", where=str(key), fix=fix) from error
    if len(secret) < SHORTEST:
        raise UsageError(f"this key is shorter than {SHORTEST} bytes", where=str(key), fix="take 32 random bytes")
    if key.resolve().is_relative_to(Path(out).resolve()):
        raise UsageError("the key lies where the runs are", where=str(key), fix="keep it, and the map beside it, apart")
    if config and (config.namespaces.include.labels or config.namespaces.exclude.labels):
        raise UsageError("namespaces cannot be chosen by labels with pseudonyms", fix="choose them by names")
    platform = Platform(config.platform.namespaces, config.platform.subjects) if config else Platform()
    return Pseudonyms(secret, platform, config.namespaces.organization_label if config else ORGANIZATION_LABEL)


def keep_map(key: Path, pseudonyms: Pseudonyms) -> Path:
    """Write the names behind the pseudonyms beside the key, with those of earlier runs; return where."""
    path = key.with_name(key.name + SUFFIX)
    try:
        known = json.loads(path.read_text()) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise UsageError("this is no map of pseudonyms", where=str(path), fix="move it away") from error
    text = json.dumps({**known, **pseudonyms.names}, indent=1, sort_keys=True)
    write_private(path, [text.encode(), b"\n"])
    return path


def told_of(decisions: Sequence[Accepted], pseudonyms: Pseudonyms) -> tuple[Accepted, ...]:
    """Return decisions about the pseudonyms of the names that they are about. Raises UsageError for globs of names."""
    return tuple(_told(one, pseudonyms) for one in decisions)


def _told(decision: Accepted, pseudonyms: Pseudonyms) -> Accepted:
    changes: dict[str, object] = {
        "why": _NOT_TOLD,
        "ticket": "",
        "id": None,
        "decided_by": pseudonyms.user(decision.decided_by),
    }
    if decision.namespace != "*":
        changes["namespace"] = pseudonyms.space(_exact(decision.namespace))
    kind, slash, name = decision.subject.partition("/")
    if name != "*" and decision.subject != "*":
        if not slash or kind not in _KINDS:
            raise UsageError(f"with pseudonyms, this names nobody: {decision.subject}", fix="user/NAME, group/NAME …")
        changes["subject"] = f"{kind}/{pseudonyms.subject(_KINDS[kind], _exact(name))}"
    return decision.model_copy(update=changes)


def _exact(name: str) -> str:
    if _GLOB.search(name):
        raise UsageError(f"with pseudonyms, an exception cannot be about a glob of names: {name}", fix="name each")
    return name
