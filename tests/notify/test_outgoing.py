"""Deliveries by HTTP and SMTP to real servers that fail in every way: bounded, repeated where it helps, no secrets."""

import socket
import ssl
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from audit.notify.delivery import Letter, Mailbox, Patience, Undelivered, deliver, mail, send
from tests.simulator.receiver import DRIP, HANG, RESET, receiver

QUICK = Patience(seconds=20, attempts=4, pause=0.001)
SECRET = "canary-of-the-webhook"


def post(url: str, patience: Patience = QUICK, *, stop: threading.Event | None = None, authority: bytes = b"") -> None:
    letter = Letter(f"{url}/{SECRET}", b"{}", authority=authority)
    deliver(lambda seconds: send(letter, seconds), patience, stop or threading.Event())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def context_of(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


def test_a_letter_arrives_as_it_is() -> None:
    """Once, with its type."""
    with receiver() as server:
        post(server.url)
    assert server.taken == [(f"/{SECRET}", "application/json", b"{}")]


@pytest.mark.parametrize("first", [500, 502, 503, 429, RESET])
def test_what_may_be_better_the_next_time_is_repeated(first: int) -> None:
    """A server that is overloaded or breaks off is asked again, and then it is done."""
    with receiver((first, {}), (first, {}), (204, {})) as server:
        post(server.url)
    assert len(server.taken) == 3


def test_a_server_says_how_long_to_wait() -> None:
    """And is not asked before."""
    pauses: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0)
            return False

    with receiver((429, {"Retry-After": "7"}), (503, {"Retry-After": "soon"}), (200, {})) as server:
        post(server.url, stop=Stop())
    assert pauses == [7, 0.002]


def test_a_wait_that_is_too_long_ends_it_at_once() -> None:
    """An hour is not waited for when there are seconds."""
    with receiver((429, {"Retry-After": "3600"})) as server, pytest.raises(Undelivered, match=r"^HTTP 429$"):
        post(server.url)
    assert len(server.taken) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 301, 302])
def test_what_is_refused_is_not_repeated(status: int) -> None:
    """Nor is a redirect followed: the message is for one place."""
    with (
        receiver((status, {"Location": "/elsewhere"})) as server,
        pytest.raises(Undelivered, match=rf"^HTTP {status}$"),
    ):
        post(server.url)
    assert len(server.taken) == 1


def test_attempts_end() -> None:
    """A server that never recovers is left."""
    with receiver((500, {})) as server, pytest.raises(Undelivered, match=r"^HTTP 500$"):
        post(server.url)
    assert len(server.taken) == QUICK.attempts


@pytest.mark.parametrize("how", [HANG, DRIP])
def test_a_server_that_never_answers_is_left(how: int) -> None:
    """Silence, and an answer drop by drop, cost the time that was given and no more."""
    with receiver((how, {})) as server, pytest.raises(Undelivered, match=r"^timed out$"):
        post(server.url, Patience(seconds=0.5, attempts=1))
    assert len(server.taken) == 1


def test_after_a_stop_it_is_tried_once() -> None:
    """Whoever asked to stop still is to hear of it, and does not wait for long."""
    stop = threading.Event()
    stop.set()
    with receiver((500, {})) as server, pytest.raises(Undelivered):
        post(server.url, stop=stop)
    assert len(server.taken) == 1


@pytest.mark.parametrize(
    "url", ["", "hooks.example", "ftp://127.0.0.1", "http://", "http://[1", "http://127.0.0.1:99999"]
)
def test_an_address_that_is_none_is_not_quoted(url: str) -> None:
    """It may be a secret all the same."""
    with pytest.raises(Undelivered) as told:
        post(url)
    assert SECRET not in str(told.value)
    assert told.value.__cause__ is None


def test_a_server_that_is_not_there() -> None:
    """Is told without its address."""
    with receiver() as server:
        pass
    with pytest.raises(Undelivered, match=r"^no connection$"):
        post(server.url)


def test_tls_is_verified(authority: trustme.CA) -> None:
    """By the authority that is given; a server of another one hears nothing, and is not asked again."""
    with receiver(tls=context_of(authority)) as server:
        post(server.url, authority=authority.cert_pem.bytes())
        with pytest.raises(Undelivered, match=r"^TLS: the server's certificate is not trusted"):
            post(server.url)
        with pytest.raises(Undelivered, match="authority cannot be used"):
            post(server.url, authority=b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----")
    assert len(server.taken) == 1


def test_a_bug_of_ours_is_told_as_such() -> None:
    """And without its text."""

    def attempt(seconds: float) -> None:
        raise KeyError(SECRET)

    with pytest.raises(Undelivered, match=r"^an error: KeyError$"):
        deliver(attempt, QUICK, threading.Event())


class Box:
    """Takes mail; `codes` are answered to recipients, one after the other, then all is taken."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)
        self.taken: list[Envelope] = []
        self.asked = 0

    async def handle_RCPT(  # noqa: N802  aiosmtpd names it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        self.asked += 1
        if self.codes:
            return self.codes.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        return "250 OK"


def authenticated(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
) -> AuthResult:
    good = data.password == SECRET.encode()
    return AuthResult(success=good, handled=False, message=None if good else "535 5.7.8 no")


def started(box: Box, **options: Any) -> Iterator[Controller]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    post = Controller(box, hostname="127.0.0.1", port=port, **options)
    post.start()
    yield post
    post.stop()


def letter() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "audit@example.com", "a@example.com, b@example.com", "News"
    message.set_content("something\n")
    return message


def write(port: int, patience: Patience = QUICK, **given: Any) -> None:
    box = Mailbox("127.0.0.1", port, **given)
    deliver(lambda seconds: mail(letter(), box, seconds), patience, threading.Event())


def test_mail_over_starttls_with_a_login(authority: trustme.CA) -> None:
    """As most servers want it."""
    box = Box()
    options = {"tls_context": context_of(authority), "require_starttls": True, "authenticator": authenticated}
    for post in started(box, **options, auth_required=True):
        write(post.port, authority=authority.cert_pem.bytes(), login=("audit", SECRET))
        with pytest.raises(Undelivered, match=r"^the server refused the login$"):
            write(post.port, authority=authority.cert_pem.bytes(), login=("audit", "wrong"))
        with pytest.raises(Undelivered, match=r"^TLS"):
            write(post.port, login=("audit", SECRET))
    (envelope,) = box.taken
    assert envelope.rcpt_tos == ["a@example.com", "b@example.com"]
    assert b"Subject: News" in (envelope.content or b"")


def test_mail_over_tls_from_the_start(authority: trustme.CA) -> None:
    """On a port of its own."""
    box = Box()
    for post in started(box, ssl_context=context_of(authority)):
        write(post.port, tls="tls", authority=authority.cert_pem.bytes())
    assert len(box.taken) == 1


def test_a_server_without_tls_is_told_nothing() -> None:
    """Unless the configuration says that it may be."""
    box = Box()
    for post in started(box):
        with pytest.raises(Undelivered, match=r"^the server offers no TLS"):
            write(post.port)
        assert not box.taken
        write(post.port, tls="none")
    assert len(box.taken) == 1


def test_recipients_that_are_refused() -> None:
    """For now: again. For good: not. Some of them: told, and the others are not written to twice."""
    box = Box("451 later", "451 later")
    for post in started(box):
        write(post.port, tls="none")
        assert (len(box.taken), box.asked) == (1, 4)
        box.codes = ["550 unknown", "550 unknown"]
        with pytest.raises(Undelivered, match=r"^all recipients were refused$"):
            write(post.port, tls="none")
        assert box.asked == 6
        box.codes = ["550 unknown"]
        with pytest.raises(Undelivered, match=r"^1 of the recipients were refused$"):
            write(post.port, tls="none")
    assert len(box.taken) == 2


def test_a_mail_server_that_breaks_off_or_is_not_there() -> None:
    """Is asked again, and then left."""
    with receiver() as not_smtp:
        port = int(not_smtp.url.rpartition(":")[2])
        with pytest.raises(Undelivered, match=r"^(timed out|no connection|SMTP .*)$"):
            write(port, Patience(seconds=0.5, attempts=1), tls="none")
    with pytest.raises(Undelivered, match=r"^no connection$"):
        write(port, tls="none")
