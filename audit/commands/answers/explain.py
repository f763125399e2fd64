"""`explain`: every grant of a subject, one sentence each."""

from collections.abc import Iterator, Mapping, Sequence

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.access.sentences import Explanation
from audit.access.sentences import explain as explanation_of
from audit.command_line.result import Result
from audit.command_line.typed import (
    Place,
    check_subject_first,
    never_seen,
    place_hints,
    place_of,
    subject_in,
    subject_of,
)
from audit.commands.answers.by_routes import lines_of, rows_of
from audit.exit_codes import of_answer
from audit.rbac.roles import HOW
from audit.rbac.subjects import Identity
from audit.snapshot.model import Snapshot


def explain(snapshots: Sequence[Snapshot], subject: str, namespace: str | None, *, routes: bool = False) -> Result:
    """Return every grant of a subject, and with `routes` what it comes to another way.

    The result is partial when there may be others.
    """
    if namespace is not None:
        check_subject_first(snapshots, subject, namespace)
    place = None if namespace is None else place_of(namespace)
    namespaces = place and [place.namespace]
    explanations: dict[str, tuple[Identity, Explanation]] = {}
    notes: list[str] = []
    for snapshot in snapshots:
        who, hints = subject_in(snapshot, subject)
        authorizer = Authorizer(bound_subjects(snapshot, namespaces))
        explanation = explanation_of(authorizer, who, place and place.namespace)
        remarks = [*never_seen(snapshot, who), *(_elsewhere(snapshot, who) if place and not explanation.grants else [])]
        explanations[snapshot.origin.zone] = who, explanation._replace(remarks=(*explanation.remarks, *remarks))
        notes += hints
    by_route = {
        snapshot.origin.zone: rows_of(snapshot, explanations[snapshot.origin.zone][0], place and place.namespace)
        for snapshot in (snapshots if routes else ())
    }
    if place:
        notes += place_hints(snapshots, Place(place.namespace, ""), namespace or "")
    return Result(
        value=lambda: {
            **_value(subject_of(subject), explanations),
            **({"routes": [row for rows in by_route.values() for row in rows]} if routes else {}),
        },
        text=[
            line
            for zone, (who, explanation) in explanations.items()
            for line in (
                *_lines(zone, who, explanation, place and place.namespace),
                *(f"{zone}: {line}" for line in lines_of(by_route.get(zone, ()))),
            )
        ],
        notes=notes,
        exit_code=of_answer(complete=all(explanation.whole for _, explanation in explanations.values())),
    )


def _elsewhere(snapshot: Snapshot, who: Identity) -> Iterator[str]:
    """Yield a line if bindings in other namespaces grant something: a namespace without any is not all there is."""
    everywhere = Authorizer(bound_subjects(snapshot)).grants_of(who)
    if found := sum(1 for grant in everywhere if grant.rights.possible):
        grants = "1 grant" if found == 1 else f"{found} grants"
        yield f"{who.kind} {who.name} has {grants} in other namespaces: leave the namespace out to list them"


def _value(typed: Identity, explanations: Mapping[str, tuple[Identity, Explanation]]) -> dict[str, object]:
    ways = [record for zone, (_, explanation) in explanations.items() for record in _records(zone, explanation)]
    not_seen = {zone: list(explanation.obstacles) for zone, (_, explanation) in explanations.items()}
    who = next((who for who, _ in explanations.values()), typed)
    return {
        "subject_kind": who.kind,
        "subject": who.name,
        "ways": ways,
        "remarks": {
            zone: list(explanation.remarks) for zone, (_, explanation) in explanations.items() if explanation.remarks
        },
        "not_seen": {zone: obstacles for zone, obstacles in not_seen.items() if obstacles},
    }


def _records(zone: str, explanation: Explanation) -> Iterator[dict[str, str]]:
    for grant, text in explanation.grants:
        place = {"namespace": grant.namespace or "*", "repository": grant.repository or "*"}
        yield {"zone": zone, **place, "group": grant.group, "how": HOW[grant.how], "why": text}


def _lines(zone: str, who: Identity, explanation: Explanation, namespace: str | None) -> Iterator[str]:
    grants = [text for _, text in explanation.grants]
    where = f" in {namespace}" if namespace else ""
    nothing = f"no visible binding grants {who.kind} {who.name} anything{where}"
    for text in (*explanation.remarks, *(grants or [nothing]), *explanation.obstacles):
        yield f"{zone}: {text}"
