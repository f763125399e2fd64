"""Whoever watches a run is told how it ends, however it does: metrics, messages, and a pod's last words."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Final

from audit import console
from audit.config.model import Config
from audit.config.notify import Channel, Email, Webhook
from audit.config.notify import Metrics as MetricsConfig
from audit.errors import AuditError, Stopped, UsageError
from audit.exit_codes import BROKEN, STOPPED
from audit.job.run import Run
from audit.notify.delivery import Letter, Mailbox, Patience, Undelivered, deliver, mail, send
from audit.runs.outcome import RunOutcome, termination_message
from audit.storage.files import write_private
from reports.message import HTML, TEMPLATES, render_message, subject_of
from reports.metrics import last_success_in, metrics

_READABLE: Final = 0o644  # metrics name no people, and another program reads them
_TEXT_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Watch:
    """What there is to tell once the run has ended: its folder, when there is one."""

    started: datetime
    run: Run | None = None

    def ending(self, error: BaseException | None) -> RunOutcome:
        """Return how it has ended: as the run says when it could, else by the error."""
        known = self.run.outcome if self.run else None
        if known and (error is None or known.state == "stopped"):
            return replace(known, problem=str(error) if error else "")
        state, code, problem = "error", BROKEN, f"a bug: {type(error).__name__}"
        if isinstance(error, Stopped | KeyboardInterrupt):
            state, code, problem = "stopped", STOPPED, str(error) or "stopped"
        elif isinstance(error, AuditError):
            code, problem = error.exit_code, str(error)
        return RunOutcome(
            state=state,
            exit_code=code,
            started=self.started.timestamp(),
            finished=datetime.now(UTC).timestamp(),
            run=known.run if known else None,
            problem=problem,
        )


@contextmanager
def watched(config: Config, stop: threading.Event) -> Iterator[Watch]:
    """Tell whoever the configuration says how the block ends; nothing that goes wrong with this changes how."""
    watch = Watch(datetime.now(UTC))
    try:
        yield watch
    except BaseException as error:
        with suppress(Exception):
            tell(config, watch.ending(error), stop)
        raise
    tell(config, watch.ending(None), stop)


def tell(config: Config, ending: RunOutcome, stop: threading.Event) -> RunOutcome:
    """Send the messages, then the metrics, which say whether that went well; return the ending with that."""
    if ending.notable(changes=config.notify.changes):
        ending = replace(ending, delivered=_notify(config, ending, stop))
    _keep(config.metrics, ending, stop)
    console.remember(termination_message(ending))
    return ending


def _notify(config: Config, ending: RunOutcome, stop: threading.Event) -> dict[str, bool]:
    """Tell every channel, all at the same time, and return which of them were told."""
    told: dict[str, bool] = {}
    threads = []
    for channel in config.notify.channels:

        def work(channel: Channel = channel) -> None:
            told[channel.name] = _said(channel.name, lambda: _channel(config, channel, ending, stop))

        threads.append(threading.Thread(target=work, daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {channel.name: told.get(channel.name, False) for channel in config.notify.channels}


def _said(name: str, deliver_it: Callable[[], None]) -> bool:
    """Deliver, and say in one line how that went; a failure is told and loses nothing else."""
    try:
        deliver_it()
    except (AuditError, Undelivered) as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001  whatever it is, it must not lose the run
        why = f"a bug: {type(error).__name__}"
    else:
        console.event("told", channel=name, delivered=True)
        return True
    if console.for_programs():
        console.event("told", level="error", channel=name, delivered=False, why=why)
    else:
        console.note(f"{name}: could not be told: {why}")
    return False


def _channel(config: Config, channel: Channel, ending: RunOutcome, stop: threading.Event) -> None:
    given, way = config.notify, getattr(channel, channel.kind)
    patience = Patience(given.timeout_seconds)

    def text(template: str) -> bytes:
        return render_message(ending, template, people=given.people, own=given.templates)

    body = text(TEMPLATES[channel.kind])
    if isinstance(way, Path):
        write_private(way, [body])
    elif isinstance(way, Webhook):
        letter = Letter(way.url.read(), body, authority=_pem(way.ca_file))
        deliver(lambda seconds: send(letter, seconds), patience, stop)
    else:
        message, box = _message(way, subject_of(ending), body, text(HTML)), _mailbox(way)
        deliver(lambda seconds: mail(message, box, seconds), patience, stop)


def _message(given: Email, subject: str, plain: bytes, page: bytes) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = given.sender, ", ".join(given.to), subject
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=given.sender.partition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(plain.decode())
    message.add_alternative(page.decode(), subtype="html")
    return message


def _mailbox(given: Email) -> Mailbox:
    login = (given.username, given.password.read()) if given.username and given.password else None
    return Mailbox(given.host, given.port, given.tls, login, _pem(given.ca_file))


def _keep(places: MetricsConfig, ending: RunOutcome, stop: threading.Event) -> None:
    if path := places.textfile:
        _said("metrics", lambda: _textfile(path, ending))
    if gateway := places.pushgateway:
        _said("pushgateway", lambda: _pushed(f"{gateway}/metrics/job/{places.job}", places, ending, stop))


def _pushed(url: str, places: MetricsConfig, ending: RunOutcome, stop: threading.Event) -> None:
    # With POST, what is not in the body stays: a run that failed leaves the time of the last success as it is.
    letter = Letter(url, metrics(ending), _TEXT_FORMAT, authority=_pem(places.ca_file))
    deliver(lambda seconds: send(letter, seconds), Patience(), stop)


def _textfile(path: Path, ending: RunOutcome) -> None:
    try:
        before = last_success_in(path.read_bytes())
    except OSError:
        before = None
    write_private(path, [metrics(ending, before)], mode=_READABLE)


def _pem(path: Path | None) -> bytes:
    try:
        return path.read_bytes() if path else b""
    except OSError as error:
        raise UsageError(f"the certificate authority at {path} cannot be read") from error
