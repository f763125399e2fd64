"""Why an answer is what it is, in sentences. Names are as the cluster has them: the caller makes them harmless."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from audit.access.authorizer import NEEDS, Oracle, Way
from audit.access.edges import MISSING, NO_BINDING, UNSEEN
from audit.rbac.rules import CATALOG, CREATE, DELETE, PULL, PUSH, SIGN
from audit.rbac.subjects import ACCOUNT, GROUP, USER, Identity
from audit.tables.model import NO, UNKNOWN, YES

_RIGHTS: Final = {
    PULL: "pull",
    PUSH: "push",
    CREATE: "create image streams",
    DELETE: "delete images and prune",
    CATALOG: "list every repository",
    SIGN: "sign images",
}
_SHOWN: Final = 20  # reasons of one answer: enough to act, few enough to read
_SPELLED: Final = {USER: "user", GROUP: "group", ACCOUNT: "service account"}


class Verdict(NamedTuple):
    """An answer (YES, NO or UNKNOWN) with its reasons, strongest first, and remarks on the question itself."""

    answer: int
    why: tuple[str, ...]


def verdict(oracle: Oracle, who: Identity, action: str, namespace: str, repository: str = "") -> Verdict:
    """Answer one question and say why; see `Oracle.answer` for the arguments."""
    answer = oracle.answer(who, action, namespace, repository)
    needed = NEEDS[action]
    here = [way for way in oracle.ways_of(who) if way.namespace in {"", namespace}]
    relevant = [way for way in here if way.repository in {"", repository}]
    if answer == YES:
        reasons = [sentence(oracle, who, way) for way in relevant if way.held.granted & needed]
    else:
        reasons = list(_obstacles(oracle, who, namespace)) if answer == UNKNOWN else []
        reasons += _partial(oracle, who, here, needed)
    if answer == NO and not reasons:
        reasons.append(f"no binding gives {_name(who)} any part of it")
    if not oracle.listed(namespace):
        reasons.append(f"the zone's list has no namespace {namespace}: the answer is for cluster-wide grants")
    return Verdict(answer, tuple(_short(reasons)))


class Explanation(NamedTuple):
    """Every way in of one subject with its sentence, and what could not be seen and may give more."""

    ways: tuple[tuple[Way, str], ...]
    obstacles: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Say whether there can be nothing else."""
        return not self.obstacles and all(way.held.granted == way.held.possible for way, _ in self.ways)


def explain(oracle: Oracle, who: Identity, namespace: str | None = None) -> Explanation:
    """Return each way in of `who`, in one namespace (with what is cluster-wide) or everywhere, by place."""
    ways = [way for way in oracle.ways_of(who) if namespace is None or way.namespace in {"", namespace}]
    ways.sort(key=lambda way: (way.namespace, way.repository))
    return Explanation(
        tuple((way, sentence(oracle, who, way)) for way in ways), tuple(_obstacles(oracle, who, namespace))
    )


def sentence(oracle: Oracle, who: Identity, way: Way) -> str:
    """Say in one sentence how a way leads in: subject, group, binding, role, roles aggregated from, right, place."""
    place = f"in {way.namespace}" if way.namespace else "in every namespace"
    if way.repository:
        place = f"for repository {way.repository} {place}"
    subject = _name(who)
    if way.group:
        subject += f", who is in group {way.group}," if who.kind == USER else f", as part of group {way.group},"
    if way.binding == NO_BINDING:
        return f"{subject} can do everything {place}: the API server asks no role about group {way.group or who.name}"
    return f"{subject} {_effect(oracle, way, place)}"


def _effect(oracle: Oracle, way: Way, place: str) -> str:
    snapshot, uses = oracle.ways.snapshot, oracle.ways.uses
    bindings, text = snapshot.tables["bindings"], snapshot.strings
    binding = text[bindings["name"][way.binding]]
    role = f"{text[bindings['role_kind'][way.binding]]} {text[bindings['role'][way.binding]]}"
    through = f"{'RoleBinding' if way.namespace else 'ClusterRoleBinding'} {binding} to {role}"
    row = int(uses.role[way.use])
    if row == MISSING:
        return f"gets nothing {place} by {through}: that role does not exist, and grants as soon as somebody creates it"
    if row == UNSEEN:
        return f"may have any right {place} by {through}: that role could not be seen"
    if way.who.inert:
        return f"gets nothing {place} by {through}: a service account without a namespace matches nobody"
    source = uses.sources[way.use]
    origin = f", which has it from {source}" if source else ""
    return (
        f"can {_listed(words for bit, words in _RIGHTS.items() if way.held.granted & bit)} {place} by {through}{origin}"
    )


def _partial(oracle: Oracle, who: Identity, ways: Sequence[Way], needed: int) -> Iterator[str]:
    """Yield the ways that give a part of what is needed, for another repository, or nothing because of a gap."""
    for way in ways:
        told = way.held.possible & needed or not way.held.possible
        if told:
            yield sentence(oracle, who, way)


def _obstacles(oracle: Oracle, who: Identity, namespace: str | None) -> Iterator[str]:
    """Yield what could not be seen and may give more."""
    snapshot = oracle.ways.snapshot
    anywhere = (*snapshot.gaps_of("clusterrolebindings"), *snapshot.gaps_of("rolebindings"))
    for gap in anywhere if namespace is None else oracle.blind(namespace):
        yield f"not seen: {gap.text}; anybody may have access by them"
    for gap in oracle.groups_unseen(who):
        yield f"not seen: {gap.text}; {_name(who)} may be in groups that are not known"


def _name(who: Identity) -> str:
    return f"{_SPELLED[who.kind]} {who.name}"


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _short(reasons: Sequence[str]) -> list[str]:
    once = list(dict.fromkeys(reasons))
    more = len(once) - _SHOWN
    return [*once[:_SHOWN], *([f"and {more} more; `registry-audit explain` lists all"] if more > 0 else [])]
