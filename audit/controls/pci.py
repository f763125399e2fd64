"""PCI DSS 4.0.1. It tells accounts of people from those of systems; the summaries are ours."""

from typing import Final

from audit.controls.groups import (
    ACCOUNTS_THAT_PUSH,
    DORMANT_ACCOUNTS,
    FOREIGN_PEOPLE,
    OPEN,
    SHARED,
    TOKENS,
    WIDE,
)
from audit.controls.model import Control, Framework
from audit.controls.reasons import CONTENT, JOINERS, LOGIN, NEED, SECRETS, STAGES, USE

PCI_DSS: Final = Framework(
    id="pci-dss",
    name="PCI DSS 4.0.1",
    edition="4.0.1",
    source="https://www.pcisecuritystandards.org/document_library/",
    controls=(
        Control(
            id="6.5.3",
            asks="Environments before production are separated from it.",
            checks=("push-in-many-namespaces", "other-namespace-push"),
            tables=("access",),
            not_answered=STAGES,
        ),
        Control(
            id="6.5.4",
            asks="Roles differ between production and what comes before it.",
            checks=("push-in-many-namespaces", "cluster-wide-push"),
            tables=("access",),
            not_answered=STAGES,
        ),
        Control(
            id="7.2.1",
            asks="A model of access is defined.",
            not_answered="The model is a document. This program says what holds, not what was meant.",
        ),
        Control(
            id="7.2.2",
            asks="People have the least rights that their duties need.",
            checks=(*WIDE, "direct-user", "stale-repository"),
            tables=("access", "findings"),
            of="people",
            not_answered=NEED,
        ),
        Control(
            id="7.2.4",
            asks="Accounts and rights of people, vendors included, are reviewed every six months.",
            checks=("user-gone", *FOREIGN_PEOPLE, "direct-user", "empty-group", "opaque-group"),
            tables=("grants", "changes"),
            of="people",
            not_answered=JOINERS,
        ),
        Control(
            id="7.2.5",
            asks="Accounts of applications and systems have the least rights that they need.",
            checks=(
                *WIDE,
                *ACCOUNTS_THAT_PUSH,
                *SHARED,
                "foreign-account",
                *DORMANT_ACCOUNTS,
                "stale-repository",
            ),
            tables=("access", "findings"),
            of="accounts",
            not_answered=NEED,
        ),
        Control(
            id="7.2.5.1",
            asks="Accounts of applications and systems, and their rights, are reviewed periodically.",
            checks=("foreign-account", *SHARED, "push-in-many-namespaces", *DORMANT_ACCOUNTS, "nobody", "token-unused"),
            tables=("grants", "tokens", "changes"),
            of="accounts",
            not_answered=NEED,
        ),
        Control(
            id="7.3.2",
            asks="The access control system enforces the rights that were assigned.",
            checks=(*OPEN, "missing-role", "misspelt-subject", "no-effect", "push-without-pull", "refused-login"),
            tables=("access", "findings"),
            not_answered="Whether the rights were assigned on purpose.",
        ),
        Control(
            id="7.3.3",
            asks="Everything is denied unless it is allowed.",
            checks=OPEN,
            tables=("access", "findings"),
            not_answered="Other ways to the images than the registry.",
        ),
        Control(
            id="8.2.5",
            asks="The access of people who leave is revoked at once.",
            checks=("user-gone",),
            tables=("findings", "changes"),
            of="people",
            not_answered=JOINERS,
        ),
        Control(
            id="8.2.6",
            asks="Accounts of people are disabled after 90 days without use.",
            checks=("user-gone",),
            tables=("findings",),
            of="people",
            not_answered="When somebody last logged in: the identity provider knows.",
        ),
        Control(id="8.4.2", asks="People log in with more than one factor.", not_answered=LOGIN),
        Control(
            id="8.6.1",
            asks="Accounts of systems that can be used interactively are controlled.",
            checks=("token-of-pusher",),
            tables=("tokens", "findings"),
            not_answered=SECRETS,
        ),
        Control(
            id="8.6.2",
            asks="Secrets of accounts that can be used interactively are not written into scripts.",
            checks=("token-of-pusher",),
            tables=("tokens", "findings"),
            not_answered=SECRETS,
        ),
        Control(
            id="8.6.3",
            asks="Secrets of accounts of systems are protected, and changed periodically.",
            checks=TOKENS,
            tables=("tokens", "findings"),
            not_answered=SECRETS,
        ),
        Control(id="10.2.1", asks="Access and administrative actions are logged.", tables=("usage",), not_answered=USE),
        Control(
            id="12.5.1",
            asks="Components in scope are listed.",
            checks=("no-organization",),
            tables=("namespaces", "repositories"),
            not_answered=CONTENT,
        ),
    ),
)
