"""The CIS Benchmarks of Kubernetes and of Red Hat OpenShift, section 5. The summaries are ours."""

from typing import Final

from audit.controls.groups import BY_ROLE
from audit.controls.model import Control, Framework
from audit.controls.reasons import IDENTITIES, MOUNTS, NEED, OTHERS

_RBAC: Final = (
    Control(
        id="5.1.1",
        asks="The role cluster-admin is used only where needed.",
        checks=BY_ROLE,
        tables=("grants", "findings"),
        role="cluster-admin",
        not_answered=NEED,
    ),
    Control(
        id="5.1.2",
        asks="Access to secrets is limited.",
        checks=("push-with-secrets", "secrets-open"),
        tables=("findings", "routes"),
        not_answered="Secrets that lead to no image.",
    ),
    Control(
        id="5.1.3",
        asks="Wildcards in roles are limited.",
        checks=("wildcard-role",),
        tables=("grants", "findings"),
        not_answered="Wildcards that do not include images.",
    ),
    Control(
        id="5.1.4",
        asks="Access to create pods is limited.",
        tables=("routes",),
        not_answered=IDENTITIES,
    ),
    Control(
        id="5.1.5",
        asks="Default accounts are not used.",
        checks=("default-push",),
        tables=("findings",),
        not_answered=OTHERS,
    ),
    Control(id="5.1.6", asks="Tokens are mounted only where needed.", not_answered=MOUNTS),
)

CIS_KUBERNETES: Final = Framework(
    id="cis-kubernetes",
    name="CIS Kubernetes 2.0.1",
    edition="2.0.1",
    source="https://www.cisecurity.org/benchmark/kubernetes",
    controls=(
        Control(
            id="1.2.11",
            asks="Images are pulled, with the rights to do so, at every start.",
            not_answered="Whether nodes run images that others have pulled: the API server's settings say.",
        ),
        *_RBAC,
        Control(
            id="5.1.7",
            asks="The group system:masters is not used.",
            not_answered="Who is in it: client certificates say, not the API.",
        ),
        Control(
            id="5.1.8",
            asks="Use of bind, escalate and impersonate is limited.",
            tables=("routes",),
            not_answered=IDENTITIES,
        ),
        Control(id="5.1.9", asks="Access to create persistent volumes is limited.", not_answered=OTHERS),
        Control(
            id="5.1.10", asks="Access to the proxy of nodes is limited.", tables=("routes",), not_answered=IDENTITIES
        ),
        Control(
            id="5.1.11", asks="Access to approve certificates is limited.", tables=("routes",), not_answered=IDENTITIES
        ),
        Control(id="5.1.12", asks="Access to webhook configurations is limited.", not_answered=OTHERS),
        Control(
            id="5.1.13",
            asks="Access to create tokens of service accounts is limited.",
            tables=("routes",),
            not_answered=IDENTITIES,
        ),
    ),
)

CIS_OPENSHIFT: Final = Framework(
    id="cis-openshift",
    name="CIS Red Hat OpenShift 1.9.0",
    edition="1.9.0",
    source="https://www.cisecurity.org/benchmark/red_hat_openshift",
    controls=(
        *_RBAC,
        Control(
            id="5.2.10",
            asks="Access to privileged security context constraints is limited.",
            not_answered="Who may use which security context constraint.",
        ),
        Control(
            id="5.5.1",
            asks="The image configuration says from where images may come.",
            not_answered="From where images may be imported and run: the image configuration says.",
        ),
    ),
)
