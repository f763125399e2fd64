"""All that the HTML report shows, counted, sorted and cut to what a page can hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.rbac.subjects import ACCOUNT, ACCOUNTS, ANONYMOUS, EVERY_LOGIN, EVERYONE, GROUP, NOBODY, USER
from audit.tables import ANSWERS, SCHEMAS, UNKNOWN, YES, Table, Text
from reports.run import RunInfo

LIMIT: Final = 10_000  # rows of one section; what is beyond is in the CSV files
EVERY: Final = "*"
EVERY_USER, ANYONE = 1, 2  # who is let in as one of many; anyone: without logging in
ACTIONS: Final = ("pull", "push", "create")
Numbered = NDArray[np.int64]

_WHO: Final = ("subject_kind", "subject")
_KINDS: Final = {USER: "people", GROUP: "groups", ACCOUNT: "accounts"}


class Number(NamedTuple):
    """A number of the overview: what it counts, and the section where its rows are."""

    value: int
    label: str
    section: str


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
    numbers: Sequence[Number]
    hows: Sequence[tuple[str, int]]
    wide: Section
    namespaces: Section
    subjects: Section
    access: Section
    problems: Section


def make_view(tables: Mapping[str, Table], run: RunInfo, limit: int = LIMIT) -> View:
    """Return the view of a run. `tables` are `access` and `grants`, the zones one after the other."""
    access, grants = frame(tables["access"]), frame(tables["grants"])
    wide = access[access["namespace"] == EVERY]
    local = access[access["namespace"] != EVERY]
    return View(
        run=run,
        numbers=_numbers(run, wide, local),
        hows=_hows(access),
        wide=_section(_by_weight(wide), limit),
        namespaces=_section(_namespaces(local), limit),
        subjects=_section(_subjects(access), limit),
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
            codes = compact.codes.astype(np.int64)
            columns[column.name] = pd.Categorical.from_codes(codes, categories=pd.Index(list(compact.values)))
        else:
            columns[column.name] = values
    return pd.DataFrame(columns)


def _section(rows: pd.DataFrame, limit: int) -> Section:
    shown = rows.head(limit).copy()
    answers = [column for column in (*ACTIONS, "delete", "catalog", "sign") if column in shown]
    for column in answers:
        shown[column] = [ANSWERS[value] for value in shown[column]]
    records = shown.to_dict("records")
    return Section([{str(name): value for name, value in record.items()} for record in records], len(rows))


def _everybody(rows: pd.DataFrame) -> Numbered:
    """Return for each row whom it lets in as one of many: ANYONE, EVERY_USER, or 0."""
    group, subject = rows["subject_kind"] == GROUP, rows["subject"].astype(object)
    anyone = (group & (subject == NOBODY)) | ((rows["subject_kind"] == USER) & (subject == ANONYMOUS))
    users = group & subject.isin([EVERYONE, EVERY_LOGIN])
    return np.where(anyone, ANYONE, np.where(users, EVERY_USER, 0)).astype(np.int64)


def _numbers(run: RunInfo, wide: pd.DataFrame, local: pd.DataFrame) -> list[Number]:
    everywhere = {zone.id: zone.namespaces - zone.excluded for zone in run.zones}

    def places(rows: pd.DataFrame, cluster: pd.DataFrame) -> int:
        """Count namespaces; a cluster-wide grant counts for all of its zone."""
        zones = set(cluster["zone"])
        beyond = rows[~rows["zone"].isin(zones)]
        return len(beyond[["zone", "namespace"]].drop_duplicates()) + sum(everywhere[zone] for zone in zones)

    def pulled_by(whom: int) -> int:
        return places(*(rows[(_everybody(rows) == whom) & (rows["pull"] == YES)] for rows in (local, wide)))

    accounts = [rows[(rows["subject"] == ACCOUNTS) & (rows["push"] == YES)] for rows in (local, wide)]
    pushers = wide[(wide["push"] == YES) & ~_platform(wide)]
    both = pd.concat([wide, local])
    return [
        Number(pulled_by(ANYONE), "namespaces that anyone can pull from, without logging in", "namespaces"),
        Number(pulled_by(EVERY_USER), "namespaces that every user can pull from", "namespaces"),
        Number(places(*accounts), "namespaces that every service account can push to", "namespaces"),
        Number(len(pushers), "subjects outside the platform that can push everywhere", "wide"),
        Number(
            _count(both[(both["subject_kind"] == ACCOUNT) & (both["push"] == YES)]),
            "accounts that can push",
            "subjects",
        ),
        Number(int(_unknown(both).sum()), "rows with an answer that is not known", "access"),
    ]


def _platform(rows: pd.DataFrame) -> pd.Series:
    """Return which subjects are the platform's own: by their reserved names."""
    names = rows["subject"].astype(object)
    own = names.str.startswith("system:")
    accounts = names.str.match(r"(openshift|kube)(-[^:]*)?:") & (rows["subject_kind"] == ACCOUNT)
    return own | accounts


def _count(rows: pd.DataFrame) -> int:
    return len(rows[["zone", "subject_kind", "subject"]].drop_duplicates())


def _hows(access: pd.DataFrame) -> list[tuple[str, int]]:
    counts = access["how"].astype(object).value_counts()
    return [(str(how), int(count)) for how, count in counts.items() if how]


def _by_weight(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort: open to everybody first, then unknown, create, push and pull; then by name."""
    weight = (
        16 * (_everybody(rows) > 0)
        + 8 * _unknown(rows)
        + 4 * (rows["create"] == YES)
        + 2 * (rows["push"] == YES)
        + (rows["pull"] == YES)
    )
    return rows.assign(weight=-weight).sort_values("weight", kind="stable").drop(columns="weight")


def _namespaces(local: pd.DataFrame) -> pd.DataFrame:
    """Count for each namespace who can do what there by a grant of the namespace itself."""
    place, who = _numbered(local, ["zone", "namespace"]), _numbered(local, _WHO)
    table = _first_of_each(local, place, ["zone", "namespace"])
    for action in ACTIONS:
        for kind, name in _KINDS.items():
            able = ((local[action] == YES) & (local["subject_kind"] == kind)).to_numpy()
            table[f"{action}_{name}"] = _distinct(place[able], who[able], len(table))
    widest = np.zeros(len(table), dtype=np.int64)
    np.maximum.at(widest, place, np.where(local["pull"] == YES, _everybody(local), 0))
    table["open"] = np.array(["", "every user", "anyone"])[widest]
    table["unknown"] = np.bincount(place[_unknown(local)], minlength=len(table))
    order = ["rank", "unknown", "push_people", "push_accounts", "push_groups"]
    return table.assign(rank=widest).sort_values(order, ascending=False, kind="stable").drop(columns="rank")


def _subjects(access: pd.DataFrame) -> pd.DataFrame:
    """Count for each subject, in all zones together, where it can do what."""
    who, place, zone = (_numbered(access, names) for names in (_WHO, ["zone", "namespace"], ["zone"]))
    table = _first_of_each(access, who, _WHO)
    table["zones"] = _distinct(who, zone, len(table))
    wide = (access["namespace"] == EVERY).to_numpy()
    for action in ACTIONS:
        able = (access[action] == YES).to_numpy()
        table[f"{action}_namespaces"] = _distinct(who[able & ~wide], place[able & ~wide], len(table))
        table[f"{action}_everywhere"] = np.bincount(who[able & wide], minlength=len(table)) > 0
    table["unknown"] = np.bincount(who[_unknown(access)], minlength=len(table))
    order = ["push_everywhere", "pull_everywhere", "push_namespaces", "pull_namespaces"]
    return table.sort_values(order, ascending=False, kind="stable")


def _numbered(rows: pd.DataFrame, names: Sequence[str]) -> Numbered:
    """Number the rows by the values of these columns, from 0 on in their order."""
    numbers = rows.groupby(list(names), observed=True, sort=True).ngroup()
    return numbers.to_numpy().astype(np.int64)


def _first_of_each(rows: pd.DataFrame, numbered: Numbered, names: Sequence[str]) -> pd.DataFrame:
    """Return the columns `names` of one row for each number, in the order of the numbers."""
    _, first = np.unique(numbered, return_index=True)
    return rows[list(names)].iloc[first].reset_index(drop=True)


def _distinct(of: Numbered, values: Numbered, size: int) -> Numbered:
    """Return for each number below `size` how many different values it occurs with in `of`."""
    kinds = int(values.max(initial=0)) + 1
    pairs = np.unique(of * kinds + values)
    return np.bincount(pairs // kinds, minlength=size).astype(np.int64)


def _unknown(rows: pd.DataFrame) -> NDArray[np.bool_]:
    return (rows[list(ACTIONS)] == UNKNOWN).any(axis=1).to_numpy()
