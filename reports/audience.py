"""A report for one zone or one organization: what it needs to know, and not one name of another organization's.

An organization's report has the rows of its own namespaces and the cluster-wide ones, which hold there too; a finding
about several namespaces, when its subject is of the organization or bound in one of its namespaces. Who is of
another organization, or is bound nowhere in its namespaces, has a number in place of a name: it can be counted, and
told from others, and not more. The platform's own subjects keep their names. What its own people and accounts may do
in namespaces of others is left out: it would name them.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

import numpy as np

from audit.errors import UsageError
from audit.rbac.subjects import ANY, ANY_USER, GROUP
from audit.runs.info import RunInfo, ZoneInfo
from audit.tables.model import OF_THE_RUN, SCHEMAS, Table, Text, joined
from audit.tenancy.belonging import CIRCLE_OF, EVERY, HIDDEN, HIDDEN_OTHER
from audit.tenancy.organizations import organizations_in
from audit.tenancy.platform import Platform

Kind = Literal["zone", "organization"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Tables = Mapping[str, Sequence[Table]]

# Columns that can name somebody, or something of somebody's; roles and words of our own are everybody's.
_NAMING: Final = frozenset(
    {"subject", "group", "binding", "detail", "remedy", "cause", "before", "after", "reason", "namespace"}
)
# Tables whose rows are each about a subject.
_MEETING: Final = frozenset({"access", "grants", "findings", "changes"})
# Tables that are the same for everybody, and name nobody.
_WHOLE: Final = frozenset({"controls"})
_PART: Final = re.compile(r"[^\W_]+")
_PLAIN: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?")
_LONGEST: Final = 16  # parts of one name


@dataclass(frozen=True, slots=True)
class Audience:
    """For whom a report is: the people of a zone (its id), or an organization (its name)."""

    kind: Kind
    name: str

    @property
    def folder(self) -> str:
        """Return the folder of its report, inside that of the run: never outside of it, whatever the name."""
        plain = self.name
        if not _PLAIN.fullmatch(plain):
            plain = f"name-{hashlib.sha256(plain.encode(errors='surrogatepass')).hexdigest()[:16]}"
        return f"by-{self.kind}/{plain}"


def audiences(tables: Tables, run: RunInfo, by: Iterable[Kind] = (), named: Iterable[Audience] = ()) -> list[Audience]:
    """Return everybody there is of the kinds `by`, and those `named`. Raises UsageError for one that there is not."""
    names = {
        "zone": {zone.id for zone in run.zones},
        "organization": {name for one in tables["namespaces"] for name in one.text("organization").values} - {""},
    }
    found = {Audience(kind, name) for kind in by for name in names[kind]}
    for one in named:
        if one.name not in names[one.kind]:
            known = ", ".join(sorted(names[one.kind])) or "none"
            raise UsageError(f"this run has no {one.kind} {one.name}", fix=f"there is {known}")
        found.add(one)
    return sorted(found, key=lambda one: (one.kind, one.name))


def audience(text: str) -> Audience:
    """Return whom `zone:ID` or `organization:NAME` means. Raises UsageError for anything else."""
    kind, _, name = text.partition(":")
    if kind not in KINDS or not name:
        raise UsageError(f"a report cannot be for {text}", fix="zone:ID or organization:NAME")
    return Audience(kind, name)


def cut(tables: Tables, run: RunInfo, reader: Audience, platform: Platform) -> tuple[dict[str, list[Table]], RunInfo]:
    """Return the tables and the run as this audience may see them; `platform`: what is the platform's own."""
    if reader.kind == "zone":
        return _of_zone(tables, run, reader.name)
    return _Organization(tables, run, reader.name, platform).cut()


def _of_zone(tables: Tables, run: RunInfo, zone: str) -> tuple[dict[str, list[Table]], RunInfo]:
    at = [number for number, one in enumerate(run.zones) if one.id == zone]
    kept = {name: [found[number] for number in at] for name, found in tables.items() if name not in OF_THE_RUN}
    for name in set(OF_THE_RUN) - _WHOLE - {"exceptions"}:
        kept[name] = [one.take(one.where("zone", {zone})) for one in tables[name]]
    kept["exceptions"] = _covering(tables, kept["findings"])
    kept |= {name: [*tables[name]] for name in _WHOLE}
    return {name: kept[name] for name in tables}, replace(run, zones=tuple(run.zones[number] for number in at))


def _covering(tables: Tables, findings: Sequence[Table]) -> list[Table]:
    """Return the exceptions that cover these findings."""
    ids = {one for table in findings for one in table.text("exception").strings()}
    return [one.take(one.where("id", ids)) for one in tables["exceptions"]]


class _Organization:
    """Cuts a report to what one organization needs to know."""

    def __init__(self, tables: Tables, run: RunInfo, name: str, platform: Platform) -> None:
        self._tables, self._run, self._name, self._platform = tables, run, name, platform
        self._organizations = organizations_in(joined(tables["namespaces"]), joined(tables["grants"]))
        spaces = [dict(_places(one, "organization")) for one in tables["namespaces"]]
        self._own = [{place[1] for place, owner in found.items() if owner == name} for found in spaces]
        everybody = {place[1] for found in spaces for place in found}
        self._others = everybody - set().union(*self._own) - {one for one in everybody if platform.has(one)}

    def cut(self) -> tuple[dict[str, list[Table]], RunInfo]:
        """Return tables and run, names of others replaced."""
        present = [at for at, own in enumerate(self._own) if own]
        kept = {
            name: [self._rows(name, found[at], self._own[at]) for at in present]
            for name, found in self._tables.items()
            if name not in OF_THE_RUN
        }
        met = self._met({"grants": kept["grants"], "access": kept["access"]}, everywhere=False)
        kept["findings"] = [self._concerning(one, met) for one in kept["findings"]]
        own = set().union(*self._own)
        for name in set(OF_THE_RUN) - _WHOLE - {"exceptions"}:
            kept[name] = [self._rows(name, one, own) for one in self._tables[name]]
        kept["exceptions"] = _covering(self._tables, kept["findings"])
        kept |= {name: [*self._tables[name]] for name in _WHOLE}
        hidden = self._hidden(kept)
        shown = {who[2] for who in self._met(kept, everywhere=True)} | own | {self._name}
        names = _Names(hidden, shown - hidden.keys())
        told = {name: [names.of_table(one) for one in kept[name]] for name in self._tables}
        return told, self._told(present, names)

    def _rows(self, name: str, table: Table, own: set[str]) -> Table:
        if name == "organizations":
            return table.take(table.where("organization", {self._name}))
        everywhere = name in {"access", "grants", "coverage", "findings", "changes"}
        return table.take(table.where("namespace", own | {EVERY} if everywhere else own))

    def _concerning(self, findings: Table, met: set[tuple[str, str, str]]) -> Table:
        """Leave out findings about several namespaces whose subject is hidden, and bound in none of theirs."""
        several = findings.where("namespace", {EVERY}) & findings.where("binding", {""})
        told = {one for one in _triples(findings) if one in met or not self._word(*one, known=False)}
        return findings.take(~several | findings.where("subject", {"", *(subject for _, _, subject in told)}))

    def _hidden(self, kept: Tables) -> dict[str, str]:
        """Return the names that are not shown, each with what stands in its place."""
        local = self._met(kept, everywhere=False)
        hidden: dict[str, str] = dict.fromkeys(set(self._organizations.with_namespaces) - {self._name}, HIDDEN_OTHER)
        hidden |= dict.fromkeys(self._others, HIDDEN_OTHER)
        for zone, kind, subject in self._met(self._tables, everywhere=True):
            word = self._word(zone, kind, subject, known=(zone, kind, subject) in local)
            if word and hidden.get(subject) != HIDDEN_OTHER:
                hidden[subject] = word
        numbers = {name: number for number, name in enumerate(sorted(hidden), 1)}
        return {name: f"{word} {numbers[name]}" for name, word in hidden.items()}

    def _met(self, tables: Tables, *, everywhere: bool) -> set[tuple[str, str, str]]:
        """Return zone, kind and name of all subjects, or of those that are bound in namespaces."""
        found: set[tuple[str, str, str]] = set()
        for name in _MEETING & tables.keys():
            for one in tables[name]:
                table = one if everywhere else one.take(~one.where("namespace", {EVERY}))
                found |= set(_triples(table))
        return found

    def _word(self, zone: str, kind: str, subject: str, *, known: bool) -> str:
        """Return what stands in place of a subject's name; empty when it is shown."""
        if (kind, subject) in CIRCLE_OF or kind in {ANY, ANY_USER} or self._platform.trusts(kind, subject):
            return ""
        homes = self._organizations.of_subject(zone, kind, subject)
        if homes:
            return "" if self._name in homes else HIDDEN_OTHER
        return "" if known else HIDDEN

    def _told(self, present: Sequence[int], names: "_Names") -> RunInfo:
        zones = [self._zone(self._run.zones[at], len(self._own[at]), names) for at in present]
        return replace(self._run, zones=tuple(zones), findings=None)

    def _zone(self, zone: ZoneInfo, namespaces: int, names: "_Names") -> ZoneInfo:
        gaps = [gap for gap in zone.gaps if names.of(gap) == gap]
        more = len(zone.gaps) - len(gaps)
        rest = [f"{more} more, of namespaces of others"] if more else []
        return replace(zone, gaps=(*gaps, *rest), namespaces=namespaces, excluded=0, verified=None)


def _places(table: Table, column: str) -> Iterator[tuple[tuple[str, str], str]]:
    columns = (table.text(name).strings() for name in ("zone", "namespace", column))
    yield from (((zone, namespace), value) for zone, namespace, value in zip(*columns, strict=True))


def _triples(table: Table) -> Iterator[tuple[str, str, str]]:
    """Yield zone, kind and name of the subjects of a table, and of the groups through which they have access."""
    names = {column.name for column in SCHEMAS[table.name]}
    zones, kinds, subjects = (table.text(name) for name in ("zone", "subject_kind", "subject"))
    codes = np.unique(np.stack([zones.codes, kinds.codes, subjects.codes]), axis=1).T.tolist()
    yield from ((zones.values[zone], kinds.values[kind], subjects.values[who]) for zone, kind, who in codes)
    if "group" in names:
        groups = table.text("group")
        pairs = np.unique(np.stack([zones.codes, groups.codes]), axis=1).T.tolist()
        yield from ((zones.values[zone], GROUP, groups.values[group]) for zone, group in pairs if groups.values[group])


class _Names:
    """Replaces names in texts: whole texts, and names that stand in them between other letters than their own.

    A name that is shown stays, also where one that is hidden is a part of it.
    """

    def __init__(self, hidden: Mapping[str, str], shown: Iterable[str]) -> None:
        self._hidden = {**hidden, **{name: name for name in shown}}
        # A name inside a sentence is found by its letters and digits, and what is between them.
        cores = ((_core(name), name, word) for name, word in self._hidden.items())
        self._cores = {core: core if name == word else word for core, name, word in cores if core}
        self._signs = [name for name in hidden if name and not _core(name)]

    def of_table(self, table: Table) -> Table:
        """Return the table with its names replaced."""
        columns = {
            name: self._of_column(values) if isinstance(values, Text) and name in _NAMING else values
            for name, values in table.columns.items()
        }
        return joined([Table(table.name, columns)])

    def _of_column(self, values: Text) -> Text:
        # The rows are few, and they share the texts of the whole zone.
        found = values.compact()
        return Text(found.codes, [self.of(text) for text in found.values])

    def of(self, text: str) -> str:
        """Return a text with every hidden name replaced."""
        if text in self._hidden:
            return self._hidden[text]
        for sign in self._signs:
            text = text.replace(sign, self._hidden[sign])
        parts = [(found.start(), found.end()) for found in _PART.finditer(text)]
        told, at, first = [], 0, 0
        while first < len(parts):
            last = self._longest(text, parts, first)
            if last >= first:
                start, end = parts[first][0], parts[last][1]
                told += [text[at:start], self._cores[text[start:end]]]
                at, first = end, last
            first += 1
        return "".join([*told, text[at:]])

    def _longest(self, text: str, parts: Sequence[tuple[int, int]], first: int) -> int:
        """Return the last part of the longest hidden name that begins with part `first`; less when none does."""
        for last in range(min(len(parts), first + _LONGEST) - 1, first - 1, -1):
            if text[parts[first][0] : parts[last][1]] in self._cores:
                return last
        return first - 1


def _core(name: str) -> str:
    parts = [(found.start(), found.end()) for found in _PART.finditer(name)]
    return name[parts[0][0] : parts[-1][1]] if parts else ""
