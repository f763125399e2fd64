"""One LIST response or file -> objects, or a CollectError with the reason."""

from typing import Any, Final, cast

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from audit.masking import excerpt
from audit.rbac.subjects import ACCOUNT, GROUP, USER
from audit.snapshot.objects import KINDS, PROJECTS, ZONES, Binding, Item, Kind, Role

_REASON_OF_CODE: Final = {
    401: "unauthenticated",
    403: "refused",
    404: "not-served",
    410: "expired",
    429: "overloaded",
    502: "overloaded",
    503: "overloaded",
    504: "overloaded",
}
_SUBJECTS: Final = {ACCOUNT, GROUP, USER}
_ROLES: Final = {True: {"ClusterRole", "Role"}, False: {"ClusterRole"}}  # that a binding may refer to, if namespaced
_NOT_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
MAX_DETAIL: Final = 300  # characters of the detail of a gap


class CollectError(Exception):
    """Something could not be read whole; `reason` is a word of `audit.snapshot.model.REASONS`.

    `detail` is one line, which may quote what somebody else wrote: credentials are masked in it.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = " ".join(excerpt(detail, 2 * MAX_DETAIL).split())[:MAX_DETAIL]
        super().__init__(self.reason, self.detail)


class Page(Struct):
    """Objects of one kind, the resource version of the list, and the token of the next page ("": none)."""

    items: list[Item]
    version: str = ""
    more: str = ""
    api: str = ""  # the `apiVersion` of the list


class _ListMeta(Struct):
    version: str | None = field(default=None, name="resourceVersion")
    more: str | None = field(default=None, name="continue")
    remaining: int | None = field(default=None, name="remainingItemCount")


class _Status(Struct):
    """The Status that an API server returns instead of a list."""

    kind: str = ""
    message: str | None = None
    reason: str | None = None
    code: int | None = None

    def unusable(self) -> CollectError:
        return CollectError(reason_of(self.code or 0), self.message or self.reason or "a Status instead of a list")


_STATUS: Final = msgspec.json.Decoder(_Status)


class _Answer(_Status):
    """Fields of a LIST response, or of the Status that replaces it."""

    api: str = field(default="", name="apiVersion")
    metadata: _ListMeta | None = None
    items: list[Any] | UnsetType | None = UNSET


class _Managed(Struct):
    """Which fields of an object one client has set."""

    fields: dict[str, msgspec.Raw] | None = field(default=None, name="fieldsV1")


class _ManagedMeta(Struct):
    managed: list[_Managed] | None = field(default=None, name="managedFields")


class _ManagedItem(Struct):
    metadata: _ManagedMeta


class _ManagedList(Struct):
    items: list[_ManagedItem]


_MANAGED: Final = msgspec.json.Decoder(_ManagedList)


def reason_of(code: int) -> str:
    """Return the reason of a gap for an HTTP status."""
    return _REASON_OF_CODE.get(code, "error")


def page_of_json(kind: Kind, body: bytes) -> Page:
    """Return the page in the JSON text `body`. Raises CollectError."""
    try:
        answer = _DECODERS[kind.plural].decode(body)
    except _NOT_JSON as error:
        raise _malformed(kind, body, error) from error
    page = _page(kind, answer)
    if _some_without_subjects(page):
        _check_subjects(page, [_owned(item.metadata) for item in _MANAGED.decode(body).items])
    return page


def page_of_object(kind: Kind, value: object) -> Page:
    """Return the page in a decoded document: a list, or one object of the kind. Raises CollectError."""
    if isinstance(value, dict) and value.get("kind") == kind.singular:
        value = {"kind": "List", "items": [value]}
    try:
        answer = msgspec.convert(value, _ANSWERS[kind.plural])
    except (msgspec.ValidationError, RecursionError) as error:
        raise CollectError("malformed", str(error)) from error
    except UnicodeError as error:
        raise CollectError("malformed", "a lone surrogate in a string") from error
    page = _page(kind, answer)
    if _some_without_subjects(page):
        _check_subjects(page, [_owned_plain(item["metadata"]) for item in cast("Any", value)["items"]])
    return page


def status_text(body: bytes) -> str:
    """Return the message of an error response: that of a Status, else the beginning of the body."""
    try:
        message = _STATUS.decode(body).message
    except _NOT_JSON:
        message = None
    return message or excerpt(body, MAX_DETAIL)


def _answer_type(kind: Kind) -> type[_Answer]:
    # In a `kind: List`, as `oc get -o json` writes it, each object has its own kind.
    own = [("kind", str, ""), ("api", str, field(default="", name="apiVersion"))]
    item = msgspec.defstruct(kind.singular, own, bases=(kind.item,), frozen=True)
    items = list[item] | UnsetType | None  # type: ignore[valid-type]
    made = msgspec.defstruct(f"{kind.singular}Answer", [("items", items, UNSET)], bases=(_Answer,))
    return cast("type[_Answer]", made)


_ANSWERS: Final = {kind.plural: _answer_type(kind) for kind in (*KINDS.values(), PROJECTS, ZONES)}
_DECODERS: Final = {plural: msgspec.json.Decoder(answer) for plural, answer in _ANSWERS.items()}


def _page(kind: Kind, answer: _Answer) -> Page:
    if answer.kind == "Status":
        raise answer.unusable()
    if answer.kind not in {"", "List", f"{kind.singular}List"}:
        raise CollectError("malformed", f"a {answer.kind}, not a {kind.singular}List")
    if answer.items is UNSET:
        raise CollectError("malformed", "not a list: it has no `items`")
    items = answer.items or []
    for at, item in enumerate(items):
        wrong = _wrong(kind, item)
        if wrong:
            raise CollectError("malformed", f"{wrong} - at `$.items[{at}]`")
    meta = answer.metadata or _ListMeta()
    if meta.remaining and not meta.more:
        raise CollectError("cut", f"{meta.remaining} more objects are not in this list (`remainingItemCount`)")
    return Page(items, meta.version or "", meta.more or "", answer.api)


def _wrong(kind: Kind, item: Any) -> str:
    """Return why an object cannot exist, or ""."""
    if item.kind and item.kind != kind.singular:
        return f"a {item.kind}, not a {kind.singular}"
    if not item.metadata.name:
        return "no name"
    namespace = item.metadata.name if kind.plural == "namespaces" else item.metadata.namespace
    if namespace == "*":
        return "a namespace cannot be called `*`"
    if kind.plural != "namespaces" and bool(namespace) != kind.namespaced:
        return "no namespace" if kind.namespaced else "a namespace, which this kind does not have"
    if isinstance(item, Role):
        return _wrong_role(item)
    return _wrong_binding(item, namespaced=kind.namespaced) if isinstance(item, Binding) else ""


def _wrong_role(role: Role) -> str:
    """Return why no server can have taken a role, or ""."""
    for rule in role.rules or ():
        if not rule.verbs or not (rule.urls or (rule.groups and rule.resources)):
            return "a rule without verbs, API groups or resources"
    return ""


def _wrong_binding(binding: Binding, *, namespaced: bool) -> str:
    """Return why no server can have taken a binding, or ""."""
    if binding.role.kind not in _ROLES[namespaced] or not binding.role.name:
        return f"a reference to a {binding.role.kind or 'role without kind'}, which cannot be bound"
    if any(subject.kind not in _SUBJECTS for subject in binding.subjects or ()):
        return "a subject of a kind that does not exist"
    return ""


def _some_without_subjects(page: Page) -> bool:
    return any(isinstance(item, Binding) and not item.subjects for item in page.items)


def _owned(meta: _ManagedMeta) -> set[str]:
    """Return the fields of an object that somebody has set: `f:subjects`."""
    return {name for managed in meta.managed or () for name in managed.fields or ()}


def _owned_plain(meta: dict[str, Any]) -> set[str]:
    managed = meta.get("managedFields")
    entries = (
        [entry.get("fieldsV1") for entry in managed if isinstance(entry, dict)] if isinstance(managed, list) else []
    )
    return {name for fields in entries if isinstance(fields, dict) for name in fields}


def _check_subjects(page: Page, owned: list[set[str]]) -> None:
    """Raise CollectError for a binding that has lost its subjects: its managed fields say that it has some."""
    for at, (item, fields) in enumerate(zip(page.items, owned, strict=True)):
        if isinstance(item, Binding) and not item.subjects and "f:subjects" in fields:
            wrong = "no `subjects`, and its managed fields say that it has some"
            raise CollectError("malformed", f"{wrong} - at `$.items[{at}]`")


def _malformed(kind: Kind, body: bytes, error: Exception) -> CollectError:
    """Return why a body cannot be decoded: a Status, not JSON, or JSON with other fields."""
    try:
        answer = _STATUS.decode(body)
    except _NOT_JSON:
        # A response to a request for metadata of secrets may hold a secret.
        start = "" if kind.resource == "secrets" else f"; it begins with {excerpt(body, 40)!r}"
        return CollectError("malformed", f"{error}{start}")
    if answer.kind == "Status":
        return answer.unusable()
    return CollectError("malformed", f"not a {kind.singular}List: {error}")
