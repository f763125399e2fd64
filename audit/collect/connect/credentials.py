"""Credentials of a zone: a header or a client certificate, obtained when needed and renewed when they expire.

No message quotes a credential, the output of a plugin, or a line of a file that may hold one.
"""

import base64
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from audit.collect.connect.exec_plugin import plugin_credential
from audit.collect.connect.kubeconfig import CredentialsError, KubeContext, KubeContexts, Section, same_server
from audit.collect.connect.oidc import id_token
from audit.collect.connect.transport import TransportError
from audit.collect.decode import CollectError
from audit.collect.zones import InCluster, Kubeconfig, TokenEnv, TokenFile, Zone
from audit.masking import remember
from audit.regular_files import SMALL, read_regular

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# A wrong clock must not renew credentials for every request, nor a refusal without end.
_SHORTEST: Final = 10.0  # seconds
_RENEWALS: Final = 5
_PAUSES: Final = (0.05, 0.2, 0.0)  # seconds between reads of a file that is empty

T = TypeVar("T")


class Unreachable(CollectError):
    """The zone cannot be used, now or later; `reason` is `unreachable` or `credentials`."""


@dataclass(frozen=True, slots=True)
class ClientAuth:
    """Value of the header `Authorization`, client certificate and key (PEM), and when they expire.

    `until` is a value of `time.monotonic`; infinite when unknown. `impersonate` are the headers for another identity.
    `secrets` is what the server must not repeat.
    """

    header: str = ""
    certificate: tuple[bytes, bytes] | None = None
    until: float = math.inf
    impersonate: tuple[tuple[str, str], ...] = ()
    secrets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Target:
    """URL of a zone's API and how to reach it; `authority` (PEM) is empty for those of the system."""

    host: str
    authority: bytes = b""
    server_name: str = ""
    proxy: str = ""


class Login:
    """The credentials of one zone; safe for several threads."""

    def __init__(self, obtain: Callable[[], ClientAuth]) -> None:
        """Obtain the first credentials with `obtain`. Raises Unreachable when they cannot be obtained."""
        self._obtain = obtain
        self._lock = threading.Lock()
        self._renewals = _RENEWALS
        self._credential = usable(obtain)

    def credential(self) -> ClientAuth:
        """Return credentials that have not expired. Raises Unreachable."""
        with self._lock:
            if time.monotonic() >= self._credential.until:
                self._credential = usable(self._obtain)
            return self._credential

    def refused(self, credential: ClientAuth) -> None:
        """Renew `credential`, which the server did not accept, for the next request. Raises Unreachable."""
        with self._lock:
            if credential is self._credential and self._renewals:
                self._renewals -= 1
                self._credential = usable(self._obtain)


def login_of(zone: Zone, left: Callable[[], float]) -> tuple[Target, Login]:
    """Return target and login of a zone. `left` returns the seconds that a plugin may take.

    Raises Unreachable when the credentials cannot be loaded, or do not belong to the zone's address.
    """
    return usable(lambda: _login_of(zone, left))


def _login_of(zone: Zone, left: Callable[[], float]) -> tuple[Target, Login]:
    given = zone.credentials
    if isinstance(given, TokenFile):
        return Target(zone.api), Login(lambda: _bearer_file(given.path))
    if isinstance(given, TokenEnv):
        return Target(zone.api), Login(lambda: _bearer(_variable(given.name)))
    if isinstance(given, InCluster):
        target = _cluster_of_the_pod()
        _belongs(zone, target.host)
        return target, Login(lambda: _bearer_file(_ACCOUNT / "token"))
    found = _context(zone, given)
    _belongs(zone, found.server)
    return _target(zone, found), Login(lambda: _impersonating(_context(zone, given), left))


def usable(obtain: Callable[[], T]) -> T:
    """Return the result of `obtain`. Raises Unreachable for every error of credentials, files or transport."""
    try:
        return obtain()
    except CredentialsError as error:
        raise Unreachable("credentials", f"cannot load the credentials: {error}") from error
    except TransportError as error:
        raise Unreachable("unreachable", f"cannot set up the connection: {error}") from error
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        problem = f"{error.strerror or type(error).__name__}{place}"
        raise Unreachable("credentials", f"cannot load the credentials: {problem}") from error


def _bearer(token: str, until: float = math.inf) -> ClientAuth:
    token = token.strip()
    remember(token)
    if not token:
        raise CredentialsError("the token is empty")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise CredentialsError("the token has characters that a token cannot have")
    return ClientAuth(f"Bearer {token}", until=until, secrets=frozenset([token]))


def _variable(name: str) -> str:
    if not os.environ.get(name):
        raise CredentialsError(f"the variable {name} is not set")
    return os.environ[name]


def _bearer_file(path: Path) -> ClientAuth:
    # Expired at once: each request reads the file, which rotates.
    return _bearer(_content(path), until=0)


def _content(path: Path) -> str:
    """Return the content of a token file; while it is being written, it is empty for a moment."""
    for pause in _PAUSES:
        text = read_regular(path, limit=SMALL).decode("utf-8", "replace")
        if text.strip():
            return text
        time.sleep(pause)
    return ""


def _cluster_of_the_pod() -> Target:
    """Return the API server of the cluster that the program runs in, as the official client finds it."""
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException
    from kubernetes.config.incluster_config import InClusterConfigLoader

    token, authority = (str(_ACCOUNT / name) for name in ("token", "ca.crt"))
    cluster = Configuration()
    try:
        InClusterConfigLoader(token, authority, environ=os.environ).load_and_set(cluster)
    except ConfigException as error:
        raise CredentialsError(f"not running in a cluster: {error}") from error
    return Target(cluster.host, read_regular(Path(authority), limit=SMALL))


def _context(zone: Zone, where: Kubeconfig) -> KubeContext:
    contexts = KubeContexts(where.path)
    return contexts.leading_to(zone.api) if where.context is None and zone.api else contexts.get(where.context)


def _belongs(zone: Zone, host: str) -> None:
    """Check that credentials are for the zone's API. Raises CredentialsError."""
    if zone.api and not same_server(zone.api, host):
        raise CredentialsError(f"they are for {host}, but the api of the zone is {zone.api}")


def _target(zone: Zone, context: KubeContext) -> Target:
    cluster = context.cluster
    if cluster.values.get("insecure-skip-tls-verify") and not zone.ca_file:
        raise CredentialsError("the kubeconfig turns TLS verification off: set ca_file of the zone instead")
    authority = cluster.content("certificate-authority")
    return Target(context.server, authority, cluster.text("tls-server-name"), cluster.text("proxy-url"))


def _impersonating(context: KubeContext, left: Callable[[], float]) -> ClientAuth:
    """Return the credentials of a context, with the identity that kubectl would impersonate (`as`, `as-groups`)."""
    user = context.user
    headers = [("Impersonate-User", user.text("as"))] if user.text("as") else []
    headers += [("Impersonate-Group", group) for group in user.texts("as-groups")]
    headers += [("Impersonate-Uid", user.text("as-uid"))] if user.text("as-uid") else []
    extra = user.inner("as-user-extra") or Section("", {}, Path())
    for key in extra.values:
        headers += [(f"Impersonate-Extra-{quote(key.lower(), safe='')}", value) for value in extra.texts(key)]
    if headers and not user.text("as"):
        raise CredentialsError(f"{user.name}: as-groups, as-uid and as-user-extra need `as`")
    if not all(value.isprintable() for _, value in headers):
        raise CredentialsError(f"{user.name}: `as` and as-groups have characters that a header cannot have")
    return replace(_credential(context, left), impersonate=tuple(headers))


def _credential(context: KubeContext, left: Callable[[], float]) -> ClientAuth:
    """Return the credentials of a kubeconfig user, in the order of kubectl: certificate and token, plugin, provider."""
    user = context.user
    certificate = user.content("client-certificate"), user.content("client-key")
    pair = certificate if all(certificate) else None
    token, file = user.text("token"), user.path("tokenFile")
    if file:
        token = _content(file)
    plugin, provider = user.inner("exec"), user.inner("auth-provider")
    if token:
        return replace(_bearer(token), certificate=pair, until=0 if file else math.inf)
    if user.text("username"):
        login = f"{user.text('username')}:{user.text('password')}".encode()
        header = f"Basic {base64.b64encode(login).decode()}"
        remember(login, header)
        return ClientAuth(header, pair, secrets=frozenset([user.text("password"), header.partition(" ")[2]]))
    if plugin:
        credential = plugin_credential(plugin, context.cluster, left())
        auth = _bearer(credential.token) if credential.token else ClientAuth()
        return replace(auth, certificate=credential.certificate or pair, until=_until(credential.expires))
    if provider:
        token, expires = id_token(provider, left())
        return replace(_bearer(token), certificate=pair, until=_until(expires))
    if not pair:
        raise CredentialsError(f"{user.name} has no credentials")
    return ClientAuth(certificate=pair)


def _until(expires: float | None) -> float:
    """Return when to renew credentials that expire at `expires` (seconds since 1970; None: never)."""
    if expires is None:
        return math.inf
    return time.monotonic() + max(expires - time.time() - _SHORTEST, _SHORTEST)
