"""Where the outcome of a run is reported: metrics, chats, files and e-mail. Secrets are only referred to."""

import os
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from audit.config.usable import authority_problem, is_host, is_web_address, target_problem
from audit.config.zones import ConfigModel, FilePath, NonEmpty
from audit.errors import UsageError
from audit.masking import remember
from audit.regular_files import SMALL, read_regular


def _gateway(value: str) -> str:
    parts = urlsplit(value) if is_web_address(value, "http", "https") else None
    if not parts or parts.username or parts.query or parts.fragment:
        raise ValueError("must be http://HOST[:PORT] or https://HOST[:PORT], without a user or a query")
    return value.rstrip("/")


_WORD: Final = 16  # characters of a word in the path of a URL, which is no secret


def _host(value: str) -> str:
    if not is_host(value):
        raise ValueError("must be the name of a host")
    return value


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Address = Annotated[str, StringConstraints(pattern=r"^[^\s<>@,;]+@[^\s<>@,;]+$")]


class Secret(ConfigModel):
    """Reference to a secret: an environment variable or a file, never the configuration itself."""

    env: NonEmpty | None = Field(default=None, description="Environment variable with the secret.")
    file: FilePath | None = Field(default=None, description="File with the secret; read at every use.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("give exactly one of: env, file")
        return self

    def read(self) -> str:
        """Return the secret. Raises UsageError, which does not quote it, when there is none."""
        if self.env is not None:
            secret, where = os.environ.get(self.env, ""), f"the variable {self.env}"
        else:
            path = self.file or Path()
            try:
                secret, where = read_regular(path, limit=SMALL).decode().strip(), f"the file {path}"
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"the file {path} cannot be read") from error
        if not secret:
            raise UsageError(f"{where} is empty")
        way = secret.partition("://")[2].partition("/")[2]
        # Of a URL that is a secret, long parts of the path are the secret.
        remember(secret, *(part for part in way.split("/") if len(part) > _WORD))
        return secret


class Metrics(ConfigModel):
    """Where to send metrics, in addition to `metrics.prom` of each run."""

    textfile: FilePath | None = Field(
        default=None, description="File for the textfile collector of node_exporter; its name must end with `.prom`."
    )
    pushgateway: Annotated[str, AfterValidator(_gateway)] | None = Field(
        default=None, description="Address of a Prometheus Pushgateway."
    )
    job: Name = Field(default="registry-audit", description="Value of the label `job` at the Pushgateway.")
    ca_file: FilePath | None = Field(default=None, description="Certificate authority of the Pushgateway (PEM).")


class Webhook(ConfigModel):
    """A URL that receives messages. The URL is a secret: whoever has it can write there."""

    url: Secret = Field(description="Where the URL is stored.")
    ca_file: FilePath | None = Field(default=None, description="Certificate authority of the server (PEM).")


class Email(ConfigModel):
    """Recipients of e-mail, and the SMTP server."""

    host: Annotated[str, AfterValidator(_host)] = Field(description="Name of the SMTP server.")
    port: int = Field(default=587, ge=1, le=65535, description="Port of the SMTP server.")
    tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="`starttls`: after connecting, required. `tls`: from the start. `none`: no encryption.",
    )
    ca_file: FilePath | None = Field(default=None, description="Certificate authority of the server (PEM).")
    username: NonEmpty | None = Field(default=None, description="Username to log in with.")
    password: Secret | None = Field(default=None, description="Where the password is stored.")
    sender: Address = Field(description="Sender address.")
    to: tuple[Address, ...] = Field(description="Recipient addresses.", min_length=1)

    @model_validator(mode="after")
    def _login(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password must be given together")
        if self.password and self.tls == "none":
            raise ValueError("a password is sent over TLS only: remove `tls: none`")
        return self


class Channel(ConfigModel):
    """One channel: exactly one of slack, teams, mattermost, webhook, file, email."""

    name: Name = Field(description="Its name in logs and metrics.")
    slack: Webhook | None = Field(default=None, description="An incoming webhook of Slack.")
    teams: Webhook | None = Field(
        default=None, description="A webhook of a Teams workflow that accepts adaptive cards."
    )
    mattermost: Webhook | None = Field(default=None, description="An incoming webhook of Mattermost.")
    webhook: Webhook | None = Field(default=None, description="Any other server; it receives plain JSON.")
    file: FilePath | None = Field(default=None, description="A file that holds the last message.")
    email: Email | None = Field(default=None, description="E-mail through SMTP.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self._given) != 1:
            raise ValueError("give exactly one of: slack, teams, mattermost, webhook, file, email")
        return self

    @property
    def _given(self) -> list[str]:
        kinds = ("slack", "teams", "mattermost", "webhook", "file", "email")
        return [kind for kind in kinds if getattr(self, kind) is not None]

    @property
    def kind(self) -> str:
        """Return the kind of channel, such as `slack`."""
        return self._given[0]


class Notify(ConfigModel):
    """Where to report a run that is incomplete or has something new."""

    channels: tuple[Channel, ...] = Field(default=(), description="Channels; each is notified independently.")
    changes: bool = Field(
        default=False, description="Report access that was gained or widened too, not only new findings."
    )
    people: bool = Field(default=False, description="Name users, groups and accounts; without it, places only.")
    timeout_seconds: float = Field(default=30, gt=0, le=600, description="Time limit for all channels together.")
    templates: FilePath | None = Field(
        default=None, description="Folder with your own templates: docs/notifications.md."
    )

    @model_validator(mode="after")
    def _names(self) -> Self:
        names = [channel.name for channel in self.channels]
        if duplicates := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"duplicate channel name: {', '.join(duplicates)}")
        return self


def check_watching(metrics: Metrics, notify: Notify) -> list[str]:
    """Return a line for each file or variable that these refer to and that cannot be used."""
    mistakes = []
    if notify.templates and not notify.templates.is_dir():
        mistakes.append(f"notify.templates: no such folder: {notify.templates}")
    authorities = [("metrics", metrics.ca_file)]
    if problem := target_problem(metrics.textfile):
        mistakes.append(f"metrics.textfile: {problem}")
    for at, channel in enumerate(notify.channels):
        place = f"notify.channels[{at}].{channel.kind}"
        target = getattr(channel, channel.kind)
        if isinstance(target, Path):
            if problem := target_problem(target):
                mistakes.append(f"{place}: {problem}")
            continue
        authorities.append((place, target.ca_file))
        secret, key = (target.url, "url") if isinstance(target, Webhook) else (target.password, "password")
        try:
            text = secret.read() if secret else ""
            if key == "url" and not is_web_address(text, "http", "https"):
                mistakes.append(f"{place}.url: not http(s)://HOST (it is not shown, since it is a secret)")
        except UsageError as error:
            mistakes.append(f"{place}.{key}: {error}")
    return mistakes + [
        f"{place}.ca_file: {problem}" for place, path in authorities if (problem := authority_problem(path))
    ]
