"""A report for one zone or one organization, without any name of another organization.

A report for an organization has the rows of its namespaces and the cluster-wide ones, which hold there too. It has a
finding about several namespaces if the subject belongs to the organization or is bound in one of its namespaces.
Subjects of other organizations, and subjects that are not bound in its namespaces, have a number instead of a name:
they can be counted and told apart. Subjects of the platform keep their names. The access of its own subjects in other
namespaces is omitted, because it would name these.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

import msgspec
import numpy as np

from audit.errors import UsageError
from audit.findings.cause_table import causes_table, ranked, with_causes
from audit.findings.causes import causes_of
from audit.findings.model import FindingRecord
from audit.rbac.subjects import ANY, ANY_USER, GROUP
from audit.runs.info import RunInfo, ZoneInfo
from audit.tables.model import Table, Text, joined
from audit.tables.schemas import OF_THE_RUN, SCHEMAS
from audit.tenancy.belonging import CIRCLE_OF, EVERY, HIDDEN, HIDDEN_OTHER
from audit.tenancy.organizations import organizations_in
from audit.tenancy.platform import Platform
from reports.hidden_names import HiddenNames

Kind = Literal["zone", "organization"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Tables = Mapping[str, Sequence[Table]]

# Tables whose rows have a subject.
_WITH_SUBJECTS: Final = frozenset({"access", "grants", "findings", "changes", "privileged", "routes", "usage"})
# Tables that are the same in all reports, and contain no names.
_COMMON: Final = frozenset({"controls"})
_PLAIN: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Audience:
    """The audience of a report: a zone (by id), or an organization (by name)."""

    kind: Kind
    name: str

    @property
    def folder(self) -> str:
        """Return the folder of its report, which is always inside the folder of the run."""
        plain = self.name
        if not _PLAIN.fullmatch(plain):
            plain = f"name-{hashlib.sha256(plain.encode(errors='surrogatepass')).hexdigest()[:16]}"
        return f"by-{self.kind}/{plain}"


def audiences(tables: Tables, run: RunInfo, by: Iterable[Kind] = (), named: Iterable[Audience] = ()) -> list[Audience]:
    """Return all audiences of the kinds `by`, and those in `named`. Raises UsageError for an unknown one."""
    names = {
        "zone": {zone.id for zone in run.zones},
        "organization": {name for table in tables["namespaces"] for name in table.text("organization").values} - {""},
    }
    chosen = {Audience(kind, name) for kind in by for name in names[kind]}
    for wanted in named:
        if wanted.name not in names[wanted.kind]:
            known = ", ".join(sorted(names[wanted.kind])) or "none"
            raise UsageError(f"this run has no {wanted.kind} {wanted.name}", fix=f"this run has: {known}")
        chosen.add(wanted)
    return sorted(chosen, key=lambda audience: (audience.kind, audience.name))


def audience(text: str) -> Audience:
    """Return the audience `zone:ID` or `organization:NAME`. Raises UsageError for anything else."""
    kind, _, name = text.partition(":")
    if kind not in KINDS or not name:
        raise UsageError(f"unknown audience {text}", fix="use zone:ID or organization:NAME")
    return Audience(kind, name)


def cut(tables: Tables, run: RunInfo, reader: Audience, platform: Platform) -> tuple[dict[str, list[Table]], RunInfo]:
    """Return the tables and the run as this audience may see them; `platform` is as configured."""
    if reader.kind == "zone":
        return _of_zone(tables, run, reader.name)
    return _Organization(tables, run, reader.name, platform).cut()


def _of_zone(tables: Tables, run: RunInfo, zone: str) -> tuple[dict[str, list[Table]], RunInfo]:
    at = [number for number, info in enumerate(run.zones) if info.id == zone]
    kept = {name: [zones[number] for number in at] for name, zones in tables.items() if name not in OF_THE_RUN}
    for name in set(OF_THE_RUN) - _COMMON - {"exceptions"}:
        kept[name] = [table.take(table.where("zone", {zone})) for table in tables[name]]
    kept["exceptions"] = _exceptions_of(tables, kept["findings"])
    kept |= {name: [*tables[name]] for name in _COMMON}
    return {name: kept[name] for name in tables}, replace(run, zones=tuple(run.zones[number] for number in at))


def _exceptions_of(tables: Tables, findings: Sequence[Table]) -> list[Table]:
    """Return the exceptions that accept some of these findings."""
    ids = {name for table in findings for name in table.text("exception").strings()}
    return [table.take(table.where("id", ids)) for table in tables["exceptions"]]


class _Organization:
    """Cuts a report to what one organization may see."""

    def __init__(self, tables: Tables, run: RunInfo, name: str, platform: Platform) -> None:
        self._tables, self._run, self._name, self._platform = tables, run, name, platform
        self._organizations = organizations_in(joined(tables["namespaces"]), joined(tables["grants"]))
        owners = [_owners(table) for table in tables["namespaces"]]  # by namespace, in each zone
        self._own = [{namespace for namespace, owner in zone.items() if owner == name} for zone in owners]
        every = set().union(*owners)
        self._others = every - set().union(*self._own) - {namespace for namespace in every if platform.has(namespace)}

    def cut(self) -> tuple[dict[str, list[Table]], RunInfo]:
        """Return tables and run, with the names of others replaced."""
        present = [at for at, own in enumerate(self._own) if own]
        kept = {
            name: [self._rows(name, zones[at], self._own[at]) for at in present]
            for name, zones in self._tables.items()
            if name not in {*OF_THE_RUN, "causes"}
        }
        bound = self._subjects({"grants": kept["grants"], "access": kept["access"]}, everywhere=False)
        kept["findings"] = [self._concerning(table, bound) for table in kept["findings"]]
        # The causes of these findings alone: those of the zone count and name what others have.
        causes = [causes_of(msgspec.convert(table.records(), list[FindingRecord])) for table in kept["findings"]]
        kept["findings"] = [with_causes(*pair) for pair in zip(kept["findings"], causes, strict=True)]
        kept["causes"] = [causes_table(ranked(found), lambda _: self._name) for found in causes]
        own = set().union(*self._own)
        for name in set(OF_THE_RUN) - _COMMON - {"exceptions"}:
            kept[name] = [self._rows(name, table, own) for table in self._tables[name]]
        kept["exceptions"] = _exceptions_of(self._tables, kept["findings"])
        kept |= {name: [*self._tables[name]] for name in _COMMON}
        hidden = self._hidden(kept)
        shown = {who[2] for who in self._subjects(kept, everywhere=True)} | own | {self._name}
        names = HiddenNames(hidden, shown - hidden.keys())
        tables = {name: [names.of_table(table) for table in kept[name]] for name in self._tables}
        return tables, self._run_info(present, names)

    def _rows(self, name: str, table: Table, own: set[str]) -> Table:
        if name == "organizations":
            return table.take(table.where("organization", {self._name}))
        everywhere = name in _WITH_SUBJECTS | {"coverage"}
        kept = table.take(table.where("namespace", own | {EVERY} if everywhere else own))
        return self._own_alone(kept) if name == "privileged" else kept

    def _own_alone(self, table: Table) -> Table:
        """Remove the names of other organizations from the column that says where a subject belongs."""
        of = table.text("organization")
        names = [self._name if self._name in text.split(", ") else "" for text in of.values]
        return replace(table, columns={**table.columns, "organization": Text(of.codes, names)})

    def _concerning(self, findings: Table, bound: set[tuple[str, str, str]]) -> Table:
        """Remove findings about several namespaces whose subject is hidden and not bound in its namespaces."""
        several = findings.where("namespace", {EVERY}) & findings.where("binding", {""})
        shown = {who for who in _triples(findings) if who in bound or not self._replacement(*who, bound=False)}
        return findings.take(~several | findings.where("subject", {"", *(subject for _, _, subject in shown)}))

    def _hidden(self, kept: Tables) -> dict[str, str]:
        """Return the hidden names, each with its replacement."""
        local = self._subjects(kept, everywhere=False)
        hidden: dict[str, str] = dict.fromkeys(set(self._organizations.with_namespaces) - {self._name}, HIDDEN_OTHER)
        hidden |= dict.fromkeys(self._others, HIDDEN_OTHER)
        for zone, kind, subject in self._subjects(self._tables, everywhere=True):
            word = self._replacement(zone, kind, subject, bound=(zone, kind, subject) in local)
            if word and hidden.get(subject) != HIDDEN_OTHER:
                hidden[subject] = word
        numbers = {name: number for number, name in enumerate(sorted(hidden), 1)}
        return {name: f"{word} {numbers[name]}" for name, word in hidden.items()}

    def _subjects(self, tables: Tables, *, everywhere: bool) -> set[tuple[str, str, str]]:
        """Return zone, kind and name of the subjects in namespaces, and with `everywhere` of all subjects."""
        subjects: set[tuple[str, str, str]] = set()
        for name in _WITH_SUBJECTS & tables.keys():
            for table in tables[name]:
                rows = table if everywhere else table.take(~table.where("namespace", {EVERY}))
                subjects |= set(_triples(rows))
        return subjects

    def _replacement(self, zone: str, kind: str, subject: str, *, bound: bool) -> str:
        """Return the replacement of a subject's name; empty if it is shown. `bound`: in the own namespaces."""
        if (kind, subject) in CIRCLE_OF or kind in {ANY, ANY_USER} or self._platform.trusts(kind, subject):
            return ""
        homes = self._organizations.of_subject(zone, kind, subject)
        if homes:
            return "" if self._name in homes else HIDDEN_OTHER
        return "" if bound else HIDDEN

    def _run_info(self, present: Sequence[int], names: HiddenNames) -> RunInfo:
        zones = [self._zone(self._run.zones[at], len(self._own[at]), names) for at in present]
        return replace(self._run, zones=tuple(zones), findings=None)

    def _zone(self, zone: ZoneInfo, namespaces: int, names: HiddenNames) -> ZoneInfo:
        gaps = [gap for gap in zone.gaps if names.of(gap) == gap]
        more = len(zone.gaps) - len(gaps)
        rest = [f"{more} more, of namespaces of others"] if more else []
        return replace(zone, gaps=(*gaps, *rest), namespaces=namespaces, excluded=0, verified=None)


def _owners(namespaces: Table) -> dict[str, str]:
    """Return the organization of each namespace of a zone."""
    return dict(zip(*(namespaces.text(name).strings() for name in ("namespace", "organization")), strict=True))


def _triples(table: Table) -> Iterator[tuple[str, str, str]]:
    """Yield zone, kind and name of the subjects of a table, and of the groups through which they have access."""
    names = {column.name for column in SCHEMAS[table.name]}
    zones, kinds, subjects = (table.text(name) for name in ("zone", "subject_kind", "subject"))
    codes = np.unique(np.stack([zones.codes, kinds.codes, subjects.codes]), axis=1).T.tolist()
    yield from ((zones.values[zone], kinds.values[kind], subjects.values[subject]) for zone, kind, subject in codes)
    if "group" in names:
        groups = table.text("group")
        pairs = np.unique(np.stack([zones.codes, groups.codes]), axis=1).T.tolist()
        yield from ((zones.values[zone], GROUP, groups.values[group]) for zone, group in pairs if groups.values[group])
