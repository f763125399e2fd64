"""The grants that checks judge."""

import pytest

from audit.checks.bindings import DirectGrants
from audit.tables.model import table_of
from audit.tables.schemas import NO, YES

Row = dict[str, str | int]
ANN: Row = {"namespace": "shop", "repository": "*", "subject_kind": "User", "subject": "ann"}
UPLOAD: Row = {**ANN, "push": YES, "pull": NO, "create": YES, "binding_kind": "RoleBinding"}


@pytest.mark.parametrize(
    ("lacks", "able"),
    [
        ("", {"push", "create", "pull"}),
        ("pull", {"pull"}),
        ("pull?", {"pull"}),
        ("push", {"pull"}),
        ("login", set()),
        ("login?", set()),
        ("pull, login", set()),
    ],
)
def test_a_grant_counts_where_its_subject_lacks_nothing_else(lacks: str, able: set[str]) -> None:
    """For a push it needs pull, for a create both; and a subject that may not log in can do nothing."""
    grants = DirectGrants(table_of("grants", [{**UPLOAD, "pull": YES, "lacks": lacks}]))
    assert {right for right in ("pull", "push", "create", "catalog") if grants.can(right).tolist() == [True]} == able


def test_a_right_that_is_not_granted_does_not_count() -> None:
    """Whatever the subject lacks or not."""
    grants = DirectGrants(table_of("grants", [{**UPLOAD, "lacks": "pull"}, {**UPLOAD, "lacks": ""}]))
    assert grants.can("pull").tolist() == [False, False]
    assert grants.can("pull", "push").tolist() == [False, True]
