"""The BSI's C5, in two editions, and IT-Grundschutz. The summaries are ours.

C5 asks a cloud provider about its own staff and automation. What it leaves to customers about their users stands there
as complementary customer criteria.
"""

from typing import Final

from audit.controls.groups import (
    ACCOUNTS_THAT_PUSH,
    DORMANT,
    DORMANT_ACCOUNTS,
    EVERYBODY,
    FOREIGN,
    FOREIGN_PEOPLE,
    INEFFECTIVE,
    OPEN,
    PRIVILEGED,
    SHARED,
    TOKENS,
    WIDE,
)
from audit.controls.model import Control, Framework
from audit.controls.reasons import CHANGES, CONTENT, JOINERS, NEED, OTHERS, SECRETS, STAGES

_LEAVERS: Final = ("user-gone", *FOREIGN_PEOPLE, "direct-user", "empty-group", *DORMANT_ACCOUNTS)
_REVIEWED: Final = ("opaque-group", "no-organization", *INEFFECTIVE, *DORMANT, "stale-repository")
_LEAST: Final = (*OPEN, *WIDE, *ACCOUNTS_THAT_PUSH, *SHARED, "stale-repository")
_UNUSED: Final = "When a person last logged in; and the two months, unless the check's threshold is set to 60 days."
_SEPARATED: Final = "Separation of networks and storage."

C5_2020: Final = Framework(
    id="c5-2020",
    name="BSI C5:2020",
    edition="2020",
    source="https://www.bsi.bund.de/EN/Themen/Unternehmen-und-Organisationen/Informationen-und-Empfehlungen/"
    "Empfehlungen-nach-Angriffszielen/Cloud-Computing/Kriterienkatalog-C5/kriterienkatalog-c5_node.html",
    controls=(
        Control(
            id="AM-01",
            asks="Assets are listed.",
            checks=("no-organization",),
            tables=("namespaces", "repositories"),
            not_answered=CONTENT,
        ),
        Control(
            id="DEV-10",
            asks="Production is separated from development and test.",
            checks=("push-in-many-namespaces", "other-namespace-push"),
            tables=("access",),
            not_answered=STAGES,
        ),
        Control(
            id="IDM-01",
            asks="A policy of least rights and need to know is maintained and followed.",
            checks=_LEAST,
            tables=("access", "findings", "exceptions"),
            not_answered=NEED,
        ),
        Control(
            id="IDM-02",
            asks="Access is granted and changed by a procedure.",
            checks=("direct-user", "misspelt-subject", "refused-login"),
            tables=("grants", "changes"),
            not_answered="Who approved it.",
        ),
        Control(
            id="IDM-03",
            asks="Accounts are locked after two months without use.",
            checks=("token-unused",),
            tables=("tokens", "findings"),
            not_answered=_UNUSED,
        ),
        Control(
            id="IDM-04",
            asks="Access ends when its reason does.",
            checks=_LEAVERS,
            tables=("findings", "changes"),
            not_answered=JOINERS,
        ),
        Control(
            id="IDM-05",
            asks="Rights are reviewed every year.",
            checks=_REVIEWED,
            tables=("grants", "changes"),
            not_answered=NEED,
        ),
        Control(
            id="IDM-06",
            asks="Privileged rights are limited, personal, and watched.",
            checks=PRIVILEGED,
            tables=("privileged", "grants", "access"),
            not_answered="What was done with them.",
        ),
        Control(
            id="IDM-07",
            asks="The provider's access to customers' data is limited and reported to them.",
            checks=("cluster-wide-pull",),
            tables=("access", "grants"),
            not_answered="Whether customers were told.",
        ),
        Control(
            id="IDM-08",
            asks="Authentication secrets are protected.",
            checks=TOKENS,
            tables=("tokens", "findings"),
            not_answered=SECRETS,
        ),
        Control(
            id="OPS-24",
            asks="Customers are separated.",
            checks=(*FOREIGN, *EVERYBODY),
            tables=("findings",),
            not_answered=_SEPARATED,
        ),
    ),
)

C5_2026: Final = Framework(
    id="c5-2026",
    name="BSI C5:2026",
    edition="2026, published on 7 April 2026",
    source="https://www.bsi.bund.de/EN/Themen/Unternehmen-und-Organisationen/Informationen-und-Empfehlungen/"
    "Empfehlungen-nach-Angriffszielen/Cloud-Computing/Kriterienkatalog-C5/kriterienkatalog-c5_node.html",
    controls=(
        Control(
            id="AM-02",
            asks="Assets are listed.",
            checks=("no-organization",),
            tables=("namespaces", "repositories"),
            not_answered=CONTENT,
        ),
        Control(
            id="IAM-02",
            asks="Access is granted by least rights and need to know.",
            checks=(*_LEAST, "direct-user", "misspelt-subject", "refused-login"),
            tables=("access", "grants", "findings"),
            not_answered="Who approved it.",
        ),
        Control(
            id="IAM-03",
            asks="Accounts that are not used are locked.",
            checks=("token-unused",),
            tables=("tokens", "findings"),
            not_answered="When a person last logged in.",
        ),
        Control(
            id="IAM-04",
            asks="Access is withdrawn in time: privileged access in 48 hours, other access in 14 days.",
            checks=_LEAVERS,
            tables=("findings", "changes"),
            not_answered=JOINERS,
        ),
        Control(
            id="IAM-05",
            asks="Rights are reviewed every year, and deviations fixed in seven days.",
            checks=_REVIEWED,
            tables=("grants", "changes"),
            not_answered=NEED,
        ),
        Control(
            id="IAM-06",
            asks="Privileged rights are limited; a person answers for each technical account; use on images is logged.",
            checks=PRIVILEGED,
            tables=("privileged", "grants", "access"),
            not_answered="What was done with them, and who answers for an account.",
        ),
        Control(
            id="IAM-07",
            asks="Access to customers' data is limited, and customers are kept apart.",
            checks=("cluster-wide-pull", *FOREIGN),
            tables=("access", "grants"),
            not_answered="Whether customers were told.",
        ),
        Control(
            id="OPS-30",
            asks="Customers are separated.",
            checks=(*FOREIGN, *EVERYBODY),
            tables=("findings",),
            not_answered=_SEPARATED,
        ),
        Control(id="OPS-31", asks="The separation of customers is checked.", not_answered=_SEPARATED),
        Control(id="OPS-34", asks="Containers are managed securely.", not_answered="How containers are run."),
        Control(id="OPS-35", asks="Images of containers are managed securely.", not_answered=CHANGES),
    ),
)

IT_GRUNDSCHUTZ: Final = Framework(
    id="it-grundschutz",
    name="BSI IT-Grundschutz 2022",
    edition="Compendium 2022",
    source="https://www.bsi.bund.de/SharedDocs/Downloads/EN/BSI/Grundschutz/International/bsi_it_gs_comp_2022.pdf",
    controls=(
        Control(
            id="APP.4.4.A3",
            asks="Every action is authenticated and authorised, and rights are only those that are needed.",
            checks=("anonymous-push", *WIDE, "direct-user", *FOREIGN_PEOPLE, "user-gone", "refused-login"),
            tables=("access", "findings"),
            not_answered=OTHERS,
        ),
        Control(
            id="APP.4.4.A9",
            asks="Default accounts have no rights, others only those that they need, and programs a token each.",
            checks=(
                "default-push",
                "namespace-accounts-push",
                "every-account-pull",
                "every-account-push",
                "token-many",
            ),
            tables=("access", "findings"),
            not_answered="Which account a pod runs as.",
        ),
        Control(
            id="APP.4.4.A10",
            asks="Automation has only the rights that it needs, apart for each group that uses it.",
            checks=("push-with-secrets", "push-in-many-namespaces", "other-namespace-push", "foreign-account"),
            tables=("access", "findings"),
            not_answered="Which accounts are automation, and who can start it.",
        ),
        Control(
            id="APP.4.4.A12",
            asks="A registry has named accounts with restricted rights, and logs its changes.",
            checks=(*OPEN, "cluster-wide-push", "prune", "catalog", *SHARED, *DORMANT, "stale-repository"),
            tables=("access", "findings"),
            not_answered="Whether changes are logged, connections encrypted, and backups kept.",
        ),
        Control(
            id="SYS.1.6.A6",
            asks="Who made an image can be told.",
            checks=("anonymous-push",),
            tables=("access",),
            not_answered="Who made which image, and from what.",
        ),
        Control(
            id="SYS.1.6.A8",
            asks="Credentials are stored where only those who may can read them.",
            checks=(*TOKENS, "push-with-secrets"),
            tables=("tokens", "findings"),
            not_answered=SECRETS,
        ),
        Control(
            id="SYS.1.6.A12",
            asks="Images are signed, and their origin is known.",
            checks=("sign",),
            tables=("access",),
            not_answered="Which images are signed, and by whom.",
        ),
    ),
)
