"""A real API server answers the same questions: collected only where KUBEBUILDER_ASSETS names one."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.collect.access_reviews import Reviews
from audit.collect.cluster import collect_cluster
from audit.collect.limits import Limits
from audit.collect.zones import TokenFile, Zone
from audit.snapshot.objects import KINDS
from audit.tables.schemas import ANSWERS
from audit.verify.cells import verify
from audit.verify.sampling import SamplePlan
from tests.access.test_tables_against_rbac import identity_of
from tests.simulator.kinds import OPENSHIFT_ONLY
from tests.worlds.plain_rbac import IMAGES, LAYERS, World, caller_of
from tests.worlds.random_zones import Question, questions, world_of

TOKEN = "real-server-token"
ROOTS = {plural: kind.path.rpartition("/")[0] for plural, kind in KINDS.items()}
CREATED = ("namespaces", "clusterroles", "clusterrolebindings", "roles", "rolebindings", "serviceaccounts")
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class Server:
    """A kube-apiserver with its etcd; `call` speaks to it as a member of system:masters."""

    def __init__(self, url: str, authority: Path, token: Path) -> None:
        self.zone = Zone("real", url, ca_file=authority, credentials=TokenFile(token))
        self._pool = urllib3.PoolManager(ca_certs=str(authority))

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body)
        answer = self._pool.request(method, f"{self.zone.api}{path}", body=data, headers=headers, retries=False)
        return answer.status, json.loads(answer.data) if answer.data.startswith(b"{") else None

    def create(self, plural: str, item: dict[str, Any]) -> bool:
        """Create an object; False when the server does not take it."""
        kind, metadata = (
            KINDS[plural],
            {k: v for k, v in item["metadata"].items() if k in {"name", "namespace", "labels"}},
        )
        place = f"/namespaces/{metadata['namespace']}" if kind.namespaced else ""
        version = f"{kind.group}/v1" if kind.group else "v1"
        body = {**item, "apiVersion": version, "kind": kind.singular, "metadata": metadata}
        status, _ = self.call("POST", f"{ROOTS[plural]}{place}/{plural}", body)
        return status in {200, 201, 409}


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def signing_key(path: Path) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return path


@pytest.fixture(name="server", scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, assets = tmp_path_factory.mktemp("server"), Path(os.environ["KUBEBUILDER_ASSETS"])
    etcd, peers, secure = free_port(), free_port(), free_port()
    (folder / "tokens.csv").write_text(f'{TOKEN},auditor,1,"system:masters"\n')
    (folder / "token").write_text(TOKEN)
    key = signing_key(folder / "key.pem")
    commands = [
        [
            str(assets / "etcd"),
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{etcd}",
            f"--advertise-client-urls=http://127.0.0.1:{etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{peers}",
        ],
        [
            str(assets / "kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            f"--cert-dir={folder / 'certificates'}",
            "--bind-address=127.0.0.1",
            f"--secure-port={secure}",
            f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://127.0.0.1",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
        ],
    ]
    with ExitStack() as stack:
        for command in commands:
            process = stack.enter_context(subprocess.Popen(command, stderr=subprocess.DEVNULL))
            stack.callback(process.terminate)
        authority = folder / "certificates/apiserver.crt"
        server = Server(f"https://127.0.0.1:{secure}", authority, folder / "token")
        wait_until_ready(server, authority)
        yield server


def wait_until_ready(server: Server, authority: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with suppress(OSError, urllib3.exceptions.HTTPError):
            if authority.exists() and server.call("GET", "/readyz")[0] == 200:
                return
        time.sleep(0.5)
    pytest.fail("the API server was not ready in two minutes")


def put(server: Server, world: World) -> World:
    """Create the world; return what the server took of it."""
    return {plural: [item for item in world.get(plural) or [] if server.create(plural, item)] for plural in CREATED}


def asked(server: Server, world: World, question: Question) -> str:
    """The server's own answer, with the groups that the caller is certain to have."""
    user, groups = caller_of(world, question.kind, question.subject)
    push = [("get", LAYERS), ("update", LAYERS)]
    needed = {"pull": push[:1], "push": push, "create": [*push, ("create", "imagestreams")]}
    for verb, resource in needed[question.action]:
        name = question.repository if resource == LAYERS else ""
        attributes = {
            "namespace": question.namespace,
            "verb": verb,
            "group": IMAGES,
            "resource": resource,
            "name": name,
        }
        spec = {"user": user, "groups": groups, "resourceAttributes": attributes}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        status, review = server.call("POST", REVIEWS, body)
        assert status == 201
        if not review["status"]["allowed"]:
            return "no"
    return "yes"


def test_a_real_server_gives_the_same_answers(server: Server) -> None:
    """Accounts and groups of a random zone, collected live and asked one by one."""
    world = put(server, world_of(11))
    snapshot = collect_cluster(server.zone, Limits(), listed=lambda kind, count: None, stop=Event())
    assert {gap.kind for gap in snapshot.gaps} == OPENSHIFT_ONLY
    authorizer = Authorizer(bound_subjects(snapshot))
    compared = [one for one in questions(world) if one.kind != "User"][::7]
    assert compared
    for question in compared:
        where = question.namespace, question.repository
        answer = ANSWERS[authorizer.answer(identity_of(question), question.action, *where)]
        assert answer == asked(server, world, question), question


def test_every_cell_of_the_tables_is_what_a_real_server_says(server: Server) -> None:
    """`verify --all` over a random zone: every yes, every no, and as many pairs without a row."""
    put(server, world_of(12))
    stop = Event()
    snapshot = collect_cluster(server.zone, Limits(), listed=lambda kind, count: None, stop=stop)
    reviews = Reviews(server.zone, Limits(), stop)
    found = verify(Authorizer(bound_subjects(snapshot)), reviews.may, SamplePlan(None, 1), stop)
    assert found.differences == ()
    assert found.verified.failed == 0, found.verified.why
    assert found.verified.asked > 100
    assert all(asked > 0 for _, asked in found.shares.values())
