"""One LIST answer or file -> objects, or the reason why it is none."""

from typing import Any, Final, cast

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from audit.snapshot.objects import KINDS, PROJECTS, ZONES, Item, Kind

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
_NOT_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
LONGEST: Final = 300  # characters of a gap's detail


class CollectError(Exception):
    """An answer that is no whole list; `reason` is a word of `audit.snapshot.model.REASONS`, `detail` one line."""

    def __init__(self, reason: str, detail: str) -> None:
        """Take the reason, and what was said, which is shortened to one line."""
        self.reason = reason
        self.detail = " ".join(detail.split())[:LONGEST]
        super().__init__(self.reason, self.detail)


class Page(Struct):
    """Objects of one kind, at which version they were listed, and the token of the next page (empty: none)."""

    items: list[Item]
    version: str = ""
    more: str = ""


class _ListMeta(Struct):
    version: str | None = field(default=None, name="resourceVersion")
    more: str | None = field(default=None, name="continue")


class _Status(Struct):
    """What an API server says in place of an answer."""

    kind: str = ""
    message: str | None = None
    reason: str | None = None
    code: int | None = None

    def unusable(self) -> CollectError:
        return CollectError(reason_of(self.code or 0), self.message or self.reason or "a Status in place of a list")


_STATUS: Final = msgspec.json.Decoder(_Status)


class _Answer(_Status):
    """What may stand in a LIST answer, or in the Status that takes its place."""

    metadata: _ListMeta | None = None
    items: list[Any] | UnsetType | None = UNSET


def reason_of(code: int) -> str:
    """Return the reason of a gap that an HTTP status stands for."""
    return _REASON_OF_CODE.get(code, "error")


def page_of_json(kind: Kind, body: bytes) -> Page:
    """Return the page that the JSON text `body` is. Raises CollectError."""
    try:
        answer = _DECODERS[kind.plural].decode(body)
    except _NOT_JSON as error:
        raise _malformed(kind, body, error) from error
    return _page(kind, answer)


def page_of_object(kind: Kind, value: object) -> Page:
    """Return the page that a decoded document (of YAML) is: a list, or one object of the kind. Raises CollectError."""
    if isinstance(value, dict) and value.get("kind") == kind.singular:
        value = {"kind": "List", "items": [value]}
    try:
        answer = msgspec.convert(value, _ANSWERS[kind.plural])
    except msgspec.ValidationError as error:
        raise CollectError("malformed", str(error)) from error
    return _page(kind, answer)


def status_text(body: bytes) -> str:
    """Return what an error's body says for people: a Status object's message, else its beginning."""
    try:
        said = _STATUS.decode(body).message
    except _NOT_JSON:
        said = None
    return said or body[:LONGEST].decode(errors="replace")


def _answer_type(kind: Kind) -> type[_Answer]:
    # In a `kind: List`, as `oc get -o json` writes it, each object says its own kind.
    item = msgspec.defstruct(kind.singular, [("kind", str, "")], bases=(kind.item,), frozen=True)
    items = list[item] | UnsetType | None  # type: ignore[valid-type]
    made = msgspec.defstruct(f"{kind.singular}Answer", [("items", items, UNSET)], bases=(_Answer,))
    return cast("type[_Answer]", made)


_ANSWERS: Final = {kind.plural: _answer_type(kind) for kind in (*KINDS.values(), PROJECTS, ZONES)}
_DECODERS: Final = {plural: msgspec.json.Decoder(answer) for plural, answer in _ANSWERS.items()}


def _page(kind: Kind, answer: _Answer) -> Page:
    if answer.kind == "Status":
        raise answer.unusable()
    if answer.kind not in {"", "List", f"{kind.singular}List"}:
        raise CollectError("malformed", f"this is a {answer.kind}, not a {kind.singular}List")
    if answer.items is UNSET:
        raise CollectError("malformed", "there are no `items`: this is no list")
    items = answer.items or []
    for at, item in enumerate(items):
        wrong = _wrong(kind, item)
        if wrong:
            raise CollectError("malformed", f"{wrong} - at `$.items[{at}]`")
    meta = answer.metadata or _ListMeta()
    return Page(items, meta.version or "", meta.more or "")


def _wrong(kind: Kind, item: Any) -> str:
    """Return what makes an object impossible, or an empty text."""
    if item.kind and item.kind != kind.singular:
        return f"this is a {item.kind}, not a {kind.singular}"
    if not item.metadata.name:
        return "no name"
    namespace = item.metadata.name if kind.plural == "namespaces" else item.metadata.namespace
    if namespace == "*":
        return "no namespace is called `*`"
    if kind.plural != "namespaces" and bool(namespace) != kind.namespaced:
        return "no namespace" if kind.namespaced else "a namespace where none can be"
    return ""


def _malformed(kind: Kind, body: bytes, error: Exception) -> CollectError:
    """Say why a body could not be decoded: a Status, something else than JSON, or JSON of another form."""
    try:
        answer = _STATUS.decode(body)
    except _NOT_JSON:
        # What stands where secrets' metadata was asked for may be a secret.
        start = "" if kind.resource == "secrets" else f"; it begins with {body[:40].decode(errors='replace')!r}"
        return CollectError("malformed", f"{error}{start}")
    if answer.kind == "Status":
        return answer.unusable()
    return CollectError("malformed", f"not a {kind.singular}List: {error}")
