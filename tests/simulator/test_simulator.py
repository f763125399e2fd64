"""The simulated zone answers as an API server does, and goes wrong exactly as it is told."""

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPSConnection, IncompleteRead, RemoteDisconnected
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import urllib3
import yaml

from tests.simulator.answers import Caller
from tests.simulator.faults import (
    Action,
    Fault,
    broken_json,
    cut,
    dribble,
    hang,
    login_page,
    other_body,
    refuse_with,
    reset,
    slow,
    status_with_200,
)
from tests.simulator.kinds import KINDS
from tests.simulator.prepared import PreparedZone, cut_pages
from tests.simulator.server import SimulatedZone, Zone
from tests.worlds.plain_rbac import World

NAMESPACES = "/api/v1/namespaces"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/rolebindings"
GROUPS = "/apis/user.openshift.io/v1/groups"
REVIEWS = "/apis/authorization.k8s.io/v1"

WORLD: World = {
    "namespaces": [{"metadata": {"name": f"ns-{n}"}} for n in range(5)],
    "clusterroles": [
        {
            "metadata": {"name": "puller"},
            "rules": [{"verbs": ["get"], "apiGroups": ["image.openshift.io"], "resources": ["*/layers"]}],
        }
    ],
    "rolebindings": [
        {
            "metadata": {"name": f"b-{n}", "namespace": f"ns-{n % 2}"},
            "roleRef": {"kind": "ClusterRole", "name": "puller"},
            "subjects": [{"kind": "User", "name": "ann"}],
        }
        for n in range(7)
    ],
    "groups": [{"metadata": {"name": "a b+c/d"}, "users": ["ann"]}],
    "secrets": [
        {"metadata": {"name": f"s-{n}", "namespace": "ns-0"}, "type": kind, "data": {"token": "hidden"}}
        for n, kind in enumerate(("kubernetes.io/service-account-token", "Opaque"))
    ],
}


class Reply(NamedTuple):
    code: int
    body: bytes
    headers: Any

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def connect(zone: Zone, timeout: float = 5) -> HTTPSConnection:
    context = ssl.create_default_context(cafile=str(zone.ca_file))
    return HTTPSConnection("127.0.0.1", zone.port, timeout=timeout, context=context)


def ask(zone: Zone, target: str, *, method: str = "GET", timeout: float = 5, **options: Any) -> Reply:
    """One request over a connection of its own; `token`, `body` and `headers` as options."""
    connection = connect(zone, timeout)
    headers = {"Authorization": f"Bearer {options.get('token', zone.token)}", **options.get("headers", {})}
    try:
        connection.request(
            method, target, body=json.dumps(options["body"]) if "body" in options else None, headers=headers
        )
        answer = connection.getresponse()
        return Reply(answer.status, answer.read(), answer.headers)
    finally:
        connection.close()


def pages(zone: Zone, path: str, limit: int) -> Iterator[Any]:
    following = ""
    while True:
        page = ask(zone, f"{path}?limit={limit}{following}").json
        yield page
        if "continue" not in page["metadata"]:
            return
        following = f"&continue={page['metadata']['continue']}"


@pytest.fixture
def zone(tmp_path: Path) -> Iterator[SimulatedZone]:
    with SimulatedZone(WORLD, tmp_path) as running:
        yield running


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[Callable[..., SimulatedZone]]:
    """Make a zone on which an action fires at the first request."""
    running = []

    def make(action: Action, **options: Any) -> SimulatedZone:
        running.append(SimulatedZone(WORLD, tmp_path, faults=[Fault("", action, **options)]).__enter__())
        return running[-1]

    yield make
    for made in running:
        made.__exit__(None, None, None)


@pytest.mark.parametrize("plural", [plural for plural in KINDS if plural != "projects"])
def test_a_list_has_the_worlds_objects(zone: SimulatedZone, plural: str) -> None:
    """Each kind is served cluster-wide as a LIST of its kind."""
    kind = KINDS[plural]
    listed = ask(zone, f"{kind.prefix}/{plural}").json
    assert listed["items"] == WORLD.get(plural, [])
    assert (listed["kind"], listed["apiVersion"]) == (f"{kind.name}List", kind.api_version)
    assert listed["metadata"] == {"resourceVersion": "1000"}


@pytest.mark.parametrize(("limit", "expected"), [(1, 7), (3, 3), (7, 1), (100, 1)])
def test_pages_are_the_whole(zone: SimulatedZone, limit: int, expected: int) -> None:
    """Pages hold every object once, say how many remain, and share a resourceVersion."""
    got = list(pages(zone, BINDINGS, limit))
    assert len(got) == expected
    assert [item for page in got for item in page["items"]] == WORLD["rolebindings"]
    assert [page["metadata"].get("remainingItemCount", 0) for page in got] == [
        max(0, 7 - limit * (number + 1)) for number in range(expected)
    ]
    assert {page["metadata"]["resourceVersion"] for page in got} == {"1000"}


def test_pages_show_the_world_as_it_was(zone: SimulatedZone) -> None:
    """What changes after the first page does not show in the following ones."""
    following = pages(zone, BINDINGS, 4)
    next(following)
    zone.api.world = {**WORLD, "rolebindings": []}
    assert len(next(following)["items"]) == 3
    assert ask(zone, BINDINGS).json["items"] == []


def test_continue_tokens_expire(zone: SimulatedZone) -> None:
    """An expired token, an unknown one, and one of another list are answered with 410 Expired."""
    token = ask(zone, f"{BINDINGS}?limit=1").json["metadata"]["continue"]
    foreign = ask(zone, f"{NAMESPACES}?continue={token}")
    zone.expire()
    for reply in (foreign, ask(zone, f"{BINDINGS}?continue={token}"), ask(zone, f"{BINDINGS}?continue=unknown")):
        assert (reply.code, reply.json["kind"], reply.json["reason"]) == (HTTPStatus.GONE, "Status", "Expired")
    assert ask(zone, BINDINGS).json["metadata"]["resourceVersion"] == "1001"


def test_a_namespace_has_its_own_list(zone: SimulatedZone) -> None:
    """A list in a namespace holds only that namespace's; of one that does not exist it is empty, as in reality."""
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings"
    names = [item["metadata"]["name"] for page in pages(zone, path.format("ns-1"), 2) for item in page["items"]]
    assert names == ["b-1", "b-3", "b-5"]
    assert ask(zone, path.format("nowhere")).json["items"] == []


def test_single_objects(zone: SimulatedZone) -> None:
    """One object is found by its name, escaped as need be, and a missing one is a Status with 404."""
    assert ask(zone, f"{GROUPS}/a%20b+c%2Fd").json["users"] == ["ann"]
    assert ask(zone, f"{NAMESPACES}/ns-1").json["kind"] == "Namespace"
    missing = ask(zone, f"{NAMESPACES}/nowhere")
    assert (missing.code, missing.json["reason"]) == (HTTPStatus.NOT_FOUND, "NotFound")


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer wrong"}, {"Authorization": ""}])
def test_a_wrong_token_is_unauthorized(zone: SimulatedZone, headers: dict[str, str]) -> None:
    """Without the right token every path is 401, and the token that was sent is not kept."""
    reply = ask(zone, "/version", headers=headers)
    assert (reply.code, reply.json["reason"]) == (HTTPStatus.UNAUTHORIZED, "Unauthorized")
    assert "authorization" not in zone.requests[0].headers


def test_what_is_refused(tmp_path: Path) -> None:
    """A kind is refused everywhere, cluster-wide only, or in one namespace."""
    inside = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/{}"
    with SimulatedZone(WORLD, tmp_path, refuse={"groups", "users/~", "rolebindings/", "roles/ns-1"}) as zone:
        reply = ask(zone, GROUPS)
        assert reply.code == HTTPStatus.FORBIDDEN
        assert reply.json["message"] == (
            'groups.user.openshift.io is forbidden: User "auditor" cannot list resource "groups" '
            'in API group "user.openshift.io" at the cluster scope'
        )
        assert ask(zone, BINDINGS).code == HTTPStatus.FORBIDDEN
        assert ask(zone, "/apis/user.openshift.io/v1/users/~").code == HTTPStatus.FORBIDDEN
        assert ask(zone, inside.format("ns-1", "rolebindings")).code == HTTPStatus.OK
        assert ask(zone, inside.format("ns-1", "roles")).code == HTTPStatus.FORBIDDEN
        assert ask(zone, inside.format("ns-0", "roles")).code == HTTPStatus.OK


def test_a_tenant_sees_its_namespaces(tmp_path: Path) -> None:
    """Who has no cluster-wide rights lists projects and cluster roles, and the rest in those namespaces only."""
    inside = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings"
    with SimulatedZone(WORLD, tmp_path, tenant_of={"ns-1"}) as zone:
        projects = ask(zone, "/apis/project.openshift.io/v1/projects").json
        assert projects["kind"] == "ProjectList"
        assert [item["metadata"]["name"] for item in projects["items"]] == ["ns-1"]
        assert ask(zone, inside.format("ns-1")).code == HTTPStatus.OK
        assert ask(zone, "/apis/rbac.authorization.k8s.io/v1/clusterroles").code == HTTPStatus.OK
        for path in (BINDINGS, NAMESPACES, GROUPS, inside.format("ns-0"), f"{NAMESPACES}/ns-0"):
            assert ask(zone, path).code == HTTPStatus.FORBIDDEN, path


def test_what_is_not_served(tmp_path: Path) -> None:
    """A plain Kubernetes knows no groups and no image streams; it says so in plain text."""
    with SimulatedZone(WORLD, tmp_path, absent={"groups", "imagestreams", "users/~"}) as zone:
        for path in (GROUPS, "/apis/image.openshift.io/v1/imagestreams", "/apis/user.openshift.io/v1/users/~", "/x"):
            assert ask(zone, path).code == HTTPStatus.NOT_FOUND
        assert ask(zone, NAMESPACES).code == HTTPStatus.OK


def test_nothing_can_be_written(zone: SimulatedZone) -> None:
    """Other methods are answered with 405, and kept to be seen."""
    assert ask(zone, f"{NAMESPACES}/ns-0", method="DELETE").code == HTTPStatus.METHOD_NOT_ALLOWED
    assert [request.method for request in zone.requests] == ["DELETE"]


def test_who_is_asking(tmp_path: Path) -> None:
    """The holder of the token learns its name and groups in both ways."""
    with SimulatedZone(WORLD, tmp_path, caller=Caller("ann", ("team", "system:authenticated"))) as zone:
        me = ask(zone, "/apis/user.openshift.io/v1/users/~").json
        review = ask(zone, "/apis/authentication.k8s.io/v1/selfsubjectreviews", method="POST", body={})
        assert (me["metadata"]["name"], me["groups"]) == ("ann", ["team", "system:authenticated"])
        assert review.json["status"]["userInfo"] == {"username": "ann", "groups": ["team", "system:authenticated"]}
        assert ask(zone, "/version").json["gitVersion"].startswith("v1.")


def reviewed(zone: Zone, kind: str, attributes: dict[str, str], **spec: Any) -> bool:
    body = {"spec": {"resourceAttributes": attributes, **spec}}
    reply = ask(zone, f"{REVIEWS}/{kind}", method="POST", body=body)
    assert reply.code == HTTPStatus.CREATED
    return bool(reply.json["status"]["allowed"])


def test_access_reviews_know_the_slash_trap(zone: SimulatedZone) -> None:
    """`*/layers` covers a subresource sent apart, and not the one word that the registry sends."""
    pull = {"verb": "get", "group": "image.openshift.io", "namespace": "ns-0", "name": "app"}
    apart = {**pull, "resource": "imagestreams", "subresource": "layers"}
    assert reviewed(zone, "subjectaccessreviews", apart, user="ann")
    assert not reviewed(zone, "subjectaccessreviews", {**pull, "resource": "imagestreams/layers"}, user="ann")
    assert not reviewed(zone, "subjectaccessreviews", apart, user="bob", groups=["system:authenticated"])
    assert not reviewed(zone, "selfsubjectaccessreviews", apart)


def test_access_reviews_of_oneself_agree_with_what_is_refused(tmp_path: Path) -> None:
    """Who asks beforehand whether a list may be read gets the answer that the list itself gives."""
    with SimulatedZone(WORLD, tmp_path, refuse={"groups", "subjectaccessreviews"}) as zone:
        asked = {"verb": "list", "group": "user.openshift.io", "resource": "groups"}
        assert not reviewed(zone, "selfsubjectaccessreviews", asked)
        assert reviewed(zone, "selfsubjectaccessreviews", {"verb": "list", "group": "", "resource": "namespaces"})
        refused = ask(zone, f"{REVIEWS}/subjectaccessreviews", method="POST", body={"spec": {"user": "ann"}})
        assert refused.code == HTTPStatus.FORBIDDEN


def test_metadata_alone_can_be_asked_for(zone: SimulatedZone) -> None:
    """With PartialObjectMetadataList no value of a secret leaves the server; a field selector chooses."""
    accept = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
    path = "/api/v1/secrets?fieldSelector=type%3Dkubernetes.io/service-account-token"
    reply = ask(zone, path, headers=accept)
    assert reply.json["kind"] == "PartialObjectMetadataList"
    assert [item["metadata"]["name"] for item in reply.json["items"]] == ["s-0"]
    assert b"hidden" not in reply.body
    assert b"hidden" in ask(zone, path).body
    assert zone.requests[0].headers["accept"] == accept["Accept"]


def test_connections_are_kept(zone: SimulatedZone) -> None:
    """Requests follow each other on one connection, and are recorded in their order."""
    connection = connect(zone)
    for path in ("/version", f"{NAMESPACES}?limit=2"):
        connection.request("GET", path, headers={"Authorization": f"Bearer {zone.token}"})
        first = connection.sock
        assert connection.getresponse().read()
        assert connection.sock is first
    connection.close()
    assert [request.target for request in zone.requests] == ["/version", f"{NAMESPACES}?limit=2"]
    assert zone.requests[1].query == {"limit": "2"}


def test_large_answers_are_compressed_when_asked(tmp_path: Path) -> None:
    """As with a real server: only large answers, and only for a client that accepts it."""
    world = {"namespaces": [{"metadata": {"name": f"ns-{n}"}} for n in range(10_000)]}
    with SimulatedZone(world, tmp_path) as zone, urllib3.PoolManager(ca_certs=str(zone.ca_file)) as pool:
        headers = {"Authorization": f"Bearer {zone.token}", "Accept-Encoding": "gzip"}
        reply = pool.request("GET", zone.url + NAMESPACES, headers=headers)
        assert reply.headers["Content-Encoding"] == "gzip"
        assert reply.json()["items"] == world["namespaces"]
        assert "Content-Encoding" not in pool.request("GET", f"{zone.url}/version", headers=headers).headers
        assert "Content-Encoding" not in ask(zone, NAMESPACES).headers


def test_zones_are_strangers_to_each_other(tmp_path: Path) -> None:
    """Several run at once, and neither's certificate convinces a client of the other."""
    with SimulatedZone(WORLD, tmp_path) as one, SimulatedZone({}, tmp_path) as other:
        assert ask(one, NAMESPACES).json["items"] != ask(other, NAMESPACES).json["items"] == []
        context = ssl.create_default_context(cafile=str(one.ca_file))
        with pytest.raises(ssl.SSLCertVerificationError):
            HTTPSConnection("127.0.0.1", other.port, context=context).connect()


def test_a_kubeconfig_leads_to_the_zone(zone: SimulatedZone, tmp_path: Path) -> None:
    """The file names server, certificate authority and token."""
    config = yaml.safe_load(zone.kubeconfig(tmp_path / "kubeconfig").read_text())
    assert config["clusters"][0]["cluster"] == {"server": zone.url, "certificate-authority": str(zone.ca_file)}
    assert config["users"][0]["user"] == {"token": zone.token}


@pytest.mark.parametrize("code", [401, 403, 410, 429, 500, 503])
def test_a_status_instead(faulty: Callable[..., SimulatedZone], code: int) -> None:
    """The first request is answered with that code, a Status and Retry-After; the next one as ever."""
    zone = faulty(refuse_with(code, retry_after=7))
    reply = ask(zone, NAMESPACES)
    assert (reply.code, reply.json["code"], reply.headers["Retry-After"]) == (code, code, "7")
    assert ask(zone, NAMESPACES).code == HTTPStatus.OK


@pytest.mark.parametrize("after", [None, 20])
def test_a_reset(faulty: Callable[..., SimulatedZone], after: int | None) -> None:
    """The connection ends with RST: before the answer, or in the midst of it; TLS may show the latter as an end."""
    zone = faulty(reset(after), times=2)
    with pytest.raises((ConnectionResetError, IncompleteRead)):
        ask(zone, NAMESPACES)
    connection = connect(zone)
    connection.request("GET", NAMESPACES)
    with socket.socket(fileno=connection.sock.detach()) as beneath:
        beneath.settimeout(5)
        with pytest.raises(ConnectionResetError):
            while beneath.recv(65536):
                pass


def test_an_answer_cut_short(faulty: Callable[..., SimulatedZone]) -> None:
    """More bytes are announced than come."""
    zone = faulty(cut(20))
    with pytest.raises(IncompleteRead) as caught:
        ask(zone, NAMESPACES)
    assert caught.value.partial == ask(zone, NAMESPACES).body[:20]


@pytest.mark.parametrize(("action", "least"), [(slow(0.3), 0.3), (dribble(600), 0.2)])
def test_a_slow_answer(faulty: Callable[..., SimulatedZone], action: Action, least: float) -> None:
    """The answer is late, or comes in drops, but whole."""
    zone, start = faulty(action), time.monotonic()
    assert ask(zone, NAMESPACES).json["items"] == WORLD["namespaces"]
    assert time.monotonic() - start >= least


def test_a_hang(tmp_path: Path) -> None:
    """No answer comes while the server runs, and the server can close all the same."""
    with SimulatedZone(WORLD, tmp_path, faults=[Fault("", hang())]) as zone:
        with pytest.raises(TimeoutError):
            ask(zone, NAMESPACES, timeout=0.2)
        waiting = connect(zone)
        zone.faults.append(Fault("", hang()))
        waiting.request("GET", NAMESPACES)
        start = time.monotonic()
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        waiting.getresponse()
    assert time.monotonic() - start < 20


def test_json_broken_off(faulty: Callable[..., SimulatedZone]) -> None:
    """A body that HTTP calls whole and JSON does not."""
    reply = ask(faulty(broken_json()), NAMESPACES)
    assert int(reply.headers["Content-Length"]) == len(reply.body)
    with pytest.raises(ValueError, match="line 1"):
        reply.json  # noqa: B018 - reading it is the point


def test_a_login_page(faulty: Callable[..., SimulatedZone]) -> None:
    """A proxy's HTML with 200."""
    reply = ask(faulty(login_page()), NAMESPACES)
    assert (reply.code, reply.headers["Content-Type"]) == (HTTPStatus.OK, "text/html; charset=utf-8")


def test_a_status_with_200(faulty: Callable[..., SimulatedZone]) -> None:
    """An error that claims to be none."""
    reply = ask(faulty(status_with_200()), NAMESPACES)
    assert (reply.code, reply.json["kind"]) == (HTTPStatus.OK, "Status")


def test_another_body(faulty: Callable[..., SimulatedZone]) -> None:
    """Well-formed JSON of another shape."""
    assert ask(faulty(other_body([1])), NAMESPACES).json == [1]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [500, 200, 200, 200]),
        ({"times": 2}, [500, 500, 200, 200]),
        ({"times": None}, [500, 500, 500, 500]),
        ({"nth": 2}, [200, 500, 200, 200]),
        ({"nth": 2, "times": None}, [200, 500, 500, 500]),
    ],
)
def test_when_a_fault_fires(tmp_path: Path, options: dict[str, Any], expected: list[int]) -> None:
    """`nth` counts the requests that match, and `times` how often it fires from there."""
    fault = Fault(lambda target: target.startswith(NAMESPACES), refuse_with(500), **options)
    with SimulatedZone(WORLD, tmp_path, faults=[fault]) as zone:
        codes = []
        for _ in expected:
            assert ask(zone, "/version").code == HTTPStatus.OK
            codes.append(ask(zone, NAMESPACES).code)
    assert codes == expected
    assert fault.fired == expected.count(500)


def test_a_failure_of_the_simulator_is_not_hidden(tmp_path: Path) -> None:
    """What breaks in the simulator breaks the test that uses it."""

    def broken(_: object) -> Any:
        raise ZeroDivisionError

    zone = SimulatedZone(WORLD, tmp_path, faults=[Fault("", broken)])
    with pytest.raises(ZeroDivisionError), zone, suppress(RemoteDisconnected):
        ask(zone, NAMESPACES)


def test_prepared_pages_are_the_whole(tmp_path: Path) -> None:
    """Pages cut beforehand follow each other, bytes are served whole whatever the limit, the rest is empty."""
    whole = cut_pages("namespaces", WORLD["namespaces"], 100)
    cut_beforehand = cut_pages("rolebindings", WORLD["rolebindings"], 3)
    with PreparedZone({"namespaces": whole[0], "rolebindings": cut_beforehand}, tmp_path) as zone:
        got = list(pages(zone, BINDINGS, 3))
        assert [len(page["items"]) for page in got] == [3, 3, 1]
        assert [item for page in got for item in page["items"]] == WORLD["rolebindings"]
        assert ask(zone, f"{NAMESPACES}?limit=1").json["items"] == WORLD["namespaces"]
        assert ask(zone, GROUPS).json["items"] == []
        assert ask(zone, f"{BINDINGS}?continue=page-3").code == HTTPStatus.GONE
        assert ask(zone, BINDINGS, token="wrong").code == HTTPStatus.UNAUTHORIZED


def test_prepared_bytes_are_paced(tmp_path: Path) -> None:
    """A pace in bytes a second decides how long a large answer takes."""
    with PreparedZone({"namespaces": b" " * 1_000_000}, tmp_path, pace=4_000_000, latency=0.1) as zone:
        start = time.monotonic()
        assert len(ask(zone, NAMESPACES).body) == 1_000_000
        assert 0.3 <= time.monotonic() - start < 20
