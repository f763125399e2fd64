"""Nobody is the platform's own for a name: an exact bootstrap name, an object of the release, or the configuration."""

import gzip
from collections.abc import Mapping

import msgspec
import pytest

from audit.command_line.pseudonyms import RealPlatform
from audit.errors import UsageError
from audit.snapshot.model import decode, encode
from audit.tenancy.platform import Platform
from tests.worlds.plain_rbac import World
from tests.worlds.small import Piece, bind, namespace, world
from tests.worlds.snapshots import snapshot_of

OWNER = {"ownerReferences": [{"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion", "name": "version"}]}
NOTE = {"annotations": {"include.release.openshift.io/self-managed-high-availability": "true"}}
SOMEBODY = {"ownerReferences": [{"apiVersion": "acme.example/v1", "kind": "ClusterVersion", "name": "version"}]}


def made(piece: Piece, mark: Mapping[str, object]) -> Piece:
    """Return an object with what says who made it."""
    plural, one = piece
    return plural, {**one, "metadata": {**one["metadata"], **mark}}


def platform_of(one: World, **given: tuple[str, ...]) -> Platform:
    return Platform(**given).seen_in(snapshot_of(one))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Group", "system:acme-admins"),
        ("Group", "system:image-pushers"),
        ("Group", "system:serviceaccounts:default"),
        ("Group", "system:serviceaccounts:openshift-gitops"),
        ("Group", "system:cluster-admins2"),
        ("User", "system:backup"),
        ("User", "system:nodes"),
        ("User", "system:serviceaccount:kube-system:"),
        ("ServiceAccount", "default:default"),
        ("ServiceAccount", "kube-system:tiller"),
        ("ServiceAccount", "openshift-gitops:argocd-application-controller"),
        ("ServiceAccount", "openshift-operators:operator"),
        ("ServiceAccount", "openshift-infra:builder"),
    ],
)
def test_a_name_alone_makes_nobody_the_platforms_own(kind: str, name: str) -> None:
    """Neither the prefix `system:`, nor a namespace that is called as OpenShift calls its own."""
    assert not platform_of(world()).trusts(kind, name)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Group", "system:masters"),
        ("Group", "system:cluster-admins"),
        ("User", "system:admin"),
        ("ServiceAccount", "kube-system:job-controller"),
        ("ServiceAccount", "openshift-infra:build-controller"),
        ("ServiceAccount", "openshift-apiserver:openshift-apiserver-sa"),
    ],
)
def test_exact_names_of_the_bootstrap_are(kind: str, name: str) -> None:
    """Without any object that says so."""
    assert platform_of(world()).trusts(kind, name)


@pytest.mark.parametrize("mark", [OWNER, NOTE])
def test_what_the_release_creates_is(mark: Mapping[str, object]) -> None:
    """The accounts of its namespaces, and whom its cluster-wide bindings name."""
    platform = platform_of(
        world(
            made(namespace("openshift-new"), mark),
            made(bind("", "x", "cluster-admin", ("ServiceAccount", "openshift-next:sa"), ("User", "system:new")), mark),
            made(bind("openshift-late", "x", "view", ("ServiceAccount", "openshift-other:sa")), mark),
        )
    )
    for kind, name in (
        ("ServiceAccount", "openshift-new:any"),
        ("Group", "system:serviceaccounts:openshift-new"),
        ("ServiceAccount", "openshift-next:sa"),
        ("User", "system:new"),
        ("ServiceAccount", "openshift-other:sa"),
    ):
        assert platform.trusts(kind, name), name
    assert not platform.trusts("ServiceAccount", "openshift-next:other")


@pytest.mark.parametrize(
    ("piece", "mark"),
    [
        (namespace("openshift-new"), SOMEBODY),
        (namespace("openshift-new"), {"ownerReferences": ["x", None, {}], "annotations": {"a": "b"}}),
        (namespace("shop-2"), OWNER),
        (namespace("default"), OWNER),
        (namespace("openshift-operators"), NOTE),
        (bind("shop", "x", "admin", ("ServiceAccount", "openshift-new:sa"), ("ServiceAccount", "shop-2:sa")), OWNER),
        (bind("", "x", "cluster-admin", ("ServiceAccount", "openshift-new:sa")), SOMEBODY),
    ],
)
def test_what_anybody_could_write_shows_nothing(piece: Piece, mark: Mapping[str, object]) -> None:
    """An owner of another API, a namespace of another name, one where anybody's operators are, a tenant's binding."""
    platform = platform_of(world(made(piece, mark)))
    for name in ("openshift-new:sa", "shop-2:sa", "default:sa", "openshift-operators:sa"):
        assert not platform.trusts("ServiceAccount", name)


def test_the_configuration_names_others() -> None:
    """A glob of subjects; a namespace that it adds to the usual ones. The usual globs themselves trust nobody."""
    usual = Platform().namespaces
    subjects = ("sa/openshift-gitops:*", "group/system:a*")
    platform = platform_of(world(), namespaces=(*usual, "infra-*"), subjects=subjects)
    assert platform.trusts("ServiceAccount", "infra-ci:bot")
    assert platform.trusts("Group", "system:serviceaccounts:infra-ci")
    assert platform.trusts("ServiceAccount", "openshift-gitops:argocd")
    assert platform.trusts("Group", "system:acme-admins")
    assert not platform.trusts("ServiceAccount", "openshift-pipelines:bot")
    assert platform.has("openshift-pipelines")


def test_several_zones_add_up_and_pseudonyms_are_seen_through() -> None:
    """What one zone shows stays known when another one follows; names behind pseudonyms decide."""
    one, other = (snapshot_of(world(made(namespace(name), OWNER))) for name in ("openshift-a", "openshift-b"))
    both = Platform().seen_in(one).seen_in(other)
    assert both.trusts("ServiceAccount", "openshift-a:x")
    assert both.trusts("ServiceAccount", "openshift-b:x")
    names = {"sa-1": "openshift-apiserver:openshift-apiserver-sa", "ns-1:sa": "shop:ci"}
    real = RealPlatform(real=lambda name: names.get(name, name)).seen_in(one)
    assert real.trusts("ServiceAccount", "sa-1")
    assert real.trusts("ServiceAccount", "openshift-a:x")
    assert not real.trusts("ServiceAccount", "ns-1:sa")


def test_a_snapshot_keeps_what_the_release_created() -> None:
    """And one of the version before, which has no such column, is read: nothing is known of it there."""
    snapshot = snapshot_of(world(made(namespace("openshift-new"), OWNER)))
    data = encode(snapshot)
    assert Platform().seen_in(decode(data, "x")).trusts("ServiceAccount", "openshift-new:x")
    saved = msgspec.msgpack.decode(gzip.decompress(data))
    for table in ("namespaces", "bindings"):
        del saved["tables"][table]["made_by"]
    old = decode(gzip.compress(msgspec.msgpack.encode({**saved, "version": 3})), "x")
    assert old.tables["bindings"]["made_by"].tolist() == [0] * len(snapshot.tables["bindings"]["name"])
    assert not Platform().seen_in(old).trusts("ServiceAccount", "openshift-new:x")
    with pytest.raises(UsageError):
        decode(gzip.compress(msgspec.msgpack.encode(saved)), "x")
