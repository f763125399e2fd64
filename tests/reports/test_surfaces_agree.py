"""One answer on recorded zones: page, CSV, Parquet, an organization's report, `can`, `who` and `explain`."""

import csv
import io
import os
import random
import shutil
from collections.abc import Iterator, Mapping
from functools import cached_property, reduce
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.access.facts.build import facts_of
from audit.access.rights import NOTHING, answer
from audit.access.sentences import explain
from audit.access.subjects import ANYBODY, also_acts_as
from audit.command_line.sources import saved
from audit.commands.answers.can import can
from audit.commands.answers.who import who
from audit.rbac.rules import ACTIONS, NEEDS
from audit.rbac.subjects import ACCOUNT, GROUP, USER, Identity
from audit.runs.info import zone_info
from audit.snapshot.model import Snapshot
from audit.tables.model import Table, table_of
from audit.tables.schemas import ANSWERS, NO, SCHEMAS, UNKNOWN, YES
from audit.tenancy.platform import Platform
from reports.audience import Audience
from reports.csv import csv_chunks
from reports.formats import Report
from reports.html.authorization import authorization
from reports.html.data_blocks import blocks
from reports.html.page_tables import joined_table, page_tables
from reports.html.table_columns import WHO
from reports.parquet import parquet_bytes
from tests.paths import DATA, DEMO, SHARED
from tests.reports.html.blocks_reader import read
from tests.reports.html.pages import run_of

QUESTIONS = int(os.environ.get("REGISTRY_AUDIT_QUESTIONS", "1000"))  # about each zone
BY_COMMANDS = QUESTIONS // 50
RECORDED = ("golden-zone", "registry-zone", "routes-zone")  # beside the checkout where the project is built
ZONES = [
    DATA / "golden-mini",
    DEMO / "demo-1",
    *(path for name in RECORDED if (path := SHARED / "data" / name).is_dir()),
]


class Question(NamedTuple):
    """May a subject do something in a repository of a namespace (empty: any that no rule names)."""

    subject: Identity
    action: str
    namespace: str
    repository: str


Answers = dict[tuple[str, str, str, str], dict[str, int]]  # by kind, subject, namespace and repository; then by action


def best(rows: Answers, acts_as: list[Identity], question: Question) -> int:
    """Return the best answer of the rows for a place, as docs/columns.md says."""
    _, action, namespace, repository = question
    places = [(space, name) for space in {namespace, "*"} for name in {repository or "*", "*"}]
    found = {rows.get((*one, *place), {}).get(action, NO) for one in acts_as for place in places}
    return YES if YES in found else UNKNOWN if UNKNOWN in found else NO


def answers_of(columns: Mapping[str, list[str]]) -> Answers:
    """Return the answers of a table `access` whose cells are words."""
    keys = zip(*(columns[name] for name in ("subject_kind", "subject", "namespace", "repository")), strict=True)
    words = zip(*(columns[action] for action in ACTIONS), strict=True)
    return {
        key: {action: ANSWERS.index(word) for action, word in zip(ACTIONS, row, strict=True)}
        for key, row in zip(keys, words, strict=True)
    }


class Surfaces:
    """Everything that answers questions about one zone."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        made = facts_of(snapshot)
        self.tables = {name: made.get(name, table_of(name, [])) for name in SCHEMAS}
        self.authorizer = Authorizer(bound_subjects(snapshot))
        self.patterns = authorization()["acts_as"]

    @cached_property
    def by_csv(self) -> Answers:
        text = b"".join(csv_chunks("access", [self.tables["access"]])).decode()
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        cells = ([cell.removeprefix("'") for cell in row] for row in rows)
        return answers_of(dict(zip(header, map(list, zip(*cells, strict=True)), strict=True)))

    @cached_property
    def by_parquet(self) -> Answers:
        return answers_of(pq.read_table(io.BytesIO(parquet_bytes(self.tables["access"]))).to_pydict())

    @cached_property
    def by_page(self) -> Answers:
        tables = page_tables({name: joined_table(name, [table]) for name, table in self.tables.items()}, Platform())
        columns = read({name: block.decode() for name, block in blocks({"access": tables["access"]})}, "access")
        words = {name: [ANSWERS[int(cell)] for cell in columns[name]] for name in ACTIONS}
        return answers_of({name: [*map(str, cells)] for name, cells in columns.items()} | words)

    def acts_as_on_the_page(self, subject: Identity) -> list[Identity]:
        """Return whose rows the page shows for a subject, by the patterns in its data, as its script reads them."""
        found = (
            others
            for kind, start, whole, others in self.patterns
            if kind == subject.kind and (subject.name == start if whole else subject.name.startswith(start))
        )
        fill = subject.name.split(":")[0]
        return [subject, *(Identity(kind, name.replace("{namespace}", fill)) for kind, name in next(found, []))]

    def acts_as(self, subject: Identity) -> list[Identity]:
        return [subject, *also_acts_as(subject, groups_unseen=True), ANYBODY]

    def explained(self, question: Question) -> int | None:
        """Return what the grants that `explain` lists give together; None where it says that there may be more."""
        explanation = explain(self.authorizer, question.subject, question.namespace)
        if not explanation.whole:
            return None
        grants = [grant for grant, _ in explanation.grants if grant.repository in {"", question.repository}]
        rights = reduce(lambda held, grant: held | grant.rights, grants, NOTHING)
        return answer(rights, NEEDS[question.action])

    def by_can(self, question: Question) -> str:
        subject, action, namespace, repository = question
        prefix = {USER: "user", GROUP: "group", ACCOUNT: "sa"}[subject.kind]
        place = f"{namespace}/{repository}" if repository else namespace
        value: Mapping[str, str] = can([self.snapshot], f"{prefix}/{subject.name}", action, place).value()  # type: ignore[assignment]
        return value["answer"]

    def by_who(self, question: Question) -> str:
        """Return the best answer of the rows of `who` for the subject and whom it acts as."""
        _, action, namespace, repository = question
        place = f"{namespace}/{repository}" if repository else namespace
        rows: list[dict[str, str]] = who([self.snapshot], action, place).value()  # type: ignore[assignment]
        mine = {Identity(*key) for key in self.acts_as(question.subject)}
        some = [row for row in rows if repository or row["repository"] == "*"]
        found = {row["access"] for row in some if Identity(row["subject_kind"], row["subject"]) in mine}
        return "yes" if "yes" in found else "unknown" if "unknown" in found else "no"

    def questions(self, seed: int, count: int) -> Iterator[Question]:
        """Yield random questions, about subjects and places that are there and some that are not."""
        dice = random.Random(seed)
        access = self.tables["access"]
        columns = [access.text(name).strings() for name in ("subject_kind", "subject")]
        subjects = sorted({Identity(*key) for key in zip(*columns, strict=True)})
        subjects = [one for one in subjects if one.kind in {USER, GROUP, ACCOUNT} and one.name and not one.inert]
        spaces = sorted(self.tables["namespaces"].text("namespace").strings())
        strangers = [Identity(USER, "nobody-knows"), Identity(ACCOUNT, f"{spaces[0]}:nobody-knows")]
        names = sorted(set(access.text("repository").strings()) - {"*"}) or ["web"]
        for _ in range(count):
            subject = dice.choice(strangers) if dice.random() < 0.1 else dice.choice(subjects)
            repository = dice.choice(["", dice.choice(names), "no-rule-names-it"])
            yield Question(subject, dice.choice(ACTIONS), dice.choice([*spaces, "no-such-namespace"]), repository)


def without(folder: Path, kind: str, tmp_path: Path) -> Path:
    """Return a dump like that in `folder` in which a list is missing."""
    part = tmp_path / f"{folder.name}-without-{kind}"
    part.mkdir()
    for path in folder.iterdir():
        if path.is_file() and not path.name.startswith(kind):
            shutil.copy(path, part)
    return part


@pytest.mark.parametrize("zone", ZONES, ids=lambda zone: zone.name)
def test_the_page_counts_for_a_subject_what_can_answers(zone: Path) -> None:
    """In how many namespaces it can pull, push and create, as one of everybody and cluster-wide too."""
    (snapshot,) = saved([str(zone)])
    surfaces = Surfaces(snapshot)
    given = {name: joined_table(name, [table]) for name, table in surfaces.tables.items()}
    subjects = page_tables(given, Platform())["subjects"]
    access = surfaces.tables["access"]
    named: dict[str, set[str]] = {}
    for namespace, repository in zip(*(access.text(key).strings() for key in ("namespace", "repository")), strict=True):
        named.setdefault(namespace, {""}).add(repository.replace("*", ""))
    spaces = set(surfaces.tables["namespaces"].text("namespace").strings()) | {*named} - {"*"}
    names = [Identity(*key) for key in zip(*(subjects.text(key).strings() for key in WHO), strict=True)]
    for row in random.Random(3).sample(range(len(names)), min(len(names), max(QUESTIONS // 100, 1))):
        subject = names[row]
        if subject.kind not in {USER, GROUP, ACCOUNT} or subject.inert:
            continue
        for action in ACTIONS:
            able = {
                space
                for space in spaces
                for repository in named.get(space, {""}) | named.get("*", set())
                if surfaces.authorizer.answer(subject, action, space, repository) == YES
            }
            assert subjects.numbers(f"{action}_namespaces")[row] == len(able), (subject, action)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("zone", "missing"),
    [
        *((zone, "") for zone in ZONES),
        *((zone, kind) for zone in ZONES[:2] for kind in ("groups", "clusterrolebindings", "rolebindings")),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else value or "whole",
)
def test_every_surface_gives_the_same_answer(zone: Path, missing: str, tmp_path: Path) -> None:
    """Thousands of random questions; where a list is missing, what depends on it is unknown everywhere."""
    (snapshot,) = saved([str(without(zone, missing, tmp_path) if missing else zone)])
    surfaces = Surfaces(snapshot)
    given = set()
    for number, question in enumerate(surfaces.questions(1, QUESTIONS)):
        right = surfaces.authorizer.answer(*question)
        acts_as = surfaces.acts_as(question.subject)
        told = {
            "csv": best(surfaces.by_csv, acts_as, question),
            "parquet": best(surfaces.by_parquet, acts_as, question),
            "page": best(surfaces.by_page, surfaces.acts_as_on_the_page(question.subject), question),
        }
        if (explained := surfaces.explained(question)) is not None:
            told["explain"] = explained
        if number < BY_COMMANDS:
            told["can"] = ANSWERS.index(surfaces.by_can(question))
            told["who"] = ANSWERS.index(surfaces.by_who(question))
        assert set(told.values()) == {right}, (question, right, told)
        given.add(right)
    assert given == ({NO, YES} if not missing else {YES, UNKNOWN} if "binding" in missing else {NO, YES, UNKNOWN})


def test_the_report_of_each_organization_gives_the_same_answer() -> None:
    """About the subjects that it names, in the namespaces of the organization."""
    (snapshot,) = saved([str(DEMO / "demo-1")])
    surfaces = Surfaces(snapshot)
    report = Report(run_of(zone_info(snapshot)), {name: [table] for name, table in surfaces.tables.items()})
    namespaces = surfaces.tables["namespaces"]
    owners = dict(zip(*(namespaces.text(name).strings() for name in ("namespace", "organization")), strict=True))
    own = {name: report.of(Audience("organization", name)).tables["access"][0] for name in {*owners.values()} - {""}}
    parts = {name: answers_of_table(access) for name, access in own.items()}
    compared = 0
    for question in surfaces.questions(2, QUESTIONS):
        owner = owners.get(question.namespace, "")
        if not owner or hidden(surfaces.by_csv, parts[owner], question):
            continue
        compared += 1
        told = best(parts[owner], surfaces.acts_as(question.subject), question)
        assert told == surfaces.authorizer.answer(*question), question
    assert compared > QUESTIONS / 4


def answers_of_table(access: Table) -> Answers:
    columns = {name: access.text(name).strings() for name in ("subject_kind", "subject", "namespace", "repository")}
    words = {name: [ANSWERS[number] for number in access.numbers(name).tolist()] for name in ACTIONS}
    return answers_of(columns | words)


def hidden(whole: Answers, part: Answers, question: Question) -> bool:
    """Return whether the report has a number in place of the subject's name."""
    return any(key[:2] == question.subject and key[2] in {question.namespace, "*"} for key in whole) and not any(
        key[:2] == question.subject for key in part
    )
