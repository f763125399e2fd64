"""The bytes of one file -> the objects in it, by kind: lists, mixed lists, single objects, several documents."""

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from audit.collect.decode import CollectError, page_of_json, page_of_object
from audit.collect.dumps.legacy import modern
from audit.collect.dumps.names import LEGACY_GROUP, RBAC, kind_of
from audit.config.yaml_reader import YamlError, read_values
from audit.snapshot.objects import KINDS, PROJECTS, Item, Kind

_MARKS: Final = (  # the longer ones first
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_YAML_STARTS: Final = (b"---", b"apiVersion:", b"kind:", b"items:", b"metadata:", b"#", b"%YAML")
_NOT_JSON: Final = (ValueError, RecursionError)


@dataclass
class Held:
    """What one file holds of one kind. `whole`: as a list, else as single objects."""

    items: list[Item] = field(default_factory=list)
    whole: bool = False
    version: str = ""
    more: bool = False  # the list goes on elsewhere
    projects: bool = False  # in place of namespaces


@dataclass
class Contents:
    """What a file holds: of each kind, and which other kinds."""

    held: dict[str, Held] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    singles: int = 0
    namespace: str = ""  # of objects that name none


def read_contents(data: bytes, kind: Kind | None, *, yaml: bool, namespace: str = "") -> Contents:
    """Return what a file holds. `kind` is what its name says, `yaml` whether it says that it is YAML.

    `namespace` is that of objects that name none, as manifests may. Raises CollectError.
    """
    data = _utf8(data)
    if not data.strip():
        raise CollectError("malformed", "this file is empty")
    if kind and not yaml and (contents := _plain(kind, data)):
        return contents
    contents = Contents(namespace=namespace)
    try:
        for value in _values(data, yaml=yaml):
            _document(contents, value, kind)
    except CollectError:
        if kind and not yaml and _expected(data, kind):
            page_of_json(kind, data)  # says more of what is wrong
        raise
    if contents.singles > 1:
        # Objects one after another are a list, however it was written.
        for held in contents.held.values():
            held.whole = True
    return contents


def _utf8(data: bytes) -> bytes:
    """Return the text in UTF-8 without a byte-order mark; PowerShell writes UTF-16."""
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "")
    if not encoding and data[1:2] == b"\0" and data[:1] in b"{[-ak":
        encoding = "utf-16-le"
    elif not encoding and data[:1] == b"\0" and data[1:2] in b"{[-ak":
        encoding = "utf-16-be"
    if not encoding:
        return data
    try:
        return data.decode(encoding).encode()
    except UnicodeError as error:
        raise CollectError("malformed", f"not {encoding.upper()} text: save it as UTF-8") from error


def _plain(kind: Kind, data: bytes) -> Contents | None:
    """Return the contents of a list of the kind that the file's name says, or None: the usual case, decoded at once."""
    try:
        page = page_of_json(kind, data)
    except CollectError:
        return None
    group = f"{kind.group}/v1".lstrip("/")
    usual = {"", group} if not kind.resource else {"", group, "meta.k8s.io/v1"}
    if page.api not in {*usual, "v1"} or not {item.api for item in page.items} <= usual:  # type: ignore[union-attr]
        return None
    return Contents({kind.plural: Held(page.items, whole=True, version=page.version, more=bool(page.more))})


def _values(data: bytes, *, yaml: bool) -> Iterator[Any]:
    """Yield the documents of a file as plain values."""
    start = data.lstrip()[:16]
    if (yaml and not start.startswith((b"{", b"["))) or start.startswith(_YAML_STARTS):
        yield from _yaml_values(data)
        return
    try:
        yield msgspec.json.decode(data)
    except (msgspec.DecodeError, *_NOT_JSON) as error:
        documents = _json_documents(data)
        if documents:
            yield from documents
        elif yaml:
            yield from _yaml_values(data)
        else:
            begins = data[:40].decode(errors="replace")
            raise CollectError("malformed", f"{error}; it begins with {begins!r}") from error


def _yaml_values(data: bytes) -> Iterator[Any]:
    """Yield the documents of a file. Every program ends its last line, and writes the kind of a list after its items.

    JSON that is cut cannot be read; YAML can.
    """
    ended = data.endswith(b"\n") or data.rstrip(b" ").endswith((b"]", b"}"))
    cut = "" if ended else "the file ends in the middle of a line"
    try:
        for value in read_values(data):
            if isinstance(value, dict) and value.get("items") and not value.get("kind"):
                cut = "the list ends before its `kind`, which `oc` writes after its items"
            yield value
    except YamlError as error:
        raise CollectError("malformed", str(error)) from error
    if data and cut:
        raise CollectError("cut", cut)


def _json_documents(data: bytes) -> list[Any]:
    """Return several JSON documents that follow each other, or none when the text is not that."""
    decoder = json.JSONDecoder()
    values: list[Any] = []
    try:
        text = data.decode()
        at = len(text) - len(text.lstrip())
        while at < len(text):
            _, end = decoder.raw_decode(text, at)
            # Python's decoder finds the end, but lets through what is no JSON: NaN, and half characters.
            values.append(msgspec.json.decode(text[at:end]))
            at = end
            at = len(text) - len(text[at:].lstrip()) if at < len(text) and text[at].isspace() else at
    except (msgspec.DecodeError, *_NOT_JSON):
        return []
    return values


def _document(contents: Contents, value: Any, kind: Kind | None) -> None:
    if isinstance(value, list) and value:
        value = {"kind": "List", "items": value}
    if value is None:
        return
    if not isinstance(value, dict):
        raise CollectError("malformed", "neither a list nor a Kubernetes object")
    name, api = str(value.get("kind") or ""), str(value.get("apiVersion") or "")
    if name == "Status" or ("items" not in value and not name):
        page_of_object(kind or KINDS["namespaces"], value)
        return
    if "items" not in value and not name.endswith("List"):
        contents.singles += 1
        _put(contents, name, api, [value], None, whole=False)
        return
    _list(contents, value, kind, name.removesuffix("List"), api)


def _list(contents: Contents, value: dict[str, Any], kind: Kind | None, name: str, api: str) -> None:
    items = value.get("items")
    if "items" not in value or not isinstance(items, list | None):
        raise CollectError("malformed", "not a list: it has no `items`")
    sorts: dict[tuple[str, str], list[Any]] = {}
    # A list without objects says of which kind it is in its own name, or in the file's.
    if name or (kind and not items):
        sorts[name or kind.singular, api if name else ""] = []  # type: ignore[union-attr]
    for item in items or ():
        if not isinstance(item, dict):
            raise CollectError("malformed", "an item of the list is not an object")
        own = str(item.get("kind") or "") or name or (kind.singular if kind else "")
        if own in {"List", "Status"} or (own.endswith("List") and "items" in item):
            _document(contents, item, kind)
        else:
            sorts.setdefault((own, str(item.get("apiVersion") or "") or (api if name else "")), []).append(item)
    for (own, version), objects in sorts.items():
        _put(contents, own, version, objects, value.get("metadata"), whole=True)


def _put(contents: Contents, name: str, api: str, values: list[Any], meta: Any, *, whole: bool) -> None:
    kind = KINDS["tokens"] if name == KINDS["tokens"].singular else kind_of(name, api)
    if not kind:
        contents.others.add(name or "unknown kind")
        return
    if contents.namespace and kind.namespaced:
        values = [_placed(value, contents.namespace) for value in values]
    projects = name == PROJECTS.singular
    if kind.plural in RBAC and api.partition("/")[0] in {LEGACY_GROUP, "v1"}:
        values = [modern(value, api) for value in values]
    page = page_of_object(PROJECTS if projects else kind, {"kind": "List", "metadata": meta or {}, "items": values})
    held = contents.held.setdefault(kind.plural, Held(projects=projects))
    held.items += page.items
    held.whole |= whole
    held.version = held.version or page.version
    held.more |= bool(page.more)


def _placed(value: Any, namespace: str) -> Any:
    """Return an object with a namespace, if it names none."""
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("namespace"):
        return value
    return {**value, "metadata": {**metadata, "namespace": namespace}}


def _expected(data: bytes, kind: Kind) -> bool:
    """Return whether the text is of the kind that its file's name says, as far as can be seen."""
    try:
        contents = msgspec.json.decode(data)
    except (msgspec.DecodeError, *_NOT_JSON):
        return True
    items = contents.get("items") if isinstance(contents, dict) else None
    items = items if isinstance(items, list) else []
    kinds = {str(item.get("kind") or kind.singular) for item in items if isinstance(item, dict)}
    apis = {str(item.get("apiVersion") or "") for item in items if isinstance(item, dict)}
    return kinds <= {kind.singular} and not any(api.startswith(LEGACY_GROUP) for api in apis)
