"""The published tables: their columns and what these mean.

Tables are the product: every report, export and comparison is a view of them. `VERSION` grows when a column changes
its meaning or goes; new columns come at the end.
"""

from typing import Final, Literal, NamedTuple, get_args

VERSION: Final = 3

# The three answers, as numbers in the tables and as words in the exports.
NO, YES, UNKNOWN = 0, 1, 2
ANSWERS: Final = ("no", "yes", "unknown")
Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)  # worst first


class Column(NamedTuple):
    """One published column. `answer` columns hold `yes`, `no` or `unknown`; `count` columns -1 for unknown."""

    name: str
    type: Literal["text", "answer", "count"]
    meaning: str


_ZONE: Final = Column("zone", "text", "Id of the zone, as in the configuration.")
_PLACE: Final = (
    _ZONE,
    Column("namespace", "text", "Namespace; `*` is every namespace, present and future (a cluster-wide binding)."),
    Column("repository", "text", "Image stream that the right is limited to; `*` is every one in the namespace."),
)
_WHO: Final = (
    Column(
        "subject_kind",
        "text",
        "`User`, `Group` or `ServiceAccount`. With the subject `*`, `Any` marks what could not be read (anybody may "
        "have this access) and `AnyUser` what any person may have who is in a group whose members could not be read.",
    ),
    Column("subject", "text", "Name of the user or group; `namespace:name` of a service account."),
)
_OTHER_RIGHTS: Final = (
    Column("delete", "answer", "May delete manifests and blobs, and prune (only ever cluster-wide)."),
    Column("catalog", "answer", "May list every repository of the registry (only ever cluster-wide)."),
    Column("sign", "answer", "May add signatures to images."),
)
_HOW: Final = Column(
    "how",
    "text",
    "`named`: a registry role was bound itself. `implied`: the role contains the right because other roles are "
    "aggregated into it (`view`, `edit`, `admin`). `system`: a `system:` role of the platform. `wildcard`: a rule with "
    "resource `*`. `custom`: any other role. Empty: grants nothing, or is not known.",
)
_GROUP: Final = Column("group", "text", "Group through which a person has it; empty when bound directly.")
_ACCOUNT: Final = Column(
    "account",
    "text",
    "`present`, `absent` or `unknown`: whether the service account, or the group object that lists the members, "
    "exists. Empty for users and for the platform's own groups, which have no object.",
)

_BY_BINDING: Final = (
    Column("binding_kind", "text", "Kind of the binding that it is about; empty when it is about none."),
    Column("binding", "text", "Name of that binding."),
    Column("role_kind", "text", "Kind of the role that the binding refers to."),
    Column("role", "text", "Name of that role."),
)

_USED: Final = (
    Column(
        "used",
        "text",
        "`used`: logs say that the registry was used by it within the threshold (90 days, unless configured). `not "
        "used`: it was not, and logs of every replica cover all that time, in which the binding existed. Else `not "
        "known`. Empty: no logs were read. Several grants of the same access are used together.",
    ),
    Column("last_used", "text", "Last use that is known (RFC 3339); of a group, by any of its members."),
    Column(
        "unused_days",
        "count",
        "Days since then; without a known use, those of the threshold at least; -1 when that is not known.",
    ),
    Column("push_used", "text", "As `used`, of pushes alone; empty also where it may not push."),
)

SCHEMAS: Final[dict[str, tuple[Column, ...]]] = {
    "grants": (
        *_PLACE,
        *_WHO,
        Column("pull", "answer", "This grant lets the subject pull."),
        Column(
            "push",
            "answer",
            "This grant gives the right to upload (`update` of `imagestreams/layers`). The registry refuses a push "
            "without pull, which may come from any grant: the table `access` joins them.",
        ),
        Column(
            "create",
            "answer",
            "This grant gives the right to create image streams. A push of a tag that creates the image stream needs "
            "pull and push as well, from any grants: the table `access` joins them.",
        ),
        *_OTHER_RIGHTS,
        Column("scope", "text", "`namespace` (a RoleBinding) or `cluster` (a ClusterRoleBinding)."),
        _HOW,
        _GROUP,
        Column("binding_kind", "text", "`RoleBinding`, `ClusterRoleBinding`, or `built-in` for `system:masters`."),
        Column("binding", "text", "Name of the binding; a RoleBinding lies in `namespace`."),
        Column("binding_uid", "text", "Its uid."),
        Column("since", "text", "When the binding was created (RFC 3339)."),
        Column("role_kind", "text", "`Role` (of the same namespace) or `ClusterRole`."),
        Column("role", "text", "Name of the role."),
        Column("aggregated_from", "text", "Roles from which the right was aggregated into `role`, joined by `, `."),
        _ACCOUNT,
        Column(
            "problem",
            "text",
            "Why it grants nothing, or why this is not known: `role missing`, `role not seen`, or "
            "`account without namespace`.",
        ),
        Column("rule", "text", "What gives it: the role's rules as far as they say this, joined by `; `."),
        Column(
            "lacks",
            "text",
            "What the subject lacks, so that the registry refuses it: `pull` or `push` where this grant is for a push "
            "or a create, `login` where it may not use the registry at all; joined by `, `, with `?` after what it may "
            "have. Empty: nothing, or, of a group, a member that lacks nothing.",
        ),
        *_USED,
    ),
    "access": (
        *_PLACE,
        *_WHO,
        Column(
            "pull",
            "answer",
            "The subject may pull: the cluster's own answer, from all its grants together. It says nothing of the "
            "images themselves: a tag may point to one that is gone.",
        ),
        Column(
            "push",
            "answer",
            "The subject may push to a repository that exists: it has the rights to pull and to upload there.",
        ),
        Column(
            "create",
            "answer",
            "The subject may push a tag to a repository that does not exist yet: beside the rights of `push` it may "
            "create image streams.",
        ),
        *_OTHER_RIGHTS,
        _HOW,
        Column("grants", "count", "Number of grants of this subject at this place; details are in the table `grants`."),
        _GROUP,
        Column("binding_kind", "text", "Kind of the binding of the strongest grant."),
        Column("binding", "text", "Name of the binding of the strongest grant."),
        Column("role_kind", "text", "Kind of the role of the strongest grant."),
        Column("role", "text", "Name of the role of the strongest grant."),
        Column("aggregated_from", "text", "Roles from which the strongest grant's right was aggregated."),
        Column("members", "count", "People in the group; -1 when they cannot be listed. 0 for other kinds."),
        _ACCOUNT,
        Column("since", "text", "When the binding of the strongest grant was created (RFC 3339)."),
        *_USED,
        Column(
            "indirect",
            "text",
            "Where `pull`, `push` or `create` is `no`: whether the subject can get it by a route (table `routes`): "
            "`yes`, `possible`, `no` or `unknown`. Empty where none of them is `no`.",
        ),
    ),
    "routes": (
        *_PLACE,
        *_WHO,
        Column(
            "action",
            "text",
            "`pull`, `push` or `create`, which the direct answer denies. `push` is also to change what a tag holds; "
            "`pull` of everything is by the digest of an image.",
        ),
        Column(
            "certainty",
            "text",
            "`certain`; `possible`: needs a running pod, an object that exists, or that no admission refuses it; "
            "`unknown`: a list that decides was not read.",
        ),
        Column(
            "through",
            "text",
            "As whom the subject has it in the end: `namespace:name` of an account, `namespace:*` of any account of a "
            "namespace, a user, a group, or the subject itself, with more rights.",
        ),
        Column("mechanisms", "text", "Rights by which each step is made, joined by `, `; steps by ` > `."),
        Column("steps", "count", "Number of steps of the surest, and then shortest route."),
        Column("route", "text", "That route in sentences, one a step, joined by `; `."),
        Column(
            "bindings",
            "text",
            "The smallest cut that was found: bindings whose removal closes every route to it, joined by `, `; "
            "`namespace/name` of a RoleBinding, the name of a ClusterRoleBinding. Empty: there is none, or it is "
            "about what was not seen.",
        ),
        Column(
            "survives",
            "text",
            "Bindings on that route without each of which another route remains, joined by `, `.",
        ),
        Column(
            "count",
            "count",
            "Routes that the row stands for. An account whose routes lead only to other accounts of its own namespace "
            "has no row of its own where accounts of the same name do in other namespaces: `*:name`, namespace `*`.",
        ),
    ),
    "coverage": (
        _ZONE,
        Column("kind", "text", "Kind of object (plural)."),
        Column("namespace", "text", "Namespace that the line is about; `*` is the whole zone."),
        Column(
            "state",
            "text",
            "`seen`, `stale` (seen at `as_of`; the zone could not be read again), `excluded` (left out by the "
            "configuration), `not-asked` (not needed to answer questions about access, and not requested), or the "
            "reason why it was not seen, listed below.",
        ),
        Column("count", "count", "Objects listed; -1 when not known."),
        Column("detail", "text", "Message of the cluster, or about the file."),
        Column("resource_version", "text", "Version of the list as the API server gave it."),
        Column("source", "text", "`cluster`, `tenant` (live too, and only what an ordinary account sees) or `dump`."),
        Column("place", "text", "Address of the API, or path of the files."),
        Column("as_of", "text", "When it was read; for files, when the newest was last written (RFC 3339)."),
    ),
    "namespaces": (
        _ZONE,
        Column("namespace", "text", "Namespace, as the zone lists it."),
        Column("organization", "text", "Organization that it belongs to by its label; empty when it has none."),
        Column("created", "text", "When it was created (RFC 3339)."),
    ),
    "repositories": (
        _ZONE,
        Column("namespace", "text", "Namespace."),
        Column("repository", "text", "Name of the image stream."),
        Column("created", "text", "When the image stream was created (RFC 3339)."),
        Column("pushed", "text", "When a tag was last pushed or imported (RFC 3339); empty when never."),
    ),
    "tokens": (
        _ZONE,
        Column("namespace", "text", "Namespace."),
        Column("token", "text", "Name of the secret that holds a token that never expires."),
        Column("account", "text", "Service account of the token: `namespace:name`."),
        Column("created", "text", "When the secret was created (RFC 3339)."),
        Column("last_used", "text", "Day of the last use as the API server notes it; empty when never noted."),
    ),
    "usage": (
        *_PLACE[:1],
        Column("namespace", "text", "Namespace; `*` for the whole registry."),
        Column(
            "repository",
            "text",
            "Repository; `*` for none. Of an action on something else its name: secret, account, pod, or user.",
        ),
        Column("subject_kind", "text", "`User` or `ServiceAccount`."),
        Column("subject", "text", "Who did it; `system:anonymous` had no token. An account is `namespace:name`."),
        Column(
            "action",
            "text",
            "`pull` and `push` (of a manifest), `read` (other content), `upload` (of a blob), `delete`, `sign`, "
            "`catalog`; through the API `create` (an image stream), `tag`, `read-secrets`, `token` (create one), `run` "
            "(a command in a pod), `impersonate`.",
        ),
        Column("outcome", "text", "`done`, or `denied`: refused, and no use."),
        Column("first", "text", "When first (RFC 3339), in the time for which use is kept."),
        Column("last", "text", "When last."),
        Column("count", "count", "How many times; 0: it was read too late to be counted yet."),
        Column("days", "count", "On how many days (UTC)."),
        Column("source", "text", "`registry` (its log) or `audit` (of an API server)."),
        Column("grant", "text", "Binding that allowed it, where the audit log names it: kind, then name."),
    ),
    "organizations": (
        _ZONE,
        Column("organization", "text", "Organization: of a namespace by its label, or as the control API lists it."),
        Column("team", "text", "Team of the organization; empty for the organization itself."),
        Column("group", "text", "Group that its members are in: `<organization>`, or `<organization>+<team>`."),
        Column("subject", "text", "Person that the row is about; empty for the group as a whole."),
        Column(
            "state",
            "text",
            "Of a group: `same` (it lists whom the control API lists), `differs`, `no-group` (the zone has none), "
            "`not-declared` (the control API has no such organization or team), `unknown` (what decides was not seen), "
            "`not-asked` (of no control API). Of a person, where they differ: `only-declared` (not in the zone's "
            "group) or `only-in-zone` (not in the control API).",
        ),
        Column("namespaces", "count", "Namespaces of the organization in this zone."),
        Column("declared", "count", "People that the control API lists; -1 when not known."),
        Column("members", "count", "People that the zone's group lists; -1 when not known, or there is no group."),
    ),
    "findings": (
        Column(
            "id",
            "text",
            "Id that stays the same from run to run: made of zone, namespace, check, subject, and binding (the role, "
            "where it is about no binding).",
        ),
        Column("check", "text", "Id of the check."),
        Column("title", "text", "What the check found, in a few words."),
        Column("severity", "text", "`critical`, `high`, `medium`, `low` or `info`."),
        Column("confidence", "text", "`high`, `medium` or `low`: how often it is right."),
        Column("state", "text", "`new`, `open`, `accepted` (an exception covers it) or `gone`."),
        Column("answer", "answer", "`yes`: it is so. `unknown`: it may be so, and what decides was not seen."),
        *_PLACE,
        *_WHO,
        *_BY_BINDING,
        Column("detail", "text", "What was found, in a sentence with the names."),
        Column("remedy", "text", "Commands that fix it, one a line; a line that begins with `#` is a comment."),
        Column(
            "controls",
            "text",
            "Controls that it touches, joined by `, `: those of its check that fit its subject (a person or an account "
            "of a system) and its role.",
        ),
        Column("first_seen", "text", "When the facts were read that showed it first (RFC 3339)."),
        Column("last_seen", "text", "When the facts were read that showed it last (RFC 3339)."),
        Column("exception", "text", "Id of the exception that covers it, or did until it ended."),
        Column("until", "text", "Last day of that exception (RFC 3339 date)."),
        Column("rows", "count", "Rows of the table `evidence_in` that show it."),
        Column("evidence_in", "text", "Table whose rows of this place (`*`: of any) and subject show it."),
        Column("cause", "text", "Id of the cause that it belongs to; empty when it is gone."),
    ),
    "privileged": (
        *_PLACE,
        *_WHO,
        Column(
            "organization", "text", "Organizations that the subject is known to be in, joined by `, `; empty: none."
        ),
        Column("platform", "text", "`yes`: the subject is the platform's own. `no`: it is not, or not known to be."),
        Column(
            "rights",
            "text",
            "`push` (in every namespace), `prune`, `sign` (in every namespace), `wildcard` (by a rule for every "
            "resource) and `push by a route` (in every namespace), joined by `, `; `?` after one that is not certain.",
        ),
        _GROUP,
        *_BY_BINDING,
        Column("aggregated_from", "text", "Roles from which the right was aggregated into `role`, joined by `, `."),
        Column("rule", "text", "What gives it: the role's rules as far as they say this, or steps, joined by `; `."),
        Column("since", "text", "When the binding was created (RFC 3339)."),
        Column("lacks", "text", "What the subject lacks, so that the registry refuses it: see `grants`."),
        Column(
            "last_used",
            "text",
            "When it was last used (RFC 3339); else `not used`, where logs cover the whole threshold, or `not known`.",
        ),
    ),
    "causes": (
        Column("id", "text", "Id that stays from run to run: made of the zone and what is to be decided about."),
        _ZONE,
        Column("severity", "text", "That of its worst finding."),
        Column(
            "kind",
            "text",
            "What is to be decided about: `binding` (one subject in the bindings of one name and role, in one or many "
            "namespaces), `subjects` (of one binding, where only a patch takes them out), `role`, `subject`, "
            "`tokens` (of the accounts of one name), `namespace` (those without an organization), `repository` (those "
            "that nobody pushes to), or `lists` (that were not seen).",
        ),
        Column("checks", "text", "Checks that find it, joined by `, `, that of the worst finding first."),
        Column("detail", "text", "The cause in a sentence."),
        Column("findings", "count", "Findings that belong to it, all that are not gone."),
        Column("critical", "count", "Open critical findings among them, without unknown ones."),
        Column("high", "count", "Open high findings among them, without unknown ones."),
        Column("new", "count", "New findings among them."),
        Column("accepted", "count", "Findings among them that exceptions cover."),
        Column("unknown", "count", "Findings among them that are not certain."),
        Column("namespaces", "count", "Namespaces that it touches; -1: all of the zone."),
        Column("organizations", "count", "Organizations of these namespaces; all of the zone, if it touches all."),
        Column("people", "count", "People who have access by it, directly or as members; -1: not known, or everybody."),
        Column("changes", "count", "Different commands in `fix`, a loop counted once."),
        Column(
            "proposed",
            "count",
            "Its position in the proposed set of causes whose fixes close all critical findings; 0: not in the set.",
        ),
        Column(
            "fix",
            "text",
            "Commands that fix all its findings, for a shell; the first line names the zone.",
        ),
        Column("remains", "text", "What stays open after the fix, by other grants."),
    ),
    "exceptions": (
        Column("id", "text", "Id of the exception."),
        Column(
            "state",
            "text",
            "`active`, `ending` (within 30 days), `expired`, `exceeded` (more findings than its limit) or `unused` (it "
            "matches nothing).",
        ),
        Column("check", "text", "Checks that it is about (a glob)."),
        Column("zone", "text", "Zones (a glob)."),
        Column("namespace", "text", "Namespaces (a glob)."),
        Column("subject", "text", "Subjects (a glob), as `user/NAME`, `group/NAME` or `sa/NAMESPACE:NAME`."),
        Column("reason", "text", "Why it is accepted."),
        Column("decided_by", "text", "Who decided."),
        Column("ticket", "text", "Where it is written down."),
        Column("until", "text", "Last day (RFC 3339 date)."),
        Column("findings", "count", "Findings that it is about."),
        Column("cause", "text", "Id of the cause that it accepts; empty when it is about none."),
        Column("limit", "count", "How many findings it accepts at most; -1: any number."),
    ),
    "changes": (
        Column(
            "change",
            "text",
            "`gained`, `lost`, `widened`, `narrowed` or `changed` (access of a subject); `appeared`, `gone` or "
            "`changed` (a namespace, repository or zone); `unseen` (a list that was read only before or only now: "
            "changes that depend on it are not reported); `no-effect` (a binding, role or group changed, but nobody's "
            "access did).",
        ),
        Column(
            "object", "text", "What changed: `access`, `namespace`, `repository`, `zone`, `binding`, `role`, `group`."
        ),
        *_PLACE,
        *_WHO,
        Column(
            "before",
            "text",
            "Rights before, joined by `, `; `?` after one that was not known. Of a namespace, its organization.",
        ),
        Column("after", "text", "Rights now, in the same way."),
        Column("cause", "text", "Which change of a binding, role, group or membership caused it, in a sentence."),
        Column("binding_kind", "text", "Kind of the binding that caused it."),
        Column("binding", "text", "Name of that binding."),
        Column("since", "text", "When the object behind the change was created (RFC 3339), where known."),
        Column("from_run", "text", "Run that is compared with."),
        Column(
            "group",
            "text",
            "Group through which a person has it or had it: the group has a row of its own when its access changed.",
        ),
        Column("role_kind", "text", "Kind of the role that the binding refers to; before, when it is gone."),
        Column("role", "text", "Name of that role."),
    ),
    "controls": (
        Column("framework", "text", "Framework and edition of the control, as findings name it."),
        Column("control", "text", "Its number there."),
        Column("asks", "text", "What it asks for, summarized in our own words."),
        Column(
            "answered",
            "text",
            "`partly`: by checks or tables. `no`: by nothing here. `fully`: only for your own controls that say so.",
        ),
        Column("checks", "text", "Checks that touch it, joined by `, `."),
        Column("tables", "text", "Tables that serve it, joined by `, `."),
        Column("not_answered", "text", "What the reports cannot answer about it."),
        Column("edition", "text", "Edition of the framework."),
        Column("source", "text", "Where the framework is published."),
    ),
}
# One table for the whole run; of all others there is one for each zone.
OF_THE_RUN: Final = ("exceptions", "changes", "controls")
