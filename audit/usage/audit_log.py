"""Audit logs of the API servers (`audit.k8s.io/v1`, one JSON event a line): what was done beside the registry.

At the level Metadata they say who created an image stream, changed a tag, read secrets, created a token or ran a
command in a pod; at WriteRequestBodies also what the registry asked about each caller. The registry's own account acts
for others and is left out. A request to an aggregated API is in the logs of two servers, with one audit id; only the
server that served it names the object that was created.
"""

import re
from collections import defaultdict
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from typing import Final

import msgspec

from audit.usage.requests import (
    AUDIT,
    CREATE,
    IMPERSONATE,
    READ,
    READ_SECRETS,
    RUN,
    TAG,
    TICK,
    TOKEN,
    UPLOAD,
    Damaged,
    Requests,
    Seen,
    Use,
)

REGISTRY_ACCOUNT: Final = "system:serviceaccount:openshift-image-registry:registry"
_IMAGES, _OK, _REFUSED = "image.openshift.io", range(200, 300), 403


class _EventUser(msgspec.Struct):
    username: str = ""


class _Reference(msgspec.Struct, rename="camel"):
    resource: str = ""
    namespace: str = ""
    name: str = ""
    api_group: str = ""
    subresource: str = ""


class _ResponseStatus(msgspec.Struct):
    code: int = 0


class _Attributes(msgspec.Struct):
    namespace: str = ""
    name: str = ""
    verb: str = ""
    group: str = ""
    resource: str = ""


class _Spec(msgspec.Struct, rename="camel"):
    resource_attributes: _Attributes | None = None


class _Review(msgspec.Struct):
    spec: _Spec | None = None


class _Allowed(msgspec.Struct):
    allowed: bool = False


class _ReviewAnswer(msgspec.Struct):
    status: _Allowed | None = None


class Event(msgspec.Struct, rename="camel"):
    """What is needed of an event; addresses, agents and bodies of other requests are not decoded."""

    kind: str = ""
    level: str = ""
    audit_id: str = msgspec.field(default="", name="auditID")
    stage: str = ""
    verb: str = ""
    user: _EventUser = msgspec.field(default_factory=_EventUser)
    impersonated_user: _EventUser | None = None
    object_ref: _Reference | None = None
    response_status: _ResponseStatus | None = None
    request_received_timestamp: str = ""
    annotations: dict[str, str] = msgspec.field(default_factory=dict)
    request_object: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    response_object: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


_EVENTS: Final = msgspec.json.Decoder(Event)
_REVIEWS: Final = msgspec.json.Decoder(_Review)
_ANSWERS: Final = msgspec.json.Decoder(_ReviewAnswer)
# A year of this century: what is computed from a time must remain one that can be written.
_TIME: Final = re.compile(r"(20\d\d-\d\d-\d\dT\d\d:\d\d):([0-5]\d(?:\.\d+)?)Z", re.ASCII)
_GRANT: Final = re.compile(r'RBAC: allowed by (RoleBinding|ClusterRoleBinding) "([^"]+)" of')
_WRITES: Final = dict.fromkeys(("create", "update", "patch"), TAG)
_READS: Final = dict.fromkeys(("get", "list", "watch"), READ_SECRETS)
_RUNS: Final = dict.fromkeys(("create", "get", "update", "patch"), RUN)
# What a request means for the registry, by API group, resource, subresource, and verb; most mean nothing.
_ACTIONS: Final[dict[tuple[str, str, str], dict[str, str]]] = {
    (_IMAGES, "imagestreams", ""): _WRITES | {"create": CREATE},
    **{(_IMAGES, f"image{name}", ""): _WRITES for name in ("streamtags", "tags", "streamimports", "streammappings")},
    (_IMAGES, "imagestreams", "secrets"): _READS,
    ("", "secrets", ""): _READS,
    ("", "serviceaccounts", "token"): {"create": TOKEN},
    **{("", "pods", name): _RUNS for name in ("exec", "attach", "portforward", "ephemeralcontainers")},
}


class AuditLog:
    """Reads the audit logs of one zone's API servers; events may come in any order, and more than once."""

    def __init__(self, requests: Requests, seen: "defaultdict[str, Seen]", damaged: Damaged) -> None:
        self._requests, self._seen, self._damaged = requests, seen, damaged

    def read(self, line: bytes, server: str) -> None:
        """Read one event that `server` has written."""
        try:
            event = _EVENTS.decode(line)
            time = _time(event.request_received_timestamp)
        except (msgspec.MsgspecError, ValueError):
            self._damaged.add(line)
            return
        seen = self._seen[server]
        seen.chunk.add(time // TICK)
        seen.levels.add(event.level)
        code = event.response_status.code if event.response_status else 0
        if event.stage == "ResponseComplete" and (code in _OK or code == _REFUSED):
            self._event(event, time, denied=code == _REFUSED)

    def _event(self, event: Event, time: int, *, denied: bool) -> None:
        user, target = event.user.username, event.object_ref
        if user == REGISTRY_ACCOUNT or not user or target is None:
            return
        meanings = _ACTIONS.get((target.api_group, target.resource, target.subresource), {})
        action, namespace, name = meanings.get(event.verb, ""), target.namespace, target.name
        if target.resource == "selfsubjectaccessreviews" and event.request_object:
            action, namespace, name = self._asked(event)
        request = int.from_bytes(blake2b(event.audit_id.encode() or repr(event).encode(), digest_size=8).digest())
        grant = _GRANT.search(event.annotations.get("authorization.k8s.io/reason", ""))
        through = f"{grant[1]} {grant[2]}" if grant and action not in {READ, UPLOAD} else ""
        if action:
            self._requests.add(Use(AUDIT, user, action, namespace, name, denied, through), time, request)
        if event.impersonated_user and not denied:
            acted = Use(AUDIT, user, IMPERSONATE, "", event.impersonated_user.username, denied=False, grant=through)
            self._requests.add(acted, time, request)

    def _asked(self, event: Event) -> tuple[str, str, str]:
        """Return what the registry asked about the caller, where it was allowed: it means a request to the registry."""
        try:
            review, answer = _REVIEWS.decode(event.request_object), _ANSWERS.decode(event.response_object or b"{}")
        except (msgspec.MsgspecError, ValueError):
            return "", "", ""
        about = review.spec.resource_attributes if review.spec else None
        if not about or (about.group, about.resource) != (_IMAGES, "imagestreams/layers"):
            return "", "", ""
        action = {"get": READ, "update": UPLOAD}.get(about.verb, "")
        return (action, about.namespace, about.name) if answer.status and answer.status.allowed else ("", "", "")


@cache
def _minute(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}:00+00:00").astimezone(UTC).timestamp())


def _time(text: str) -> int:
    """Return microseconds since 1970 of a time stamp of the API server, which is in UTC. Raises ValueError."""
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError(text)
    return _minute(match[1]) * 1_000_000 + round(float(match[2]) * 1_000_000)
