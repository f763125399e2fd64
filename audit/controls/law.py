"""Supervision and law: FINMA circular 2023/1, and the implementing regulation of NIS2. The summaries are ours."""

from typing import Final

from audit.controls.groups import (
    ACCOUNTS_THAT_PUSH,
    DORMANT,
    DORMANT_ACCOUNTS,
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
from audit.controls.reasons import JOINERS, LOGIN, NEED, SECRETS, USE

_NEED_TO_KNOW: Final = (*OPEN, *WIDE, *ACCOUNTS_THAT_PUSH, *SHARED, "stale-repository")
_REVIEWED: Final = ("opaque-group", *DORMANT, *INEFFECTIVE, "stale-repository")

FINMA: Final = Framework(
    id="finma-2023-1",
    name="FINMA 2023/1",
    edition="2023/1, of 7 December 2022",
    source="https://www.finma.ch/en/documentation/circulars/",
    controls=(
        Control(
            id="mn. 77",
            asks="Access to critical data is watched.",
            checks=("denied-often",),
            tables=("usage",),
            not_answered=USE,
        ),
        Control(
            id="mn. 78",
            asks="Access follows the need to know, and is reviewed.",
            checks=(*_NEED_TO_KNOW, *FOREIGN, "user-gone", "direct-user", "opaque-group", *DORMANT, *INEFFECTIVE),
            tables=("access", "grants", "changes"),
            not_answered=NEED,
        ),
        Control(
            id="mn. 80",
            asks="Who has privileged access is listed.",
            checks=PRIVILEGED,
            tables=("privileged", "access", "grants"),
            not_answered="Access to critical data by other ways than the registry.",
        ),
    ),
)

NIS2: Final = Framework(
    id="nis2",
    name="NIS2 CIR 2024/2690",
    edition="Commission Implementing Regulation (EU) 2024/2690, annex",
    source="https://eur-lex.europa.eu/eli/reg_impl/2024/2690/oj",
    controls=(
        Control(
            id="11.2.2 (a)",
            asks="Rights follow need to know, least privilege and separation of duties.",
            checks=_NEED_TO_KNOW,
            tables=("access", "findings"),
            not_answered=NEED,
        ),
        Control(
            id="11.2.2 (b)",
            asks="Rights change when somebody leaves or changes duties.",
            checks=("user-gone", "foreign-user", "direct-user", "empty-group"),
            tables=("findings", "changes"),
            not_answered=JOINERS,
        ),
        Control(
            id="11.2.2 (c)",
            asks="The owner of a system authorises access to it.",
            checks=("no-organization",),
            tables=("namespaces", "organizations"),
            not_answered="Who authorised it.",
        ),
        Control(
            id="11.2.2 (d)",
            asks="Access of third parties is limited.",
            checks=FOREIGN,
            tables=("findings",),
            not_answered="Which organizations are third parties, and under which contract.",
        ),
        Control(
            id="11.2.2 (e)",
            asks="A register of granted rights is kept.",
            tables=("grants", "access"),
            not_answered="Rights to anything but the registry.",
        ),
        Control(
            id="11.2.2 (f)",
            asks="Changes of rights are logged.",
            tables=("changes",),
            not_answered="Who made a change: the audit log of the API server says.",
        ),
        Control(
            id="11.2.3",
            asks="Rights are reviewed at planned intervals, and the result is documented.",
            checks=(*_REVIEWED, *FOREIGN_PEOPLE),
            tables=("grants", "changes"),
            not_answered=NEED,
        ),
        Control(
            id="11.3",
            asks="Privileged accounts are managed apart, and limited.",
            checks=PRIVILEGED,
            tables=("privileged", "access", "grants"),
            not_answered=LOGIN,
        ),
        Control(
            id="11.5",
            asks="Identities are managed, each of one person or system; shared ones are exceptions.",
            checks=("user-gone", *DORMANT_ACCOUNTS, "misspelt-subject", "default-push", "namespace-accounts-push"),
            tables=("findings",),
            not_answered=JOINERS,
        ),
        Control(
            id="11.6",
            asks="Secrets that prove an identity are managed.",
            checks=TOKENS,
            tables=("tokens", "findings"),
            not_answered=SECRETS,
        ),
    ),
)
