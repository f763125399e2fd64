"""What was collected, held against the world that it was collected from."""

from collections.abc import Iterable

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.access.facts.build import facts_of
from audit.snapshot.model import Snapshot
from reports.csv import csv_chunks
from tests.access.test_tables_against_rbac import known_namespaces, lookup, said, truth
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import questions

# Where it was read from stands in `coverage`, and nowhere else.
OF_ACCESS = ("grants", "access", "namespaces", "repositories", "tokens")


def tables_as_csv(snapshot: Snapshot, names: Iterable[str] = OF_ACCESS) -> dict[str, bytes]:
    """The tables of a zone as the bytes that a run writes."""
    tables = facts_of(snapshot)
    return {name: b"".join(csv_chunks(name, [tables[name]])) for name in names}


def never_wrong(snapshot: Snapshot, world: World) -> int:
    """Assert that each answer, single or read out of the tables, is the cluster's own or unknown; count the unknown."""
    authorizer, table = Authorizer(bound_subjects(snapshot)), lookup(facts_of(snapshot)["access"])
    known, unknown = known_namespaces(snapshot), 0
    # Where what lets everybody use the registry was not seen, everybody is taken to have it.
    login = not snapshot.gaps_of("clusterrolebindings") and not snapshot.gaps_of("clusterroles")
    for question in questions(world):
        expected, answer = truth(world, question, login=login), said(authorizer, question)
        assert answer in {expected, "unknown"}, (question, answer, snapshot.gaps)
        assert table(question) in {answer, "unknown"} or question.namespace not in known, (question, snapshot.gaps)
        unknown += answer == "unknown"
    return unknown
