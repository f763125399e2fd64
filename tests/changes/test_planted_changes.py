"""Changes of every kind, planted in an estate: each is told with its cause, and nothing else is."""

import pytest

from audit.changes.build import changes_of
from audit.changes.state import State
from benchmarks.estate import Shape
from benchmarks.plants import Planted, told
from tests.worlds.snapshots import snapshot_of

SHAPE = Shape(namespaces=260, organizations=40, people_per_organization=4)


@pytest.mark.parametrize(("shape", "count"), [(SHAPE, 100), (Shape(namespaces=40, organizations=10), 13)])
def test_planted_changes_are_all_told_and_nothing_else_is(shape: Shape, count: int) -> None:
    """A hundred, of thirteen kinds: what changed, for whom, through which group, and why."""
    planted = Planted(shape, count)
    before, after = (State.of(snapshot_of(kinds)) for kinds in (dict(planted.before), dict(planted.after)))
    assert told(changes_of(before, after).records()) == sorted(planted.rows)
    assert len(planted.rows) >= count
