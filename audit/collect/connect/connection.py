"""Requests to the API server of one zone: whole responses or a CollectError, within a budget, without secrets."""

import shlex
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3 import HTTPHeaderDict
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from audit.collect.connect.credentials import ClientAuth, Target, Unreachable, login_of, usable
from audit.collect.connect.transport import Route
from audit.collect.decode import CollectError
from audit.collect.limits import Budget
from audit.collect.zones import Kubeconfig, Zone
from audit.masking import repeats
from audit.regular_files import LARGEST, LIMIT, SMALL, read_regular, too_large

JSON: Final = "application/json"
_CHUNK: Final = 1 << 20  # bytes read between two checks of the clock
_MAX_BODY: Final = LARGEST // 2  # bytes: while it is received there are two of them for a moment
_LARGE: Final = 32 << 20  # bytes: of larger answers only one is received at a time, so that memory suffices
_POLL: Final = 0.1  # seconds between two checks of the clock while waiting
_receiving: Final = threading.Lock()
_CONNECT: Final = 15.0  # seconds to reach the server
_UNAUTHENTICATED: Final = 401


@dataclass(frozen=True, slots=True)
class Response:
    """One whole response.

    `login` is the command that renews credentials which were not accepted; "" if there is none.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    login: str = ""


class Connection:
    """A connection to the API server of one zone; safe for several threads."""

    def __init__(self, zone: Zone, budget: Budget, connections: int = 20) -> None:
        """Load the zone's credentials. Raises Unreachable when they cannot be used for its address."""
        self.budget = budget
        target, self._login = login_of(zone, budget.left)
        self._target = _of_zone(zone, target)
        self.url = self._target.host.rstrip("/")
        if urlsplit(self.url).scheme != "https":
            raise Unreachable("credentials", f"credentials are sent over https only, not to {self.url}")
        # People log in to a context of their kubeconfig; tokens from elsewhere are renewed there.
        self._renewal = f"oc login {shlex.quote(self.url)}" if isinstance(zone.credentials, Kubeconfig) else ""
        self._connections = connections
        self._lock = threading.Lock()
        self._secrets: frozenset[str] = frozenset()  # that this server gets to see
        self._certificate: tuple[bytes, bytes] | None = None
        self._pool = self._connect(self._login.credential())

    def get(self, path: str, query: Mapping[str, str] | None = None, *, accept: str = JSON) -> Response:
        """Return the response to a GET. Raises CollectError when there is no whole one."""
        return self._request("GET", path + (f"?{urlencode(query)}" if query else ""), None, accept)

    def post(self, path: str, body: bytes) -> Response:
        """Return the response to a POST of JSON; see `get`."""
        return self._request("POST", path, body, JSON)

    def refuse_repeated(self, values: bytes) -> None:
        """Raise CollectError if data from the server (JSON), of which nothing can be masked, hold its credentials."""
        if repeats(values, self._secrets):
            raise CollectError("malformed", "the server repeats the credentials that it was sent")

    def _request(self, method: str, target: str, body: bytes | None, accept: str) -> Response:
        headers = HTTPHeaderDict({"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": "registry-audit"})
        if body is not None:
            headers["Content-Type"] = JSON
        with self.budget.slot():
            # For each request: tokens expire and rotate.
            credential = self._login.credential()
            if credential.header:
                headers["Authorization"] = credential.header
            for name, value in credential.impersonate:
                # As kubectl sends it: the bytes of UTF-8, one header for each group.
                headers.add(name, value.encode().decode("latin-1"))
            answer = self._answer(self._pool_for(credential), method, self.url + target, headers, body)
        if answer.status == _UNAUTHENTICATED:
            self._login.refused(credential)
            return replace(answer, login=self._renewal)
        return answer

    def _answer(
        self, pool: urllib3.PoolManager, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Response:
        left = self.budget.left()
        try:
            response = pool.request(
                method,
                url,
                headers=headers,
                body=body,
                timeout=urllib3.Timeout(connect=min(_CONNECT, left), read=min(self.budget.request, left)),
                preload_content=False,
                redirect=False,
                retries=False,
            )
            try:
                return Response(response.status, response.headers, self._body(response))
            finally:
                response.close()
        except HTTPError as error:
            raise _no_response(error) from error

    def _body(self, response: urllib3.BaseHTTPResponse) -> bytes:
        body = bytearray()
        with ExitStack() as large:
            # Read what has arrived, not a full chunk: a slow server must not delay the check of the clock.
            while chunk := response.read1(_CHUNK, decode_content=True):
                if len(body) <= _LARGE < len(body) + len(chunk):
                    large.enter_context(self._one_at_a_time())
                body += chunk
                if len(body) > _MAX_BODY:
                    what = f"the answer has {too_large(_MAX_BODY)}; {LIMIT} sets twice this limit"
                    raise CollectError("malformed", what)
                self.budget.left()
            return bytes(body)

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Wait until no other large answer, of any zone, is being received."""
        while not _receiving.acquire(timeout=min(_POLL, self.budget.left())):
            pass
        try:
            yield
        finally:
            _receiving.release()

    def _pool_for(self, credential: ClientAuth) -> urllib3.PoolManager:
        with self._lock:
            self._secrets |= credential.secrets
            if credential.certificate != self._certificate:
                self._pool = self._connect(credential)
            return self._pool

    def _connect(self, credential: ClientAuth) -> urllib3.PoolManager:
        target = self._target
        route = Route(
            target.authority,
            server_name=target.server_name,
            proxy=target.proxy,
            certificate=credential.certificate,
            connections=self._connections,
        )
        pool = usable(lambda: route.pool(self.url))
        self._certificate = credential.certificate
        return pool


def _of_zone(zone: Zone, target: Target) -> Target:
    """Return the target of a zone; its configuration overrides its kubeconfig."""
    authority = usable(partial(read_regular, zone.ca_file, limit=SMALL)) if zone.ca_file else target.authority
    return replace(target, authority=authority, proxy=zone.proxy or target.proxy)


def _no_response(error: HTTPError) -> CollectError:
    """Return why there is no response."""
    if isinstance(error, ProxyError) and not isinstance(error.original_error, SSLError):
        return CollectError("unreachable", f"the proxy: {_without_object(str(error.original_error))}")
    if isinstance(error, ProxyError | SSLError):
        return _no_tls(error.original_error if isinstance(error, ProxyError) else error)
    if isinstance(error, NewConnectionError | ConnectTimeoutError):
        return CollectError("unreachable", _without_object(str(error)))
    return _broken(error)


def _no_tls(error: Exception) -> CollectError:
    if error.args and isinstance(error.args[0], ssl.SSLCertVerificationError):
        # A retry cannot help.
        return Unreachable(
            "unreachable", f"TLS: {error}; set ca_file of the zone if it has its own certificate authority"
        )
    return CollectError("unreachable", f"TLS: {error}")


def _broken(error: HTTPError) -> CollectError:
    if isinstance(error, ReadTimeoutError):
        return CollectError("timeout", "the server did not respond in time")
    if isinstance(error, DecodeError):
        return CollectError("malformed", "the compressed response is damaged")
    if isinstance(error, ProtocolError):
        return CollectError("cut", f"the connection broke: {error.args[0] if error.args else error}")
    return CollectError("error", f"{type(error).__name__}: {error}")


def _without_object(text: str) -> str:
    """Return a message of urllib3 without the connection object in front."""
    return text.split(": ", 1)[-1] if text.startswith(("<", "HTTP")) else text
