"""Why an answer is what it is, in sentences. Names are as the cluster has them: the caller escapes them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from audit.access.authorizer import Authorizer, Grant
from audit.access.bound_subjects import NO_BINDING
from audit.access.judged_roles import MISSING, UNSEEN
from audit.access.rights import Rights
from audit.rbac.rules import CATALOG, CREATE, DELETE, IDENTIFY, LOGIN, LOGIN_QUESTIONS, NEEDS, PULL, PUSH, SIGN
from audit.rbac.subjects import ACCOUNT, GROUP, USER, Identity
from audit.snapshot.model import Snapshot
from audit.tables.schemas import NO, UNKNOWN, YES

_RIGHTS: Final = {
    PULL: "pull",
    PUSH: "push",
    CREATE: "create image streams",
    DELETE: "delete images and prune",
    CATALOG: "list every repository",
    SIGN: "sign images",
}
# Without pull nobody can push: alone, the right is one to upload.
_ALONE: Final = _RIGHTS | {PUSH: "upload"}
_SHOWN: Final = 20  # reasons of one answer: enough to act, few enough to read
_REFUSED: Final = "the registry refuses a push"
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
    reasons = list(login_remarks(authorizer, who))
    if answer == YES:
        reasons += [sentence(authorizer, who, grant) for grant in relevant if grant.rights.granted & needed]
    else:
        reasons += _halves(who, authorizer.rights_by_rbac(who, namespace, repository), needed)
        reasons += _obstacles(authorizer, who, namespace) if answer == UNKNOWN else []
        reasons += _partial(authorizer, who, here, needed)
    if answer == NO and not reasons:
        reasons.append(f"no binding gives {_name(who)} any part of it")
    return Verdict(answer, (*_short(reasons), *_remarks(authorizer.bound.snapshot, action, namespace, repository)))


def _halves(who: Identity, rights: Rights[int], needed: int) -> Iterator[str]:
    """Yield what of the rights that one push takes is there, and what is missing."""
    there, missing = rights.granted & needed, needed & ~rights.possible
    if there and missing:
        yield f"{_name(who)} may {_words(there, _ALONE)} there but not {_words(missing, _ALONE)}: {_REFUSED}"
    elif there and (unknown := needed & ~there):
        yield f"{_name(who)} may {_words(there, _ALONE)} there; whether also {_words(unknown, _ALONE)} is not known"


def _remarks(snapshot: Snapshot, action: str, namespace: str, repository: str) -> Iterator[str]:
    """Yield what else decides about the action, beside the rights of the subject."""
    if namespace != "*" and not snapshot.lists(namespace):
        if snapshot.gaps_of("namespaces"):
            yield f"not seen: whether there is a namespace {namespace}"
        else:
            yield f"the zone's list has no namespace {namespace}: the answer is for cluster-wide grants"
    elif action == "push" and repository and not _may_exist(snapshot, namespace, repository):
        yield f"there is no image stream {repository} in {namespace}: a push of a tag that creates it needs create"


def _may_exist(snapshot: Snapshot, namespace: str, repository: str) -> bool:
    """Return whether an image stream is in the list, or the list is incomplete."""
    streams = snapshot.tables["imagestreams"]
    namespace_code, name = snapshot.code(namespace), snapshot.code(repository)
    listed = bool(((streams["namespace"] == namespace_code) & (streams["name"] == name)).any())
    return listed or bool(snapshot.gaps_in("imagestreams", namespace)) or not snapshot.requested("imagestreams")


def login_remarks(authorizer: Authorizer, who: Identity) -> Iterator[str]:
    """Yield whether the registry refuses a subject, or takes it for anonymous, whatever its bindings grant."""
    login = authorizer.login(who)
    if login is None or login.granted == LOGIN:
        return
    for question in LOGIN_QUESTIONS:
        if not login.granted & question.right:
            may = f"may not {question.verb} {question.resource}"
            effect = "refuses all its requests" if question.right == IDENTIFY else "treats it as system:anonymous"
            doubt = "perhaps " if login.possible & question.right else ""
            yield f"{_name(who)} {doubt}{may}, as everybody may by default: then the registry {effect}"
            return


class Explanation(NamedTuple):
    """Every grant of one subject with its sentence, what could not be seen and may give more, and what else counts."""

    grants: tuple[tuple[Grant, str], ...]
    obstacles: tuple[str, ...]
    remarks: tuple[str, ...] = ()

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
        tuple(login_remarks(authorizer, who)),
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
        return f"{subject} can do everything {place}: the API server checks no role for group {grant.group or who.name}"
    return f"{subject} {_effect(authorizer, grant, place)}{_without_pull(authorizer, who, grant)}"


def _without_pull(authorizer: Authorizer, who: Identity, grant: Grant) -> str:
    """Return what a grant to upload is missing: without pull the registry refuses every push."""
    if not grant.rights.granted & PUSH or grant.rights.granted & PULL:
        return ""
    held = authorizer.rights_by_rbac(who, grant.namespace, grant.repository)
    if held.granted & PULL:
        return "; with pull from elsewhere that is a push"
    if held.possible & PULL:
        return f"; whether it may pull there is not known: without pull {_REFUSED}"
    some = any(_meet(grant, other) for other in authorizer.grants_of(who) if other.rights.granted & PULL)
    return f"; it may upload but not pull{', except for a part,' if some else ''} there: {_REFUSED}"


def _meet(one: Grant, other: Grant) -> bool:
    """Return whether two grants have a place in common."""
    namespaces, repositories = {one.namespace, other.namespace} - {""}, {one.repository, other.repository} - {""}
    return len(namespaces) < 2 and len(repositories) < 2  # noqa: PLR2004  different ones have nothing in common


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
    can = _words(grant.rights.granted, _RIGHTS if grant.rights.granted & PULL else _ALONE)
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


def _words(rights: int, words: Mapping[int, str]) -> str:
    """Return rights for a sentence."""
    *most, last = (word for right, word in words.items() if rights & right)
    return f"{', '.join(most)} and {last}" if most else last


def _short(reasons: Sequence[str]) -> list[str]:
    once = list(dict.fromkeys(reasons))
    more = len(once) - _SHOWN
    return [*once[:_SHOWN], *([f"and {more} more; `registry-audit explain` lists all"] if more > 0 else [])]
