"""The steps that the rights of one identity in one namespace allow: the edges of the graph."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from audit.rbac.subjects import ACCOUNT, GROUP, MASTERS, Identity, may_join, user
from audit.routes.coverage import bindable_by_coverage
from audit.routes.holdings import ANY_NAME, NOTHING_HELD, HeldRights, Holdings
from audit.routes.nodes import (
    COVERED_ROLES,
    EACH_NAMESPACE,
    EVERY_CLUSTER_ROLE,
    EVERY_LOCAL_ROLE,
    EVERY_RIGHT,
    Certainty,
    Node,
    NodeKind,
)
from audit.routes.rights import ALL_RIGHTS, bits
from audit.tables.schemas import YES

CERTAIN, POSSIBLE, UNKNOWN = Certainty.CERTAIN, Certainty.POSSIBLE, Certainty.UNKNOWN


class Move(NamedTuple):
    """One step: what is reached, how sure, and the rights that allow it, in a namespace."""

    node: Node
    certainty: Certainty
    rights: int
    space: int


_READ_SECRETS: Final = bits("list secrets", "get secrets")
_CREATE_SECRETS: Final = bits("create secrets")
_TOKEN: Final = bits("create serviceaccounts/token")
CERTAIN_ANY: Final = _READ_SECRETS | _TOKEN | bits("get imagestreams/secrets")
STRATEGY: Final = bits("create builds of a strategy")
BUILDS: Final = bits(
    "create builds",
    "create buildconfigs",
    "update buildconfigs",
    "create buildconfigs/instantiate",
    "create buildconfigs/instantiatebinary",
    "create builds/clone",
)
_EXEC: Final = (
    "create pods",
    "create pods/exec",
    "create pods/attach",
    "update pods/ephemeralcontainers",
    "update pods",
)
_KINDS: Final = (
    "deployments",
    "statefulsets",
    "daemonsets",
    "replicasets",
    "replicationcontrollers",
    "jobs",
    "cronjobs",
    "deploymentconfigs",
)
_NAMES: Final = {right.name for right in ALL_RIGHTS}
POSSIBLE_ANY: Final = bits(
    *_EXEC, *(name for kind in _KINDS for name in (f"create {kind}", f"update {kind}") if name in _NAMES)
)
_ACCOUNTS_API: Final = bits("impersonate serviceaccounts")
_USERS_API, _GROUPS_API = bits("impersonate users"), bits("impersonate groups")
_CREATE_BINDINGS, _UPDATE_BINDINGS = bits("create rolebindings"), bits("update rolebindings")
_OPENSHIFT_BINDINGS: Final = bits("write rolebindings of authorization.openshift.io")
_CREATE_WIDE, _UPDATE_WIDE = bits("create clusterrolebindings"), bits("update clusterrolebindings")
WRITE_BINDINGS: Final = _CREATE_BINDINGS | _UPDATE_BINDINGS | _OPENSHIFT_BINDINGS
WRITE_WIDE: Final = _CREATE_WIDE | _UPDATE_WIDE
_BIND_CLUSTER_ROLES, _BIND_ROLES = bits("bind clusterroles"), bits("bind roles")
_CREATES: Final = _CREATE_BINDINGS | _OPENSHIFT_BINDINGS
_ESCALATES: Final = bits("escalate roles", "escalate clusterroles")
_ESCALATE: Final = (
    bits("escalate roles", "write roles"),
    bits("escalate clusterroles", "write clusterroles"),
)
_UPDATE_GROUPS, _CREATE_GROUPS = bits("update groups"), bits("create groups")
_WRITE_USERS, _NODES = bits("write users"), bits("nodes/proxy")
_CERTIFICATES: Final = bits("create certificatesigningrequests", "approve certificatesigningrequests")
_CREATE_ACCOUNTS: Final = bits("create serviceaccounts")
_PROJECTS, _NAMESPACES = bits("create projectrequests"), bits("create namespaces")


def any_account(held: HeldRights) -> Iterator[tuple[Certainty, int]]:
    """Yield how sure it is that these rights in a namespace reach any account of it, and which of them do."""
    certain = _certain_any(held.granted, held.named)
    if certain:
        yield CERTAIN, certain
    possible = _possible_any(held.granted)
    if possible:
        yield POSSIBLE, possible
    unknown = (_certain_any(held.possible, held.named) | _possible_any(held.possible)) & ~(certain | possible)
    # Which account's token is in a secret of a certain name is not known.
    unknown |= sum({bit for bit, _ in held.named if bit & _READ_SECRETS})
    if unknown:
        yield UNKNOWN, unknown


def _certain_any(rights: int, named: Iterable[tuple[int, str]]) -> int:
    found = rights & CERTAIN_ANY
    reads = sum({bit for bit, _ in named if bit & _READ_SECRETS})
    # A secret of the name that may be read is filled in with a token of any account.
    return found | (reads | _CREATE_SECRETS if reads and rights & _CREATE_SECRETS else 0)


def _possible_any(rights: int) -> int:
    return (rights & POSSIBLE_ANY) | (rights & (BUILDS | STRATEGY) if rights & BUILDS and rights & STRATEGY else 0)


class Moves:
    """The steps of identities of one zone."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._text = holdings.snapshot.strings
        self._in_api_only = False

    def of(self, who: Identity, held: dict[int, HeldRights], *, token: bool = True) -> Iterator[Move]:
        """Yield each step that `who`, who holds this by namespace, can make; some several times.

        Without a `token` of theirs, requests are made in their name to the API only.
        """
        self._in_api_only = not token
        wide = held.get(0, NOTHING_HELD)
        impersonates = any(self._impersonates(rights) for rights in held.values())
        if wide.possible or wide.named:
            yield from self._cluster(who, wide, impersonates=impersonates)
        for space, local in held.items():
            if space:
                yield from self._in(who, space, local | wide)

    def _impersonates(self, held: HeldRights) -> bool:
        wanted = _ACCOUNTS_API | _USERS_API
        return bool(held.possible & wanted) or any(bit & wanted for bit, _ in held.named)

    def _in(self, who: Identity, space: int, held: HeldRights) -> Iterator[Move]:
        """Yield the steps by rights in one namespace."""
        for certainty, rights in any_account(held):
            yield Move(Node(NodeKind.ANY, None, space), certainty, rights, space)
        for certainty, rights in _levels(held, _ACCOUNTS_API):
            yield Move(Node(NodeKind.ANY_API, None, space), certainty, rights, space)
        if held.named:
            yield from self._named_accounts(space, held)
        yield from self._bound(who, space, held)
        for certainty, rights in _levels(held, _CREATE_ACCOUNTS):
            for account in self._holdings.accounts.get(self._text[space], ()):
                if self._holdings.state(account) != "present":
                    yield Move(Node(NodeKind.TOKEN, account), max(certainty, POSSIBLE), rights, space)

    def _named_accounts(self, space: int, held: HeldRights) -> Iterator[Move]:
        """Yield the steps to single accounts, which rules name, or of which they name a secret."""
        namespace = self._text[space]
        for bit, name in held.named:
            if bit & (_TOKEN | _ACCOUNTS_API) and ":" not in name:
                account = Identity(ACCOUNT, f"{namespace}:{name}")
                there = CERTAIN if self._exists(space, account) else POSSIBLE
                yield Move(Node(NodeKind.TOKEN if bit & _TOKEN else NodeKind.API, account), there, bit, space)
            elif bit & _READ_SECRETS:
                known = self._holdings.tokens.get((namespace, name))
                if known:
                    yield Move(Node(NodeKind.TOKEN, Identity(ACCOUNT, f"{namespace}:{known}")), CERTAIN, bit, space)
                for account in self._holdings.accounts.get(namespace, ()):
                    if name.startswith(f"{account.name.partition(':')[2]}-"):
                        yield Move(Node(NodeKind.TOKEN, account), POSSIBLE, bit, space)

    def _exists(self, space: int, account: Identity) -> bool:
        code = self._holdings.snapshot.code(account.name.partition(":")[2])
        return (space, code) in self._holdings.listed_accounts

    def _bound(self, who: Identity, space: int, held: HeldRights) -> Iterator[Move]:
        """Yield the roles that can be bound to anybody in a namespace."""
        # By the group of OpenShift alone, whether the request is passed on is not certain.
        for right, least in ((_CREATE_BINDINGS, CERTAIN), (_UPDATE_BINDINGS, CERTAIN), (_OPENSHIFT_BINDINGS, POSSIBLE)):
            for certainty, rights in _levels(held, right):
                for move in self._bindings(who, space, held, rights, creates=right != _UPDATE_BINDINGS):
                    yield move._replace(certainty=max(certainty, least, move.certainty))
        yield from self._named_bindings(space, held, _UPDATE_BINDINGS)
        for both in _ESCALATE:
            for certainty, rights in _both(held, both):
                yield Move(Node(NodeKind.GAIN, None, space, EVERY_RIGHT), max(certainty, POSSIBLE), rights, space)

    def _bindings(self, who: Identity, space: int, held: HeldRights, rights: int, *, creates: bool) -> Iterator[Move]:
        """Yield the roles that who writes bindings by `rights` can bind; without `creates` only those in use."""
        bindable = self._bindable(space, held) if creates else self._in_use(space, held, None)
        for role, sure, by in bindable:
            yield Move(Node(NodeKind.GAIN, None, space, role), sure, rights | by, space)
        if creates and not self._has_all(who, space, held) and bindable_by_coverage(self._holdings, who, space):
            yield Move(Node(NodeKind.GAIN, who, space, COVERED_ROLES), CERTAIN, rights, space)

    def _has_all(self, who: Identity, space: int, held: HeldRights) -> bool:
        """Return whether `who` may do everything in a namespace already, itself and as any account of it."""
        answer = self._holdings.authorizer.answer(who, "create", self._text[space])
        return bool(held.granted & CERTAIN_ANY) and answer == YES and not self._in_api_only

    def _named_bindings(self, space: int, held: HeldRights, update: int) -> Iterator[Move]:
        """Yield the roles of single bindings that can be changed."""
        for bit, binding in held.named:
            if bit & update:
                for role, sure, by in self._in_use(space, held, binding):
                    yield Move(Node(NodeKind.GAIN, None, space, role), sure, bit | by, space)

    def _bindable(self, space: int, held: HeldRights) -> Iterator[tuple[int, Certainty, int]]:
        """Yield each role that may be bound by `bind` in a namespace: its row, how sure, by which right."""
        missing = self._holdings.snapshot.missing("clusterroles")
        for certainty, rights in _levels(held, _BIND_CLUSTER_ROLES):
            yield EVERY_CLUSTER_ROLE, certainty, rights
        if space:
            for certainty, rights in _levels(held, _BIND_ROLES):
                yield EVERY_LOCAL_ROLE, certainty, rights
            missing = missing or bool(self._holdings.snapshot.gaps_in("roles", self._text[space]))
        some = held.possible & (_BIND_CLUSTER_ROLES | _BIND_ROLES)
        for bit, name in held.named:
            if bit & (_BIND_CLUSTER_ROLES | _BIND_ROLES):
                some |= bit
                of = 0 if bit & _BIND_CLUSTER_ROLES else space
                if of or bit & _BIND_CLUSTER_ROLES:
                    for row in self._holdings.roles_by_name.get((of, name), ()):
                        yield row, CERTAIN, bit
        if some and missing:
            yield EVERY_RIGHT, UNKNOWN, some

    def _in_use(self, space: int, held: HeldRights, binding: str | None) -> Iterator[tuple[int, Certainty, int]]:
        """Yield those of `_bindable` to which a binding there refers: such a binding can be changed, not its role."""
        holdings = self._holdings
        bound = [row for name, row in holdings.bound_in(space) if binding in {None, name}]
        rows = {int(holdings.role_of_binding[row]) for row in bound}
        for role, sure, by in self._bindable(space, held):
            if role >= 0:
                found = {role} & rows
            elif role == EVERY_RIGHT:
                found = {EVERY_RIGHT} if min(rows, default=0) < 0 else set()
            else:
                found = {
                    row for row in rows if row >= 0 and holdings.is_cluster_role(row) == (role == EVERY_CLUSTER_ROLE)
                }
            for row in sorted(found):
                yield row, sure, by

    def _cluster(self, who: Identity, held: HeldRights, *, impersonates: bool) -> Iterator[Move]:
        """Yield the steps by rights in every namespace, and on objects without one."""
        for certainty, rights in any_account(held):
            yield Move(Node(NodeKind.ANY), certainty, rights, 0)
        for certainty, rights in _levels(held, _NODES):
            yield Move(Node(NodeKind.ANY), max(certainty, POSSIBLE), rights, 0)
        for certainty, rights in _levels(held, _ACCOUNTS_API):
            yield Move(Node(NodeKind.ANY_API), certainty, rights, 0)
        if held.named:
            yield from self._named_everywhere(held)
        yield from self._as_others(held, impersonates=impersonates)
        yield from self._bound_everywhere(who, held)
        yield from self._members(held)
        yield from self._missing_accounts(held)
        for certainty, rights in _levels(held, _CREATE_ACCOUNTS):
            for account in self._holdings.absent_accounts:
                yield Move(Node(NodeKind.TOKEN, account), max(certainty, POSSIBLE), rights, 0)

    def _named_everywhere(self, held: HeldRights) -> Iterator[Move]:
        """Yield what rights on named accounts and secrets give in each namespace that has such an account."""
        if any(bit & (_TOKEN | _ACCOUNTS_API | _READ_SECRETS) for bit, _ in held.named):
            for namespace in sorted({*self._holdings.listed, *self._holdings.accounts}):
                space = self._holdings.snapshot.code(namespace)
                if space > 0:
                    yield from (move._replace(space=0) for move in self._named_accounts(space, held))

    def _as_others(self, held: HeldRights, *, impersonates: bool) -> Iterator[Move]:
        """Yield the people and groups in whose name requests to the API can be made."""
        for certainty, rights in _levels(held, _USERS_API):
            for other in self._holdings.users:
                yield Move(Node(NodeKind.API, other), certainty, rights, 0)
        for certainty, rights in _levels(held, _GROUPS_API):
            # Requests in the name of a group are in that of a user or account too.
            if impersonates or self._holdings.blind:
                sure = certainty if impersonates else UNKNOWN
                yield Move(Node(NodeKind.GAIN, None, 0, EVERY_RIGHT), sure, rights, 0)
        for bit, name in held.named:
            if bit & _USERS_API:
                yield Move(Node(NodeKind.API, user(name)), CERTAIN, bit, 0)
            elif bit & _GROUPS_API and (impersonates or self._holdings.blind):
                everything = Node(NodeKind.GAIN, None, 0, EVERY_RIGHT)
                node = everything if name == MASTERS else Node(NodeKind.API, Identity(GROUP, name))
                yield Move(node, CERTAIN if impersonates else UNKNOWN, bit, 0)

    def _bound_everywhere(self, who: Identity, held: HeldRights) -> Iterator[Move]:
        for certainty, rights in _levels(held, WRITE_WIDE):
            for move in self._bindings(who, 0, held, rights, creates=bool(rights & _CREATE_WIDE)):
                yield move._replace(certainty=max(certainty, move.certainty))
        yield from self._named_bindings(0, held, _UPDATE_WIDE)
        for move in self._bound(who, 0, held) if held.possible & _CREATES else ():
            # In every namespace, one by one: what only a cluster-wide binding gives is not among it.
            yield move._replace(node=move.node._replace(space=EACH_NAMESPACE))
        if held.possible & (WRITE_BINDINGS | _ESCALATES) or any(bit & _UPDATE_BINDINGS for bit, _ in held.named):
            for space in self._holdings.spaces_with_bindings:
                yield from self._bound(who, space, held)
        for certainty, rights in _both(held, _CERTIFICATES):
            yield Move(Node(NodeKind.GAIN, None, 0, EVERY_RIGHT), max(certainty, POSSIBLE), rights, 0)

    def _members(self, held: HeldRights) -> Iterator[Move]:
        """Yield the groups that somebody can join, and the users whose place somebody can take."""
        for certainty, rights in _levels(held, _UPDATE_GROUPS):
            for group in self._groups(absent=False):
                yield Move(Node(NodeKind.JOIN, group), certainty, rights, 0)
            for group in self._groups(absent=True):
                yield Move(Node(NodeKind.JOIN, group), max(certainty, POSSIBLE), rights, 0)
        for certainty, rights in _levels(held, _CREATE_GROUPS):
            for group in self._groups(absent=True):
                yield Move(Node(NodeKind.JOIN, group), certainty, rights, 0)
        for bit, name in held.named:
            if bit & _UPDATE_GROUPS and may_join(Identity(GROUP, name)):
                sure = POSSIBLE if self._holdings.state(Identity(GROUP, name)) == "absent" else CERTAIN
                yield Move(Node(NodeKind.JOIN, Identity(GROUP, name)), sure, bit, 0)
        for certainty, rights in _levels(held, _WRITE_USERS):
            for other in self._holdings.users:
                yield Move(Node(NodeKind.TOKEN, other), max(certainty, POSSIBLE), rights, 0)

    def _groups(self, *, absent: bool) -> Sequence[Identity]:
        """Return the groups that bindings name and people can be listed in; `absent` are those without an object."""
        holdings = self._holdings
        groups = [holdings.bound.subjects.identities[at] for at in holdings.ordinary_groups]
        wanted = {"absent", "unknown"} if absent else {"present", "unknown"}
        return [group for group in groups if holdings.state(group) in wanted]

    def _missing_accounts(self, held: HeldRights) -> Iterator[Move]:
        """Yield the accounts that bindings name in namespaces that do not exist, for who may create these."""
        if not held.possible & (_PROJECTS | _NAMESPACES):
            return
        whole = not self._holdings.snapshot.gaps_of("namespaces")
        for certainty, rights in (*_levels(held, _PROJECTS), *_levels(held, _NAMESPACES)):
            sure = certainty if rights & _PROJECTS and whole else max(certainty, POSSIBLE)
            for namespace in self._holdings.missing_namespaces:
                for account in (
                    *self._holdings.accounts.get(namespace, ()),
                    Identity(ACCOUNT, f"{namespace}:{ANY_NAME}"),
                ):
                    yield Move(Node(NodeKind.TOKEN, account), sure, rights, 0)


def _levels(held: HeldRights, wanted: int) -> Iterator[tuple[Certainty, int]]:
    """Yield which of the wanted rights are held for certain, and which others may be held."""
    if granted := held.granted & wanted:
        yield CERTAIN, granted
    if possible := held.possible & wanted & ~held.granted:
        yield UNKNOWN, possible


def _both(held: HeldRights, needed: int) -> Iterator[tuple[Certainty, int]]:
    """Yield how sure it is that all of `needed` is held."""
    if held.granted & needed == needed:
        yield CERTAIN, needed
    elif held.possible & needed == needed:
        yield UNKNOWN, needed
