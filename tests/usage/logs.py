"""Logs as a registry writes them, of requests that are known: what the readers are held against."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from audit.usage.files import Read
from audit.usage.requests import PULL, PUSH, READ, REGISTRY, UPLOAD, Use

START: Final = datetime(2026, 11, 25, 23, 8, 42, 858976, tzinfo=UTC)
_METHODS: Final = {PULL: ("GET", "manifests/latest", 200), PUSH: ("PUT", "manifests/latest", 201)}
_METHODS_OF_CONTENT: Final = {READ: ("GET", "blobs/sha256:0", 307), UPLOAD: ("POST", "blobs/uploads/", 202)}
# How an access to images goes on before or after its manifest.
_WITH: Final = {PULL: READ, PUSH: UPLOAD}


@dataclass(frozen=True)
class Request:
    """One request; `allowed` is whether the registry carried it out."""

    user: str
    action: str
    namespace: str
    repository: str
    at: datetime
    allowed: bool = True

    def lines(self, number: int) -> list[str]:
        """Return what the registry logs of it."""
        if not self.allowed:
            return [
                self._line("error", "OpenShift access denied: no opinion", number),
                self._line("warning", "error authorizing context: access denied", number, user=False),
            ]
        status = (_METHODS | _METHODS_OF_CONTENT)[self.action][2]
        return [
            self._line("info", "authorized request", number),
            self._line("info", "response completed", number, status=status),
            self._line("info", "response", number + 1_000_000, status=status, user=False),
        ]

    def _line(self, level: str, message: str, number: int, *, status: int = 0, user: bool = True) -> str:
        method, path, _ = (_METHODS | _METHODS_OF_CONTENT)[self.action]
        name = f"{self.namespace}/{self.repository}"
        fields = {
            "go.version": "go1.27.3",
            "http.request.host": "127.0.0.1:18448",
            "http.request.id": f"{number:08x}-0000-4000-8000-000000000000",
            "http.request.method": method,
            "http.request.remoteaddr": "192.0.2.7:38120",
            "http.request.uri": f"/v2/{name}/{path}",
            "http.request.useragent": 'evil/1.0 level=info msg="response completed"',
        }
        if status:
            fields |= {"http.response.duration": "35.001615ms", "http.response.status": str(status)}
        if user:
            fields["openshift.auth.user"] = self.user
            if self.user != "anonymous":
                fields["openshift.auth.userid"] = "401442cb-05ff-46f8-911e-99bbe7cc2801"
        if message != "response":
            fields["vars.name"] = name
        head = f'time="{self.at:%Y-%m-%dT%H:%M:%S.%f}000Z" level={level} msg={quoted(message)}'
        return head + "".join(f" {key}={quoted(value)}" for key, value in fields.items())


def health(begin: datetime, end: datetime, step: float = 10) -> list[str]:
    """Return the lines that the kubelet's health checks leave, every `step` seconds."""
    moments = (begin + timedelta(seconds=step * at) for at in range(int((end - begin).total_seconds() / step)))
    return [
        f'time="{at:%Y-%m-%dT%H:%M:%S.%f}Z" level=info msg=response http.request.method=GET http.request.uri=/healthz'
        for at in moments
    ]


def quoted(text: str) -> str:
    """Return a value as logrus writes it."""
    bare = text.isascii() and all(letter.isalnum() or letter in "-._/@^+" for letter in text)
    return text if bare else json.dumps(text, ensure_ascii=False)


def requests(random: Random, many: int = 40) -> list[Request]:
    """Return requests of a few people and accounts, some of them refused."""
    users = ("ann", "anonymous", "uid=zoe,ou=people", 'q"uote', "ünï", "system:serviceaccount:shop:ci")
    made = []
    for number in range(many):
        action = random.choice((PULL, PUSH))
        request = Request(
            random.choice(users),
            action,
            random.choice(("shop", "pay")),
            random.choice(("web", "api")),
            START + timedelta(seconds=number * 20 + random.random()),
            random.random() < 0.7,
        )
        made.append(request)
        if request.allowed and random.random() < 0.5:
            content = Request(request.user, _WITH[action], request.namespace, request.repository, request.at)
            made.append(content)
    return made


def log(made: Sequence[Request]) -> list[bytes]:
    """Return the lines of a log, without line ends."""
    return [line.encode() for number, request in enumerate(made) for line in request.lines(number)]


def truth(made: Sequence[Request]) -> Counter[Use]:
    """Return how often each use happened."""
    counts: Counter[Use] = Counter()
    for request in made:
        user = "system:anonymous" if request.user == "anonymous" else request.user
        counts[Use(REGISTRY, user, request.action, request.namespace, request.repository, not request.allowed)] += 1
    return counts


def counted(read: Read) -> Counter[Use]:
    """Return how often each use was read."""
    return Counter(read.uses[use] for use in read.use.tolist())
