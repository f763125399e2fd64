"""A real HTTPS server on loopback: `SimulatedZone` answers of a world, and goes wrong as it is told."""

import gzip
import os
import socket
import ssl
import struct
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self, cast

import trustme
import yaml

from tests.simulator.answers import Answer, Api, Caller, Request, status
from tests.simulator.faults import Fault
from tests.simulator.rights import covered, rights_of
from tests.worlds.plain_rbac import World

TOKEN = "simulated-token"
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time at all
_COMPRESSED_FROM = 128 * 1024  # bytes: smaller answers are never compressed by the API server
_CHUNK = 256 * 1024


class Zone:
    """A server on an ephemeral port of loopback, with its own certificate authority; use it in a `with`.

    `requests` holds every request in the order of arrival, without its token. A request's failure inside the
    simulator is raised when the zone closes.
    """

    def __init__(self, folder: Path, token: str = TOKEN) -> None:
        self.token = token
        self.requests: list[Request] = []
        self.crashes: list[BaseException] = []
        self.closing = Event()
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        self._server = _Server(self, context)
        self.port = int(self._server.server_address[1])
        self.url = f"https://127.0.0.1:{self.port}"
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / f"ca-{self.port}.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))

    def answer(self, request: Request) -> Answer:
        """The answer to an authenticated request."""
        raise NotImplementedError

    def go_away(self) -> None:
        """Take no connection any more, and end those that are there."""
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()

    def handle(self, request: Request) -> Answer:
        """The answer to any request; here the token is checked, and what is kept of the request leaves it out."""
        scheme, _, given = request.headers.pop("authorization", "").partition(" ")
        self.requests.append(request)
        missing = [right for right in rights_of(request) if not covered(right)]
        ours = request.headers.get("user-agent") == "registry-audit"
        if ours and missing:
            self.crashes.append(AssertionError(f"no role that the program asks for covers {missing}"))
        if (scheme.lower(), given) != ("bearer", self.token):
            return status(401, "Unauthorized")
        if ours and missing:
            return status(403, f"cannot {missing[0].verb} resource {missing[0].resource!r}")
        return self.answer(request)

    def kubeconfig(self, path: Path, *, token: str | None = None) -> Path:
        """Write a kubeconfig that leads here."""
        user = {"token": self.token if token is None else token}
        cluster = {"server": self.url, "certificate-authority": str(self.ca_file)}
        context = {"cluster": "simulated", "user": "auditor", "namespace": "default"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "simulated",
            "clusters": [{"name": "simulated", "cluster": cluster}],
            "users": [{"name": "auditor", "user": user}],
            "contexts": [{"name": "simulated", "context": context}],
        }
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return path

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        if error is None and self.crashes:
            raise self.crashes[0]


class SimulatedZone(Zone):
    """An API server that serves a world.

    `refuse` holds what is answered with 403: `"groups"` everywhere, `"rolebindings/"` cluster-wide only,
    `"rolebindings/ns-1"` in that namespace only, `"subjectaccessreviews"`. `absent` holds the kinds that this server
    does not know (404); `"users/~"` is what says who asks. With `tenant_of`, the caller may read in these
    namespaces only.
    """

    def __init__(
        self,
        world: World,
        folder: Path,
        *,
        token: str = TOKEN,
        faults: Sequence[Fault] = (),
        refuse: Collection[str] = (),
        absent: Collection[str] = (),
        tenant_of: Collection[str] | None = None,
        caller: Caller | None = None,
    ) -> None:
        super().__init__(folder, token)
        self.faults = list(faults)
        self.api = Api(world, caller or Caller(), refuse, absent, tenant_of)

    def expire(self) -> None:
        """Make every `continue` token given so far answer 410."""
        self.api.expire()

    def handle(self, request: Request) -> Answer:
        answer = super().handle(request)
        for fault in self.faults:
            if fault.fires(request.target):
                answer = fault.action(answer)
        return _compressed(answer) if "gzip" in request.headers.get("accept-encoding", "") else answer

    def answer(self, request: Request) -> Answer:
        return self.api.answer(request)


def _compressed(answer: Answer) -> Answer:
    if len(answer.body) < _COMPRESSED_FROM:
        return answer
    return replace(answer, body=gzip.compress(answer.body, 1), headers={**answer.headers, "Content-Encoding": "gzip"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, zone: Zone, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.zone = zone
        self._context = context
        self._open: set[socket.socket] = set()
        self._lock = Lock()

    def get_request(self) -> tuple[socket.socket, Any]:
        plain, address = super().get_request()
        # The handshake is left to the connection's own thread: a silent client must not keep the others waiting.
        wrapped = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open.add(wrapped)
        return wrapped, address

    def close_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().close_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep open."""
        with self._lock:
            for connection in self._open:
                try:
                    # Not the TLS socket's own shutdown, which would take the TLS away under its thread.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
                except OSError:
                    continue  # it is closed already

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep what fails in the simulator; clients that go away are part of the game."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            self.zone.crashes.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def zone(self) -> Zone:
        return cast(_Server, self.server).zone

    def setup(self) -> None:
        self.request.do_handshake()
        super().setup()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: tests read `Zone.requests`."""

    def _respond(self) -> None:
        headers = {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in self.headers}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        self._deliver(self.zone.handle(Request(self.command, self.path, headers, body)))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _respond

    def _deliver(self, answer: Answer) -> None:
        if self.zone.closing.wait(None if answer.hang else answer.delay):
            self.close_connection = True
            return
        if answer.raw is not None:
            for data in answer.raw:
                if self.zone.closing.is_set():
                    break
                self.wfile.write(data)
            self.close_connection = True
            return
        if not answer.reset or answer.cut is not None:
            self._send(answer)
        if answer.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            os.close(self.connection.detach())  # at once and without the goodbye of TLS
        self.close_connection = self.close_connection or answer.reset or answer.cut is not None

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.code)
        if "Date" not in answer.headers:
            self.send_header("Date", self.date_time_string())
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(memoryview(answer.body)[: answer.cut], answer.pace)

    def _send_body(self, body: memoryview, pace: float | None) -> None:
        chunk = _CHUNK if pace is None else min(_CHUNK, max(1, int(pace / 20)))
        start = time.monotonic()
        for sent in range(0, len(body), chunk):
            due = 0.0 if pace is None else start + sent / pace - time.monotonic()
            if due > 0 and self.zone.closing.wait(due):
                return
            self.wfile.write(body[sent : sent + chunk])
