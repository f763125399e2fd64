"""Reviews: questions to an API server about access, each with its answer or the reason why there is none."""

from collections.abc import Mapping
from functools import partial
from threading import Event
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct, field

from audit.collect.connection import Connection, Response
from audit.collect.decode import CollectError
from audit.collect.limits import Budget, Limits
from audit.collect.lists import failure, retry
from audit.collect.zones import Zone

_SUCCESS: Final = {200, 201}
_AUTHORIZATION: Final = "authorization.k8s.io/v1"
_LISTS: Final = "authorization.openshift.io/v1"

S = TypeVar("S", bound=Struct)


class Allowed(Struct, frozen=True):
    """The answer to one question: whether it is allowed, and what the cluster says of why."""

    allowed: bool
    reason: str = ""
    error: str = field(default="", name="evaluationError")


class AllowedSubjects(Struct, frozen=True):
    """Who may do something, as OpenShift lists them; `error` says what is missing (the API spells it so)."""

    users: tuple[str, ...] | None
    groups: tuple[str, ...] | None
    error: str = field(default="", name="evalutionError")


class UserInfo(Struct, frozen=True):
    """Who somebody is to an API server."""

    user: str = field(default="", name="username")
    groups: tuple[str, ...] = ()


class Reviews:
    """Asks the reviews of one zone, within its limits; safe for several threads."""

    def __init__(self, zone: Zone, limits: Limits, stop: Event) -> None:
        """Connect. Raises CollectError when the zone is none to ask, or its credentials cannot be used."""
        if zone.dump or zone.trouble:
            raise CollectError("missing", zone.trouble or "its facts are files: there is nobody to ask")
        self._retries = limits.retries
        self._connection = Connection(zone, Budget.of(limits, stop), limits.in_flight)

    def may(self, name: str, groups: tuple[str, ...], attributes: Mapping[str, str]) -> Allowed:
        """Ask whether the user `name` in `groups` may do something. Raises CollectError when there is no answer."""
        ask = partial(may_they, self._connection, name, groups, attributes)
        return retry(ask, self._retries, self._connection.budget)

    def who_can(self, attributes: Mapping[str, str]) -> AllowedSubjects:
        """Ask who may do something, which OpenShift alone answers. Raises CollectError when there is no answer."""
        body = {"kind": "ResourceAccessReview", "apiVersion": _LISTS, **attributes}

        def ask() -> AllowedSubjects:
            path = f"/apis/{_LISTS}/resourceaccessreviews"
            return _decoded(self._connection.post(path, msgspec.json.encode(body)), _SUBJECTS)

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
    """The user object that stands for oneself."""

    metadata: _Named
    groups: tuple[str, ...] | None = None


_SUBJECTS: Final = msgspec.json.Decoder(AllowedSubjects)
_ACCESS: Final = msgspec.json.Decoder(_AccessReview)
_SUBJECT: Final = msgspec.json.Decoder(_Subject)
_USER: Final = msgspec.json.Decoder(_User)


def may_i(connection: Connection, attributes: Mapping[str, str]) -> Allowed:
    """Ask whether we may do something. Raises CollectError when there is no answer."""
    spec = {"resourceAttributes": attributes}
    return _decoded(_ask(connection, _AUTHORIZATION, "SelfSubjectAccessReview", spec), _ACCESS).status


def may_they(connection: Connection, user: str, groups: tuple[str, ...], attributes: Mapping[str, str]) -> Allowed:
    """Ask whether somebody may do something. Raises CollectError when there is no answer.

    A no in spite of an error is no answer: who could not be asked may have allowed it.
    """
    spec = {"user": user, "groups": groups, "resourceAttributes": attributes}
    status = _decoded(_ask(connection, _AUTHORIZATION, "SubjectAccessReview", spec), _ACCESS).status
    if status.error and not status.allowed:
        raise CollectError("error", status.error)
    return status


def who_am_i(connection: Connection) -> UserInfo:
    """Return who we are; a server too old for the review is asked for our user. Raises CollectError when none says."""
    response = _ask(connection, "authentication.k8s.io/v1", "SelfSubjectReview", {})
    if response.status in _SUCCESS or response.status == 401:  # noqa: PLR2004  nobody has a user object
        return _decoded(response, _SUBJECT).status.info
    user = _decoded(connection.get("/apis/user.openshift.io/v1/users/~"), _USER)
    return UserInfo(user.metadata.name, user.groups or ())


def _ask(connection: Connection, version: str, kind: str, spec: Mapping[str, Any]) -> Response:
    body = {"kind": kind, "apiVersion": version} | ({"spec": spec} if spec else {})
    return connection.post(f"/apis/{version}/{kind.lower()}s", msgspec.json.encode(body))


def _decoded(response: Response, decoder: msgspec.json.Decoder[S]) -> S:
    if response.status not in _SUCCESS:
        raise failure(response)
    try:
        return decoder.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CollectError("malformed", str(error)) from error
