"""How a zone is reached: the official client's configuration and authentication, and raw answers within a deadline."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import urllib3
from kubernetes import client
from kubernetes.client.rest import RESTClientObject
from kubernetes.config import ConfigException, kube_config, load_incluster_config
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from audit.collect.decode import Unusable
from audit.zones import InCluster, Kubeconfig, TokenEnv, TokenFile, Zone

JSON: Final = "application/json"
_CHUNK: Final = 1 << 20  # bytes read between two looks at the clock
_CONNECT: Final = 15.0  # seconds to reach the server
_CONNECTIONS: Final = 8  # one for each kind


class Unreachable(Unusable):
    """Nothing can be asked of this zone; `reason` is `unreachable` or `credentials`."""


@dataclass(frozen=True, slots=True)
class Response:
    """One whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Budget:
    """How long things may take: `end` (of `time.monotonic`) for all, `request` seconds of silence for each."""

    end: float
    request: float
    stop: Event

    def left(self) -> float:
        """Return the seconds that are left. Raises Unusable when there are none, or when asked to stop."""
        if self.stop.is_set():
            raise Unusable("stopped", "stopped before it was read")
        left = self.end - time.monotonic()
        if left <= 0:
            raise Unusable("timeout", "the time for this zone was used up")
        return left


class Connection:
    """Talks to the API server of one zone; safe for several threads."""

    def __init__(self, zone: Zone, budget: Budget) -> None:
        """Load the zone's credentials. Raises Unreachable when they cannot be used for its address."""
        self._configuration = _configuration(zone)
        self._budget = budget
        self.url = self._configuration.host.rstrip("/")
        self._pool: urllib3.PoolManager = RESTClientObject(self._configuration).pool_manager

    def get(self, path: str, query: Mapping[str, str] | None = None, *, accept: str = JSON) -> Response:
        """Return the answer to a GET. Raises Unusable with the reason why there is no whole one."""
        return self._request("GET", path + (f"?{urlencode(query)}" if query else ""), None, accept)

    def post(self, path: str, body: bytes) -> Response:
        """Return the answer to a POST of JSON; see `get`."""
        return self._request("POST", path, body, JSON)

    def pause(self, seconds: float) -> None:
        """Wait before asking again. Raises Unusable when that is later than the zone's time allows, or at a stop."""
        if seconds > self._budget.left():
            raise Unusable("overloaded", f"the server asked to come back in {seconds:.0f} s, and there is no such time")
        self._budget.stop.wait(seconds)

    def _request(self, method: str, target: str, body: bytes | None, accept: str) -> Response:
        left = self._budget.left()
        headers = {"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": "registry-audit"}
        if body is not None:
            headers["Content-Type"] = JSON
        try:
            headers |= self._authorization()
            response = self._pool.request(
                method,
                self.url + target,
                headers=headers,
                body=body,
                timeout=urllib3.Timeout(connect=min(_CONNECT, left), read=min(self._budget.request, left)),
                preload_content=False,
                redirect=False,
                retries=False,
            )
            try:
                return Response(response.status, response.headers, self._body(response))
            finally:
                response.close()
        except HTTPError as error:
            raise _no_answer(error) from error
        except OSError as error:
            raise Unusable(
                "credentials", f"cannot read the credentials: {error.strerror or type(error).__name__}"
            ) from error

    def _authorization(self) -> dict[str, str]:
        # Asked for each request: the client renews tokens that expire or rotate.
        setting = self._configuration.auth_settings().get("BearerToken")
        return {"Authorization": setting["value"]} if setting and setting["value"] else {}

    def _body(self, response: urllib3.BaseHTTPResponse) -> bytes:
        chunks = []
        # What has arrived, not a full chunk: a server that sends drop by drop must not hold the clock.
        while chunk := response.read1(_CHUNK, decode_content=True):
            chunks.append(chunk)
            self._budget.left()
        return b"".join(chunks)


def _no_answer(error: HTTPError) -> Unusable:
    """Say why there is no answer, in a word and for people."""
    if isinstance(error, SSLError):
        return Unreachable("unreachable", f"TLS: {error}; give the zone's ca_file if it has an authority of its own")
    if isinstance(error, NewConnectionError | ConnectTimeoutError) or "proxy" in type(error).__name__.lower():
        return Unreachable("unreachable", _without_object(str(error)))
    if isinstance(error, ReadTimeoutError):
        return Unusable("timeout", "the server was silent for too long")
    if isinstance(error, DecodeError):
        return Unusable("malformed", "the compressed answer is damaged")
    if isinstance(error, ProtocolError):
        return Unusable("cut", f"the connection broke: {error.args[0] if error.args else error}")
    return Unusable("error", f"{type(error).__name__}: {error}")


def _without_object(text: str) -> str:
    """Return urllib3's message without the connection object before it."""
    return text.split(": ", 1)[-1] if text.startswith(("<", "HTTP")) else text


def _configuration(zone: Zone) -> Any:
    configuration = client.Configuration()
    configuration.connection_pool_maxsize = _CONNECTIONS
    configuration.retries = False
    try:
        _load(zone, configuration)
    except (ConfigException, OSError, KeyError, TypeError, ValueError) as error:
        raise Unreachable("credentials", f"cannot load the credentials: {error}") from error
    if zone.ca_file:
        configuration.ssl_ca_cert = str(zone.ca_file)
    if not configuration.verify_ssl:
        raise Unreachable(
            "credentials", "the kubeconfig switches TLS verification off: give the zone's ca_file instead"
        )
    if urlsplit(configuration.host).scheme != "https":
        raise Unreachable("credentials", f"credentials are sent over https only, and this is {configuration.host}")
    return configuration


def _load(zone: Zone, configuration: Any) -> None:
    match zone.credentials:
        case TokenFile(path):
            _with_token(zone, configuration, lambda: path.read_text(encoding="utf-8").strip())
        case TokenEnv(name):
            _with_token(zone, configuration, lambda: os.environ.get(name, "").strip())
        case InCluster():
            load_incluster_config(client_configuration=configuration)
            _same_server(zone, configuration)
        case Kubeconfig(path, context):
            _with_kubeconfig(zone, configuration, path, context)
        case _:
            _with_kubeconfig(zone, configuration, None, None)


def _with_token(zone: Zone, configuration: Any, read: Any) -> None:
    token = read()
    if not token:
        raise ValueError("the token is empty")

    def renew(target: Any) -> None:
        target.api_key["BearerToken"] = f"Bearer {read()}"

    configuration.host = zone.api
    configuration.api_key["BearerToken"] = f"Bearer {token}"
    configuration.refresh_api_key_hook = renew


def _with_kubeconfig(zone: Zone, configuration: Any, path: Path | None, context: str | None) -> None:
    files = str(path) if path else kube_config.KUBE_CONFIG_DEFAULT_LOCATION
    if context is None and zone.api:
        context = _context_for(files, zone.api)
    kube_config.load_kube_config(files, context, configuration, persist_config=False)
    _same_server(zone, configuration)


def _context_for(files: str, api: str) -> str:
    """Return the first context whose cluster is at `api`."""
    merged = kube_config.KubeConfigMerger(files).config
    if merged is None:
        raise ConfigException(f"no kubeconfig at {files}")
    servers = {entry["name"]: entry["cluster"]["server"] for entry in merged["clusters"].value}
    for entry in merged["contexts"].value:
        if _address(servers.get(entry["context"]["cluster"], "")) == _address(api):
            return str(entry["name"])
    raise ConfigException(f"no context in {files} leads to {api}")


def _same_server(zone: Zone, configuration: Any) -> None:
    """Refuse to send credentials elsewhere than where they belong."""
    if zone.api and _address(zone.api) != _address(configuration.host):
        raise ConfigException(f"they belong to {configuration.host}, and the zone's api is {zone.api}")


def _address(url: str) -> tuple[str, str, int | None, str]:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port, parts.path.rstrip("/")
