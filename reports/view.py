"""All that the HTML report shows, counted, sorted and cut to what a page can hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.coverage import EXCLUDED, SEEN
from audit.rbac.subjects import ACCOUNT, ACCOUNTS, ANONYMOUS, ANY, EVERY_LOGIN, EVERYONE, GROUP, NOBODY, USER
from audit.tables import ANSWERS, SCHEMAS, UNKNOWN, YES, Table, Text
from reports.run import RunInfo

LIMIT: Final = 10_000  # rows of one section; what is beyond is in the CSV files
EVERY: Final = "*"
EVERY_USER, ANYONE = 1, 2  # who is let in as one of many; anyone: without logging in
ACTIONS: Final = ("pull", "push", "create")
Numbered = NDArray[np.int64]
Mask = NDArray[np.bool_]

_FLAGS: Final = (*ACTIONS, "delete", "catalog", "sign")
_PLACE: Final = ("zone", "namespace")
_WHO: Final = ("subject_kind", "subject")
_KINDS: Final = {USER: "people", GROUP: "groups", ACCOUNT: "accounts"}
_OPEN: Final = ("", "every user", "anyone")  # as numbers: 0, EVERY_USER, ANYONE


class Number(NamedTuple):
    """A number of the overview: what it counts, and the section where its rows are."""

    value: int
    label: str
    section: str


class Everywhere(NamedTuple):
    """Who has access in every namespace of a zone: how many subjects, and whom they let in as one of many."""

    subjects: int
    open: str  # "anyone", "every user" or ""
    blind: bool  # bindings were not seen: anybody may have it


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of one section, most important first, and how many there are beyond those that are shown."""

    rows: Sequence[Mapping[str, object]]
    total: int

    @property
    def cut(self) -> bool:
        """Say whether rows were left out."""
        return self.total > len(self.rows)


@dataclass(frozen=True, slots=True)
class View:
    """The content of the page."""

    run: RunInfo
    totals: Sequence[Number]
    numbers: Sequence[Number]
    hows: Sequence[tuple[str, int]]
    unseen: Sequence[str]  # kinds of which something was not seen
    everywhere: Everywhere
    wide: Section
    namespaces: Section
    subjects: Section
    access: Section
    problems: Section


def make_view(tables: Mapping[str, Table], run: RunInfo, limit: int = LIMIT) -> View:
    """Return the view of a run. `tables` are `access`, `grants` and `coverage`, the zones one after the other."""
    access, grants, coverage = (frame(tables[name]) for name in ("access", "grants", "coverage"))
    access = access.assign(everybody=_everybody(access), unclear=_unknown(access))
    cluster = access["namespace"] == EVERY
    wide, local = access[cluster], access[~cluster]
    sizes = _sizes(run, local)
    subjects = _subjects(access)
    return View(
        run=run,
        totals=[
            Number(sum(sizes.values()), "namespaces", "namespaces"),
            Number(len(subjects), "subjects", "subjects"),
            Number(len(grants), "grants", "access"),
        ],
        numbers=_numbers(sizes, wide, local),
        hows=_hows(access),
        unseen=sorted(set(coverage["kind"][~coverage["state"].isin([SEEN, EXCLUDED])])),
        everywhere=_everywhere(wide),
        wide=_section(_by_weight(wide), limit),
        namespaces=_section(_namespaces(local), limit),
        subjects=_section(subjects, limit),
        access=_section(_by_weight(local), limit),
        problems=_section(grants[grants["problem"] != ""], limit),
    )


def frame(table: Table) -> pd.DataFrame:
    """Return a table as a frame; texts become categories, so that no row has a text of its own."""
    columns: dict[str, object] = {}
    for column in SCHEMAS[table.name]:
        values = table.columns[column.name]
        if isinstance(values, Text):
            compact = values.compact()
            # A text may stand in `values` more than once; a category may not.
            codes, texts = pd.factorize(np.array(compact.values, dtype=object))
            columns[column.name] = pd.Categorical.from_codes(codes[compact.codes], pd.Index(texts, dtype=object))
        else:
            columns[column.name] = values
    return pd.DataFrame(columns)


def _section(rows: pd.DataFrame, limit: int) -> Section:
    shown = rows.head(limit)
    columns = [_words(shown[name]) if name in _FLAGS else shown[name].tolist() for name in shown]
    names = [str(name) for name in shown]
    return Section([dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)], len(rows))


def _words(answers: pd.Series) -> list[object]:
    return [ANSWERS[answer] for answer in answers.tolist()]


def _everybody(rows: pd.DataFrame) -> Numbered:
    """Return for each row whom it lets in as one of many: ANYONE, EVERY_USER, or 0."""
    group, subject = rows["subject_kind"] == GROUP, rows["subject"]
    anyone = (group & (subject == NOBODY)) | ((rows["subject_kind"] == USER) & (subject == ANONYMOUS))
    users = group & subject.isin([EVERYONE, EVERY_LOGIN])
    return np.where(anyone, ANYONE, np.where(users, EVERY_USER, 0)).astype(np.int64)


def _unknown(rows: pd.DataFrame) -> Mask:
    pull, push, create = (rows[action].to_numpy() == UNKNOWN for action in ACTIONS)
    unknown: Mask = pull | push | create
    return unknown


def _sizes(run: RunInfo, local: pd.DataFrame) -> dict[str, int]:
    """Return how many namespaces each zone has: those that it listed; without a list, those that were met."""
    met = local[[*_PLACE]].drop_duplicates()["zone"].value_counts()
    return {zone.id: (zone.namespaces - zone.excluded) or int(met.get(zone.id, 0)) for zone in run.zones}


def _numbers(sizes: Mapping[str, int], wide: pd.DataFrame, local: pd.DataFrame) -> list[Number]:
    def places(able: Callable[[pd.DataFrame], pd.Series]) -> int:
        """Count namespaces; a cluster-wide grant counts for all of its zone."""
        zones = set(wide["zone"][able(wide)])
        beyond = local[able(local) & ~local["zone"].isin(list(zones))]
        return len(beyond[[*_PLACE]].drop_duplicates()) + sum(sizes[zone] for zone in zones)

    def pulled_by(whom: int) -> int:
        return places(lambda rows: (rows["everybody"] == whom) & (rows["pull"] == YES))

    def by_accounts(action: str) -> int:
        return places(lambda rows: _is(rows, GROUP, ACCOUNTS) & (rows[action] == YES))

    pushers = wide[(wide["push"] == YES) & ~_platform(wide)]
    accounts = pd.concat([rows[(rows["subject_kind"] == ACCOUNT) & (rows["push"] == YES)] for rows in (wide, local)])
    return [
        Number(pulled_by(ANYONE), "namespaces that anyone can pull from, without logging in", "namespaces"),
        Number(pulled_by(EVERY_USER), "namespaces that every user can pull from", "namespaces"),
        Number(by_accounts("pull"), "namespaces that every service account can pull from", "namespaces"),
        Number(by_accounts("push"), "namespaces that every service account can push to", "namespaces"),
        Number(_count(pushers), "subjects outside the platform that can push everywhere", "wide"),
        Number(_count(accounts), "accounts that can push", "subjects"),
        Number(int(wide["unclear"].sum() + local["unclear"].sum()), "rows with an answer that is not known", "access"),
    ]


def _count(rows: pd.DataFrame) -> int:
    """Count subjects; the same name in two zones is two."""
    return len(rows[["zone", *_WHO]].drop_duplicates())


def _is(rows: pd.DataFrame, kind: str, name: str) -> pd.Series:
    return (rows["subject_kind"] == kind) & (rows["subject"] == name)


def _platform(rows: pd.DataFrame) -> pd.Series:
    """Return which subjects are the platform's own: by their reserved names."""
    names, account = rows["subject"].astype(object), rows["subject_kind"] == ACCOUNT
    # `system:ci` is the platform's as a user or group; as an account it is of a namespace that anybody may call so.
    accounts = account & names.str.match(r"(openshift|kube)(-[^:]*)?:").astype(bool)
    return accounts | (~account & names.str.startswith("system:").astype(bool))


def _everywhere(wide: pd.DataFrame) -> Everywhere:
    able = wide[(wide[[*ACTIONS]] == YES).any(axis=1)]
    widest = _OPEN[int(able["everybody"].max()) if len(able) else 0]
    return Everywhere(len(able[[*_WHO]].drop_duplicates()), widest, bool((wide["subject_kind"] == ANY).any()))


def _hows(access: pd.DataFrame) -> list[tuple[str, int]]:
    counts = access["how"].value_counts()
    named = [(str(how), int(count)) for how, count in counts.items() if how]
    return sorted(named, key=lambda pair: (-pair[1], pair[0]))


def _strength(rows: pd.DataFrame) -> Numbered:
    """Return how much each row lets its subject do: create above push above pull."""
    pull, push, create = ((rows[action].to_numpy() == YES).astype(np.int64) for action in ACTIONS)
    strength: Numbered = pull + 2 * push + 4 * create
    return strength


def _by_weight(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort: open to everybody first, then unknown, create, push and pull; then by name."""
    weight = 16 * (rows["everybody"] > 0).to_numpy() + 8 * rows["unclear"].to_numpy() + _strength(rows)
    return rows.iloc[np.argsort(-weight, kind="stable")]


def _namespaces(local: pd.DataFrame) -> pd.DataFrame:
    """Count for each namespace who can do what there by a grant of the namespace itself."""
    place, who = _numbered(local, _PLACE), _numbered(local, _WHO)
    table = local[[*_PLACE]].iloc[_first(place)].reset_index(drop=True)
    size = len(table)
    for action in ACTIONS:
        for kind, name in _KINDS.items():
            able = ((local[action] == YES) & (local["subject_kind"] == kind)).to_numpy()
            table[f"{action}_{name}"] = _distinct(place[able], who[able], size)
    pull, push = (_widest(local, place, action, size) for action in ("pull", "push"))
    table["open"], table["open_push"] = np.array(_OPEN, dtype=object)[pull], np.array(_OPEN, dtype=object)[push]
    table["blind"] = np.bincount(place[(local["subject_kind"] == ANY).to_numpy()], minlength=size) > 0
    table["unknown"] = np.bincount(place[local["unclear"].to_numpy()], minlength=size)
    order = ["open_to", "blind", "unknown", "push_people", "push_accounts", "push_groups"]
    ranked = table.assign(open_to=3 * push + pull)
    return ranked.sort_values(order, ascending=False, kind="stable").drop(columns="open_to")


def _widest(local: pd.DataFrame, place: Numbered, action: str, size: int) -> Numbered:
    """Return for each place the widest circle that may do `action` there: ANYONE, EVERY_USER, or 0."""
    widest = np.zeros(size, dtype=np.int64)
    np.maximum.at(widest, place, np.where(local[action] == YES, local["everybody"], 0))
    return widest


def _subjects(access: pd.DataFrame) -> pd.DataFrame:
    """Count for each subject, in all zones together, where it can do what, and how it came to the most of it."""
    who, place, zone = (_numbered(access, names) for names in (_WHO, _PLACE, ["zone"]))
    table = access[[*_WHO]].iloc[_first(who)].reset_index(drop=True)
    size = len(table)
    table["zones"] = _distinct(who, zone, size)
    wide = (access["namespace"] == EVERY).to_numpy()
    for action in ACTIONS:
        able = (access[action] == YES).to_numpy()
        table[f"{action}_namespaces"] = _distinct(who[able & ~wide], place[able & ~wide], size)
        table[f"{action}_everywhere"] = np.bincount(who[able & wide], minlength=size) > 0
    table["unknown"] = np.bincount(who[access["unclear"].to_numpy()], minlength=size)
    # A row that does not say how comes last; of two that give the same, the cluster-wide one counts.
    says = (access["how"] != "").to_numpy()
    table["how"] = access["how"].iloc[_first(who, 16 * says + 2 * _strength(access) + wide)].to_numpy()
    order = ["push_everywhere", "pull_everywhere", "push_namespaces", "pull_namespaces"]
    return table.sort_values(order, ascending=False, kind="stable")


def _numbered(rows: pd.DataFrame, names: Sequence[str]) -> Numbered:
    """Number the rows by the values of these text columns, from 0 on in the order of the texts."""
    key, size = np.zeros(len(rows), dtype=np.int64), 1
    for name in names:
        texts = rows[name].cat
        count = len(texts.categories)
        key, size = key * count + texts.codes.to_numpy(), size * count
    # Few places and subjects beside many rows: marking those that occur is quicker than sorting.
    seen = np.zeros(size, dtype=bool)
    seen[key] = True
    numbers: Numbered = (np.cumsum(seen) - 1)[key]
    return numbers


def _first(numbered: Numbered, strength: Numbered | int = 0) -> Numbered:
    """Return for each number, in their order, the first of its rows that have the greatest strength."""
    rows = np.arange(len(numbered))
    best = np.zeros(int(numbered.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(best, numbered, strength * len(rows) + rows[::-1])
    return len(rows) - 1 - best % max(len(rows), 1)


def _distinct(of: Numbered, values: Numbered, size: int) -> Numbered:
    """Return for each number below `size` how many different values it occurs with in `of`."""
    kinds = int(values.max(initial=0)) + 1
    pairs = pd.unique(of * kinds + values)
    return np.bincount(pairs // kinds, minlength=size).astype(np.int64)
