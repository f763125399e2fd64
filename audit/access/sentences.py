"""Why an answer is what it is, in sentences. Names are as the cluster has them: the caller escapes them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from audit.access.authorizer import Authorizer, Grant
from audit.access.bound_subjects import NO_BINDING
from audit.access.judged_roles import MISSING, UNSEEN
from audit.rbac.rules import CATALOG, CREATE, DELETE, NEEDS, PULL, PUSH, SIGN
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
_KIND_WORDS: Final = {USER: "user", GROUP: "group", ACCOUNT: "service account"}


class Verdict(NamedTuple):
    """An answer (YES, NO or UNKNOWN) with its reasons, strongest first, and remarks on the question itself."""

    answer: int
    why: tuple[str, ...]


def verdict(authorizer: Authorizer, who: Identity, action: str, namespace: str, repository: str = "") -> Verdict:
    """Answer one question with reasons; see `Authorizer.answer` for the arguments."""
    answer = authorizer.answer(who, action, namespace, repository)
    needed = NEEDS[action]
    here = [grant for grant in authorizer.grants_of(who) if grant.namespace in {"", namespace}]
    relevant = [grant for grant in here if grant.repository in {"", repository}]
    if answer == YES:
        reasons = [sentence(authorizer, who, grant) for grant in relevant if grant.rights.granted & needed]
    else:
        reasons = list(_obstacles(authorizer, who, namespace)) if answer == UNKNOWN else []
        reasons += _partial(authorizer, who, here, needed)
    if answer == NO and not reasons:
        reasons.append(f"no binding gives {_name(who)} any part of it")
    if not authorizer.bound.snapshot.lists(namespace):
        reasons.append(f"the zone's list has no namespace {namespace}: the answer is for cluster-wide grants")
    return Verdict(answer, tuple(_short(reasons)))


class Explanation(NamedTuple):
    """Every grant of one subject with its sentence, and what could not be seen and may give more."""

    grants: tuple[tuple[Grant, str], ...]
    obstacles: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Return whether there can be nothing else."""
        return not self.obstacles and all(grant.rights.granted == grant.rights.possible for grant, _ in self.grants)


def explain(authorizer: Authorizer, who: Identity, namespace: str | None = None) -> Explanation:
    """Return each grant of `who`, in one namespace (with what is cluster-wide) or everywhere, by place."""
    grants = [grant for grant in authorizer.grants_of(who) if namespace is None or grant.namespace in {"", namespace}]
    grants.sort(key=lambda grant: (grant.namespace, grant.repository))
    return Explanation(
        tuple((grant, sentence(authorizer, who, grant)) for grant in grants),
        tuple(_obstacles(authorizer, who, namespace)),
    )


def sentence(authorizer: Authorizer, who: Identity, grant: Grant) -> str:
    """Return one sentence about a grant: subject, group, rights, place, binding, role and its sources."""
    place = f"in {grant.namespace}" if grant.namespace else "in every namespace"
    if grant.repository:
        place = f"for repository {grant.repository} {place}"
    subject = _name(who)
    if grant.group:
        subject += f", who is in group {grant.group}," if who.kind == USER else f", as part of group {grant.group},"
    if grant.binding == NO_BINDING:
        return f"{subject} can do everything {place}: the API server asks no role about group {grant.group or who.name}"
    return f"{subject} {_effect(authorizer, grant, place)}"


def _effect(authorizer: Authorizer, grant: Grant, place: str) -> str:
    snapshot, roles = authorizer.bound.snapshot, authorizer.bound.roles
    bindings, text = snapshot.tables["bindings"], snapshot.strings
    binding = text[bindings["name"][grant.binding]]
    role = f"{text[bindings['role_kind'][grant.binding]]} {text[bindings['role'][grant.binding]]}"
    through = f"{'RoleBinding' if grant.namespace else 'ClusterRoleBinding'} {binding} to {role}"
    row = int(roles.row[grant.role])
    if row == MISSING:
        return f"gets nothing {place} by {through}: that role does not exist, and grants as soon as somebody creates it"
    if row == UNSEEN:
        return f"may have any right {place} by {through}: that role could not be seen"
    if grant.subject.inert:
        return f"gets nothing {place} by {through}: a service account without a namespace matches nobody"
    source = roles.sources[grant.role]
    origin = f", which has it from {source}" if source else ""
    can = _listed(words for bit, words in _RIGHTS.items() if grant.rights.granted & bit)
    return f"can {can} {place} by {through}{origin}"


def _partial(authorizer: Authorizer, who: Identity, grants: Sequence[Grant], needed: int) -> Iterator[str]:
    """Yield the grants that give a part of what is needed, for another repository, or nothing because of a gap."""
    for grant in grants:
        if grant.rights.possible & needed or not grant.rights.possible:
            yield sentence(authorizer, who, grant)


def _obstacles(authorizer: Authorizer, who: Identity, namespace: str | None) -> Iterator[str]:
    """Yield what could not be seen and may give more."""
    snapshot = authorizer.bound.snapshot
    anywhere = (*snapshot.gaps_of("clusterrolebindings"), *snapshot.gaps_of("rolebindings"))
    for gap in anywhere if namespace is None else authorizer.blind(namespace):
        yield f"not seen: {gap.text}; anybody may have access by them"
    for gap in authorizer.groups_unseen(who):
        yield f"not seen: {gap.text}; {_name(who)} may be in groups that are not known"


def _name(who: Identity) -> str:
    return f"{_KIND_WORDS[who.kind]} {who.name}"


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _short(reasons: Sequence[str]) -> list[str]:
    once = list(dict.fromkeys(reasons))
    more = len(once) - _SHOWN
    return [*once[:_SHOWN], *([f"and {more} more; `registry-audit explain` lists all"] if more > 0 else [])]
