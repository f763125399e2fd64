"""What the page shows of authorization: the registry's questions, and the templates of commands.

The page fills these in; it decides nothing by itself.
"""

from itertools import product
from typing import Any, Final

from audit.checks.remedies import LEAVE_GROUP, removal_template
from audit.rbac.rules import ACTIONS, IMAGES, NEEDS, QUESTIONS
from audit.rbac.subjects import ACCOUNT, ACCOUNT_PREFIX, GROUP, USER

_CAN: Final = "registry-audit can {subject} {action} {place} --zone={zone} --snapshot snapshots"
_REVIEW: Final = "oc create -o jsonpath='{.status}' -f - <<< {review}"


def authorization() -> dict[str, Any]:
    """Return what `modules/authorization.js` reads.

    `questions` are by action; `remove` is by the kinds of binding, role and subject, joined by a space.
    """
    return {
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
        "remove": {
            f"{binding} {role} {subject}": removal_template(binding, role, subject)
            for binding, role, subject in product(
                ("RoleBinding", "ClusterRoleBinding"), ("Role", "ClusterRole"), (USER, GROUP, ACCOUNT)
            )
        },
        "leave": LEAVE_GROUP,
        "can": _CAN,
        "review": _REVIEW,
    }
