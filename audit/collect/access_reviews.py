"""Access reviews: ask an API server whether a subject may do something, or who may."""

from collections.abc import Mapping
from functools import partial
from threading import Event
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct, field

from audit.collect.connect.connection import Connection, Response
from audit.collect.connect.retry import failure, retry
from audit.collect.decode import CollectError
from audit.collect.limits import Budget, Limits
from audit.collect.zones import Zone

_SUCCESS: Final = {200, 201}
_AUTHORIZATION: Final = "authorization.k8s.io/v1"
_LISTS: Final = "authorization.openshift.io/v1"

S = TypeVar("S", bound=Struct)


class Allowed(Struct, frozen=True):
    """The answer to one access review; `reason` is the explanation of the cluster."""

    allowed: bool
    reason: str = ""
    error: str = field(default="", name="evaluationError")


class AllowedSubjects(Struct, frozen=True):
    """Who may do something, as OpenShift lists them; `error` says what is missing (the API misspells it)."""

    users: tuple[str, ...] | None
    groups: tuple[str, ...] | None
    error: str = field(default="", name="evalutionError")


class UserInfo(Struct, frozen=True):
    """User name and groups of a caller, as the API server sees them."""

    user: str = field(default="", name="username")
    groups: tuple[str, ...] = ()


class Reviews:
    """Access reviews of one zone, within its limits; safe for several threads."""

    def __init__(self, zone: Zone, limits: Limits, stop: Event) -> None:
        """Connect. Raises CollectError for a zone that is files, or whose credentials cannot be used."""
        if zone.dump or zone.trouble:
            raise CollectError("missing", zone.trouble or "this zone is read from files: there is no API server")
        self._retries = limits.retries
        self._connection = Connection(zone, Budget.of(limits, stop), limits.in_flight)

    def may(self, name: str, groups: tuple[str, ...], attributes: Mapping[str, str]) -> Allowed:
        """Return whether the user `name` in `groups` may do something. Raises CollectError when there is no answer."""
        ask = partial(may_they, self._connection, name, groups, attributes)
        return retry(ask, self._retries, self._connection.budget)

    def who_can(self, attributes: Mapping[str, str]) -> AllowedSubjects:
        """Return who may do something (OpenShift only). Raises CollectError when there is no answer."""
        body = {"kind": "ResourceAccessReview", "apiVersion": _LISTS, **attributes}

        def ask() -> AllowedSubjects:
            path = f"/apis/{_LISTS}/resourceaccessreviews"
            return _decoded(self._connection, self._connection.post(path, msgspec.json.encode(body)), _SUBJECTS)

        return retry(ask, self._retries, self._connection.budget)


class _AccessReview(Struct):
    status: Allowed


class _Who(Struct):
    info: UserInfo = field(name="userInfo")


class _Subject(Struct):
    status: _Who


class _Named(Struct):
    name: str


class _User(Struct):
    """The user object `~`: the caller."""

    metadata: _Named
    groups: tuple[str, ...] | None = None


_SUBJECTS: Final = msgspec.json.Decoder(AllowedSubjects)
_ACCESS: Final = msgspec.json.Decoder(_AccessReview)
_SUBJECT: Final = msgspec.json.Decoder(_Subject)
_USER: Final = msgspec.json.Decoder(_User)


def may_i(connection: Connection, attributes: Mapping[str, str]) -> Allowed:
    """Return whether our credentials may do something. Raises CollectError when there is no answer."""
    spec = {"resourceAttributes": attributes}
    return _decoded(connection, _ask(connection, _AUTHORIZATION, "SelfSubjectAccessReview", spec), _ACCESS).status


def may_they(connection: Connection, user: str, groups: tuple[str, ...], attributes: Mapping[str, str]) -> Allowed:
    """Return whether `user` in `groups` may do something. Raises CollectError when there is no answer.

    "No" with an evaluation error is not an answer: an authorizer that failed might have allowed it.
    """
    spec = {"user": user, "groups": groups, "resourceAttributes": attributes}
    status = _decoded(connection, _ask(connection, _AUTHORIZATION, "SubjectAccessReview", spec), _ACCESS).status
    if status.error and not status.allowed:
        raise CollectError("error", status.error)
    return status


def who_am_i(connection: Connection) -> UserInfo:
    """Return who our credentials are; on an old server, from the user object. Raises CollectError when neither says."""
    response = _ask(connection, "authentication.k8s.io/v1", "SelfSubjectReview", {})
    if response.status in _SUCCESS or response.status == 401:  # noqa: PLR2004  an unauthenticated caller has no user object
        return _decoded(connection, response, _SUBJECT).status.info
    user = _decoded(connection, connection.get("/apis/user.openshift.io/v1/users/~"), _USER)
    return UserInfo(user.metadata.name, user.groups or ())


def _ask(connection: Connection, version: str, kind: str, spec: Mapping[str, Any]) -> Response:
    body = {"kind": kind, "apiVersion": version} | ({"spec": spec} if spec else {})
    return connection.post(f"/apis/{version}/{kind.lower()}s", msgspec.json.encode(body))


def _decoded(connection: Connection, response: Response, decoder: msgspec.json.Decoder[S]) -> S:
    if response.status not in _SUCCESS:
        raise failure(response)
    connection.refuse_repeated(response.body)
    try:
        return decoder.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CollectError("malformed", str(error)) from error
