"""Compares a sample of the answers in the tables with the cluster's own access reviews."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import Final, NamedTuple

from audit.access.authorizer import Authorizer
from audit.access.login import WITHOUT_TOKEN
from audit.access.sentences import sentence, verdict
from audit.collect.access_reviews import Allowed
from audit.collect.decode import CollectError
from audit.parallel import run_parallel
from audit.rbac.rules import ACTIONS, CLUSTER_ONLY, IMAGES, LOGIN_QUESTIONS, NEEDS, QUESTIONS, Question
from audit.rbac.subjects import ACCOUNT, ACCOUNT_PREFIX, ANONYMOUS, GROUP, USER, Identity, user, virtual_groups
from audit.snapshot.model import Snapshot
from audit.tables.schemas import YES
from audit.verify.binomial import highest_share
from audit.verify.result import Agreement
from audit.verify.sampling import POPULATIONS, Sample, SampledCell, SamplePlan, sample

CONFIDENCE: Final = 0.95
_NO_RULE_NAMES_IT: Final = "registry-audit-any"


# Asks a cluster whether a user in groups may do something. Raises CollectError when there is no answer.
AccessReviewer = Callable[[str, tuple[str, ...], dict[str, str]], Allowed]


@dataclass(frozen=True, slots=True)
class CellDifference:
    """A cell that the cluster answers differently: our reasons, and its own (which may be empty)."""

    cell: SampledCell
    why: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of comparing one zone. `shares` has (agreed, asked) for each of POPULATIONS."""

    zone: str
    verified: Agreement
    shares: dict[str, tuple[int, int]]
    differences: tuple[CellDifference, ...] = ()


class CellAnswer(NamedTuple):
    """The cluster's answer about one cell; None when there is none, with the reason."""

    allowed: bool | None
    reason: str


def not_asked(zone: str, why: str) -> Verification:
    """Return the result for a zone that could not be asked."""
    return Verification(zone, Agreement(why=why), dict.fromkeys(POPULATIONS, (0, 0)))


def verify(
    authorizer: Authorizer, review: AccessReviewer, draw: SamplePlan, stop: Event, *, at_once: int = 8
) -> Verification:
    """Ask the cluster about a sample of cells, `at_once` at the same time, and compare."""
    chosen = sample(authorizer, draw)
    cells = [cell for drawn in chosen.drawn.values() for cell in (*drawn.cells, *drawn.beside)]
    found = _compared(authorizer, chosen, ask_all(authorizer, review, cells, stop, at_once=at_once))
    return replace(found, verified=replace(found.verified, seed=draw.seed))


def ask_all(
    authorizer: Authorizer, review: AccessReviewer, cells: Sequence[SampledCell], stop: Event, *, at_once: int
) -> dict[SampledCell, CellAnswer]:
    """Return the cluster's answer about each cell."""
    asking = _CellReviewer(authorizer, review)
    outcomes = dict.fromkeys(cells, CellAnswer(None, "stopped before it was asked"))
    for at, outcome in run_parallel(cells, asking.ask, stop.is_set, at_once=at_once):
        outcomes[cells[at]] = outcome
    return outcomes


def differences(authorizer: Authorizer, outcomes: Mapping[SampledCell, CellAnswer]) -> tuple[CellDifference, ...]:
    """Return the cells that the cluster answers differently, sorted."""
    return tuple(
        CellDifference(cell, _why(authorizer, cell), outcome.reason)
        for cell, outcome in sorted(outcomes.items())
        if outcome.allowed is not None and outcome.allowed != (cell.answer == YES)
    )


class _CellReviewer:
    """Asks the cluster about cells as its registry would; after a refusal it asks no more."""

    def __init__(self, authorizer: Authorizer, review: AccessReviewer) -> None:
        self._authorizer, self._review = authorizer, review
        self._groups = _groups_of(authorizer.bound.snapshot)
        named = authorizer.bound.roles.repositories
        self._any = next(
            name for name in (f"{_NO_RULE_NAMES_IT}{'x' * more}" for more in range(len(named) + 1)) if name not in named
        )
        self._refused: CollectError | None = None

    def ask(self, cell: SampledCell) -> CellAnswer:
        """Ask every question that the registry asks for this action: all of them must be allowed."""
        reasons = []
        try:
            who = cell.who
            if self._authorizer.login(who) is not None:
                # Where not everybody may use the registry, it matters what it asks first.
                identify, review = (self._answer(who, cell, question) for question in LOGIN_QUESTIONS)
                if not identify.allowed:
                    return CellAnswer(allowed=False, reason=identify.reason)
                who = who if review.allowed else WITHOUT_TOKEN[0]
            for question in QUESTIONS:
                if question.right & NEEDS[cell.action]:
                    answer = self._answer(who, cell, question)
                    reasons.append(answer.reason)
                    if not answer.allowed:
                        return CellAnswer(allowed=False, reason=answer.reason)
        except CollectError as error:
            return CellAnswer(None, f"{error.reason}: {error.detail}")
        return CellAnswer(allowed=True, reason="; ".join(filter(None, reasons)))

    def _answer(self, who: Identity, cell: SampledCell, question: Question) -> Allowed:
        if self._refused:
            raise self._refused
        images = question.group == IMAGES
        everywhere = not images or cell.namespace == "*" or question.right & CLUSTER_ONLY
        attributes = {
            "verb": question.verb,
            "group": question.group,
            "resource": question.resource,
            "namespace": "" if everywhere else cell.namespace,
            "name": "" if not question.named else self._any if cell.repository == "*" else cell.repository,
        }
        try:
            return self._review(*self._caller(who), attributes)
        except CollectError as error:
            if error.reason == "refused":
                self._refused = error
            raise

    def _caller(self, who: Identity) -> tuple[str, tuple[str, ...]]:
        """Return the user name and groups to ask with; a group asks as a member without a name."""
        groups = virtual_groups(who)
        if who.kind == GROUP:
            return "", (who.name, *groups)
        if who.kind == ACCOUNT:
            return f"{ACCOUNT_PREFIX}{who.name}", groups
        return who.name, (*self._groups.get(who.name, ()), *groups)


def _groups_of(snapshot: Snapshot) -> dict[str, list[str]]:
    """Return the groups that list each user; group objects do not apply to service accounts and the anonymous user."""
    text, groups, members = snapshot.strings, snapshot.tables["groups"]["name"], snapshot.tables["members"]
    found: dict[str, list[str]] = defaultdict(list)
    for group, member in zip(groups[members["group"]].tolist(), members["user"].tolist(), strict=True):
        found[text[member]].append(text[group])
    people = {name for name in found if user(name).kind == USER and name != ANONYMOUS}
    return {name: [*dict.fromkeys(found[name])] for name in sorted(people)}


def _compared(authorizer: Authorizer, chosen: Sample, outcomes: Mapping[SampledCell, CellAnswer]) -> Verification:
    found = differences(authorizer, outcomes)
    differing = {difference.cell for difference in found}
    failures = [outcome.reason for outcome in outcomes.values() if outcome.allowed is None]
    shares, bounds = {}, []
    confidence = 1 - (1 - CONFIDENCE) / len(POPULATIONS)  # all bounds hold together
    for name, drawn in chosen.drawn.items():
        answered = [cell for cell in drawn.cells if outcomes[cell].allowed is not None]
        wrong = len(differing & {*answered})
        shares[name] = len(answered) - wrong, len(answered)
        if drawn.cells or not drawn.whole:
            exact = drawn.whole and len(answered) == len(drawn.cells)
            bounds.append(wrong / len(answered) if exact else highest_share(wrong, len(answered), confidence))
    verified = Agreement(
        asked=len(outcomes),
        agreed=len(outcomes) - len(found) - len(failures),
        differed=len(found),
        failed=len(failures),
        left_out=chosen.left_out,
        bound=max(bounds, default=1.0),
        why=failures[0] if failures else "",
    )
    return Verification(authorizer.bound.snapshot.origin.zone, verified, shares, found)


def _why(authorizer: Authorizer, cell: SampledCell) -> tuple[str, ...]:
    """Return our reasons for an answer."""
    if cell.action in ACTIONS and cell.namespace != "*":
        repository = "" if cell.repository == "*" else cell.repository
        return verdict(authorizer, cell.who, cell.action, cell.namespace, repository).why
    needed = NEEDS[cell.action]
    grants = [
        grant for grant in authorizer.grants_of(cell.who) if not grant.namespace and grant.rights.granted & needed
    ]
    return tuple(sentence(authorizer, cell.who, grant) for grant in grants) or ("no cluster-wide binding gives it",)
