"""Ways to damage what was recorded of a zone, and whether a damaged zone denies what the whole one allows."""

import gzip
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.collect.run import collect_folder
from audit.rbac.subjects import Identity
from audit.snapshot.model import Snapshot
from audit.snapshot.objects import NEEDED
from audit.tables.schemas import NO, YES

Lists = Mapping[str, Mapping[str, Any]]


class Damage(NamedTuple):
    """A damaged dump: what was done to it, and its files by name."""

    what: str
    files: Mapping[str, bytes]


def read_lists(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the lists of a recorded zone by kind."""
    return {
        kind: json.loads(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
        for kind in NEEDED
        for path in folder.glob(f"{kind}.json*")
    }


def damages(lists: Lists, rng: random.Random) -> Iterator[Damage]:
    """Yield one damage after the other, each drawn at random, without an end."""
    whole = {f"{kind}.json": json.dumps(content).encode() for kind, content in lists.items()}
    while True:
        kind = rng.choice([*lists])
        items = lists[kind]["items"]
        name = f"{kind}.json"
        how = rng.choice(["file", "empty", "tail of items", "tail of bytes", "namespace", "gzip", "item"])
        if how == "file":
            yield Damage(f"no {name}", {key: data for key, data in whole.items() if key != name})
            continue
        detail = ""
        if how == "empty":
            data = json.dumps({**lists[kind], "items": []}).encode()
        elif how == "tail of items":
            left = rng.randrange(max(len(items) - 1, 1))
            detail = f" after {left} of {len(items)}"
            data = json.dumps({**lists[kind], "items": items[:left]}).encode()
        elif how == "tail of bytes":
            data = whole[name][: rng.randrange(len(whole[name]))]
        elif how == "gzip":
            packed = gzip.compress(whole[name])
            files = {key: content for key, content in whole.items() if key != name}
            yield Damage(f"{name}.gz cut", files | {f"{name}.gz": packed[: rng.randrange(len(packed))]})
            continue
        elif how == "namespace":
            spaces = sorted({item["metadata"].get("namespace", item["metadata"]["name"]) for item in items})
            detail = rng.choice(spaces) if spaces else ""
            kept = [item for item in items if item["metadata"].get("namespace") != detail]
            if len(items) - len(kept) < 2:  # a single object that is missing cannot be noticed
                continue
            data = json.dumps({**lists[kind], "items": kept}).encode()
        else:
            at = rng.randrange(len(items)) if items else 0
            broken = [*items[:at], _broken(items[at], rng), *items[at + 1 :]] if items else []
            data = json.dumps({**lists[kind], "items": broken}).encode()
        yield Damage(f"{how} of {name}{detail}", whole | {name: data})


def _broken(item: Mapping[str, Any], rng: random.Random) -> Any:
    """Return an object with a required part missing, or of another type."""
    key = rng.choice([key for key in ("metadata", "roleRef", "rules", "kind") if key in item])
    return rng.choice([None, 5, "x", {**item, key: rng.choice([5, "x", [5]])}])


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write a dump; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def allowed(snapshot: Snapshot, rng: random.Random, count: int) -> list[tuple[Identity, str, str]]:
    """Return questions that the whole zone answers with yes."""
    bound = bound_subjects(snapshot)
    authorizer = Authorizer(bound)
    spaces = [snapshot.strings[code] for code in snapshot.tables["namespaces"]["name"].tolist()]
    identities = [one for one in bound.subjects.identities if not one.inert]
    found: list[tuple[Identity, str, str]] = []
    for _ in range(count * 50):
        question = rng.choice(identities), rng.choice(["pull", "push", "create"]), rng.choice(spaces)
        if authorizer.answer(*question) == YES:
            found.append(question)
        if len(found) == count:
            break
    return found


def denied(folder: Path, questions: Sequence[tuple[Identity, str, str]]) -> list[tuple[Identity, str, str]]:
    """Return the questions that a dump answers with no."""
    authorizer = Authorizer(bound_subjects(collect_folder(folder)))
    return [question for question in questions if authorizer.answer(*question) == NO]
