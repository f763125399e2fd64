"""What an API server answers to one request, as a pure matter of a world: no sockets here."""

import base64
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from tests.simulator.kinds import KINDS, Kind, Object, as_list
from tests.simulator.who_can import who_can
from tests.worlds.plain_rbac import World, allowed

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}
_READABLE_BY_ALL = ("clusterroles", "projects")  # cluster-wide, also for someone without cluster-wide rights


@dataclass(frozen=True)
class Request:
    """One request as it came, but for the token."""

    method: str
    target: str  # path and query
    headers: dict[str, str]  # names in lower case
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass(frozen=True)
class Answer:
    """One answer and how it is to be delivered; the defaults deliver it whole and at once."""

    code: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds before the first byte
    pace: float | None = None  # bytes a second
    cut: int | None = None  # close after so many bytes of the body
    reset: bool = False  # close with RST, after `cut` bytes or before any
    hang: bool = False  # nothing at all until the server closes
    raw: Iterable[bytes] | None = None  # these bytes in place of a response, then close


class Caller(NamedTuple):
    """Who holds the token."""

    user: str = "auditor"
    groups: tuple[str, ...] = ("system:authenticated:oauth", "system:authenticated")


class Place(NamedTuple):
    """What a path points at."""

    kind: Kind
    namespace: str | None
    name: str | None


def json_answer(body: Any, code: int = 200) -> Answer:
    return Answer(code, msgspec.json.encode(body))


def status(code: int, message: str) -> Answer:
    """An error as the API server words it: a Status object."""
    reason = _REASONS.get(code, "Unknown")
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return json_answer({**body, "message": message, "reason": reason, "code": code}, code)


def not_served() -> Answer:
    """What a real server says to a path of no API that it knows: plain text, no Status."""
    return Answer(404, b"404 page not found\n", "text/plain; charset=utf-8")


def place_of(path: str) -> Place | None:
    for kind in KINDS.values():
        if not path.startswith(f"{kind.prefix}/"):
            continue
        match [unquote(part) for part in path.removeprefix(f"{kind.prefix}/").split("/")]:
            case [plural, *rest] if plural == kind.plural and len(rest) <= (not kind.namespaced):
                return Place(kind, None, rest[0] if rest else None)
            case ["namespaces", namespace, plural, *rest] if kind.namespaced and plural == kind.plural:
                return Place(kind, namespace, rest[0] if rest else None) if len(rest) <= 1 else None
    return None


@dataclass
class _Page:
    """The rest of a list at the moment it was begun: later changes of the world do not show in it."""

    path: str
    items: list[Object]
    version: int


class Api:
    """The API of one zone: lists, single objects, and access reviews."""

    def __init__(
        self,
        world: World,
        caller: Caller,
        refuse: Collection[str] = (),
        absent: Collection[str] = (),
        tenant_of: Collection[str] | None = None,
    ) -> None:
        self.world = world
        self.caller = caller
        self.refuse = refuse
        self.absent = absent
        self.tenant_of = tenant_of
        self.version = 1000
        self._pages: dict[str, _Page] = {}

    def expire(self) -> None:
        """Forget every `continue` token and move on to the next resourceVersion, as a compaction does."""
        self._pages.clear()
        self.version += 1

    def answer(self, request: Request) -> Answer:
        if request.method == "POST":
            return self._post(request)
        if request.method != "GET":
            return status(405, f"the server does not allow this method on the requested resource: {request.method}")
        if request.path == "/version":
            return json_answer({"major": "1", "minor": "36", "gitVersion": "v1.36.0"})
        if request.path == "/apis/user.openshift.io/v1/users/~":
            return self._me()
        return self._read(place_of(request.path), request)

    def _read(self, place: Place | None, request: Request) -> Answer:
        if place is None or place.kind.plural in self.absent:
            return not_served()
        if self._refused(place):
            return self._forbidden("get" if place.name else "list", place)
        return self._one(place) if place.name else self._list(place, request)

    def _me(self) -> Answer:
        if "users/~" in self.absent:
            return not_served()
        if "users/~" in self.refuse:
            return self._forbidden("get", Place(Kind("users", "User", "user.openshift.io/v1"), None, "~"))
        metadata = {"name": self.caller.user}
        return json_answer(
            {"kind": "User", "apiVersion": "user.openshift.io/v1", "metadata": metadata, "groups": self.caller.groups}
        )

    def _refused(self, place: Place) -> bool:
        plural = place.kind.plural
        if {plural, f"{plural}/{place.namespace or ''}"} & set(self.refuse):
            return True
        if self.tenant_of is None or plural in _READABLE_BY_ALL:
            return False
        return (place.name if plural == "namespaces" else place.namespace) not in self.tenant_of

    def _forbidden(self, verb: str, place: Place) -> Answer:
        kind = place.kind
        what = ".".join(filter(None, (kind.plural, kind.group)))
        where = "at the cluster scope" if place.namespace is None else f'in the namespace "{place.namespace}"'
        who = f'User "{self.caller.user}" cannot {verb} resource "{kind.plural}" in API group "{kind.group}"'
        name = f' "{place.name}"' if place.name else ""
        return status(403, f"{what}{name} is forbidden: {who} {where}")

    def _objects(self, place: Place) -> list[Object]:
        held = self.world.get(place.kind.held_in) or []
        if place.namespace is not None:
            return [item for item in held if item["metadata"]["namespace"] == place.namespace]
        if place.kind.plural == "projects" and self.tenant_of is not None:
            return [item for item in held if item["metadata"]["name"] in self.tenant_of]
        return held

    def _one(self, place: Place) -> Answer:
        for item in self._objects(place):
            if item["metadata"]["name"] == place.name:
                return json_answer({"kind": place.kind.name, "apiVersion": place.kind.api_version, **item})
        return status(404, f'{place.kind.plural} "{place.name}" not found')

    def _list(self, place: Place, request: Request) -> Answer:
        query = request.query
        try:
            limit = int(query.get("limit", "0"))
        except ValueError:
            return status(400, 'strconv.ParseInt: parsing "limit": invalid syntax')
        page = self._page(place, request.path, query)
        if page is None:
            return status(410, "The provided continue parameter is too old to display a consistent list result.")
        items, rest = (page.items[:limit], page.items[limit:]) if limit > 0 else (page.items, [])
        metadata: Object = {"resourceVersion": str(page.version)}
        if rest:
            metadata["continue"] = self._token(_Page(page.path, rest, page.version))
            metadata["remainingItemCount"] = len(rest)
        if "as=PartialObjectMetadataList" in request.headers.get("accept", ""):
            bare = [{"metadata": item["metadata"]} for item in items]
            partial = Kind("", "PartialObjectMetadata", "meta.k8s.io/v1")
            return json_answer(as_list(partial, bare, **metadata))
        return json_answer(as_list(place.kind, items, **metadata))

    def _page(self, place: Place, path: str, query: dict[str, str]) -> _Page | None:
        if "continue" in query:
            page = self._pages.get(query["continue"])
            return page if page is not None and page.path == path else None
        chosen = [item for item in self._objects(place) if _selected(item, query.get("fieldSelector", ""))]
        return _Page(path, chosen, self.version)

    def _token(self, rest: _Page) -> str:
        content = {"v": "meta.k8s.io/v1", "rv": rest.version, "start": f"{rest.path}#{len(self._pages)}"}
        token = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
        self._pages[token] = rest
        return token

    def _post(self, request: Request) -> Answer:
        resource = request.path.rpartition("/")[2]
        reviews = {
            "/apis/authentication.k8s.io/v1/selfsubjectreviews": self._who_am_i,
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": self._may_i,
            "/apis/authorization.k8s.io/v1/subjectaccessreviews": self._may_they,
        }
        lists = request.path == "/apis/authorization.openshift.io/v1/resourceaccessreviews"
        if not (lists or request.path in reviews) or resource in self.absent:
            return not_served()
        if lists and "localresourceaccessreviews" in self.refuse:
            return self._forbidden("create", Place(Kind("localresourceaccessreviews", "", "v1"), None, None))
        if self._no_review(resource):
            version = "authorization.openshift.io/v1" if lists else "authorization.k8s.io/v1"
            return self._forbidden("create", Place(Kind(resource, "", version), None, None))
        try:
            review = json.loads(request.body)
            if lists:
                return json_answer(who_can(self.world, review), 201)
            return json_answer({**review, "status": reviews[request.path](review.get("spec") or {})}, 201)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            return status(400, f"the review could not be understood: {error!r}")

    def _no_review(self, resource: str) -> bool:
        of_others = resource in {"subjectaccessreviews", "resourceaccessreviews"}
        return resource in self.refuse or (of_others and self.tenant_of is not None)

    def _who_am_i(self, _spec: Object) -> Object:
        return {"userInfo": {"username": self.caller.user, "groups": self.caller.groups}}

    def _may_i(self, spec: Object) -> Object:
        asked = spec.get("resourceAttributes") or {}
        kind = None if asked.get("subresource") else KINDS.get(asked.get("resource", ""))
        if kind is not None and kind.group == asked.get("group", "") and asked["verb"] in ("get", "list"):
            place = Place(kind, asked.get("namespace") or None, asked.get("name") or None)
            return {"allowed": not self._refused(place)}
        if asked.get("verb") == "create" and asked.get("resource", "").endswith("accessreviews"):
            return {"allowed": not self._no_review(asked["resource"])}
        return self._reviewed(self.caller.user, self.caller.groups, asked)

    def _may_they(self, spec: Object) -> Object:
        user, groups = spec.get("user") or "", spec.get("groups") or ()
        if not user and not groups:
            raise ValueError("spec.user: at least one of user or group must be specified")
        return self._reviewed(user, groups, spec.get("resourceAttributes") or {})

    def _reviewed(self, user: str, groups: Collection[str], asked: Object) -> Object:
        if not asked:
            return {"allowed": "system:masters" in groups}
        fields = [asked.get(name, "") for name in ("group", "resource", "namespace", "name", "subresource")]
        if allowed(self.world, user, groups, asked.get("verb", ""), *fields):
            return {"allowed": True, "reason": "RBAC: allowed by a binding of this world"}
        return {"allowed": False}


def _selected(item: Object, selector: str) -> bool:
    """Whether an object has every `field=value` of a field selector."""
    for term in filter(None, selector.split(",")):
        path, _, wanted = term.replace("==", "=").partition("=")
        found: Any = item
        for step in path.split("."):
            found = found.get(step, "") if isinstance(found, dict) else ""
        if found != wanted:
            return False
    return True
