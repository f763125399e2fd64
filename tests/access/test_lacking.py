"""What a grant has no effect without: judged for its subject, in its place, by all its other grants."""

from collections.abc import Iterator
from itertools import product

import pytest

from audit.access.tables import tables_of
from audit.rbac.subjects import GROUP
from audit.snapshot.model import Gap
from tests.worlds.plain_rbac import ANONYMOUS, World, account_of, can
from tests.worlds.random_zones import REPOSITORIES, varied_world
from tests.worlds.small import PULL, Piece, bind, group, role, rule, world
from tests.worlds.snapshots import snapshot_of

UPLOAD = role("", "uploads", rule(["imagestreams/layers"], ["update"]))
ONE = role("", "one", {**PULL, "resourceNames": ["web"]})
OTHER = role("", "uploads-api", rule(["imagestreams/layers"], ["update"], resourceNames=["api"]))
STREAMS = role("", "creates", rule(["imagestreams"], ["create"]))
KIM, DEVS, EVERYBODY = ("User", "kim"), ("Group", "devs"), ("Group", "system:authenticated")


def lacks(*pieces: Piece, gaps: tuple[Gap, ...] = ()) -> str:
    """What the grant of the binding `x` lacks for the subject that it names."""
    rows = tables_of(snapshot_of(world(*pieces), gaps))["grants"].records()
    (row,) = [row for row in rows if row["binding"] == "x" and not row["group"]]
    return str(row["lacks"])


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((bind("shop", "x", "system:image-pusher", KIM),), ""),
        ((UPLOAD, bind("shop", "x", "uploads", KIM)), "pull"),
        ((UPLOAD, bind("shop", "x", "uploads", KIM), bind("shop", "y", "system:image-puller", KIM)), ""),
        ((UPLOAD, bind("shop", "x", "uploads", KIM), bind("", "y", "system:image-puller", KIM)), ""),
        ((UPLOAD, bind("shop", "x", "uploads", KIM), bind("shop", "y", "system:image-puller", EVERYBODY)), ""),
        ((UPLOAD, bind("shop", "x", "uploads", KIM), bind("mall", "y", "system:image-puller", KIM)), "pull"),
        (
            (UPLOAD, bind("shop", "x", "uploads", KIM), bind("shop", "y", "system:image-puller", ("User", "eve"))),
            "pull",
        ),
        ((UPLOAD, ONE, bind("shop", "x", "uploads", KIM), bind("shop", "y", "one", KIM)), ""),
        ((OTHER, ONE, bind("shop", "x", "uploads-api", KIM), bind("shop", "y", "one", KIM)), "pull"),
        ((UPLOAD, ONE, bind("", "x", "uploads", KIM), bind("shop", "y", "one", KIM)), ""),
        ((STREAMS, bind("shop", "x", "creates", KIM)), "pull, push"),
        ((STREAMS, bind("shop", "x", "creates", KIM), bind("shop", "y", "system:image-puller", KIM)), "push"),
        ((STREAMS, bind("shop", "x", "creates", KIM), bind("shop", "y", "system:image-pusher", KIM)), ""),
        ((bind("shop", "x", "system:image-puller", KIM),), ""),
        ((UPLOAD, group("devs", "kim"), bind("shop", "x", "uploads", DEVS)), "pull"),
        ((UPLOAD, group("devs", "kim"), bind("shop", "x", "uploads", DEVS), bind("shop", "y", "view", KIM)), ""),
        ((UPLOAD, group("devs", "zoe"), bind("shop", "x", "uploads", DEVS), bind("shop", "y", "view", KIM)), "pull"),
    ],
)
def test_what_the_subject_of_a_grant_lacks(pieces: tuple[Piece, ...], expected: str) -> None:
    """Pull may come from any grant that meets this one; of a group, one member that can push is enough."""
    assert lacks(*pieces) == expected


def test_what_may_be_there_is_marked() -> None:
    """Where roles of the namespace could not be seen, pull may come from one of them."""
    pieces = (UPLOAD, bind("shop", "x", "uploads", KIM), bind("shop", "y", "unseen", KIM, kind="Role"))
    assert lacks(*pieces, gaps=(Gap("roles", "shop", "refused"),)) == "pull?"


def test_who_may_not_log_in_lacks_that() -> None:
    """Whatever the grant is for, where every API server's own objects are recorded and the right is gone."""
    discovery = role("", "system:discovery", {"verbs": ["get"], "nonResourceURLs": ["/api"]})
    bound = bind("", "system:discovery", "system:discovery", EVERYBODY)
    login = role(
        "",
        "logs-in",
        rule(["selfsubjectreviews"], ["create"], group="authentication.k8s.io"),
        rule(["selfsubjectaccessreviews"], ["create"], group="authorization.k8s.io"),
    )
    pull = bind("shop", "x", "system:image-puller", KIM)
    assert lacks(discovery, bound, pull) == "login"
    assert lacks(discovery, bound, pull, login, bind("", "in", "logs-in", KIM)) == ""
    assert lacks(discovery, bound, UPLOAD, bind("shop", "x", "uploads", KIM)) == "pull, login"


@pytest.mark.parametrize("seed", range(60))
def test_a_grant_of_push_lacks_pull_where_nobody_can_push_by_it(seed: int) -> None:
    """On random worlds, by a separate reading of RBAC: without it nobody loses a push, and with any other somebody can.

    Whoever can push there all the same has both rights from elsewhere.
    """
    before = varied_world(seed)
    for row in tables_of(snapshot_of(before))["grants"].records():
        if row["push"] == "yes":
            able = [question for question in _pushes(before, row) if can(before, *question, login=False)]
            if "pull" in str(row["lacks"]):
                after = _without(before, str(row["binding"]))
                assert all(can(after, *question, login=False) for question in able), row
            else:
                assert able, row


def _without(before: World, binding: str) -> World:
    kinds = ("rolebindings", "clusterrolebindings")
    kept = {kind: [one for one in before[kind] if one["metadata"]["name"] != binding] for kind in kinds}
    return before | kept


def _pushes(before: World, row: dict[str, str | int]) -> Iterator[tuple[str, str, str, str, str]]:
    """A push by each caller that a grant is for, in each place that it covers."""
    namespace, repository, kind, subject = (
        str(row[name]) for name in ("namespace", "repository", "subject_kind", "subject")
    )
    spaces = [str(one["metadata"]["name"]) for one in before["namespaces"]] if namespace == "*" else [namespace]
    callers = [(kind, subject)]
    if kind == GROUP and not row["group"]:
        listed = [one.get("users") or () for one in before["groups"] if one["metadata"]["name"] == subject]
        callers += [("User", user) for users in listed for user in users if user != ANONYMOUS and not account_of(user)]
    for space, name, caller in product(
        spaces, ("any", "App-0", *REPOSITORIES) if repository == "*" else [repository], callers
    ):
        yield (*caller, "push", space, name)
