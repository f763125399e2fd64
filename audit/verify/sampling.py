"""Random samples of the cells of a zone's tables, to compare with the cluster's own answers."""

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audit.access.authorizer import Authorizer
from audit.access.tables import tables_of
from audit.rbac.rules import ACTIONS, NEEDS
from audit.rbac.subjects import ACCOUNT, ANONYMOUS, ANY, ANY_USER, GROUP, USER, Identity
from audit.snapshot.model import Snapshot
from audit.tables.model import Table
from audit.tables.schemas import NO, UNKNOWN, YES

# The populations: cells that say yes, cells that say no, and pairs of subject and namespace that have no row.
POPULATIONS: Final = ("yes", "no", "no row")
_ACTIONS: Final = tuple(NEEDS)
_STRANGER: Final = Identity(USER, "registry-audit:nobody-is-called-this")
_TRIES: Final = 20  # pairs drawn for each one needed, because some have a row

Positions = NDArray[np.intp]


class SampledCell(NamedTuple):
    """One answer of the tables: may `who` do this there? `*` is every namespace, every repository."""

    who: Identity
    action: str
    namespace: str
    repository: str
    answer: int  # YES or NO


class PopulationSample(NamedTuple):
    """The cells drawn from one population: a random sample, or all of them (`whole`).

    `beside` has one cell for each pair of action and kind of subject that the sample does not include.
    """

    cells: list[SampledCell]
    beside: list[SampledCell]
    whole: bool


class Sample(NamedTuple):
    """The cells drawn from each of POPULATIONS, and the number of cells without an answer to compare."""

    drawn: Mapping[str, PopulationSample]
    left_out: int


class SamplePlan(NamedTuple):
    """What to draw: the number of cells, a third from each population (None: the whole table, and as many pairs).

    Equal seeds draw equal cells. With `namespaces`, only those and cluster-wide cells.
    """

    cells: int | None
    seed: int = 0
    namespaces: Collection[str] | None = None


def sample(authorizer: Authorizer, draw: SamplePlan) -> Sample:
    """Draw cells of the tables of a zone at random."""
    snapshot, wanted = authorizer.bound.snapshot, draw.cells
    rng = np.random.default_rng(draw.seed)
    cells = _AccessCells(tables_of(snapshot, draw.namespaces)["access"])
    there = len(cells.yes), len(cells.no)
    yes, no, pairs = (*there, max(sum(there), 1)) if wanted is None else _shares(wanted, *there)
    without, unknown = _without_row(authorizer, cells, pairs, rng, draw.namespaces)
    drawn = cells.draw(cells.yes, yes, rng), cells.draw(cells.no, no, rng), without
    return Sample(dict(zip(POPULATIONS, drawn, strict=True)), cells.unknown + unknown)


def _shares(wanted: int, yes: int, no: int) -> tuple[int, int, int]:
    """Split `wanted` evenly; where one population is too small, the others give more."""
    fewer, more = min(yes, no, wanted // 3), max(yes, no)
    middle = min(more, (wanted - fewer) // 2)
    first, second = (fewer, middle) if yes < no else (middle, fewer)
    return first, second, wanted - first - second


class _AccessCells:
    """The cells of the table `access`; the position of a cell is row * number of actions + action."""

    def __init__(self, access: Table) -> None:
        self._kinds, self._names = access.text("subject_kind"), access.text("subject")
        self._namespaces, self._repositories = access.text("namespace"), access.text("repository")
        answers = np.stack([access.numbers(action) for action in _ACTIONS], axis=1)
        askable = self._askable()[:, None]
        self.yes: Positions = np.flatnonzero((answers == YES) & askable)
        self.no: Positions = np.flatnonzero((answers == NO) & askable)
        self.unknown = int(answers.size - len(self.yes) - len(self.no))
        self._answers = answers.reshape(-1)

    def draw(self, population: Positions, size: int, rng: np.random.Generator) -> PopulationSample:
        """Draw `size` of the cells without replacement."""
        chosen = rng.permutation(population)
        rows, actions = np.divmod(chosen, len(_ACTIONS))
        _, first = np.unique(self._kinds.codes[rows] * len(_ACTIONS) + actions, return_index=True)
        beside = chosen[first[first >= size]]
        cells, more = ([self._cell(at) for at in some.tolist()] for some in (chosen[:size], beside))
        return PopulationSample(cells, more, size >= len(population))

    def among(self, pairs: set[tuple[Identity, str]]) -> set[tuple[Identity, str]]:
        """Return those of `pairs` (subject, namespace) that have a row."""
        rows = zip(self._kinds.strings(), self._names.strings(), self._namespaces.strings(), strict=True)
        return pairs & {(Identity(kind, name), namespace) for kind, name, namespace in rows}

    def _askable(self) -> NDArray[np.bool_]:
        """Return for each row whether its subject can be asked about: not `Any`, nor an account without a namespace."""
        homeless = self._kinds.matching(ACCOUNT.__eq__) & self._names.matching(lambda name: name.startswith(":"))
        return self._kinds.matching(lambda kind: kind not in {ANY, ANY_USER}) & ~homeless

    def _cell(self, at: int) -> SampledCell:
        row, action = divmod(at, len(_ACTIONS))
        kind, name, namespace, repository = (
            column.values[column.codes[row]]
            for column in (self._kinds, self._names, self._namespaces, self._repositories)
        )
        return SampledCell(Identity(kind, name), _ACTIONS[action], namespace, repository, int(self._answers[at]))


def _without_row(
    authorizer: Authorizer, cells: _AccessCells, size: int, rng: np.random.Generator, wanted: Collection[str] | None
) -> tuple[PopulationSample, int]:
    """Draw pairs of a subject and a namespace without a row, each with an action; count those that are unknown.

    There the absence of a row is the answer, unless a wider row applies. Fewer where nearly every pair has a row.
    """
    subjects, actions = _subjects(authorizer), ACTIONS
    namespaces = [name for name in listed_namespaces(authorizer.bound.snapshot) if wanted is None or name in wanted]
    tries = size * _TRIES if namespaces else 0
    drawn = zip(*(rng.integers(len(some) or 1, size=tries) for some in (subjects, namespaces, actions)), strict=True)
    asked = [(subjects[who], namespaces[namespace], actions[action]) for who, namespace, action in drawn]
    taken = cells.among({(who, namespace) for who, namespace, _ in asked})
    free = islice(dict.fromkeys(cell for cell in asked if cell[:2] not in taken), size)
    found = [
        SampledCell(who, action, namespace, "*", authorizer.answer(who, action, namespace))
        for who, namespace, action in free
    ]
    known = [cell for cell in found if cell.answer != UNKNOWN]
    # With no pair left, the population is empty and needs no bound.
    return PopulationSample(known, [], whole=size > 0 and not known), len(found) - len(known)


def listed_namespaces(snapshot: Snapshot) -> list[str]:
    """Return the namespaces that the zone lists, sorted."""
    return [snapshot.strings[code] for code in np.unique(snapshot.tables["namespaces"]["name"]).tolist()]


def _subjects(authorizer: Authorizer) -> list[Identity]:
    """Return every subject that is bound or listed, the anonymous user and a user without any binding, sorted."""
    text, tables = authorizer.bound.snapshot.strings, authorizer.bound.snapshot.tables
    accounts = zip(
        tables["serviceaccounts"]["namespace"].tolist(), tables["serviceaccounts"]["name"].tolist(), strict=True
    )
    found = {
        identity
        for identity in authorizer.bound.subjects.identities
        if identity.kind not in {ANY, ANY_USER} and not identity.inert
    }
    found |= {Identity(ACCOUNT, f"{text[namespace]}:{text[name]}") for namespace, name in accounts}
    found |= {Identity(USER, text[code]) for code in tables["users"]["name"].tolist()}
    found |= {Identity(GROUP, text[code]) for code in tables["groups"]["name"].tolist()}
    return sorted(found | {Identity(USER, ANONYMOUS), _STRANGER})
