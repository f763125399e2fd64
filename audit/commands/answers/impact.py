"""`impact`: what was used by a subject, a binding or in a namespace, and would fail without it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from audit.access.tables import tables_of
from audit.access.workloads import Workload, workloads_of
from audit.command_line.options import UseOptions
from audit.command_line.result import Grid, Result
from audit.command_line.typed import place_of, subject_in
from audit.command_line.use import gap_notes, use_of
from audit.errors import UsageError
from audit.exit_codes import of_answer
from audit.rbac.subjects import ACCOUNT, GROUP, Identity, virtual_groups
from audit.snapshot.model import Snapshot, gap_lines
from audit.tables.model import Table
from audit.tables.schemas import NO
from audit.usage.builds import BuildPush, built_images
from audit.usage.tables import EVERY, RightUse, right_uses
from audit.usage.zone_use import rfc3339

_COLUMNS: Final = ("subject_kind", "subject", "namespace", "repository", "right", "last", "also_by")
_BINDINGS: Final = {"rolebinding": "RoleBinding", "clusterrolebinding": "ClusterRoleBinding"}
_SUBJECTS: Final = ("user", "group", "sa", "serviceaccount")
_NO: Final = "no"
_UNSEEN: Final = (
    "not known: which pods run these images (collect.pods: true); a node that has an image pulls it no more, so that "
    "a workload may depend on it without a pull"
)
_NO_BUILDS: Final = "not known: which builds push (collect.builds: true)"
_ONLY_NOW: Final = "not known: workloads that had no pod when the zone was read, such as jobs between two starts"


def impact(snapshot: Snapshot, topic: str, options: UseOptions) -> Result:
    """Return what was used by `topic`, and by which other grants the same would still be possible."""
    use = use_of(snapshot, options)
    grants = tables_of(snapshot)["grants"]
    chosen, hints, subject = _chosen(snapshot, grants, topic)
    rows = [
        _row(right, chosen, grants, subject) for right in right_uses(use, snapshot) if _through(right, chosen, subject)
    ]
    rows.sort(key=lambda row: [str(row[name]) for name in _COLUMNS])
    tokens = _tokens(snapshot, subject, {str(row["subject"]) for row in rows})
    workloads = [workload for workload in workloads_of(snapshot) if _depends(workload, chosen, subject)]
    builds = [build for build in built_images(snapshot) if _builds(build, chosen, subject)]
    return Result(
        value=lambda: {
            "uses": rows,
            "tokens": [*tokens],
            "workloads": [workload._asdict() for workload in workloads],
            "builds": [build._asdict() for build in builds],
            "not_covered": gap_notes(use),
        },
        text=[
            *([Grid(_COLUMNS, [[str(row[name]) for name in _COLUMNS] for row in rows])] if rows else ()),
            *([Grid(Workload._fields, workloads)] if workloads else ()),
            *([Grid(BuildPush._fields, builds)] if builds else ()),
            *([f"tokens: {', '.join(f'{name}{day}' for name, day in tokens.items())}"] if tokens else ()),
        ],
        notes=[*hints, *([] if rows else [f"no use by {topic} is known"]), *gap_notes(use), *_unseen(snapshot)],
        exit_code=of_answer(complete=not use.missing and not any(map(snapshot.gaps_of, ("pods", "builds")))),
    )


def _unseen(snapshot: Snapshot) -> Iterator[str]:
    yield _ONLY_NOW if snapshot.requested("pods") else _UNSEEN
    if not snapshot.requested("builds"):
        yield _NO_BUILDS
    yield from gap_lines([*snapshot.gaps_of("pods"), *snapshot.gaps_of("builds")])


def _depends(workload: Workload, chosen: list[dict[str, Any]], subject: Identity | None) -> bool:
    """Return whether a workload pulls as the subject, as a subject of the binding, or from the namespace."""
    account = Identity(ACCOUNT, f"{workload.namespace}:{workload.account}")
    return _is_one(account, chosen, subject) or any(
        not grant["subject"] and grant["namespace"] in workload.held_in.split(", ") for grant in chosen if not subject
    )


def _builds(built: BuildPush, chosen: list[dict[str, Any]], subject: Identity | None) -> bool:
    account = Identity(ACCOUNT, f"{built.namespace}:{built.account}")
    return _is_one(account, chosen, subject) or any(
        not grant["subject"] and grant["namespace"] == built.to_namespace for grant in chosen if not subject
    )


def _is_one(account: Identity, chosen: list[dict[str, Any]], subject: Identity | None) -> bool:
    """Return whether an account is the subject or one of the binding's, or in a group of accounts that is."""
    groups = {Identity(GROUP, name) for name in virtual_groups(account)}
    named = [subject] if subject else [Identity(grant["subject_kind"], grant["subject"]) for grant in chosen]
    return account in named or not groups.isdisjoint(named)


def _chosen(snapshot: Snapshot, grants: Table, topic: str) -> tuple[list[dict[str, Any]], list[str], Identity | None]:
    """Return the grants that a topic is about, notes about how it was read, and its subject if it is one."""
    prefix, slash, name = topic.partition("/")
    kind = _BINDINGS.get(prefix.lower()) if slash else None
    if kind:
        namespace, colon, binding = name.partition(":") if kind == "RoleBinding" else ("*", ":", name)
        if not colon or not binding:
            raise UsageError("not a binding", where=topic, fix="rolebinding/NAMESPACE:NAME or clusterrolebinding/NAME")
        rows = grants.where("binding_kind", {kind}) & grants.where("binding", {binding})
        rows &= grants.where("namespace", {namespace})
        if not rows.any():
            raise UsageError("no such binding, or it grants nothing", where=topic)
        return grants.take(rows).records(), [], None
    if slash and prefix.lower() in _SUBJECTS:
        subject, hints = subject_in(snapshot, topic)
        rows = grants.where("subject_kind", {subject.kind}) & grants.where("subject", {subject.name})
        return grants.take(rows).records(), hints, subject
    place = place_of(name if slash and prefix.lower() in {"ns", "namespace"} else topic)
    return [{"subject_kind": "", "subject": "", "namespace": place.namespace, "repository": EVERY}], [], None


def _through(use: RightUse, chosen: list[dict[str, Any]], subject: Identity | None) -> bool:
    """Return whether a use may have been by one of the grants; of a subject, whoever granted it."""
    if subject:
        return subject in use.subjects
    return any(_gives(grant, use) for grant in chosen)


def _gives(grant: Mapping[str, Any], use: RightUse) -> bool:
    """Return whether a grant gives the right to a use; one without a subject stands for a namespace."""
    who = Identity(grant["subject_kind"], grant["subject"])
    if grant["namespace"] not in {EVERY, use.namespace} or grant["repository"] not in {EVERY, use.repository}:
        return False
    return not who.kind or (who in use.subjects and grant[use.right] != _NO)


def _row(use: RightUse, chosen: list[dict[str, Any]], grants: Table, subject: Identity | None) -> dict[str, str]:
    """Return a use as a row; `also_by`: the bindings that would still allow it."""
    mine = {(grant.get("binding_kind"), grant.get("binding"), grant["namespace"]) for grant in chosen}
    others: set[str] = set()
    if use.right in grants.columns and not subject:
        rows = grants.numbers(use.right) != NO
        rows &= grants.where("subject", {identity.name for identity in use.subjects})
        rows &= grants.where("namespace", {use.namespace, EVERY}) & grants.where("repository", {use.repository, EVERY})
        found = (row for row in grants.take(rows).records() if _gives(row, use))
        others = {
            f"{row['binding_kind']} {row['binding']}"
            for row in found
            if (row["binding_kind"], row["binding"], row["namespace"]) not in mine
        }
    who = use.subjects[0]
    return {
        "subject_kind": who.kind,
        "subject": who.name,
        "namespace": use.namespace or EVERY,
        "repository": use.repository or EVERY,
        "right": use.right,
        "last": rfc3339(use.last),
        "also_by": ", ".join(sorted(others)),
    }


def _tokens(snapshot: Snapshot, subject: Identity | None, names: set[str]) -> dict[str, str]:
    """Return the token secrets of the accounts, and when each was used last: its holder loses the access too."""
    wanted = {subject.name} if subject and subject.kind == ACCOUNT else names
    table, text = snapshot.tables["tokens"], snapshot.strings
    columns = (table[name].tolist() for name in ("namespace", "account", "name", "last_used"))
    return {
        f"{text[namespace]}/{text[token]}": f" (last used {text[used]})" if text[used] else ""
        for namespace, account, token, used in zip(*columns, strict=True)
        if f"{text[namespace]}:{text[account]}" in wanted
    }
