"""Who is told how a run ends: metrics, and messages to chats, files and people; secrets only ever referred to."""

import os
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from audit.config.zones import ConfigModel, FilePath, NonEmpty
from audit.errors import UsageError


def _gateway(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.username or parts.query or parts.fragment:
        raise ValueError("must be http://HOST[:PORT] or https://HOST[:PORT], without a user or a query")
    return value.rstrip("/")


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Address = Annotated[str, StringConstraints(pattern=r"^[^\s<>@,;]+@[^\s<>@,;]+$")]


class Secret(ConfigModel):
    """Where a secret stands: an environment variable or a file, never the configuration itself."""

    env: NonEmpty | None = Field(default=None, description="Environment variable that holds it.")
    file: FilePath | None = Field(default=None, description="File that holds it; read each time.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("give exactly one of: env, file")
        return self

    def read(self) -> str:
        """Return the secret. Raises UsageError, without a word of it, when there is none."""
        if self.env is not None:
            found, where = os.environ.get(self.env, ""), f"the variable {self.env}"
        else:
            path = self.file or Path()
            try:
                found, where = path.read_text().strip(), f"the file {path}"
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"the file {path} cannot be read") from error
        if not found:
            raise UsageError(f"{where} is empty")
        return found


class Metrics(ConfigModel):
    """Where metrics go, beside `metrics.prom` of each run."""

    textfile: FilePath | None = Field(
        default=None, description="File for node_exporter's textfile collector; its name ends with `.prom`."
    )
    pushgateway: Annotated[str, AfterValidator(_gateway)] | None = Field(
        default=None, description="Address of a Prometheus Pushgateway."
    )
    job: Name = Field(default="registry-audit", description="Value of the label `job` at the Pushgateway.")
    ca_file: FilePath | None = Field(default=None, description="Certificate authority of the Pushgateway (PEM).")


class Webhook(ConfigModel):
    """An address that takes messages. The address is a secret: whoever has it can write there."""

    url: Secret = Field(description="Where its address stands.")
    ca_file: FilePath | None = Field(default=None, description="Certificate authority of the server (PEM).")


class Email(ConfigModel):
    """People who are written to, and the server that sends it."""

    host: NonEmpty = Field(description="Name of the SMTP server.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="`starttls`: needed after connecting. `tls`: from the start. `none`: plain."
    )
    ca_file: FilePath | None = Field(default=None, description="Certificate authority of the server (PEM).")
    username: NonEmpty | None = Field(default=None, description="Name to log in with.")
    password: Secret | None = Field(default=None, description="Where the password stands.")
    sender: Address = Field(description="Who writes.")
    to: tuple[Address, ...] = Field(description="Who is written to.", min_length=1)

    @model_validator(mode="after")
    def _login(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("give both username and password, or neither")
        if self.password and self.tls == "none":
            raise ValueError("a password is sent over TLS only: leave tls: none out")
        return self


class Channel(ConfigModel):
    """One way to tell people: exactly one of slack, teams, mattermost, webhook, file, email."""

    name: Name = Field(description="What it is called in logs and metrics.")
    slack: Webhook | None = Field(default=None, description="An incoming webhook of Slack.")
    teams: Webhook | None = Field(
        default=None, description="A webhook of a Teams workflow, which takes adaptive cards."
    )
    mattermost: Webhook | None = Field(default=None, description="An incoming webhook of Mattermost.")
    webhook: Webhook | None = Field(default=None, description="Any other server: plain JSON.")
    file: FilePath | None = Field(default=None, description="A file that always holds the last message.")
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
        """Return which of them it is."""
        return self._given[0]


class Notify(ConfigModel):
    """Who is told of a run that is not whole, or that brings something new."""

    channels: tuple[Channel, ...] = Field(default=(), description="Each is told by itself.")
    changes: bool = Field(
        default=False, description="Tell of access that was gained or widened too, not of new findings only."
    )
    people: bool = Field(default=False, description="Name users, groups and accounts; without it, places only.")
    timeout_seconds: float = Field(default=30, gt=0, le=600, description="Longest time for all channels together.")
    templates: FilePath | None = Field(
        default=None, description="Folder with templates of your own: docs/notifications.md says which."
    )

    @model_validator(mode="after")
    def _names(self) -> Self:
        names = [channel.name for channel in self.channels]
        twice = sorted({one for one in names if names.count(one) > 1})
        if twice:
            raise ValueError(f"each channel needs its own name, and {', '.join(twice)} stands there twice")
        return self


def check_watching(metrics: Metrics, notify: Notify) -> list[str]:
    """Return what is wrong with the files and variables that these refer to, one line each."""
    mistakes = []
    if notify.templates and not notify.templates.is_dir():
        mistakes.append(f"notify.templates: there is no folder {notify.templates}")
    authorities = [("metrics", metrics.ca_file)]
    for at, channel in enumerate(notify.channels):
        place = f"notify.channels[{at}].{channel.kind}"
        way = getattr(channel, channel.kind)
        if isinstance(way, Path):
            continue
        authorities.append((place, way.ca_file))
        secret, key = (way.url, "url") if isinstance(way, Webhook) else (way.password, "password")
        try:
            _ = secret and secret.read()
        except UsageError as error:
            mistakes.append(f"{place}.{key}: {error}")
    return mistakes + [
        f"{place}.ca_file: there is no file that can be read at {path}"
        for place, path in authorities
        if path and not (path.is_file() and os.access(path, os.R_OK))
    ]
