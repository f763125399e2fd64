"""By what a zone is asked: each way to log in, on the way through proxies too, never without protection."""

import base64
import json
import ssl
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import parse_qs

import pytest
import trustme
import yaml

from audit.collect.cluster import collect_cluster
from audit.collect.connect import credentials, retry
from audit.collect.connect.exec_plugin import plugin_credential
from audit.collect.connect.kubeconfig import CredentialsError, Section
from audit.collect.connect.oidc import id_token
from audit.collect.limits import Limits
from audit.collect.zones import InCluster, Kubeconfig, TokenEnv, TokenFile, Zone
from audit.snapshot.model import Snapshot
from tests.simulator.answers import Answer, Request, json_answer
from tests.simulator.faults import Fault, refuse_with
from tests.simulator.server import SimulatedZone
from tests.simulator.server import Zone as Server
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import world_of

WORLD: World = world_of(5)
VERSION = "client.authentication.k8s.io/v1"
LIMITS = Limits(20, 5, retries=1)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between two attempts are short."""
    monkeypatch.setattr(retry, "_FIRST_PAUSE", 0.01)


def collect(zone: Zone) -> Snapshot:
    return collect_cluster(zone, LIMITS, listed=lambda kind, count: None, stop=Event())


def kubeconfig(zone: Server, folder: Path, user: dict[str, Any] | None, **cluster: Any) -> Path:
    """A kubeconfig for `zone`, with this user and these other settings of the cluster."""
    values = yaml.safe_load(zone.kubeconfig(folder / "base").read_text())
    values["users"][0]["user"] = user
    values["clusters"][0]["cluster"] |= cluster
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(values))
    return path


def plugin(folder: Path, *statuses: dict[str, Any], code: int = 0) -> dict[str, Any]:
    """A credential plugin that gives one status after the other, the last one again and again."""
    script = folder / "plugin.py"
    script.write_text(
        f"""#!{sys.executable}
import json, os, pathlib, sys
count = pathlib.Path({str(folder / "count")!r})
at = int(count.read_text()) if count.exists() else 0
count.write_text(str(at + 1))
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
pathlib.Path({str(folder / "info")!r}).write_text(json.dumps([info, os.environ.get("OF_PLUGIN"), sys.argv[1:]]))
statuses = {list(statuses)!r}
status = statuses[min(at, len(statuses) - 1)]
print(json.dumps({{"apiVersion": info["apiVersion"], "kind": "ExecCredential", "status": status}}))
sys.exit({code})
"""
    )
    script.chmod(0o700)
    return {"exec": {"apiVersion": VERSION, "command": f"./{script.name}", "args": ["get"]}}


def runs(folder: Path) -> int:
    return int((folder / "count").read_text())


def test_a_plugin_gives_the_token(tmp_path: Path) -> None:
    """The command is found beside the kubeconfig, is told the version and its variables, and runs once."""
    with SimulatedZone(WORLD, tmp_path) as server:
        user = plugin(tmp_path, {"token": server.token})
        user["exec"] |= {"env": [{"name": "OF_PLUGIN", "value": "yes"}], "provideClusterInfo": True}
        extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
        path = kubeconfig(
            server, tmp_path, user, extensions=[{"name": "other"}, extension], **{"tls-server-name": "localhost"}
        )
        assert collect(Zone("z", credentials=Kubeconfig(path))).state == "complete"
    info, variable, arguments = json.loads((tmp_path / "info").read_text())
    assert (info["apiVersion"], info["spec"]["interactive"], variable, arguments) == (VERSION, False, "yes", ["get"])
    cluster = info["spec"]["cluster"]
    assert (cluster["server"], cluster["config"], cluster["tls-server-name"]) == (
        server.url,
        {"audience": "x"},
        "localhost",
    )
    assert base64.b64decode(cluster["certificate-authority-data"]) == server.ca_file.read_bytes()
    assert runs(tmp_path) == 1


def test_a_plugin_is_asked_again_when_its_token_is_refused(tmp_path: Path) -> None:
    """A token that has run out without saying so: the zone is whole all the same."""
    with SimulatedZone(WORLD, tmp_path) as server:
        path = kubeconfig(server, tmp_path, plugin(tmp_path, {"token": "run-out"}, {"token": server.token}))
        assert collect(Zone("z", credentials=Kubeconfig(path))).state == "complete"
    assert runs(tmp_path) == 2


def test_refusals_do_not_run_a_plugin_for_ever(tmp_path: Path) -> None:
    """A token that is never accepted: a handful of new ones, and the reason."""
    with SimulatedZone(WORLD, tmp_path) as server:
        path = kubeconfig(server, tmp_path, plugin(tmp_path, {"token": "wrong-one"}))
        snapshot = collect(Zone("z", credentials=Kubeconfig(path)))
    assert {gap.reason for gap in snapshot.gaps} == {"unauthenticated"}
    assert 2 <= runs(tmp_path) <= 6


def test_a_wrong_clock_does_not_run_a_plugin_for_each_request(tmp_path: Path) -> None:
    """By our clock the token has run out long ago; the server takes it."""
    with SimulatedZone(WORLD, tmp_path) as server:
        status = {"token": server.token, "expirationTimestamp": "2001-01-01T00:00:00Z"}
        path = kubeconfig(server, tmp_path, plugin(tmp_path, status))
        assert collect(Zone("z", credentials=Kubeconfig(path))).state == "complete"
    assert runs(tmp_path) == 1


def test_credentials_are_renewed_when_they_run_out() -> None:
    """Those that are still good are kept; those that are not are obtained again, and a failure is said."""
    given = iter([credentials.ClientAuth("a", until=0), credentials.ClientAuth("b"), credentials.ClientAuth("c")])
    login = credentials.Login(lambda: next(given))
    first = login.credential()
    assert (first.header, login.credential() is first) == ("b", True)
    login.refused(credentials.ClientAuth("another"))
    assert login.credential().header == "b"
    login.refused(first)
    assert login.credential().header == "c"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"command": ""}, "needs `command` and `apiVersion`"),
        ({"interactiveMode": "Always"}, "needs a terminal"),
        ({"command": "no-such-command-here", "installHint": "get it\nthere"}, "cannot run no-such-command-here"),
        ({"command": "no-such-command-here", "installHint": "get it\nthere"}, "(get it there)"),
        ({"command": "false", "args": []}, "false exited with 1; run it by itself to see why"),
        ({"command": "echo", "args": ["canary-1234"]}, "echo did not print an ExecCredential"),
        ({"command": "sleep", "args": ["30"]}, "sleep timed out"),
        ({"args": "text"}, "args must be a list of strings"),
        ({"env": ["text"]}, "env must be a list"),
        ({"command": 5}, "command must be a string"),
        ({"command": "echo", "args": [json.dumps({"apiVersion": "v0", "status": {}})]}, "an apiVersion other than"),
        ({"command": "echo", "args": [json.dumps({"apiVersion": VERSION, "status": {}})]}, "neither a token nor"),
    ],
)
def test_a_plugin_that_does_not_work(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    """Each way to fail is one message, which never repeats what the plugin printed."""
    section = Section("user u", {"apiVersion": VERSION, "command": "echo", **changed}, tmp_path)
    with pytest.raises(CredentialsError) as failed:
        plugin_credential(section, Section("cluster c", {}, tmp_path), 0.3 if "30" in changed.get("args", "") else 20)
    assert said in str(failed.value)
    assert "canary-1234" not in str(failed.value)


class CertificateZone(SimulatedZone):
    """Knows its callers by their certificates, and by nothing else."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(WORLD, folder, **options)
        self.callers = trustme.CA()
        context = self._server._context
        context.verify_mode = ssl.CERT_REQUIRED
        self.callers.configure_trust(context)

    def handle(self, request: Request) -> Answer:
        assert "authorization" not in request.headers
        self.requests.append(request)
        return self.answer(request)

    def pair(self) -> tuple[bytes, bytes]:
        issued = self.callers.issue_cert("auditor@example.com")
        return issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes()


def test_client_certificates(tmp_path: Path) -> None:
    """From files, from the kubeconfig itself, and from a plugin; the key is nowhere afterwards."""
    (tmp_path / "tmp").mkdir()
    with CertificateZone(tmp_path) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
        certificate, key = server.pair()
        (tmp_path / "tls.crt").write_bytes(certificate)
        (tmp_path / "tls.key").write_bytes(key)
        data = {
            "client-certificate-data": base64.b64encode(certificate).decode(),
            "client-key-data": base64.b64encode(key).decode(),
        }
        given = plugin(tmp_path, {"clientCertificateData": certificate.decode(), "clientKeyData": key.decode()})
        for user in ({"client-certificate": "tls.crt", "client-key": "tls.key"}, data, given):
            path = kubeconfig(server, tmp_path, user)
            assert collect(Zone("z", credentials=Kubeconfig(path))).state == "complete"
        other = trustme.CA().issue_cert("auditor@example.com")
        (tmp_path / "tls.key").write_bytes(other.private_key_pem.bytes())
        path = kubeconfig(server, tmp_path, {"client-certificate": "tls.crt", "client-key": "tls.key"})
        assert "cannot be used together" in collect(Zone("z", credentials=Kubeconfig(path))).gaps[0].detail
        assert not [*(tmp_path / "tmp").iterdir()]


def test_a_new_certificate_gets_new_connections(tmp_path: Path) -> None:
    """A plugin's certificate that has run out is replaced in the middle of a run."""
    with CertificateZone(tmp_path) as server:
        pairs = [server.pair() for _ in range(2)]
        statuses = [{"clientCertificateData": one.decode(), "clientKeyData": two.decode()} for one, two in pairs]
        server.faults.append(Fault("/version", refuse_with(401)))
        path = kubeconfig(server, tmp_path, plugin(tmp_path, *statuses))
        server.handle = lambda request: _faulty(server, request)  # type: ignore[method-assign]
        assert collect(Zone("z", credentials=Kubeconfig(path))).state == "complete"
    assert runs(tmp_path) == 2


def _faulty(server: SimulatedZone, request: Request) -> Answer:
    server.requests.append(request)
    answer = server.answer(request)
    for fault in server.faults:
        answer = fault.action(answer) if fault.fires(request.target) else answer
    return answer


def jwt(expires: float) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires, "sub": "ann"}).encode()).decode().rstrip("=")
    return f"e30.{claims}.c2ln"


class Issuer(Server):
    """An OpenID Connect provider that gives a new token for the right refresh token."""

    def __init__(self, folder: Path, token: str, endpoint: str = "") -> None:
        super().__init__(folder)
        self.new = token
        self.endpoint = endpoint or f"{self.url}/token"
        self.forms: list[dict[str, list[str]]] = []
        self.code = 200

    def handle(self, request: Request) -> Answer:
        if request.path == "/.well-known/openid-configuration":
            return json_answer({"token_endpoint": self.endpoint}, self.code)
        self.forms.append(parse_qs(request.body.decode()))
        return json_answer({"id_token": self.new} if self.new else {})


def provider(issuer: Issuer, token: str, **changed: str) -> dict[str, Any]:
    config = {
        "idp-issuer-url": issuer.url,
        "idp-certificate-authority": str(issuer.ca_file),
        "client-id": "kubernetes",
        "client-secret": "client-canary",
        "id-token": token,
        "refresh-token": "refresh-canary",
    } | changed
    return {"auth-provider": {"name": "oidc", "config": config}}


def test_an_oidc_token_is_refreshed(tmp_path: Path) -> None:
    """One that is good is used, one that has run out is renewed at the issuer, and the kubeconfig stays as it is."""
    with SimulatedZone(WORLD, tmp_path / "a") as server, Issuer(tmp_path / "b", jwt(time.time() + 3600)) as issuer:
        server.token = issuer.new
        path = kubeconfig(server, tmp_path, provider(issuer, issuer.new))
        assert collect(Zone("z", credentials=Kubeconfig(path))).state == "complete"
        assert not issuer.forms
        path = kubeconfig(server, tmp_path, provider(issuer, jwt(5)))
        before = path.read_text()
        assert collect(Zone("z", credentials=Kubeconfig(path))).state == "complete"
    (form,) = issuer.forms
    assert form["grant_type"] == ["refresh_token"]
    assert form["refresh_token"] == ["refresh-canary"]
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("changed", "answers", "said"),
    [
        ({"refresh-token": ""}, {}, "log in again"),
        ({"idp-certificate-authority": ""}, {}, "its certificate is not trusted"),
        ({"idp-issuer-url": "http://127.0.0.1:1"}, {}, "idp-issuer-url must be https"),
        ({"idp-issuer-url": "https://127.0.0.1:1"}, {}, "cannot be reached"),
        ({}, {"endpoint": "http://127.0.0.1:1/token"}, "idp-issuer-url must be https"),
        ({}, {"new": ""}, "returned no ID token"),
        ({}, {"code": 500}, "the issuer answered 500"),
        ({"idp-certificate-authority-data": "***"}, {}, "is not base64"),
    ],
)
def test_an_issuer_that_is_not_to_be_trusted_or_fails(
    tmp_path: Path, changed: dict[str, str], answers: dict[str, Any], said: str
) -> None:
    """Never without a verified certificate, never over http, and no message holds a secret."""
    with Issuer(tmp_path, jwt(time.time() + 3600)) as issuer:
        for name, value in answers.items():
            setattr(issuer, name, value)
        section = Section("user u", provider(issuer, jwt(5), **changed)["auth-provider"], tmp_path)
        with pytest.raises(CredentialsError) as failed:
            id_token(section, 10)
        assert said in str(failed.value)
        assert "canary" not in str(failed.value)
        # Where the way was not safe, nothing was sent.
        assert not issuer.forms or said == "returned no ID token"


def test_other_providers_are_said_not_to_be_understood(tmp_path: Path) -> None:
    """Those that kubectl has given up."""
    with pytest.raises(CredentialsError, match="only `oidc` is supported"):
        id_token(Section("user u", {"name": "gcp", "config": {}}, tmp_path), 10)


def test_an_issuer_that_does_not_answer_in_json(tmp_path: Path) -> None:
    """A login page of a proxy in between."""
    with Issuer(tmp_path, jwt(5)) as issuer:
        issuer.handle = lambda request: Answer(200, b"<html>")  # type: ignore[method-assign]
        section = Section("user u", provider(issuer, jwt(5))["auth-provider"], tmp_path)
        with pytest.raises(CredentialsError, match="is not JSON"):
            id_token(section, 10)


def test_a_token_that_says_nothing_of_its_end_is_used(tmp_path: Path) -> None:
    """Not every ID token can be read."""
    section = Section("user u", {"name": "oidc", "config": {"id-token": "opaque"}}, tmp_path)
    assert id_token(section, 10) == ("opaque", None)


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (None, "user auditor has no credentials"),
        ({"token": "two words"}, "characters that a token cannot have"),
        ({"tokenFile": "none"}, "No such file"),
        ({"client-certificate": "none", "client-key": "none"}, "cannot read"),
        ({"client-certificate-data": "***"}, "is not base64"),
        ({"exec": "text"}, "exec must be a mapping"),
        ({"auth-provider": {"name": "azure"}}, "only `oidc`"),
    ],
)
def test_a_kubeconfig_without_usable_credentials(tmp_path: Path, user: dict[str, Any] | None, said: str) -> None:
    """Nothing is asked as nobody."""
    with SimulatedZone(WORLD, tmp_path) as server:
        snapshot = collect(Zone("z", credentials=Kubeconfig(kubeconfig(server, tmp_path, user))))
        assert not server.requests
    assert {gap.reason for gap in snapshot.gaps} == {"credentials"}
    assert said in snapshot.gaps[0].detail


def test_a_password_is_shown_as_kubectl_shows_it(tmp_path: Path) -> None:
    """Some proxies before an API take it."""
    with SimulatedZone(WORLD, tmp_path) as server:
        path = kubeconfig(server, tmp_path, {"username": "ann", "password": "secret"})
        target, login = credentials.login_of(Zone("z", credentials=Kubeconfig(path)), lambda: 1.0)
    assert target.host == server.url
    assert login.credential().header == "Basic " + base64.b64encode(b"ann:secret").decode()


def test_a_token_file_of_a_kubeconfig_is_read_for_each_request(tmp_path: Path) -> None:
    """It rotates, as any other."""
    with SimulatedZone(WORLD, tmp_path) as server:
        token = tmp_path / "token"

        def rotate(answer: Answer) -> Answer:
            server.token = "second-token"
            token.write_text("second-token")
            return answer

        token.write_text(server.token)
        server.faults.append(Fault("/version", rotate))
        path = kubeconfig(server, tmp_path, {"tokenFile": "token"})
        assert collect(Zone("z", credentials=Kubeconfig(path))).state == "complete"


def test_outside_a_cluster_there_is_no_account_of_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    snapshot = collect(Zone("here", credentials=InCluster()))
    assert "not running in a cluster" in snapshot.gaps[0].detail
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(credentials, "_ACCOUNT", Path("/no/such/place"))
    assert "token file does not exist" in collect(Zone("here", credentials=InCluster())).gaps[0].detail


def test_a_server_that_repeats_the_token_is_not_quoted(tmp_path: Path) -> None:
    """In an error, in a list and in a user's name: `***` stands in its place, however long it is."""
    token = "sha256~" + "long-canary-" * 40

    def echo(answer: Answer) -> Answer:
        return replace(answer, code=500, body=f"you sent Authorization: Bearer {token} to us".encode())

    with SimulatedZone(WORLD, tmp_path, token=token) as server:
        server.faults += [Fault("groups", echo, times=None), Fault("selfsubject", echo, times=None)]
        snapshot = collect(Zone("z", credentials=Kubeconfig(server.kubeconfig(tmp_path / "kubeconfig"))))
    (gap,) = snapshot.gaps
    assert gap.detail == "500 you sent Authorization: Bearer *** to us"


def test_an_ordinary_word_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token of two letters would be found everywhere."""
    with SimulatedZone(WORLD, tmp_path, token="ns") as server:
        monkeypatch.setenv("T", "ns")
        snapshot = collect(Zone("z", server.url, ca_file=server.ca_file, credentials=TokenEnv("T")))
    assert any(name.startswith("ns-") for name in snapshot.strings)


def test_a_token_file_that_is_just_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty for a moment: looked at again."""
    token = tmp_path / "token"
    token.write_text("")
    monkeypatch.setattr(time, "sleep", lambda seconds: token.write_text("there"))
    assert credentials._bearer_file(token).header == "Bearer there"


def test_a_token_file_that_is_empty(tmp_path: Path) -> None:
    """It is said before anything is asked."""
    (tmp_path / "token").write_text(" \n")
    snapshot = collect(Zone("z", "https://127.0.0.1:1", credentials=TokenFile(tmp_path / "token")))
    assert snapshot.gaps[0].detail == "cannot load the credentials: the token is empty"


def test_a_kubeconfig_impersonates_as_kubectl_does(tmp_path: Path) -> None:
    """`as` and its companions go with every request, so that the answers are those that kubectl would get."""
    user = {"as": "Zürich admin", "as-groups": ["a", "system:masters"], "as-uid": "7"}
    with SimulatedZone(WORLD, tmp_path) as server:
        path = kubeconfig(server, tmp_path, user | {"token": server.token, "as-user-extra": {"Scope/x": ["y"]}})
        assert collect(Zone("z", credentials=Kubeconfig(path))).state == "complete"
    assert server.requests
    for request in server.requests:
        assert request.headers["impersonate-user"].encode("latin-1").decode() == "Zürich admin"
        assert request.headers["impersonate-group"] == "a, system:masters"
        assert request.headers["impersonate-uid"] == "7"
        assert request.headers["impersonate-extra-scope%2fx"] == "y"


@pytest.mark.parametrize(
    ("user", "problem"),
    [
        ({"as-groups": ["system:masters"]}, "need `as`"),
        ({"as": "a", "as-groups": "system:masters"}, "as-groups must be a list of strings"),
        ({"as": 5}, "as must be a string"),
        ({"as": "a\r\nAuthorization: x"}, "characters that a header cannot have"),
        ({"as": "a", "as-user-extra": ["x"]}, "as-user-extra must be a mapping"),
    ],
)
def test_an_impersonation_that_cannot_be_sent_is_refused(tmp_path: Path, user: dict[str, Any], problem: str) -> None:
    """Nothing is asked as somebody else than the kubeconfig says."""
    with SimulatedZone(WORLD, tmp_path) as server:
        path = kubeconfig(server, tmp_path, {"token": server.token, **user})
        gap = collect(Zone("z", credentials=Kubeconfig(path))).gaps[0]
    assert (gap.reason, problem in gap.detail) == ("credentials", True)
    assert not server.requests
