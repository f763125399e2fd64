"""Ways to damage what was recorded of a zone, in each form that people have it in.

`damages` takes away or spoils a part of the lists, or of the files that they are written to; `read` collects what is
left, from files or from an API that serves it.
"""

import copy
import gzip
import io
import json
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from audit.snapshot.objects import KINDS, NEEDED

Object = dict[str, Any]
Lists = Mapping[str, Object]
Files = dict[str, bytes]

LIVE: Final = "live"


class Damage(NamedTuple):
    """What was done, and what is left: files by name, or (live) the pages of each list."""

    form: str
    what: str
    files: Files
    pages: Mapping[str, Sequence[bytes]]


def read_lists(folder: Path) -> dict[str, Object]:
    """Return the lists of a recorded zone by kind."""
    return {
        kind: json.loads(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
        for kind in NEEDED
        for path in folder.glob(f"{kind}.json*")
    }


# Forms: lists by kind -> files.


def as_dump(lists: Lists) -> Files:
    return {f"{kind}.json": json.dumps(content).encode() for kind, content in lists.items()}


def as_yaml(lists: Lists) -> Files:
    return {f"{kind}.yaml": _yaml(content) for kind, content in lists.items()}


def as_mixed(lists: Lists) -> Files:
    """One list of everything, as `oc get rolebindings,clusterroles,… -A -o json` writes it."""
    items = [_typed(kind, item) for kind, content in lists.items() for item in content.get("items") or ()]
    return {"all.json": json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).encode()}


def as_tree(lists: Lists) -> Files:
    """A tree of `oc adm inspect`: a list of each kind in each namespace, and files of cluster-scoped objects."""
    files: Files = {}
    spaces = [item["metadata"]["name"] for item in lists.get("namespaces", {}).get("items") or ()]
    for kind, content in lists.items():
        group, singular = KINDS[kind].group or "core", KINDS[kind].singular
        if not KINDS[kind].namespaced:
            for item in content.get("items") or ():
                name = item["metadata"]["name"]
                place = f"namespaces/{name}" if kind == "namespaces" else f"cluster-scoped-resources/{group}/{kind}"
                files[f"{place}/{name.replace('/', '_')}.yaml"] = _yaml(_typed(kind, item))
            continue
        by_space: dict[str, list[Object]] = {space: [] for space in spaces}
        for item in content.get("items") or ():
            by_space.setdefault(item["metadata"]["namespace"], []).append(item)
        for space, items in by_space.items():
            whole = {"apiVersion": _api(kind), "kind": f"{singular}List", "metadata": {}, "items": items}
            files[f"namespaces/{space}/{group}/{kind}.yaml"] = _yaml(whole)
    return files


def as_objects(lists: Lists) -> Files:
    """A tree of single objects, as `oc adm inspect KIND -A` writes it."""
    files: Files = {}
    for kind, content in lists.items():
        group = KINDS[kind].group or "core"
        for item in content.get("items") or ():
            name = item["metadata"]["name"]
            space = name if kind == "namespaces" else item["metadata"].get("namespace")
            top = f"namespaces/{space}" if space else "cluster-scoped-resources"
            place = top if kind == "namespaces" else f"{top}/{group}/{kind}"
            files[f"{place}/{name.replace('/', '_')}.yaml"] = _yaml(_typed(kind, item))
    return files


def _tar(files: Files) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def _zip(files: Files) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


ARCHIVES: Final[dict[str, Callable[[Files], Files]]] = {
    "tar.gz": lambda files: {"zone.tar.gz": gzip.compress(_tar(files), 1)},
    "tar.xz": lambda files: {"zone.tar.xz": lzma.compress(_tar(files), preset=0)},
    "tar": lambda files: {"zone.tar": _tar(files)},
    "zip": lambda files: {"zone.zip": _zip(files)},
}
FORMS: Final[dict[str, Callable[[Lists], Files]]] = {
    "dump": as_dump,
    "yaml": as_yaml,
    "mixed": as_mixed,
    "tree": as_tree,
    "objects": as_objects,
}


def _typed(kind: str, item: Object) -> Object:
    return {"apiVersion": _api(kind), "kind": KINDS[kind].singular, **item} if isinstance(item, dict) else item


def _api(kind: str) -> str:
    return f"{KINDS[kind].group}/v1".lstrip("/")


@lru_cache(maxsize=100_000)
def _text_of_yaml(text: str) -> bytes:
    return yaml.dump(json.loads(text), Dumper=yaml.CSafeDumper, sort_keys=True).encode()


def _yaml(value: Any) -> bytes:
    if isinstance(value, dict) and value.get("items"):
        head = yaml.dump({**value, "items": []}, Dumper=yaml.CSafeDumper, sort_keys=True).encode()
        body = b"".join(_text_of_yaml(json.dumps([item])) for item in value["items"])
        return head.replace(b"items: []\n", b"items:\n" + body)
    return _text_of_yaml(json.dumps(value))


# Damages of lists.


def _empty(lists: Lists, kind: str, _: random.Random) -> tuple[str, Lists]:
    return "", {**lists, kind: {**lists[kind], "items": []}}


def _null(lists: Lists, kind: str, _: random.Random) -> tuple[str, Lists]:
    return "", {**lists, kind: {**lists[kind], "items": None}}


def _tail(lists: Lists, kind: str, rng: random.Random) -> tuple[str, Lists] | None:
    items = lists[kind]["items"]
    if len(items) < 2:
        return None
    left = rng.choice([rng.randrange(len(items) - 1), len(items) - 2 - rng.randrange(min(8, len(items) - 1))])
    return f" after {left} of {len(items)}", {**lists, kind: {**lists[kind], "items": items[:left]}}


def _space_of_kind(lists: Lists, kind: str, rng: random.Random) -> tuple[str, Lists] | None:
    """A namespace's objects of one kind; a single object that is missing cannot be noticed."""
    items = lists[kind]["items"]
    if not KINDS[kind].namespaced or not items:
        return None
    space = rng.choice(sorted({item["metadata"]["namespace"] for item in items}))
    kept = [item for item in items if item["metadata"]["namespace"] != space]
    return (f" {space}", {**lists, kind: {**lists[kind], "items": kept}}) if len(items) - len(kept) > 1 else None


def _spaces_of_kind(lists: Lists, kind: str, rng: random.Random) -> tuple[str, Lists] | None:
    """The objects of all namespaces but some, as a loop that was stopped, or an account that may not see all."""
    items = lists[kind]["items"]
    if not KINDS[kind].namespaced or not items:
        return None
    spaces = sorted({item["metadata"]["namespace"] for item in items})
    seen = {*rng.sample(spaces, rng.randrange(max(len(spaces) - 2, 1)))}
    kept = [item for item in items if item["metadata"]["namespace"] in seen]
    return f" but {len(seen)}", {**lists, kind: {**lists[kind], "items": kept}}


def _first_space_only(lists: Lists, kind: str, rng: random.Random) -> tuple[str, Lists] | None:
    """Namespaced kinds as `oc get` without -A writes them."""
    if not KINDS[kind].namespaced:
        return None
    space = rng.choice(lists["namespaces"]["items"])["metadata"]["name"]
    less = {
        plural: {**lists[plural], "items": [i for i in lists[plural]["items"] if i["metadata"]["namespace"] == space]}
        for plural in lists
        if KINDS[plural].namespaced and (plural == kind or rng.random() < 0.7)
    }
    return f" {space} and of {', '.join(less)}", {**lists, **less}


def _item(lists: Lists, kind: str, rng: random.Random) -> tuple[str, Lists] | None:
    items = lists[kind]["items"]
    if not items:
        return None
    at = rng.randrange(len(items))
    broken, how = _broken(items[at], rng)
    new = [*items[:at], broken, *items[at + 1 :]]
    return f" {at}: {how}", {**lists, kind: {**lists[kind], "items": new}}


_SPOILT: Final = (None, 5, "x", [5], {"x": 1}, True)


def _broken(item: Object, rng: random.Random) -> tuple[Any, str]:
    """Return an object with a required part missing, or of another type."""
    if rng.random() < 0.1:
        spoilt: Any = rng.choice([None, 5, "x", [], {}])
        return spoilt, f"is {spoilt!r}"
    new = copy.deepcopy(item)
    places = [*_places(new)]
    holder, key, path = rng.choice(places)
    if rng.random() < 0.5 and isinstance(holder, dict):
        del holder[key]
        return new, f"without {path}"
    old = holder[key]
    holder[key] = rng.choice(
        [bad for bad in _SPOILT if type(bad) is not type(old) and not (bad is None and path in _MAY_BE_NULL)]
    )
    return new, f"{path} is {holder[key]!r}"


_MAY_BE_NULL: Final = {"rules", "users"}


def _places(item: Object) -> Iterator[tuple[Any, Any, str]]:
    """Yield the places in an object that servers always write, and that decide something."""
    yield item, "metadata", "metadata"
    yield from _keys(item["metadata"], ("name", "namespace"), "metadata")
    yield from _keys(item, ("roleRef", "rules", "users"), "")
    if "managedFields" in item["metadata"]:
        yield from _keys(item, ("subjects",), "")
    yield from _keys(item.get("roleRef", {}), ("kind", "name"), "roleRef")
    for key, parts in (("rules", ("verbs", "apiGroups", "resources")), ("subjects", ("kind", "name")), ("users", ())):
        for at, entry in enumerate(item.get(key) or ()):
            yield item[key], at, f"{key}[{at}]"
            yield from _keys(entry, parts, f"{key}[{at}]")


def _keys(holder: Object, keys: Sequence[str], path: str) -> Iterator[tuple[Any, Any, str]]:
    for key in keys:
        if key in holder:
            yield holder, key, f"{path}.{key}".lstrip(".")


def _gone(lists: Lists, kind: str, _: random.Random) -> tuple[str, Lists]:
    return "", {plural: content for plural, content in lists.items() if plural != kind}


def _no_items(lists: Lists, kind: str, _: random.Random) -> tuple[str, Lists]:
    return "", {**lists, kind: {key: value for key, value in lists[kind].items() if key != "items"}}


def _more(lists: Lists, kind: str, rng: random.Random) -> tuple[str, Lists] | None:
    """The first part of a list, whose metadata says that it goes on."""
    items, left = lists[kind]["items"], rng.randrange(2, 6)
    if len(items) <= left:
        return None
    meta = {**(lists[kind].get("metadata") or {}), **rng.choice([{"continue": "abc"}, {"remainingItemCount": left}])}
    return f" less {left}", {**lists, kind: {**lists[kind], "metadata": meta, "items": items[:-left]}}


def _wrong_kind(lists: Lists, kind: str, rng: random.Random) -> tuple[str, Lists] | None:
    other = rng.choice([plural for plural in lists if plural != kind])
    return f" is {other}", {**lists, kind: lists[other]}


ListDamage = Callable[[Lists, str, random.Random], tuple[str, Lists] | None]
OF_LISTS: Final[dict[str, ListDamage]] = {
    "gone": _gone,
    "empty": _empty,
    "null": _null,
    "no items": _no_items,
    "tail": _tail,
    "a namespace's": _space_of_kind,
    "namespaces'": _spaces_of_kind,
    "without -A": _first_space_only,
    "item": _item,
    "first part": _more,
    "wrong kind": _wrong_kind,
}


# Damages of files.


def _file_gone(files: Files, name: str, _: random.Random) -> Files:
    return {key: data for key, data in files.items() if key != name}


def _file_empty(files: Files, name: str, _: random.Random) -> Files:
    return {**files, name: b""}


def _bytes_tail(files: Files, name: str, rng: random.Random) -> Files:
    data = files[name]
    return {**files, name: data[: rng.choice([rng.randrange(len(data)), max(0, len(data) - rng.randrange(1, 200))])]}


def _line_end(files: Files, name: str, rng: random.Random) -> Files:
    """Cut exactly at the end of a line."""
    data = files[name]
    ends = [at for at, byte in enumerate(data[:-1]) if byte == 10]
    return {**files, name: data[: rng.choice(ends) + 1] if ends else data[:1]}


def _packed_tail(files: Files, name: str, rng: random.Random) -> Files:
    packed = gzip.compress(files[name], 1)
    return _file_gone(files, name, rng) | {f"{name}.gz": packed[: rng.randrange(len(packed))]}


def _other_text(files: Files, name: str, rng: random.Random) -> Files:
    text = rng.choice(
        [
            b"error: You must be logged in to the server (Unauthorized)\n",
            b"<html></html>",
            b"null",
            b"{}",
            b"[]",
            b"---\n",
        ]
    )
    return {**files, name: text}


FileDamage = Callable[[Files, str, random.Random], Files]
OF_FILES: Final[dict[str, FileDamage]] = {
    "file gone": _file_gone,
    "file empty": _file_empty,
    "bytes cut": _bytes_tail,
    "cut at a line": _line_end,
    "gzip cut": _packed_tail,
    "other text": _other_text,
}


def _flipped(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def of_a_file(rng: random.Random, files: Files) -> tuple[str, Files]:
    """Return files of which one is damaged, with what was done; a file of one object is never just taken away."""
    while True:
        how, name = rng.choice([*OF_FILES]), rng.choice([*files])
        if (how == "file gone" and _single(files[name])) or (how == "gzip cut" and "/" in name):
            continue
        less = OF_FILES[how](files, name, rng)
        if name not in less or not _looks_whole(files[name], less[name]):
            return f"{how}: {name}", less


def _single(data: bytes) -> bool:
    return b"items:" not in data and b'"items"' not in data


def _looks_whole(data: bytes, cut: bytes) -> bool:
    """Return whether the YAML of an object was cut between two entries of its last list: nothing shows that."""
    if not _single(data) or not cut.endswith(b"\n") or not data.startswith(cut):
        return False
    try:
        whole, left = (yaml.load(text, Loader=yaml.CSafeLoader) for text in (data, cut))
    except yaml.YAMLError:
        return False
    lost = {*whole} - {*(left or ())}
    return lost <= (set() if "managedFields" in whole["metadata"] else {"subjects"}) and "metadata" in left


def of_an_archive(rng: random.Random, files: Files) -> tuple[str, Files]:
    """Return an archive of some kind that was cut, or of which a bit was changed where a checksum guards it."""
    how = rng.choice([*ARCHIVES])
    ((name, data),) = ARCHIVES[how](files).items()
    if how != "tar" and rng.random() < 0.4:
        return f"a bit of {name}", {name: _flipped(data, rng)}
    left = rng.choice([rng.randrange(len(data)), len(data) - 1 - rng.randrange(min(1000, len(data)))])
    return f"{name} cut after {left} of {len(data)}", {name: data[:left]}


# A live zone.

Pages = dict[str, list[bytes]]


def as_pages(lists: Lists, size: int) -> Pages:
    """Return the pages of each list as an API server answers them."""
    return {
        kind: [json.dumps(page).encode() for page in _pages(kind, content, size)] for kind, content in lists.items()
    }


def _pages(kind: str, content: Object, size: int) -> Iterator[Object]:
    items = content.get("items") or []
    for at in range(0, max(len(items), 1), size):
        meta: Object = {"resourceVersion": "7"}
        if at + size < len(items):
            meta |= {"continue": f"{kind}-{at + size}", "remainingItemCount": len(items) - at - size}
        part = {**content, "kind": f"{KINDS[kind].singular}List", "apiVersion": _api(kind), "metadata": meta}
        yield part | ({"items": items[at : at + size]} if content.get("items") is not None else {})


def of_pages(rng: random.Random, pages: Pages) -> tuple[str, Pages]:
    """Return pages of which one is cut, short, empty, lost or another's."""
    kind = rng.choice([kind for kind, found in pages.items() if json.loads(found[0]).get("items")])
    mine = [*pages[kind]]
    at = rng.randrange(len(mine))
    page = json.loads(mine[at])
    how = rng.choice(["body cut", "last", "empty 200", "short", "lost", "other kind", "no body", "null items"])
    if how == "body cut":
        mine[at] = mine[at][: rng.randrange(len(mine[at]))]
    elif how == "last":  # the continue token is missing
        page["metadata"] = {"resourceVersion": "7"}
        if at == len(mine) - 1 and len(page["items"]) > 2:
            page["items"] = page["items"][: rng.randrange(len(page["items"]) - 1)]
        mine[at:] = [json.dumps(page).encode()]
    elif how == "empty 200":
        mine = [json.dumps({**page, "metadata": {"resourceVersion": "7"}, "items": []}).encode()]
    elif how == "null items":
        mine = [json.dumps({**page, "metadata": {"resourceVersion": "7"}, "items": None}).encode()]
    elif how == "short" and at < len(mine) - 1:  # the counts say that more remains than comes
        mine[at] = json.dumps({**page, "metadata": {**page["metadata"], "continue": ""}}).encode()
        del mine[at + 1 :]
    elif how == "other kind":
        mine[at] = rng.choice([found for other, found in pages.items() if other != kind])[0]
    elif how == "no body":
        mine[at] = b""
    elif len(mine) > 1 and at:  # a page that nobody sends
        del mine[at:]
        last = json.loads(mine[-1])
        mine[-1] = json.dumps({**last, "metadata": {"resourceVersion": "7"}}).encode()
    else:
        mine[at] = b"{}"
    return f"{how} {kind} page {at}", {**pages, kind: mine}


def damages(lists: Lists, rng: random.Random, forms: Sequence[str], others: Sequence[Lists] = ()) -> Iterator[Damage]:
    """Yield one damage after the other, each drawn at random, without an end.

    `forms` are some of FORMS, "archive" and LIVE; `others` are other zones, of which a list may be mixed in.
    """
    whole = {form: FORMS[form](lists) for form in forms if form in FORMS}
    while True:
        form = rng.choice([*forms])
        files: Files = {}
        pages: Pages = {}
        if form == "archive":
            inner = rng.choice([*whole] or ["dump"])
            what, files = of_an_archive(rng, whole.get(inner) or as_dump(lists))
            what = f"{inner}: {what}"
        elif form in FORMS and rng.random() < 0.4:
            what, files = of_a_file(rng, whole[form])
        elif form == LIVE and rng.random() < 0.4:
            what, pages = of_pages(rng, as_pages(lists, rng.choice([50, 500, 100_000])))
        else:
            drawn = _of_a_list(lists, rng, form, others)
            if drawn is None or (form not in {"dump", "yaml"} and not _writable(drawn[1])):
                continue
            what, less = drawn
            files, pages = (
                ({}, as_pages(less, rng.choice([50, 500, 100_000]))) if form == LIVE else (FORMS[form](less), {})
            )
        yield Damage(form, what, files, pages)


def _of_a_list(lists: Lists, rng: random.Random, form: str, others: Sequence[Lists]) -> tuple[str, Lists] | None:
    kind = rng.choice([*lists])
    if others and rng.random() < 0.05:
        other = rng.choice([*others])
        return (f"{kind} of another zone", {**lists, kind: other[kind]}) if kind in other else None
    how = rng.choice([*OF_LISTS])
    if how == "wrong kind" and form not in {"dump", "yaml"}:
        return None
    drawn = OF_LISTS[how](lists, kind, rng)
    return (f"{how} {kind}{drawn[0]}", drawn[1]) if drawn else None


def _writable(lists: Lists) -> bool:
    """Return whether each object has a name and a place, so that it can be put into files of its own."""
    try:
        for kind, content in lists.items():
            for item in content.get("items") or ():
                if not all(
                    isinstance(item["metadata"][key], str)
                    for key in ("name", *(["namespace"] * KINDS[kind].namespaced))
                ):
                    return False
    except (TypeError, KeyError):
        return False
    return True
