"""What the page shows of authorization: the registry's questions, and the templates of commands.

The page fills these in; it decides nothing by itself.
"""

from collections.abc import Iterator
from typing import Any, Final

from audit.access.subjects import ANYBODY, also_acts_as
from audit.checks.remedies import LEAVE_GROUP, removal_templates
from audit.checks.rules.registry import CHECKS
from audit.rbac.rules import ACTIONS, IMAGES, NEEDS, QUESTIONS
from audit.rbac.subjects import ACCOUNT, ACCOUNT_PREFIX, ACCOUNTS, ANONYMOUS, ANY_USER, GROUP, USER, VIRTUAL, Identity

_CAN: Final = "registry-audit can {subject} {action} {place} --zone={zone} --snapshot snapshots"
_REVIEW: Final = "oc create -o jsonpath='{.status}' -f - <<< {review}"


def authorization() -> dict[str, Any]:
    """Return what `modules/authorization.js` reads.

    `questions` are by action; `remove` is by the kinds of binding, role and subject, joined by a space. `acts_as` are
    patterns of subjects, of which the first that matches counts: kind, beginning of the name, whether that is the whole
    name, and the kinds and names of the subjects whose access such a subject has too. `checks` says why each check
    matters.
    """
    return {
        "acts_as": [
            [pattern.kind, pattern.name, whole, [list(other) for other in _acts_as(like)]]
            for pattern, whole, like in _patterns()
        ],
        "checks": {check.id: check.why for check in CHECKS.values()},
        "api_group": IMAGES,
        "account_prefix": ACCOUNT_PREFIX,
        "questions": {
            action: [
                {"verb": question.verb, "resource": question.resource, "named": question.named}
                for question in QUESTIONS
                if question.right & NEEDS[action]
            ]
            for action in ACTIONS
        },
        "remove": removal_templates(),
        "leave": LEAVE_GROUP,
        "can": _CAN,
        "review": _REVIEW,
    }


def _patterns() -> Iterator[tuple[Identity, bool, Identity]]:
    """Yield patterns of subjects with a subject that stands for all of a pattern; `{namespace}` is to be filled in."""
    exact = [Identity(USER, ANONYMOUS), *(Identity(GROUP, name) for name in sorted(VIRTUAL))]
    yield from ((identity, True, identity) for identity in exact)
    yield Identity(ACCOUNT, ":"), False, Identity(ACCOUNT, ":inert")
    yield Identity(ACCOUNT, ""), False, Identity(ACCOUNT, "{namespace}:any")
    yield Identity(GROUP, f"{ACCOUNTS}:"), False, Identity(GROUP, f"{ACCOUNTS}:any")
    yield from ((Identity(kind, ""), False, Identity(kind, "any")) for kind in (GROUP, USER, ANY_USER))


def _acts_as(subject: Identity) -> list[Identity]:
    """Return whose access a subject has too, wherever data is missing as well."""
    return [*also_acts_as(subject, groups_unseen=True), ANYBODY]
