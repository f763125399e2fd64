"""Kubeconfig files, merged as kubectl does: contexts, the clusters that they lead to, and credentials.

No message quotes the files: they hold secrets.
"""

import base64
import binascii
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from audit.config.yaml_reader import YamlError, read_values
from audit.masking import remember, remember_login
from audit.regular_files import SMALL, read_regular

_SHOWN: Final = 10  # contexts in a message
# Keys of users, settings of providers, and names of variables of plugins.
_SECRET: Final = re.compile(r"token$|password|secret|(client|private|access|api)[-_]?key", re.IGNORECASE)
_ENTRIES: Final = {"clusters": "cluster", "users": "user", "contexts": "context"}


class CredentialsError(Exception):
    """Credentials cannot be used as they are; the message says where, and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of a kubeconfig: its name in messages, its values, and the folder of its relative paths."""

    name: str
    values: Mapping[str, Any]
    folder: Path

    def text(self, key: str) -> str:
        """Return a string, empty when it is missing. Raises CredentialsError for anything else."""
        value = self.values.get(key)
        if value is None or isinstance(value, str):
            return value or ""
        raise CredentialsError(f"{self.name}: {key} must be a string")

    def inner(self, key: str) -> "Section | None":
        """Return the mapping under `key`. Raises CredentialsError for anything else."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise CredentialsError(f"{self.name}: {key} must be a mapping")
        return Section(f"{self.name}: {key}", value, self.folder)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings, empty when it is missing. Raises CredentialsError for anything else."""
        values = self.values.get(key) or []
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise CredentialsError(f"{self.name}: {key} must be a list of strings")
        return tuple(values)

    def path(self, key: str) -> Path | None:
        """Return a path, relative to the file that has it."""
        value = self.text(key)
        return self.folder / value if value else None

    def content(self, key: str) -> bytes:
        """Return `KEY-data` decoded, or the content of the file KEY, or nothing."""
        data, path = self.text(f"{key}-data"), self.path(key)
        try:
            if data:
                return base64.b64decode(data, validate=True)
            return read_regular(path, limit=SMALL) if path else b""
        except ValueError as error:  # also of a letter that is no ASCII
            raise CredentialsError(f"{self.name}: {key}-data is not base64") from error
        except OSError as error:
            raise CredentialsError(f"{self.name}: cannot read {path}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class KubeContext:
    """A context: a cluster, and the user to log in as."""

    name: str
    namespace: str
    cluster: Section
    user: Section

    @property
    def server(self) -> str:
        """Return the URL of the API without a password in it: it is shown to people."""
        scheme, mark, rest = self.cluster.text("server").rstrip("/").rpartition("://")
        place, slash, path = rest.partition("/")
        return scheme + mark + place.rpartition("@")[2] + slash + path


class KubeContexts:
    """The contexts of one kubeconfig file, or of several that are merged: the first that names an entry wins."""

    def __init__(self, path: Path | None = None) -> None:
        """Read `path`, or the standard place. Raises CredentialsError."""
        self.where = ", ".join(map(str, [path] if path else _standard()))
        self.current = ""
        self._entries: dict[str, dict[str, Section]] = {plural: {} for plural in _ENTRIES}
        files = [path] if path else [file for file in _standard() if file.exists()]
        if not files:
            raise CredentialsError(f"no kubeconfig at {self.where}")
        for file in files:
            self._add(file, _load(file))

    def __iter__(self) -> Iterator[KubeContext]:
        """Yield all contexts whose cluster exists, in their order."""
        for name in self._entries["contexts"]:
            if self._entries["contexts"][name].text("cluster") in self._entries["clusters"]:
                yield self.get(name)

    def get(self, name: str | None = None) -> KubeContext:
        """Return the context of this name, or the current one. Raises CredentialsError."""
        name = name or self.current
        if not name:
            raise CredentialsError(f"no current context in {self.where}")
        entry = self._entry("contexts", name)
        user = entry.text("user")
        return KubeContext(
            name,
            entry.text("namespace"),
            self._entry("clusters", entry.text("cluster")),
            self._entry("users", user) if user else Section(f"context {name} without a user", {}, Path()),
        )

    def leading_to(self, api: str) -> KubeContext:
        """Return the first context whose cluster is at `api`. Raises CredentialsError."""
        for context in self:
            if same_server(context.server, api):
                return context
        raise CredentialsError(f"no context in {self.where} leads to {api}")

    def _entry(self, plural: str, name: str) -> Section:
        if name not in self._entries[plural]:
            raise CredentialsError(f"no {_ENTRIES[plural]} {name} in {self.where}{self._known(plural, name)}")
        return self._entries[plural][name]

    def _known(self, plural: str, name: str) -> str:
        """Return which context was probably meant, or which ones there are."""
        names = [*self._entries[plural]] if plural == "contexts" else []
        near = get_close_matches(name, names, n=1)
        if near:
            return f"; did you mean {near[0]}?"
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f"; known: {', '.join(names[:_SHOWN])}{more}" if names else ""

    def _add(self, file: Path, config: dict[str, Any]) -> None:
        current = config.get("current-context")
        self.current = self.current or (current if isinstance(current, str) else "")
        for plural, singular in _ENTRIES.items():
            entries = config.get(plural) or []
            for entry in entries if isinstance(entries, list) else [None]:
                name, inner = (entry.get("name"), entry.get(singular)) if isinstance(entry, dict) else (None, None)
                if not isinstance(name, str) or not isinstance(inner, dict | None):
                    raise CredentialsError(f"{file}: {plural} must be a list of `name` and `{singular}`")
                section = Section(f"{singular} {name}", inner or {}, file.parent)
                self._entries[plural].setdefault(name, section)


def same_server(one: str, other: str) -> bool:
    """Return whether two addresses are of the same server: scheme, host, port and path."""
    return _address(one) == _address(other)


def _address(url: str) -> tuple[str, str, int | None, str]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return "", url, None, ""
    return parts.scheme, (parts.hostname or "").lower(), port, parts.path.rstrip("/")


def _standard() -> list[Path]:
    named = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return named or [Path.home() / ".kube" / "config"]


def _load(file: Path) -> dict[str, Any]:
    """Return what is in one file. Raises CredentialsError, which quotes nothing of it."""
    try:
        values = list(read_values(read_regular(file, limit=SMALL)))
    except OSError as error:
        raise CredentialsError(f"cannot read {file}: {error.strerror}") from error
    except YamlError as error:
        raise CredentialsError(f"{file} is not YAML: {error}") from None
    if len(values) != 1 or not isinstance(values[0], dict):
        raise CredentialsError(f"{file} is not a kubeconfig: it needs clusters, users and contexts")
    _remember_secrets(values[0])
    return values[0]


def _remember_secrets(value: object, key: str = "") -> None:
    """Mask what a kubeconfig holds of secrets from now on, whoever repeats it."""
    if isinstance(value, dict):
        if _SECRET.search(str(value.get("name", ""))):
            _remember_secrets(value.get("value"), "password")  # a variable of a plugin
        for name, inner in value.items():
            _remember_secrets(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            _remember_secrets(inner, key)
    elif isinstance(value, str) and key == "proxy-url":
        remember_login(value)
    elif isinstance(value, str) and _SECRET.search(key):
        remember(value)
        with suppress(binascii.Error, ValueError):
            remember(base64.b64decode(value, validate=True) if key.endswith("-data") else "")
