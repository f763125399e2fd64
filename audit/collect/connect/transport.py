"""Connections to servers: verified TLS, client certificates, and proxies as kubectl selects them."""

import os
import ssl
import tempfile
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.util import make_headers

from audit.masking import remember_login


class TransportError(Exception):
    """A proxy, certificate authority or client certificate cannot be used; `str` quotes none of it."""


_PORTS: Final = {"https": 443, "http": 80}


class Route:
    """How to reach servers of one certificate authority; `authority` (PEM) is empty for those of the system.

    Without a `proxy`, the environment says whether to use one.
    """

    def __init__(
        self,
        authority: bytes = b"",
        *,
        server_name: str = "",
        proxy: str = "",
        certificate: tuple[bytes, bytes] | None = None,
        connections: int = 1,
    ) -> None:
        self._authority = authority
        self._server_name = server_name
        self._proxy = proxy
        self._certificate = certificate
        self._connections = connections

    def pool(self, url: str) -> urllib3.PoolManager:
        """Return a connection pool for `url`. Raises TransportError."""
        context = _context(self._authority)
        if self._certificate:
            _load_certificate(context, *self._certificate)
        proxy = self.proxy(url)
        shared: dict[str, Any] = {"maxsize": self._connections, "ssl_context": context, "retries": False}
        if self._server_name:
            shared["server_hostname"] = self._server_name
        if not proxy:
            return urllib3.PoolManager(**shared)
        parts = urlsplit(proxy)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return urllib3.ProxyManager(
            f"{parts.scheme}://{host}:{parts.port or _PORTS[parts.scheme]}",
            proxy_headers=make_headers(proxy_basic_auth=login_in(proxy)) if parts.username else None,
            # A proxy may have a certificate of the zone's authority, or of one of the system.
            proxy_ssl_context=_context(self._authority, system=True) if parts.scheme == "https" else None,
            **shared,
        )

    def proxy(self, url: str) -> str:
        """Return the proxy for `url`, "" for none. Raises TransportError."""
        proxy = self._proxy or proxy_in_environment(url)
        remember_login(proxy)
        if proxy and not _usable(proxy):
            # Not quoted: it may hold a password.
            raise TransportError("the proxy must be http://HOST:PORT or https://HOST:PORT")
        return proxy


def _usable(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        return parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def login_in(proxy: str) -> str:
    """Return `user:password` of the URL of a proxy, "" for none."""
    parts = urlsplit(proxy)
    return f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""


def proxy_in_environment(url: str) -> str:
    """Return the proxy for `url` from HTTPS_PROXY and NO_PROXY (or lower case), as kubectl does."""
    proxy, no_proxy = (os.environ.get(name) or os.environ.get(name.lower(), "") for name in ("HTTPS_PROXY", "NO_PROXY"))
    parts = urlsplit(url)
    host, port = (parts.hostname or "").lower().rstrip("."), parts.port or _PORTS.get(parts.scheme, 0)
    if not proxy or _direct(host, port, no_proxy):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _direct(host: str, port: int, no_proxy: str) -> bool:
    """Return whether a host is reached without the proxy; the local machine always is."""
    address = _address(host)
    if host == "localhost" or (address and address.is_loopback):
        return True
    entries = [_at_port(entry.strip().lower(), port) for entry in no_proxy.split(",")]
    return any(entry == "*" or _matches(host, entry) or _holds(entry, address) for entry in entries)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _at_port(entry: str, port: int) -> str:
    """Return an entry of NO_PROXY without its port, if that is `port`."""
    name, colon, entry_port = entry.rpartition(":")
    same = bool(colon) and entry_port == str(port) and (":" not in name or name.endswith("]"))
    return (name if same else entry).strip("[]")


def _matches(host: str, entry: str) -> bool:
    # `.example.com` and `*.example.com` match subdomains; `example.com` matches itself and subdomains.
    below = entry.removeprefix("*")
    return bool(entry) and (host == entry or host.endswith(below if below.startswith(".") else f".{below}"))


def _holds(entry: str, address: IPv4Address | IPv6Address | None) -> bool:
    try:
        return address is not None and address in ip_network(entry, strict=False)
    except ValueError:
        return False


def _context(authority: bytes, *, system: bool = False) -> ssl.SSLContext:
    try:
        # Comments in a bundle may be in any language; the certificates are ASCII.
        context = ssl.create_default_context(cadata=authority.decode("ascii", "ignore") if authority else None)
    except (ssl.SSLError, ValueError) as error:
        raise TransportError("the certificate authority is not a PEM file") from error
    if authority and system:
        context.load_default_certs()
    # Python 3.13 also requires key identifiers, which authorities of clusters lack; chain, name and time are verified.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _load_certificate(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load a client certificate and its key, which OpenSSL reads from files only: they are deleted at once."""
    with tempfile.TemporaryDirectory(prefix="registry-audit-") as folder:
        files = Path(folder, "certificate"), Path(folder, "key")
        for file, content in zip(files, (certificate, key), strict=True):
            file.touch(mode=0o600)
            file.write_bytes(content)
        try:
            # With an empty password, OpenSSL refuses an encrypted key instead of asking at the terminal.
            context.load_cert_chain(*files, password="")
        except ssl.SSLError:
            raise TransportError("the client certificate and its key cannot be used together") from None
