"""`least`: the smallest grant that covers what a subject used, as a manifest; nothing is applied."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from audit.command_line.options import UseOptions
from audit.command_line.result import Result, Verbatim
from audit.command_line.typed import subject_in
from audit.command_line.use import gap_notes, use_of
from audit.errors import UsageError
from audit.exit_codes import of_answer
from audit.rbac.subjects import ACCOUNTS, GROUP, Identity, user
from audit.snapshot.model import Snapshot
from audit.usage.least import manifests, needed
from audit.usage.tables import RIGHT_OF, right_uses
from audit.usage.zone_use import ZoneUse, rfc3339

_PLAIN: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 40


def least(snapshot: Snapshot, typed: str, options: UseOptions) -> Result:
    """Return the roles and bindings that cover what a subject used.

    Where the logs do not cover the time, what is needed is not known, and nothing is proposed.
    """
    subject, hints = subject_in(snapshot, typed)
    use = use_of(snapshot, options)
    if use.missing:
        refused = f"what {typed} needs is not known: the logs do not cover {use.threshold_days} days"
        return Result(value=lambda: None, notes=[*hints, *gap_notes(use), refused], exit_code=of_answer(complete=False))
    if subject.kind == GROUP and not _is_listed(snapshot, subject):
        raise UsageError("the members of this group are not known", where=typed, fix="ask for a user or an account")
    uses = right_uses(use, snapshot)
    need = needed(uses, subject, snapshot, rfc3339(use.begin))
    items = manifests(need, subject, _name(subject))
    listed = {"apiVersion": "v1", "kind": "List", "items": items}
    nothing = [] if items else [f"{typed} used nothing of the registry: it needs no grant"]
    return Result(
        value=lambda: listed,
        text=[Verbatim(_text(listed))] if items else (),
        notes=[*hints, *nothing, *_beside(use, subject)],
    )


def _is_listed(snapshot: Snapshot, group: Identity) -> bool:
    listed = snapshot.tables["groups"]["name"] == snapshot.code(group.name)
    return bool(listed.any()) or group.name.startswith(f"{ACCOUNTS}:")


def _name(subject: Identity) -> str:
    """Return a name for the roles of a subject, which says whose they are and is valid in a cluster."""
    plain = _PLAIN.sub("-", subject.name.lower()).strip("-")[:_LONGEST].strip("-")
    digest = hashlib.sha256(f"{subject.kind}/{subject.name}".encode(errors="surrogatepass")).hexdigest()[:6]
    return f"registry-{plain}-{digest}" if plain else f"registry-{digest}"


def _text(listed: dict[str, Any]) -> str:
    # JSON is YAML too, and `oc apply -f -` reads both.
    return msgspec.json.format(msgspec.json.encode(listed), indent=2).decode() + "\n"


def _beside(use: ZoneUse, subject: Identity) -> Sequence[str]:
    """Return notes about what the subject did through the API, which these roles do not give."""
    rows = (row for row in use.totals.to_pylist() if user(row["user"]) == subject and not row["denied"])
    actions = sorted({row["action"] for row in rows} - {*RIGHT_OF})
    return [f"not part of it: {subject.name} also used the API ({', '.join(actions)})"] if actions else []
