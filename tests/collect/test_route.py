"""Proxies on the way to a zone: where they are found, who is spared them, and what is verified."""

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from audit.collect.connect import connection
from audit.collect.connect.transport import Route, TransportError, proxy_in_environment
from audit.collect.limits import Budget
from audit.collect.zones import Kubeconfig, Zone
from audit.masking import masked
from tests.collect.test_credentials import LIMITS, WORLD, collect, kubeconfig
from tests.simulator.server import SimulatedZone


class Proxy:
    """An HTTP proxy that takes every CONNECT to one server, whatever its name."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, answer: bytes = b"200 OK") -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.heads: list[str] = []
        self._port, self._tls, self._answer = port, tls, answer
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            near = self._tls.wrap_socket(client, server_side=True) if self._tls else client
        except OSError:
            client.close()
            return
        with near:
            head = b""
            while b"\r\n\r\n" not in head and (data := near.recv(4096)):
                head += data
            self.heads.append(head.decode())
            near.sendall(b"HTTP/1.1 " + self._answer + b"\r\n\r\n")
            with socket.create_connection(("127.0.0.1", self._port)) as far:
                back = threading.Thread(target=_pump, args=(far, near), daemon=True)
                back.start()
                _pump(near, far)
                back.join()

    def close(self) -> None:
        self._listener.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return  # one end has gone, and the other one will


@contextmanager
def proxied(tmp_path: Path, **options: Any) -> Iterator[tuple[SimulatedZone, Proxy, Path]]:
    """A zone that is called `api.zone.test` and that only the proxy finds."""
    with SimulatedZone(WORLD, tmp_path) as server, closing(Proxy(server.port, **options)) as proxy:
        cluster = {"server": "https://api.zone.test:6443", "tls-server-name": "localhost"}
        yield server, proxy, kubeconfig(server, tmp_path, {"token": server.token}, **cluster)


def test_a_proxy_from_each_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The zone's own goes before the kubeconfig's, and that before the environment's; its password goes along."""
    with proxied(tmp_path) as (_, proxy, path):
        zone = Zone("z", credentials=Kubeconfig(path))
        assert collect(replace(zone, proxy=f"http://{proxy.address}")).state == "complete"
        assert proxy.heads[-1].startswith("CONNECT api.zone.test:6443")
        monkeypatch.setenv("HTTPS_PROXY", f"http://ann:p%40ss-canary@{proxy.address}")
        snapshot = collect(zone)
        assert snapshot.state == "complete"
        assert base64.b64encode(b"ann:p@ss-canary").decode() in proxy.heads[-1]
        text = path.read_text().replace("tls-server-name", f"proxy-url: http://{proxy.address}\n    tls-server-name")
        path.write_text(text)
        assert collect(zone).state == "complete"
        assert "Basic" not in proxy.heads[-1]


def test_a_proxy_that_is_reached_over_tls(tmp_path: Path) -> None:
    """Verified, as all else: by the zone's authority or one of the system's, and by no other."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with proxied(tmp_path, tls=context) as (server, proxy, path):
        zone = Zone("z", credentials=Kubeconfig(path), proxy=f"https://{proxy.address}")
        snapshot = collect(zone)
        assert {gap.reason for gap in snapshot.gaps} == {"unreachable"}
        assert not proxy.heads
        both = tmp_path / "both.pem"
        both.write_bytes(server.ca_file.read_bytes() + authority.cert_pem.bytes())
        assert collect(replace(zone, ca_file=both)).state == "complete"


def test_a_proxy_that_refuses(tmp_path: Path) -> None:
    """The zone was not reached, and that is why."""
    with proxied(tmp_path, answer=b"407 Proxy Authentication Required") as (server, proxy, path):
        snapshot = collect(Zone("z", credentials=Kubeconfig(path), proxy=f"http://u:canary-1234@{proxy.address}"))
        assert not server.requests
    assert {gap.reason for gap in snapshot.gaps} == {"unreachable"}
    assert "the proxy: Tunnel connection failed: 407" in snapshot.gaps[0].detail
    assert "canary-1234" not in repr(snapshot.gaps)


@pytest.mark.parametrize("proxy", ["socks5://u:canary@h:1", "http://", "http://h:99999", "ftp://h"])
def test_a_proxy_that_cannot_be_used(tmp_path: Path, proxy: str) -> None:
    """It is not quoted: it may hold a password."""
    with proxied(tmp_path) as (_, _, path):
        (first, *_) = collect(Zone("z", credentials=Kubeconfig(path), proxy=proxy)).gaps
    assert first.reason == "unreachable"
    assert first.detail.endswith("the proxy must be http://HOST:PORT or https://HOST:PORT")


@pytest.mark.parametrize(
    ("spared", "url", "direct"),
    [
        ("", "https://api.example.com:6443", False),
        ("*", "https://api.example.com:6443", True),
        ("example.com", "https://api.example.com:6443", True),
        ("example.com", "https://example.com", True),
        ("example.com", "https://notexample.com", False),
        (".example.com", "https://api.example.com", True),
        (".example.com", "https://example.com", False),
        ("*.example.com", "https://api.example.com", True),
        ("a, Example.COM ,b", "https://api.EXAMPLE.com", True),
        ("api.example.com:6443", "https://api.example.com:6443", True),
        ("api.example.com:443", "https://api.example.com:6443", False),
        ("10.0.0.0/8", "https://10.1.2.3:6443", True),
        ("10.0.0.0/8", "https://11.1.2.3:6443", False),
        ("10.1.2.3", "https://10.1.2.3", True),
        ("fd00::/8", "https://[fd00::1]:6443", True),
        ("[fd00::1]:6443", "https://[fd00::1]:6443", True),
        ("fd00::1", "https://[fd00::2]", False),
        ("", "https://localhost:6443", True),
        ("", "https://127.8.8.8", True),
        ("", "https://[::1]", True),
        ("10.0.0.0/8", "https://api.example.com", False),
        ("example.com", "https://10.1.2.3", False),
        ("fd00::/8", "https://10.1.2.3", False),
    ],
)
def test_who_is_spared_the_proxy(monkeypatch: pytest.MonkeyPatch, spared: str, url: str, direct: bool) -> None:
    """NO_PROXY as kubectl reads it; the machine itself is never asked through a proxy."""
    monkeypatch.setenv("https_proxy", "proxy:3128")
    monkeypatch.setenv("NO_PROXY", spared)
    assert proxy_in_environment(url) == ("" if direct else "http://proxy:3128")


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(TEXT, TEXT)
def test_no_setting_of_proxies_is_a_bug(spared: str, proxy: str) -> None:
    """Whatever stands in the variables: a proxy, none, or a refusal in one message."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("NO_PROXY", spared), ("HTTPS_PROXY", proxy)):
            patch.setenv(name, value)
        try:
            found = Route().proxy("https://api.example.com")
        except TransportError as error:
            found = str(error)
    assert found in {"", proxy, f"http://{proxy}"} or "must be http://HOST:PORT" in found


def test_a_proxy_s_password_is_a_secret_too(tmp_path: Path) -> None:
    """A proxy that answers with what it was sent."""
    with SimulatedZone(WORLD, tmp_path) as server:
        path = kubeconfig(server, tmp_path, {"token": server.token})
        zone = Zone("z", credentials=Kubeconfig(path), proxy="http://ann:canary-1234@127.0.0.1:1")
        connection.Connection(zone, Budget.of(LIMITS, Event()))
    assert masked("x canary-1234 y") == "x *** y"
