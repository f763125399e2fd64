"""The evidence for one framework: per control its population, findings, exceptions, files, and what is not answered."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from audit.controls.model import Control, Framework
from audit.findings.model import ACCEPTED, GONE
from audit.rbac.subjects import ACCOUNT, GROUP, USER
from audit.runs.info import RunInfo
from audit.tables.model import Table
from audit.tables.schemas import ANSWERS, OF_THE_RUN, SCHEMAS, SEVERITIES, UNKNOWN
from reports.pack import Row, Sheet

_BY_SUBJECT: Final = {"access", "grants", "privileged"}
_KINDS: Final = {"people": {USER: "people", GROUP: "groups"}, "accounts": {ACCOUNT: "service accounts"}}
_COLUMNS: Final = (
    "control", "asks", "answered", "population", *SEVERITIES, "unknown", "accepted", "gone", "exceptions", "checks",
    "evidence", "not answered",
)  # fmt: skip
_FINDINGS: Final = ("id", "severity", "state", "answer", "zone", "namespace", "subject_kind", "subject", "detail")
Tables = Mapping[str, Sequence[Table]]


@dataclass(frozen=True, slots=True)
class ControlEvidence:
    """One control: `open` findings by severity, those of other states, and the names of what proves it."""

    control: Control
    name: str
    population: Sequence[str]
    open: Mapping[str, int]
    unknown: int
    accepted: int
    gone: int
    exceptions: Sequence[str]
    files: Sequence[str]
    findings: Sequence[Mapping[str, str | int]]  # open, unknown and accepted ones, the worst first; at most SHOWN
    more: int  # findings beyond these


SHOWN: Final = 50


class FrameworkPack:
    """What a run proves for one framework."""

    def __init__(self, framework: Framework, run: RunInfo, tables: Tables, formats: Sequence[str]) -> None:
        self.framework = framework
        self.run = run
        self._tables = tables
        self._formats = formats
        self._names = {framework.named(control): control for control in framework.controls}

    @cached_property
    def controls(self) -> list[ControlEvidence]:
        """Return the evidence of each control."""
        return [self._evidence(name, control) for name, control in self._names.items()]

    @property
    def not_seen(self) -> list[Mapping[str, str | int]]:
        """Return the lists that could not be read: what depends on them is unknown for every control."""
        rows = [row for table in self._tables["coverage"] for row in table.records()]
        return [row for row in rows if row["state"] not in {"seen", "excluded", "not-asked"}]

    @property
    def exceptions(self) -> list[Mapping[str, str | int]]:
        """Return the exceptions that cover findings of this framework."""
        used = {name for control in self.controls for name in control.exceptions}
        return [row for table in self._tables["exceptions"] for row in table.records() if row["id"] in used]

    def _evidence(self, name: str, control: Control) -> ControlEvidence:
        found = list(self._findings({name}))
        live = [row for row in found if row["state"] not in {GONE, ACCEPTED}]
        sure = [row for row in live if row["answer"] != ANSWERS[UNKNOWN]]
        shown = sorted((row for row in found if row["state"] != GONE), key=_worst_first)
        counts = Counter(str(row["severity"]) for row in sure)
        return ControlEvidence(
            control=control,
            name=name,
            population=[*self._population(control)],
            open={severity: counts[severity] for severity in SEVERITIES},
            unknown=len(live) - len(sure),
            accepted=sum(row["state"] == ACCEPTED for row in found),
            gone=sum(row["state"] == GONE for row in found),
            exceptions=sorted({str(row["exception"]) for row in found if row["state"] == ACCEPTED}),
            files=[*self._files(control)],
            findings=shown[:SHOWN],
            more=max(len(shown) - SHOWN, 0),
        )

    def _findings(self, names: set[str]) -> Iterator[Mapping[str, str | int]]:
        for table in self._tables["findings"]:
            touched = table.text("controls").matching(lambda text: not names.isdisjoint(text.split(", ")))
            yield from table.take(touched).records()

    def _population(self, control: Control) -> Iterator[str]:
        """Yield how much the control was tested on: subjects where it is about them, else rows."""
        kinds = {**_KINDS["people"], **_KINDS["accounts"]} if control.of == "all" else _KINDS[control.of]
        for name in control.tables:
            if name in _BY_SUBJECT:
                counts = [f"{self._subjects[name][kind]:,} {word}" for kind, word in kinds.items()]
                yield f"{name}: {', '.join(counts)}"
            else:
                yield f"{name}: {sum(map(len, self._tables[name])):,} rows"

    @cached_property
    def _subjects(self) -> Mapping[str, Counter[str]]:
        """Return by table and kind how many different subjects it has; the same name in two zones is two."""
        counts: dict[str, Counter[str]] = {}
        for name in _BY_SUBJECT:
            counts[name] = Counter()
            for table in self._tables[name]:
                kinds, subjects = table.text("subject_kind"), table.text("subject")
                pairs = np.unique(np.stack([kinds.codes, subjects.codes]), axis=1)[0].tolist() if len(table) else []
                counts[name].update(kinds.values[code] for code in pairs)
        return counts

    def _files(self, control: Control) -> Iterator[str]:
        """Yield the files of the run that hold the rows; the manifest has the SHA-256 of each."""
        names = list(dict.fromkeys((*control.tables, *(["findings"] if control.checks else []))))
        for name in names:
            for ending in ("csv", "jsonl"):
                if ending in self._formats:
                    yield f"{name}.{ending}"
            if "parquet" in self._formats:
                yield f"parquet/{name}/"
        if control.checks:
            yield "findings.json"
        if any(name not in OF_THE_RUN for name in names):
            yield from (f"snapshots/{zone.id}.snapshot" for zone in self.run.zones)

    def sheets(self) -> list[Sheet]:
        """Return the sheets of its workbook."""
        summary = [
            ("framework", self.framework.name),
            ("edition", self.framework.edition),
            ("source", self.framework.source),
            ("run", self.run.run_id),
            ("state", self.run.state),
            ("data as of", self.run.as_of),
            ("created by", f"registry-audit {self.run.version}"),
            *((f"zone {zone.id}", f"{zone.state}, as of {zone.as_of or 'unknown'}") for zone in self.run.zones),
            ("caution", _CAUTION),
        ]
        total = sum(int(self._touching(table).sum()) for table in self._tables["findings"])
        columns = [column.name for column in SCHEMAS["exceptions"]]
        seen = [column.name for column in SCHEMAS["coverage"]]
        return [
            Sheet("Summary", ("item", "text"), len(summary), lambda notes: [*summary, *(("split", n) for n in notes)]),
            Sheet("Controls", _COLUMNS, len(self.controls), lambda _: map(_control_row, self.controls)),
            Sheet("Findings", ("controls", *_FINDINGS), total, lambda _: self._finding_rows()),
            Sheet("Exceptions", columns, len(self.exceptions), lambda _: _rows(self.exceptions, columns)),
            Sheet("Not seen", seen, len(self.not_seen), lambda _: _rows(self.not_seen, seen)),
        ]

    def _touching(self, table: Table) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        names = self._names.keys()
        return table.text("controls").matching(lambda text: not names.isdisjoint(text.split(", ")))

    def _finding_rows(self) -> Iterator[Row]:
        for row in self._findings({*self._names}):
            touched = [self._names[name].id for name in str(row["controls"]).split(", ") if name in self._names]
            yield [", ".join(touched), *(row[name] for name in _FINDINGS)]


_CAUTION: Final = (
    "Each control also has requirements on people and processes. What a control asks is summed up in words of our own: "
    "read the standard for what it asks."
)


def _worst_first(row: Mapping[str, str | int]) -> tuple[int, bool, str]:
    return SEVERITIES.index(row["severity"]), row["answer"] == ANSWERS[UNKNOWN], str(row["id"])


def _rows(records: Sequence[Mapping[str, str | int]], columns: Sequence[str]) -> Iterator[Row]:
    yield from ([record[name] for name in columns] for record in records)


def _control_row(evidence: ControlEvidence) -> Row:
    control = evidence.control
    return [
        control.id,
        control.asks,
        control.answered,
        "; ".join(evidence.population),
        *evidence.open.values(),
        evidence.unknown,
        evidence.accepted,
        evidence.gone,
        ", ".join(evidence.exceptions),
        ", ".join(control.checks),
        ", ".join(evidence.files),
        control.not_answered,
    ]
