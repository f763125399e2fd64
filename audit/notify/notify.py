"""Messages and metrics about how a run ends, however it does, and the termination message of a pod."""

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
from audit.regular_files import SMALL, read_regular
from audit.runs.outcome import RunOutcome, termination_message
from audit.storage.files import write_private
from reports.message import HTML, TEMPLATES, render_message, subject_of
from reports.metrics import last_success_in, metrics, metrics_of_last_run, metrics_of_success

_READABLE: Final = 0o644  # metrics hold no names of people, and another program reads them
_OF_SUCCESS: Final = "/outlives/failures"  # the label of the group of the last success
_TEXT_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Watch:
    """What is known of a run while it is watched: its beginning, and the run once it has a folder."""

    started: datetime
    run: Run | None = None

    def outcome(self, error: BaseException | None) -> RunOutcome:
        """Return the outcome of the run: its own if it has one, else that of the error."""
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
    """Send messages and metrics about how the block ends; no failure of these changes how it ends."""
    watch = Watch(datetime.now(UTC))
    try:
        yield watch
    except BaseException as error:
        with suppress(Exception):
            notify(config, watch.outcome(error), stop)
        raise
    with suppress(Exception):
        notify(config, watch.outcome(None), stop)


def notify(config: Config, outcome: RunOutcome, stop: threading.Event) -> RunOutcome:
    """Send the messages, then the metrics, which report delivery; return the outcome with the deliveries."""
    if outcome.notable(changes=config.notify.changes):
        outcome = replace(outcome, delivered=_notify(config, outcome, stop))
    _keep(config.metrics, outcome, stop)
    console.remember(termination_message(outcome))
    return outcome


def _notify(config: Config, outcome: RunOutcome, stop: threading.Event) -> dict[str, bool]:
    """Send to all channels at once; return for each whether it accepted."""
    accepted: dict[str, bool] = {}
    threads = []
    for channel in config.notify.channels:

        def work(channel: Channel = channel) -> None:
            accepted[channel.name] = _delivered(channel.name, lambda: _channel(config, channel, outcome, stop))

        threads.append(threading.Thread(target=work, daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {channel.name: accepted.get(channel.name, False) for channel in config.notify.channels}


def _delivered(name: str, send_it: Callable[[], None]) -> bool:
    """Deliver, and log the result in one line; a failure costs nothing else."""
    try:
        send_it()
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
        console.note(f"{name}: not delivered: {why}")
    return False


def _channel(config: Config, channel: Channel, outcome: RunOutcome, stop: threading.Event) -> None:
    settings, target = config.notify, getattr(channel, channel.kind)
    patience = Patience(settings.timeout_seconds)

    def text(template: str) -> bytes:
        return render_message(outcome, template, people=settings.people, own=settings.templates)

    body = text(TEMPLATES[channel.kind])
    if isinstance(target, Path):
        write_private(target, [body])
    elif isinstance(target, Webhook):
        letter = Letter(target.url.read(), body, authority=_pem(target.ca_file))
        deliver(lambda seconds: send(letter, seconds), patience, stop)
    else:
        message, box = _message(target, subject_of(outcome), body, text(HTML)), _mailbox(target)
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


def _keep(places: MetricsConfig, outcome: RunOutcome, stop: threading.Event) -> None:
    if path := places.textfile:
        _delivered("metrics", lambda: _textfile(path, outcome))
    if gateway := places.pushgateway:
        _delivered("pushgateway", lambda: _pushed(f"{gateway}/metrics/job/{places.job}", places, outcome, stop))


def _pushed(url: str, places: MetricsConfig, outcome: RunOutcome, stop: threading.Event) -> None:
    """Replace what the gateway has of the last run; the last success is in a group of its own, and outlives a failure.

    In one group, numbers of a zone would stay when the zone could not be read, and alerts on them too.
    """
    bodies = {f"{url}{_OF_SUCCESS}": metrics_of_success(outcome), url: metrics_of_last_run(outcome)}
    for group, body in bodies.items():
        if body:
            letter = Letter(group, body, _TEXT_FORMAT, method="PUT", authority=_pem(places.ca_file))
            deliver(lambda seconds, letter=letter: send(letter, seconds), Patience(), stop)  # type: ignore[misc]


def _textfile(path: Path, outcome: RunOutcome) -> None:
    try:
        before = last_success_in(read_regular(path, limit=SMALL))
    except OSError:
        before = None
    write_private(path, [metrics(outcome, before)], mode=_READABLE)


def _pem(path: Path | None) -> bytes:
    try:
        return read_regular(path, limit=SMALL) if path else b""
    except OSError as error:
        raise UsageError(f"cannot read the certificate authority at {path}") from error
