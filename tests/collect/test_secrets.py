"""No credential and no secret's value is in anything that a run prints or writes, however it goes wrong."""

import base64
import gzip
import json
import os
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from audit.collect.cluster import collect_cluster
from audit.collect.limits import Limits
from audit.collect.zones import Kubeconfig, Zone
from audit.snapshot.model import encode
from tests.collect.test_credentials import Issuer, jwt, plugin, provider
from tests.simulator.answers import Answer, Request
from tests.simulator.faults import Fault
from tests.simulator.server import SimulatedZone
from tests.worlds.random_zones import world_of

# Each secret holds it; three forms, since what is encoded may begin at any of three places.
CANARY = "kanarienvogel"
FORMS = (
    CANARY.encode(),
    *(base64.b64encode(b"x" * lead + CANARY.encode())[lead + 1 : -4] for lead in range(3)),
)
PROGRAM = str(Path(sys.executable).parent / "registry-audit")
KEY = f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n"


def world_with_secrets() -> dict[str, list[dict[str, Any]]]:
    """Token secrets whose values stand in them, and in the annotation in which `oc apply` repeats them."""
    world = dict(world_of(5))
    values = {"token": base64.b64encode(f"{CANARY}-value".encode()).decode()}
    notes = {
        "kubernetes.io/service-account.name": "ci",
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"data": values, "plain": CANARY}),
    }
    metadata = {"name": "ci-token", "namespace": "ns-0", "uid": "t", "annotations": notes}
    world["secrets"] = [
        {"metadata": metadata, "type": "kubernetes.io/service-account-token", "data": values, "stringData": CANARY}
    ]
    return world


class EchoingZone(SimulatedZone):
    """Says in every error, and in some answers, what it was sent; and gives whole secrets to who asks for metadata."""

    def handle(self, request: Request) -> Answer:
        sent = request.headers.get("authorization", "") + request.headers.get("proxy-authorization", "")
        kind = request.path.rpartition("/")[2]
        answer = super().handle(replace(request, headers=dict(request.headers)))
        if kind == "secrets":
            request.headers["accept"] = "application/json"
            answer = self.answer(request)
        if kind in {"groups", "roles", "selfsubjectreviews", "users"} or answer.code != 200:
            code = {"groups": 500, "roles": 200}.get(kind, answer.code if answer.code != 200 else 400)
            text = f"you sent {sent} as Authorization: {sent}"
            return Answer(code, (text if kind == "roles" else json.dumps({"message": text})).encode())
        return answer


def everything(out: Path) -> Iterator[tuple[str, bytes]]:
    """All files, and what compressed ones, tables and the blocks of a page hold."""
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        data = path.read_bytes()
        yield path.name, data
        if data[:2] == b"\x1f\x8b":
            yield f"{path.name} unpacked", gzip.decompress(data)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from ((f"{path.name}/{name}", archive.read(name)) for name in archive.namelist())
        if path.suffix == ".parquet":
            yield f"{path.name} read", json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
        if path.suffix == ".html":
            blocks = re.findall(rb"H4sI[A-Za-z0-9+/=]{20,}", data)  # gzip in base64
            assert blocks
            yield from (
                (f"{path.name} block {at}", gzip.decompress(base64.b64decode(b))) for at, b in enumerate(blocks)
            )


def found(parts: Iterator[tuple[str, bytes]]) -> list[str]:
    """Where a secret stands, with what is around it."""
    hits = ((name, data, data.find(form)) for name, data in parts for form in FORMS)
    return [f"{name}: {data[max(at - 80, 0) : at + 40]!r}" for name, data, at in hits if at >= 0]


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    """Plain, encoded wherever it begins, and compressed: or the other tests would prove nothing."""
    for lead in range(3):
        encoded = base64.b64encode(b"x" * lead + CANARY.encode() + b"-and-more")
        assert any(form in encoded for form in FORMS), lead
    (tmp_path / "a.snapshot").write_bytes(gzip.compress(b"... " + CANARY.encode()))
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        archive.writestr("sheet", zlib.compress(b"") + CANARY.encode())
    assert {line.split(":")[0] for line in found(everything(tmp_path))} >= {"a.snapshot unpacked", "b.xlsx/sheet"}


def ways_to_log_in(folder: Path, server: SimulatedZone, issuer: Issuer) -> Iterator[dict[str, Any]]:
    """A zone for each place where a credential can stand, in good order or broken."""
    cluster = {"server": server.url, "certificate-authority": str(server.ca_file)}

    def kubeconfig(name: str, user: dict[str, Any] | str, **more: str) -> dict[str, Any]:
        (folder / name).mkdir()
        path = folder / name / "kubeconfig"
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster | more}],
            "users": [{"name": "u", "user": user if isinstance(user, dict) else {}}],
        }
        path.write_text(yaml.safe_dump(config) + (user if isinstance(user, str) else ""))
        return {"id": name, "credentials": {"kubeconfig": str(path)}}

    def run_by(name: str, status: dict[str, Any], code: int = 0) -> dict[str, Any]:
        place = folder / f"of-{name}"
        place.mkdir()
        user = plugin(place, status, code=code)
        user["exec"]["command"] = str(place / "plugin.py")
        script = place / "plugin.py"
        script.write_text(
            script.read_text().replace(
                "import json", f"import json\nimport sys\nprint('{CANARY}', file=sys.stderr)\nimport os", 1
            )
        )
        return kubeconfig(name, user)

    wrong = f"{CANARY}-wrong"
    pair = {"client-certificate-data": base64.b64encode(KEY.encode()).decode()}
    pair["client-key-data"] = pair["client-certificate-data"]
    (folder / "token").write_text(server.token)
    (folder / "token-wrong").write_text(wrong)
    (folder / "token-torn").write_text(f"{CANARY} in two lines\n{CANARY}")
    live = {"api": server.url, "ca_file": str(server.ca_file)}
    for name in ("token", "token-wrong", "token-torn"):
        yield {"id": f"file-{name}", **live, "credentials": {"token_file": str(folder / name)}}
    for name in ("GOOD", "WRONG", "TORN"):
        yield {"id": f"env-{name.lower()}", **live, "credentials": {"token_env": f"CANARY_{name}"}}
    yield kubeconfig("plain", {"token": server.token})
    yield kubeconfig("plain-wrong", {"token": wrong})
    yield kubeconfig("password", {"username": "u", "password": CANARY})
    yield kubeconfig("no-yaml", f"users: [{{name: u, user: {{token: {CANARY}\n")
    yield kubeconfig("no-text", {"token": [CANARY]})
    yield kubeconfig("key", pair)
    yield kubeconfig("key-no-base64", {**pair, "client-key-data": f"*{CANARY}*"})
    yield kubeconfig("proxy", {"token": server.token}, **{"proxy-url": f"http://u:{CANARY}@127.0.0.1:1"})
    yield kubeconfig("proxy-wrong", {"token": server.token}, **{"proxy-url": f"socks5://u:{CANARY}@127.0.0.1:1"})
    yield kubeconfig("no-host", {"token": server.token}, server=f"http://u:{CANARY}@127.0.0.1:1")
    yield run_by("plugin", {"token": server.token})
    yield run_by("plugin-wrong", {"token": wrong})
    yield run_by("plugin-fails", {"token": server.token}, code=3)
    yield run_by("plugin-key", {"clientCertificateData": KEY, "clientKeyData": KEY})
    yield run_by("plugin-odd", {"token": {"of": CANARY}})
    for name, changed in (
        ("oidc", {}),
        ("oidc-away", {"idp-issuer-url": "https://127.0.0.1:1"}),
        ("oidc-bad", {"idp-certificate-authority-data": CANARY}),
    ):
        given = {"client-secret": CANARY, "refresh-token": CANARY, **changed}
        yield kubeconfig(name, provider(issuer, jwt(5) + CANARY, **given))


def streams(done: subprocess.CompletedProcess[bytes]) -> list[tuple[str, bytes]]:
    return [("stdout", done.stdout), ("stderr", done.stderr)]


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("debug", ["", "1"])
def test_no_secret_in_anything_that_is_printed_or_written(tmp_path: Path, debug: str) -> None:
    """A zone for each place where a credential can stand, a server that repeats them, and a search of it all."""
    out, given = tmp_path / "out", tmp_path / "given"
    given.mkdir()
    token = f"sha256~{CANARY}-token"
    with (
        EchoingZone(world_with_secrets(), given / "a", token=token) as server,
        Issuer(given / "b", token) as issuer,
    ):
        zones = list(ways_to_log_in(given, server, issuer))
        config = tmp_path / "config.yaml"
        collect = {"tokens": True, "retries": 0, "timeout_seconds": 60}
        config.write_text(yaml.safe_dump({"zones": zones, "collect": collect}))
        environment = {
            **os.environ,
            "CANARY_GOOD": token,
            "CANARY_WRONG": f"{CANARY}-wrong",
            "CANARY_TORN": f"{CANARY} {CANARY}",
            "REGISTRY_AUDIT_DEBUG": debug,
        }
        formats = [f"--format={name}" for name in ("csv", "html", "parquet")]
        # Not those called no-…: one file that cannot be read spoils them all.
        kubeconfigs = os.pathsep.join(map(str, given.glob("[!n]*/kubeconfig")))
        done, asked, contexts = (
            subprocess.run([PROGRAM, *command], capture_output=True, env=environment | more, timeout=300, check=False)
            for command, more in (
                (["run", "-c", str(config), "-o", str(out), "--verify=5", *formats], {}),
                (["zones", "-c", str(config), "--json"], {}),
                (["zones"], {"KUBECONFIG": kubeconfigs}),
            )
        )
    assert done.returncode == asked.returncode == 3, done.stderr.decode()[-2000:]
    said = [(f"{name} of {one.args}", data) for one in (done, asked, contexts) for name, data in streams(one)]
    assert all(data for name, data in said if "stdout" in name)
    parts = [*said, *everything(out)]
    assert found(iter(parts)) == []
    manifest = json.loads((next(out.glob("2*")) / "manifest.json").read_text())
    states = {zone["id"]: zone["state"] for zone in manifest["run"]["zones"]}
    assert len(states) == len(zones)
    # Those in good order were read, secrets and all: there was something to find.
    assert {states[name] for name in ("file-token", "env-good", "plain", "plugin", "oidc")} == {"partial"}
    assert b"you sent Bearer ***" in done.stderr


def test_a_bug_shows_its_place_and_no_secret(tmp_path: Path) -> None:
    """A traceback holds lines of code, not what stands in variables."""
    (tmp_path / "token").write_text(f"{CANARY}-token")
    config = tmp_path / "config.yaml"
    zone = {"id": "a", "api": "https://127.0.0.1:1", "credentials": {"token_file": str(tmp_path / "token")}}
    config.write_text(yaml.safe_dump({"zones": [zone]}))
    code = (
        "import audit.collect.cluster as one, audit.job.run as two, sys\n"
        "from audit.cli import run_command\n"
        "def broken(*a, **b): raise ValueError('broken on purpose')\n"
        "one._server_version = broken; two.Run.finish = broken\n"
        f"sys.exit(run_command(['run', '-c', {str(config)!r}, '-o', {str(tmp_path / 'out')!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**os.environ, "REGISTRY_AUDIT_DEBUG": "1"},
        timeout=120,
        check=False,
    )
    assert b"Traceback" in done.stderr
    assert b"broken on purpose" in done.stderr
    parts = [("stdout", done.stdout), ("stderr", done.stderr), *everything(tmp_path / "out")]
    assert found(iter(parts)) == []


def test_secrets_of_a_server_that_gives_more_than_was_asked_for(tmp_path: Path) -> None:
    """Only metadata is asked for; whole secrets in its place are no list, and are not quoted."""

    def whole(answer: Answer) -> Answer:
        return replace(answer, body=json.dumps({"data": CANARY, "kind": "SecretList", "items": 1}).encode())

    for body in (whole, lambda answer: replace(answer, body=f'{CANARY}": "x'.encode())):
        fault = Fault("/secrets?", body, times=None)
        with SimulatedZone(world_with_secrets(), tmp_path, faults=[fault]) as server:
            zone = Zone("z", credentials=Kubeconfig(server.kubeconfig(tmp_path / "kubeconfig")))
            limits = Limits(30, 10, kinds=(*Limits().kinds, "tokens"))
            snapshot = collect_cluster(zone, limits, listed=lambda kind, count: None, stop=Event())
        (gap,) = snapshot.gaps
        assert (gap.kind, gap.reason) == ("tokens", "malformed")
        assert CANARY not in gap.detail
        assert CANARY.encode() not in gzip.decompress(encode(snapshot))
