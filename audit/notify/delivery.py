"""Delivery of metrics and messages, the only requests beside those to zones.

Each delivery is limited in time and retried with growing pauses where that can help. Its errors are words of this
module only: they never hold an address, a password or the answer of a server.
"""

import smtplib
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from audit.collect.connect.transport import Route, TransportError

_ATTEMPT: Final = 10.0  # seconds for one attempt
_LONGEST_PAUSE: Final = 10.0
_WHEN_STOPPED: Final = 3.0  # seconds for messages about a run that was stopped
_RETRY: Final = (408, 425, 429, 500, 502, 503, 504)


class Undelivered(Exception):
    """A failed delivery; `retry`: another attempt may succeed, after at least `after` seconds."""

    def __init__(self, why: str, *, retry: bool = False, after: float = 0) -> None:
        super().__init__(why)
        self.retry = retry
        self.after = after


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to retry a delivery: seconds in all, attempts, and the first pause (it doubles)."""

    seconds: float = 30
    attempts: int = 5
    pause: float = 0.5


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to send by HTTP."""

    url: str
    body: bytes
    content_type: str = "application/json"
    method: str = "POST"
    authority: bytes = b""  # PEM; empty for the authorities of the system


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mail server. `tls` is `starttls`, `tls` or `none`; `login` a name and a password."""

    host: str
    port: int
    tls: str = "starttls"
    login: tuple[str, str] | None = None
    authority: bytes = b""


def deliver(attempt: Callable[[float], None], patience: Patience, stop: threading.Event) -> None:
    """Call `attempt` with the seconds that it may take, and retry where that can help. Raises Undelivered.

    It returns in time even when an attempt does not. Once a stop is requested, little time is left.
    """
    end = time.monotonic() + (min(patience.seconds, _WHEN_STOPPED) if stop.is_set() else patience.seconds)
    pause = patience.pause
    left = patience.attempts
    while left:
        left -= 1
        try:
            _within(end - time.monotonic(), attempt)
            left = 0
        except Undelivered as failed:
            wait = max(pause, failed.after)
            if not failed.retry or not left or stop.is_set() or time.monotonic() + wait >= end:
                raise
            stop.wait(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)


def _within(seconds: float, attempt: Callable[[float], None]) -> None:
    """Make one attempt in a thread of its own: a slow server could hang for ever."""
    failed: list[Exception] = []
    longest = min(max(seconds, 0.0), _ATTEMPT)

    def work() -> None:
        try:
            attempt(longest)
        except Exception as error:  # noqa: BLE001  raised by the waiting thread
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(longest)
    if thread.is_alive():
        raise Undelivered("timed out", retry=True)
    if failed:
        error = failed[0]
        raise error if isinstance(error, Undelivered) else Undelivered(f"an error: {type(error).__name__}")


def send(letter: Letter, seconds: float) -> None:
    """Send a message; any 2xx is success. Raises Undelivered."""
    answer = _answer(letter, seconds)
    if answer.status in _RETRY:
        after = answer.headers.get("Retry-After", "")
        raise Undelivered(f"HTTP {answer.status}", retry=True, after=float(after) if after.isdecimal() else 0)
    if not 200 <= answer.status < 300:  # noqa: PLR2004  redirects are not followed: the message is for one address
        raise Undelivered(f"HTTP {answer.status}")


def _answer(letter: Letter, seconds: float) -> urllib3.BaseHTTPResponse:
    try:
        response = _pool(letter).request(
            letter.method,
            letter.url,
            headers={"Content-Type": letter.content_type, "User-Agent": "registry-audit"},
            body=letter.body,
            timeout=urllib3.Timeout(total=seconds),
            preload_content=False,
            redirect=False,
            retries=False,
        )
    except (TransportError, HTTPError) as error:
        raise _no_answer(error) from None
    # Only the status matters, and a body may be endless.
    response.close()
    return response


def _pool(letter: Letter) -> urllib3.PoolManager:
    try:
        scheme, host = urlsplit(letter.url).scheme, urlsplit(letter.url).hostname
    except ValueError:
        scheme, host = "", ""
    if scheme not in {"http", "https"} or not host:
        raise Undelivered("the address is not http(s)://HOST")
    # A proxy is for external addresses; an address without TLS is inside the cluster.
    return Route(letter.authority).pool(letter.url) if scheme == "https" else urllib3.PoolManager(retries=False)


_NO_TLS: Final = "TLS: the server's certificate is not trusted, or it does not use TLS"
_FOR_GOOD: Final = {
    smtplib.SMTPNotSupportedError: "the server offers no TLS or no login: nothing was sent",
    smtplib.SMTPAuthenticationError: "the server refused the login",
    ssl.SSLError: _NO_TLS,
}


def _no_answer(error: Exception) -> Undelivered:
    if isinstance(error, TransportError):
        return Undelivered("the proxy or the certificate authority cannot be used")
    if isinstance(error, SSLError):
        return Undelivered(_NO_TLS)
    if isinstance(error, NewConnectionError | ProxyError):
        return Undelivered("no connection", retry=True)
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return Undelivered("timed out", retry=True)
    return Undelivered("the connection was closed", retry=True)


def mail(message: EmailMessage, box: Mailbox, seconds: float) -> None:
    """Send a message, without TLS only if the mailbox allows it. Raises Undelivered."""
    context = ssl.create_default_context(cadata=box.authority.decode("ascii", "ignore") or None)
    try:
        if box.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                box.host, box.port, local_hostname="localhost", timeout=seconds, context=context
            )
        else:
            server = smtplib.SMTP(box.host, box.port, local_hostname="localhost", timeout=seconds)
        with server:
            if box.tls == "starttls":
                server.starttls(context=context)
            if box.login:
                server.login(*box.login)
            refused = server.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        raise _not_taken(error) from None
    if refused:
        raise Undelivered(f"{len(refused)} of the recipients were refused")


def _not_taken(error: Exception) -> Undelivered:
    """Return why a server did not accept mail; by default, the connection failed."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        return Undelivered("all recipients were refused", retry=all(_for_now(code) for code in codes))
    for kind, why in _FOR_GOOD.items():
        if isinstance(error, kind):
            return Undelivered(why)
    if isinstance(error, smtplib.SMTPResponseException):
        return Undelivered(f"SMTP {error.smtp_code}", retry=_for_now(error.smtp_code))
    return Undelivered("timed out" if isinstance(error, TimeoutError) else "no connection", retry=True)


def _for_now(code: int) -> bool:
    """Return whether the refusal is temporary."""
    return 400 <= code < 500  # noqa: PLR2004  as in RFC 5321
