"""The grants that checks judge."""

import pytest

from audit.checks.bindings import DirectGrants
from audit.tables.model import NO, YES, table_of

Row = dict[str, str | int]
ANN: Row = {"namespace": "shop", "repository": "*", "subject_kind": "User", "subject": "ann"}
DEVS: Row = {**ANN, "subject_kind": "Group", "subject": "devs"}
UPLOAD: Row = {"push": YES, "pull": NO, "binding_kind": "RoleBinding"}


@pytest.mark.parametrize(
    ("grants", "access", "pushes"),
    [
        ([{**ANN, **UPLOAD, "pull": YES}], [], True),
        ([{**ANN, **UPLOAD}], [], False),
        ([{**ANN, **UPLOAD}], [{**ANN, "push": NO, "pull": NO}], False),
        ([{**ANN, **UPLOAD}], [{**ANN, "push": YES}], True),
        ([{**ANN, **UPLOAD}], [{**ANN, "push": YES, "repository": "web"}], True),
        ([{**ANN, **UPLOAD, "repository": "web"}], [{**ANN, "push": YES, "repository": "api"}], False),
        ([{**ANN, **UPLOAD}], [{**ANN, "push": YES, "namespace": "mall"}], False),
        ([{**ANN, **UPLOAD}], [{**DEVS, "push": YES, "subject": "ann"}], False),
        ([{**DEVS, **UPLOAD}, {**ANN, **UPLOAD, "group": "devs"}], [{**ANN, "push": YES}], True),
        ([{**DEVS, **UPLOAD}, {**ANN, **UPLOAD, "group": "qa"}], [{**ANN, "push": YES}], False),
    ],
)
def test_a_grant_of_push_counts_where_its_subject_can_pull(grants: list[Row], access: list[Row], pushes: bool) -> None:
    """By this grant or another one, at the same place; for a group, where a member can."""
    found = DirectGrants(table_of("grants", grants), table_of("access", access))
    assert found.can("push").tolist()[0] is pushes
    assert found.can("pull", "push").tolist()[0] is (pushes or grants[0]["pull"] == YES)
