"""NIST SP 800-53 revision 5, and SP 800-190 on containers. The summaries are ours."""

from typing import Final

from audit.controls.groups import (
    ACCOUNTS_THAT_PUSH,
    ANONYMOUS,
    CHANGE,
    DORMANT,
    DORMANT_ACCOUNTS,
    FOREIGN,
    INEFFECTIVE,
    OPEN,
    SHARED,
    TOKENS,
    UNUSED,
    WIDE,
)
from audit.controls.model import Control, Framework
from audit.controls.reasons import CHANGES, CONTENT, JOINERS, LOGIN, NEED, OTHERS, SECRETS, USE

NIST_800_53: Final = Framework(
    id="nist-800-53",
    name="NIST 800-53 r5",
    edition="revision 5",
    source="https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final",
    controls=(
        Control(
            id="AC-2",
            asks="Accounts are managed and reviewed.",
            checks=("user-gone", *FOREIGN, "direct-user", "empty-group", "opaque-group", *DORMANT_ACCOUNTS),
            tables=("grants", "findings", "changes"),
            not_answered=JOINERS,
        ),
        Control(
            id="AC-2(3)",
            asks="Accounts are disabled when they are not used, or belong to nobody.",
            checks=("user-gone", "token-unused"),
            tables=("findings", "tokens"),
            not_answered="When somebody last logged in: the identity provider knows.",
        ),
        Control(
            id="AC-3",
            asks="Access decisions are enforced.",
            checks=(*OPEN, "missing-role", "misspelt-subject", "refused-login"),
            tables=("access", "findings"),
            not_answered=OTHERS,
        ),
        Control(
            id="AC-4",
            asks="Information flows are controlled.",
            checks=(*SHARED, *FOREIGN, "push-in-many-namespaces"),
            tables=("findings",),
            not_answered="Network flows.",
        ),
        Control(
            id="AC-5",
            asks="Duties are separated.",
            checks=("sign", "push-with-secrets"),
            tables=("access",),
            not_answered="Which duties conflict: the organization decides.",
        ),
        Control(
            id="AC-6",
            asks="Least privilege.",
            checks=(*WIDE, *ACCOUNTS_THAT_PUSH, *SHARED, *UNUSED, "missing-role", "stale-repository"),
            tables=("access", "findings"),
            not_answered=NEED,
        ),
        Control(
            id="AC-6(1)",
            asks="Access to security functions is authorised.",
            checks=("sign", "wildcard-role", "aggregation"),
            tables=("access", "findings"),
            not_answered=NEED,
        ),
        Control(
            id="AC-6(5)",
            asks="Privileged accounts are restricted to few.",
            checks=("cluster-wide-push", "prune", "wildcard-role"),
            tables=("privileged", "access", "grants"),
            not_answered=NEED,
        ),
        Control(
            id="AC-6(7)",
            asks="Rights are reviewed, and removed where nobody needs them.",
            checks=(*INEFFECTIVE, *DORMANT, *UNUSED, "stale-repository"),
            tables=("grants", "changes"),
            not_answered=NEED,
        ),
        Control(id="AC-6(9)", asks="The use of privileged functions is logged.", tables=("usage",), not_answered=USE),
        Control(
            id="AC-6(10)",
            asks="Others than privileged users cannot use privileged functions.",
            checks=("wildcard-role", "aggregation"),
            tables=("access", "findings"),
            not_answered=OTHERS,
        ),
        Control(
            id="AC-14",
            asks="What is allowed without authentication is known.",
            checks=ANONYMOUS,
            tables=("access", "findings"),
            not_answered=CONTENT,
        ),
        Control(id="AU-2", asks="The events to log are chosen.", tables=("usage",), not_answered=USE),
        Control(id="AU-6", asks="Logs are reviewed.", checks=("denied-often",), tables=("usage",), not_answered=USE),
        Control(id="AU-12", asks="Log records are made.", tables=("usage",), not_answered=USE),
        Control(
            id="CM-5",
            asks="Access to change a system is restricted.",
            checks=CHANGE,
            tables=("access", "findings"),
            not_answered=CHANGES,
        ),
        Control(
            id="CM-5(6)",
            asks="Rights to change software in libraries are limited.",
            checks=("cluster-wide-push", "push-in-many-namespaces", "namespace-accounts-push", "stale-repository"),
            tables=("access", "findings"),
            not_answered=NEED,
        ),
        Control(
            id="CM-6",
            asks="Settings are defined and checked.",
            checks=("no-effect", "push-without-pull", "refused-login", "denied-often"),
            tables=("findings", "changes"),
            not_answered="The settings of anything but access to the registry.",
        ),
        Control(
            id="CM-8",
            asks="Components are listed, with who answers for them.",
            checks=("no-organization",),
            tables=("namespaces", "repositories"),
            not_answered=CONTENT,
        ),
        Control(
            id="CM-14",
            asks="Components are installed only when they are signed.",
            checks=("sign",),
            tables=("access",),
            not_answered="Whether signatures are required, and by which keys: a policy of the cluster says.",
        ),
        Control(id="IA-2", asks="Users are identified, with more than one factor.", not_answered=LOGIN),
        Control(
            id="IA-5",
            asks="Authentication secrets are managed.",
            checks=TOKENS,
            tables=("tokens", "findings"),
            not_answered=SECRETS,
        ),
        Control(
            id="IA-9",
            asks="Services are identified, each for itself.",
            checks=("default-push", "namespace-accounts-push"),
            tables=("findings",),
            not_answered="Which programs share a service account.",
        ),
    ),
)

NIST_800_190: Final = Framework(
    id="nist-800-190",
    name="NIST 800-190",
    edition="2017",
    source="https://csrc.nist.gov/pubs/sp/800/190/final",
    controls=(
        Control(id="4.2.1", asks="Connections to registries are encrypted.", not_answered="How clients connect."),
        Control(
            id="4.2.2",
            asks="Images that are stale are removed from registries.",
            checks=("stale-repository",),
            tables=("repositories", "findings"),
            not_answered="Which images have known vulnerabilities.",
        ),
        Control(
            id="4.2.3",
            asks="Reading registries needs a login where images are not public, and writing always does.",
            checks=(*OPEN, *SHARED, *FOREIGN, "cluster-wide-push", "cluster-wide-pull", *ACCOUNTS_THAT_PUSH),
            tables=("access", "findings"),
            not_answered="Whether images are scanned and signed before they may be used.",
        ),
    ),
)
