"""Whoever is sent a credential repeats it, in every place and spelling; it is passed on nowhere."""

import base64
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from audit.masking import repeats
from tests.collect.test_secrets import PROGRAM, everything, streams
from tests.simulator.answers import Answer, Request, json_answer, status
from tests.simulator.server import SimulatedZone
from tests.spellings import SPELLINGS, leaks
from tests.worlds.random_zones import world_of

TOKEN = "sha256~t0ken+of/the.zone-0123456789"
PASSWORD = "p4ssword+of/alice-0123456789"
OF_PROXY = "pr0xy+pass/word-0123456789"
KEY = "s3key+of/the.bucket-0123456789"


# Each zone repeats in the next spellings, in each place in another one; with all, every place has seen every spelling.
ZONES = min(int(os.environ.get("REGISTRY_AUDIT_WORLDS", "5")), len(SPELLINGS))


def spelled(number: int, secret: str) -> str:
    return SPELLINGS[[*SPELLINGS][number % len(SPELLINGS)]](secret)


class RepeatingZone(SimulatedZone):
    """Answers at `/SPELLING/…`, and repeats there the credential that it was sent in that spelling, in every place."""

    def handle(self, request: Request) -> Answer:
        _, spelling, rest = request.target.split("/", 2)
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        secret = sent if scheme == "Bearer" else base64.b64decode(sent).decode().partition(":")[2]
        request.headers["authorization"] = f"Bearer {self.token}"
        answer = super().handle(replace(request, target=f"/{rest}"))
        what = replace(request, target=f"/{rest}").path.rpartition("/")[2]
        said = spelled(int(spelling) + len(what), secret)
        # In lists, of many megabytes, what is encoded twice is not searched.
        named = said if repeats(json.dumps(said).encode(), [secret]) else secret
        return _repeated(what, answer, said, named)


def _repeated(what: str, answer: Answer, said: str, named: str) -> Answer:
    """Repeat it as a message, a name, a version, or in a body that is something else."""
    listed = {"metadata": {"name": named, "namespace": "ns-0"}}
    # As raw JSON: what it stands for is only known after decoding.
    escaped = said.replace('"', "").replace("\n", "").encode()
    review = json_answer({"status": {"allowed": False, "reason": said, "evaluationError": said}}, 201)
    who = {"status": {"userInfo": {"username": named, "groups": [named]}}}
    answers = {
        "clusterroles": status(403, f"{'long ' * 50}you sent {said}"),
        "rolebindings": Answer(500, f"you sent Authorization: Bearer {said}".encode(), "text/plain"),
        "roles": Answer(200, f"<{said}".encode()),
        "users": replace(status(400, said), code=200),
        "clusterrolebindings": json_answer({"kind": "List", "metadata": {}, "items": [{"kind": said}]}),
        "serviceaccounts": json_answer({"kind": "List", "metadata": {}, "items": [listed]}),
        "namespaces": json_answer({"kind": "List", "metadata": {"resourceVersion": named}, "items": []}),
        "imagestreams": Answer(403, b'{"kind": "Status", "message": "' + escaped + b'", "code": 403}'),
        "version": json_answer({"gitVersion": named}),
        "selfsubjectreviews": json_answer(who, 201),
        "subjectaccessreviews": review,
        "selfsubjectaccessreviews": review,
    }
    return answers.get(what, answer)


@contextmanager
def repeating_proxy() -> Iterator[str]:
    """A proxy whose refusal repeats in its status line the login that it was sent; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for at in range(1_000_000):
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    sent = re.search(rb"Basic (\S+)", connection.recv(1 << 16))
                    login = base64.b64decode(sent[1]).decode() if sent else ""
                    said = spelled(at, login.partition(":")[2]).replace("\n", " ")
                    connection.sendall(f"HTTP/1.1 407 bad login {said}\r\nContent-Length: 0\r\n\r\n".encode())

        Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def zones_of(server: SimulatedZone, folder: Path) -> Iterator[dict[str, Any]]:
    """A zone for each spelling and way to log in: a token, a password, a plugin, an unreachable one by the proxy."""
    dump = folder / "dump"
    dump.mkdir()
    for number in range(ZONES):
        at = number * len(SPELLINGS) // ZONES
        spelling, spell = list(SPELLINGS.items())[at]
        user: dict[str, Any] = {"username": "alice", "password": PASSWORD}
        if number % 2:
            printed = json.dumps(
                {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": TOKEN}}
            )
            code = f"import sys; print({spell(TOKEN)!r}, file=sys.stderr); print({printed!r})"
            plugin = {"command": sys.executable, "args": ["-c", code]}
            user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", **plugin}}
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [
                {"name": "c", "cluster": {"server": f"{server.url}/{at}", "certificate-authority": str(server.ca_file)}}
            ],
            "users": [{"name": "u", "user": user}],
        }
        path = folder / f"kubeconfig-{at}"
        path.write_text(yaml.safe_dump(config))
        yield {"id": f"login-{at}", "credentials": {"kubeconfig": str(path)}}
        live = {"api": f"{server.url}/{at}", "ca_file": str(server.ca_file), "credentials": {"token_env": "TOKEN"}}
        yield {"id": f"token-{at}", **live}
        yield {"id": f"proxy-{at}", "api": f"https://zone-{at}.invalid:6443", "credentials": {"token_env": "TOKEN"}}
        message = f"{spelling} {spell(TOKEN)} {spell(OF_PROXY)}"
        (dump / str(at)).mkdir()
        (dump / str(at) / "rolebindings.json").write_text(json.dumps({"kind": "Status", "message": message}))
        (dump / str(at) / "roles.json").write_text(f"{{{spell(TOKEN)}")
        yield {"id": f"dump-{at}", "source": {"dump": str(dump / str(at))}}


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("log", ["text", "json"])
def test_no_spelling_of_a_credential_in_anything_that_is_printed_or_written(tmp_path: Path, log: str) -> None:
    """Server, proxy, plugin and file repeat it; lines, snapshots, tables, pages, metrics and messages do not."""
    out, config = tmp_path / "out", tmp_path / "config.yaml"
    with SimulatedZoneAt(tmp_path / "server") as server, repeating_proxy() as proxy:
        zones = [*zones_of(server, tmp_path)]
        collect = {"retries": 0, "timeout_seconds": 60, "scope": "cluster"}
        channel = {"name": "kept", "file": str(out / "message.json")}
        config.write_text(yaml.safe_dump({"zones": zones, "collect": collect, "notify": {"channels": [channel]}}))
        login = f"http://us3r:{OF_PROXY.replace('+', '%2B').replace('/', '%2F')}@{proxy}"
        environment = {**os.environ, "TOKEN": TOKEN, "HTTPS_PROXY": login, "NO_PROXY": ""}
        environment["REGISTRY_AUDIT_TERMINATION_LOG"] = str(tmp_path / "termination")
        (tmp_path / "termination").touch()
        formats = [f"--format={name}" for name in ("csv", "html", "jsonl", "ocsf", "parquet", "sarif", "xlsx")]
        done, asked = (
            subprocess.run(
                [PROGRAM, "--log-format", log, "--log-names", *command],
                capture_output=True,
                env=environment,
                timeout=300,
                check=False,
            )
            for command in (
                ["run", "-c", str(config), "-o", str(out), "--verify=5", *formats],
                ["zones", "-c", str(config), "--json"],
            )
        )
    assert (done.returncode, asked.returncode) == (4, 3), done.stderr.decode()[-2000:]  # no zone gives all of a list
    parts = [*streams(done), *streams(asked), *everything(out), *everything(tmp_path / "termination")]
    parts.append(("termination", (tmp_path / "termination").read_bytes()))
    found = [
        (name, spelling, secret)
        for name, data in parts
        for secret in (TOKEN, PASSWORD, OF_PROXY)
        for spelling in leaks(data, secret)
    ]
    assert found == []
    snapshots = [data for name, data in parts if name.endswith(".snapshot unpacked")]
    # Each zone was there, and each had something to say.
    assert len(snapshots) == len(zones)
    assert all(b"***" in data for data in snapshots)


class SimulatedZoneAt(RepeatingZone):
    """The zone of this test."""

    def __init__(self, folder: Path) -> None:
        super().__init__(world_of(5), folder, token=TOKEN)


def test_a_bucket_that_repeats_its_key(tmp_path: Path) -> None:
    """The answer of an object store is quoted without the key, in each spelling."""
    said = " ".join(spell(KEY).replace("\n", " ") for spell in SPELLINGS.values())
    body = f"{said}<Error><Code>InvalidAccessKeyId</Code><Message>{said}</Message></Error>".encode()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1 << 16)
                    head = f"HTTP/1.1 403 {said[:200]}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                    connection.sendall(head.encode() + body)

        Thread(target=serve, daemon=True).start()
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.getsockname()[1]}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "x",
            "AWS_ACCESS_KEY_ID": "AKID",
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_SESSION_TOKEN": KEY[::-1],
        }
        done = subprocess.run(
            [PROGRAM, "check-evidence", "s3://bucket/folder"],
            capture_output=True,
            env=environment,
            cwd=tmp_path,
            timeout=60,
            check=False,
        )
        server.shutdown(socket.SHUT_RDWR)
    assert done.returncode == 2, done
    assert leaks(done.stdout + done.stderr, KEY) == []
