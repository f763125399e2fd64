"""Rules that look like pull or push in the registry and grant neither."""

from collections.abc import Iterator, Sequence
from typing import Final

from audit.checks.bindings import EVERY
from audit.checks.check import Check, Finding
from audit.checks.context import CheckContext
from audit.checks.remedies import EDIT_LOCAL_ROLE, EDIT_ROLE, fill
from audit.checks.roles import decoded
from audit.rbac.rules import PULL, PUSH, judge
from audit.routes.rights import bits, rights_of
from audit.snapshot.objects import Rule
from audit.tenancy.platform_names import SYSTEM_NAMES

_TAGS: Final = bits("get imagestreams/layers, asked apart")
_ACTIONS: Final = (("pull", "get", PULL), ("push", "update", PUSH))


def _find(context: CheckContext) -> Iterator[Finding]:
    for (namespace, name), texts in context.roles.bound(context.scope):
        rules = [rule for text in texts for rule in decoded(text)]
        promised = _promised(rules)
        if promised and name not in SYSTEM_NAMES and not context.platform.has(namespace):
            kind = "Role" if namespace else "ClusterRole"
            yield Finding(
                zone=context.zone,
                namespace=namespace or EVERY,
                role_kind=kind,
                role=name,
                detail=f"{kind} {name} looks like access to {promised}, and the registry grants none{_apart(rules)}",
                evidence_in="coverage",
                rows=1,
                remedy=(_edit(namespace, name),),
            )


def _apart(rules: Sequence[Rule]) -> str:
    """Return what `*/layers` does cover, outside the registry; empty where it covers nothing there either."""
    if not rights_of(rules).rights & _TAGS:
        return ""
    return "; but it does let its holder point tags of other namespaces at these images, and so copy them"


def _edit(namespace: str, name: str) -> str:
    """Return the command to put it right: only a person knows whether the right was meant to be given."""
    if namespace:
        return fill(EDIT_LOCAL_ROLE, namespace=namespace, role=name)
    return fill(EDIT_ROLE, role=name)


def _promised(rules: Sequence[Rule]) -> str:
    """Return what rules seem to say and do not give, for a sentence; empty when they give what they say."""
    rights = 0
    for capability in judge(rules):
        rights |= capability.rights
    looks = [rule for rule in rules if _looks(rule)]
    verbs = {verb for rule in looks for verb in rule.verbs or ()}
    missing = [word for word, verb, right in _ACTIONS if {verb, "*"} & verbs and not rights & right]
    why = sorted({"*/layers" if "*/layers" in (rule.resources or ()) else "the legacy API group" for rule in looks})
    return f"{' and '.join(missing)} by {' and '.join(why)}" if missing else ""


def _looks(rule: Rule) -> bool:
    """Return whether a rule seems to be about layers: with the slash trap, or in the group that images had once."""
    return bool({"*/layers", "imagestreams/layers"}.intersection(rule.resources or ())) and bool(
        {"", "*", "image.openshift.io"}.intersection(rule.groups or ())
    )


CHECK = Check(
    id="no-effect",
    title="A rule that looks like pull or push and grants neither",
    severity="info",
    confidence="high",
    why=(
        "The registry checks imagestreams/layers, as one word, in the group image.openshift.io: a rule for "
        "*/layers, or for the legacy group alone, does not match, although oc adm policy who-can says that it does. "
        "Somebody relies on access that does not exist, or believes a review that is wrong. Only openshift-apiserver "
        "checks the subresource layers separately, when a tag in another namespace refers to an image stream here: "
        "for this, a rule for */layers with the verb get is enough, and lets its holder copy the images."
    ),
    remedy=(EDIT_ROLE, EDIT_LOCAL_ROLE),
    find=_find,
    fixed_by="role",
)
