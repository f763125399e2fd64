"""What is left of a damaged zone -> its snapshot, and which questions it denies that the whole zone allows."""

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from threading import Event
from typing import Final, NamedTuple

import numpy as np
import pytest

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.access.effective import EffectiveAccess
from audit.access.subjects import NONE
from audit.collect import cluster
from audit.collect.connect.connection import Response
from audit.collect.dumps import dump, files, objects, parts
from audit.collect.dumps.files import DumpFile
from audit.collect.limits import Budget, Limits
from audit.collect.zones import Zone
from audit.rbac.rules import NEEDS
from audit.rbac.subjects import Identity
from audit.snapshot.model import Snapshot
from audit.snapshot.objects import KINDS, NEEDED
from audit.tables.schemas import NO, YES
from tests.collect.destruction import LIVE, Damage

_ACTIONS: Final = ("pull", "push", "create")
_SAMPLE: Final = 100  # questions about subjects that the damaged zone does not know


class Question(NamedTuple):
    """May a subject do something in a repository ("": any that no rule names) of a namespace?"""

    subject: Identity
    action: str
    namespace: str
    repository: str = ""


class Served:
    """In place of a connection: the pages of each list, from memory."""

    url = "https://zone"

    def __init__(self, pages: Mapping[str, Sequence[bytes]], limits: Limits) -> None:
        self.budget = Budget.of(limits, Event())
        self._pages = {KINDS[kind].path: [*found] for kind, found in pages.items()}

    def get(self, path: str, query: Mapping[str, str] | None = None, *, accept: str = "") -> Response:
        found = self._pages.get(path)
        if path == "/version":
            return Response(200, {}, b'{"gitVersion": "v1"}')
        if found is None:
            return Response(404, {}, b"{}")
        token = (query or {}).get("continue", "")
        at = next((n for n, page in enumerate(found) if token and token.encode() in page), -1) + 1
        return Response(200, {}, found[at]) if at < len(found) else Response(410, {}, b"{}")

    def refuse_repeated(self, body: bytes) -> None:
        """There is no secret."""

    def post(self, path: str, body: bytes) -> Response:
        return Response(403, {}, b"{}")


class Collector:
    """Collects damaged zones from memory; a file that is the same again is decoded once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        read = objects.read_contents
        cached = lru_cache(maxsize=20_000)(lambda data, kind, yaml: read(data, kind, yaml=yaml))
        monkeypatch.setattr(parts, "read_contents", lambda data, kind, *, yaml: cached(data, kind, yaml))

    def collect(self, damage: Damage) -> Snapshot:
        """Return what the program makes of it."""
        if damage.form == LIVE:
            limits = Limits(30, 10, retries=0, kinds=NEEDED)
            self._monkeypatch.setattr(cluster, "Connection", lambda *_: Served(damage.pages, limits))
            zone = Zone("zone", "https://zone")
            return cluster.collect_cluster(zone, limits, listed=lambda kind, count: None, stop=Event())
        archive = damage.form == "archive"
        found = [DumpFile(name, 1.0, partial(files.unpacked, data)) for name, data in damage.files.items()]
        if archive:
            ((name, data),) = damage.files.items()
            found = [*files._opened(DumpFile(name, 1.0, lambda: data), 0)]
        self._monkeypatch.setattr(dump, "dump_files", lambda _: iter(found))
        place = self._folder / "zone.tar" if archive else self._folder
        return dump.collect_dump(Zone("zone"), place, listed=lambda kind, count: None, stop=Event())


class Allowed:
    """Questions that a zone answers with yes: of all its grants, and of what accounts and people have by groups."""

    def __init__(self, snapshot: Snapshot, rng: random.Random, count: int) -> None:
        bound = bound_subjects(snapshot)
        authorizer, effective = Authorizer(bound), EffectiveAccess(bound)
        spaces = [snapshot.strings[code] for code in snapshot.tables["namespaces"]["name"].tolist()]
        streams = snapshot.tables["imagestreams"]["name"].tolist()
        names = ["", "", *(snapshot.strings[code] for code in streams[:50]), *bound.roles.repositories]
        identities = [one for one in bound.subjects.identities if not one.inert]
        places = effective.keys // len(bound.subjects)
        self.questions: set[Question] = set()
        for _ in range(count * 3):
            at = rng.randrange(len(places))
            space = snapshot.strings[int(effective.grants.namespace[effective.first[at]])] or rng.choice(spaces)
            subject = bound.subjects.identities[int(effective.keys[at] % len(bound.subjects))]
            subject = subject if rng.random() < 0.7 and not subject.inert else rng.choice(identities)
            question = Question(subject, rng.choice(_ACTIONS), space, rng.choice(names))
            if len(self.questions) < count and authorizer.answer(*question) == YES:
                self.questions.add(question)

    def denied(self, snapshot: Snapshot) -> list[Question]:
        """Return the questions that another state of the zone answers with no."""
        if snapshot.gaps_of("clusterrolebindings"):
            return []  # nobody knows what anybody has
        bound = bound_subjects(snapshot)
        position = {subject: bound.subjects.position(subject) for subject in {one.subject for one in self.questions}}
        known = [one for one in self.questions if position[one.subject] != NONE]
        strangers = [one for one in self.questions if position[one.subject] == NONE]
        at = {name: code for code, name in enumerate(bound.roles.repositories)}
        spaces = np.array([max(snapshot.code(one.namespace), 0) for one in known], dtype=np.int32)
        repositories = np.array([at.get(one.repository, 0) for one in known], dtype=np.int32)
        subjects = np.array([position[one.subject] for one in known], dtype=np.int32)
        place = spaces, repositories, subjects
        possible = EffectiveAccess(bound).rights(place).possible.tolist() if known else []
        denied = [one for one, held in zip(known, possible, strict=True) if NEEDS[one.action] & ~held]
        authorizer = Authorizer(bound)
        # A namespace that is not listed has the position of no namespace, and one answer at a time.
        doubtful = [one for one in denied if snapshot.code(one.namespace) < 0]
        certain = [one for one in denied if snapshot.code(one.namespace) >= 0]
        return certain + [one for one in (*doubtful, *strangers[:_SAMPLE]) if authorizer.answer(*one) == NO]
