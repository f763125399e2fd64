"""The way to a server: TLS that is always verified, client certificates, and proxies as kubectl finds them."""

import os
import ssl
import tempfile
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.util import make_headers


class TransportError(Exception):
    """A proxy, certificate authority or client certificate cannot be used; `str` quotes none of it."""


_PORTS: Final = {"https": 443, "http": 80}


class Route:
    """How servers of one authority are reached; `authority` (PEM) is empty for those of the system."""

    def __init__(
        self,
        authority: bytes = b"",
        *,
        server_name: str = "",
        proxy: str = "",
        certificate: tuple[bytes, bytes] | None = None,
        connections: int = 1,
    ) -> None:
        """Take the parts; without a `proxy`, the environment says whether there is one."""
        self._authority = authority
        self._server_name = server_name
        self._proxy = proxy
        self._certificate = certificate
        self._connections = connections

    def pool(self, url: str) -> urllib3.PoolManager:
        """Return connections to `url`. Raises TransportError when the parts cannot be used."""
        context = _context(self._authority)
        if self._certificate:
            _show(context, *self._certificate)
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
            # A proxy of the zone's own may have the zone's authority; those of the system are good as well.
            proxy_ssl_context=_context(self._authority, system=True) if parts.scheme == "https" else None,
            **shared,
        )

    def proxy(self, url: str) -> str:
        """Return the proxy on the way to `url`, empty for none. Raises TransportError for one that cannot be used."""
        found = self._proxy or proxy_in_environment(url)
        if found and not _usable(found):
            # Not quoted: it may hold a password.
            raise TransportError("the proxy must be http://HOST:PORT or https://HOST:PORT")
        return found


def _usable(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        return parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def login_in(proxy: str) -> str:
    """Return `user:password` of a proxy's address, empty for none."""
    parts = urlsplit(proxy)
    return f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""


def proxy_in_environment(url: str) -> str:
    """Return the proxy for `url` as kubectl takes it from HTTPS_PROXY and NO_PROXY (or in lower case)."""
    proxy, spared = (os.environ.get(name) or os.environ.get(name.lower(), "") for name in ("HTTPS_PROXY", "NO_PROXY"))
    parts = urlsplit(url)
    host, port = (parts.hostname or "").lower().rstrip("."), parts.port or _PORTS.get(parts.scheme, 0)
    if not proxy or _direct(host, port, spared):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _direct(host: str, port: int, spared: str) -> bool:
    """Say whether a host is reached without the proxy; the machine itself always is."""
    address = _address(host)
    if host == "localhost" or (address and address.is_loopback):
        return True
    entries = [_at_port(entry.strip().lower(), port) for entry in spared.split(",")]
    return any(entry == "*" or _matches(host, entry) or _holds(entry, address) for entry in entries)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _at_port(entry: str, port: int) -> str:
    """Return an entry of NO_PROXY without the port that it may name."""
    name, colon, wanted = entry.rpartition(":")
    named = bool(colon) and wanted == str(port) and (":" not in name or name.endswith("]"))
    return (name if named else entry).strip("[]")


def _matches(host: str, entry: str) -> bool:
    # `.example.com` and `*.example.com` are the hosts below; `example.com` is itself and the hosts below.
    below = entry.removeprefix("*")
    return bool(entry) and (host == entry or host.endswith(below if below.startswith(".") else f".{below}"))


def _holds(entry: str, address: IPv4Address | IPv6Address | None) -> bool:
    try:
        return address is not None and address in ip_network(entry, strict=False)
    except ValueError:
        return False


def _context(authority: bytes, *, system: bool = False) -> ssl.SSLContext:
    try:
        # Comments in a bundle may be in any script; the certificates are ASCII.
        context = ssl.create_default_context(cadata=authority.decode("ascii", "ignore") if authority else None)
    except (ssl.SSLError, ValueError) as error:
        raise TransportError("the certificate authority is not a PEM file") from error
    if authority and system:
        context.load_default_certs()
    # Python 3.13 also wants key identifiers, which clusters' own authorities lack; chain, name and time are verified.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _show(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load a client certificate and its key, which OpenSSL takes from files only: they stay for that moment."""
    with tempfile.TemporaryDirectory(prefix="registry-audit-") as folder:
        files = Path(folder, "certificate"), Path(folder, "key")
        for file, content in zip(files, (certificate, key), strict=True):
            file.touch(mode=0o600)
            file.write_bytes(content)
        try:
            # Without a password, a key that needs one is refused and nobody is asked at the terminal.
            context.load_cert_chain(*files, password="")
        except ssl.SSLError:
            raise TransportError("the client certificate and its key cannot be used together") from None
