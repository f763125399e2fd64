"""ISO/IEC 27001:2022, Annex A. The summaries are ours."""

from typing import Final

from audit.controls.groups import (
    ACCOUNTS_THAT_PUSH,
    CHANGE,
    DORMANT,
    DORMANT_ACCOUNTS,
    FOREIGN,
    OPEN,
    PRIVILEGED,
    SHARED,
    TOKENS,
    WIDE,
)
from audit.controls.model import Control, Framework
from audit.controls.reasons import CHANGES, CONTENT, JOINERS, NEED, OTHERS, SECRETS, STAGES, USE

ISO_27001: Final = Framework(
    id="iso-27001",
    name="ISO 27001:2022",
    edition="2022",
    source="https://www.iso.org/standard/27001",
    controls=(
        Control(
            id="A.5.3",
            asks="Conflicting duties are separated.",
            checks=("sign", "push-with-secrets"),
            tables=("access",),
            not_answered="Which duties conflict: the organization decides.",
        ),
        Control(
            id="A.5.9",
            asks="Assets are listed and have an owner.",
            checks=("no-organization",),
            tables=("namespaces", "repositories"),
            not_answered=CONTENT,
        ),
        Control(
            id="A.5.15",
            asks="Rules of access are defined and enforced.",
            checks=(*OPEN, *SHARED, *FOREIGN, *WIDE, *ACCOUNTS_THAT_PUSH, "stale-repository"),
            tables=("access", "findings", "exceptions"),
            not_answered=OTHERS,
        ),
        Control(
            id="A.5.16",
            asks="Identities are managed over their life cycle.",
            checks=("user-gone", *DORMANT_ACCOUNTS, "misspelt-subject", "nobody", "opaque-group"),
            tables=("findings",),
            not_answered=JOINERS,
        ),
        Control(
            id="A.5.17",
            asks="Authentication secrets are managed.",
            checks=TOKENS,
            tables=("tokens", "findings"),
            not_answered=SECRETS,
        ),
        Control(
            id="A.5.18",
            asks="Access rights are granted, reviewed, changed and removed.",
            checks=(
                "user-gone",
                *FOREIGN,
                "direct-user",
                *DORMANT,
                "opaque-group",
                "no-effect",
                "push-without-pull",
                "stale-repository",
            ),
            tables=("grants", "changes"),
            not_answered=NEED,
        ),
        Control(
            id="A.8.2",
            asks="Privileged rights are limited and managed.",
            checks=PRIVILEGED,
            tables=("privileged", "grants", "access"),
            not_answered=NEED,
        ),
        Control(
            id="A.8.3",
            asks="Access to information is restricted.",
            checks=(*OPEN, *SHARED, *FOREIGN, "cluster-wide-pull", "catalog"),
            tables=("access", "findings"),
            not_answered=CONTENT,
        ),
        Control(
            id="A.8.4",
            asks="Access to source code, tools and libraries is managed.",
            checks=("anonymous-push", "every-user-push", "every-account-push", "cluster-wide-push"),
            tables=("access",),
            not_answered="Source code itself. That images count as libraries is a view that not every auditor shares.",
        ),
        Control(
            id="A.8.9",
            asks="Configurations are defined, and checked.",
            checks=("no-effect", "push-without-pull", "refused-login"),
            tables=("findings", "changes"),
            not_answered="The configuration of anything but access to the registry.",
        ),
        Control(id="A.8.15", asks="Activities are logged.", tables=("usage",), not_answered=USE),
        Control(
            id="A.8.16",
            asks="Systems are monitored for anomalies.",
            checks=("denied-often",),
            tables=("usage",),
            not_answered=USE,
        ),
        Control(
            id="A.8.31",
            asks="Development, test and production are separated.",
            checks=("push-in-many-namespaces", "other-namespace-push"),
            tables=("access",),
            not_answered=STAGES,
        ),
        Control(
            id="A.8.32",
            asks="Changes follow a procedure.",
            checks=CHANGE,
            tables=("access",),
            not_answered=CHANGES,
        ),
    ),
)
