"""The table `controls`: which checks touch which control, and what this program cannot answer."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from audit.checks.rules.registry import CHECKS
from audit.tables.model import Table, table_of

PARTLY, NO = "partly", "no"

_JOINERS: Final = "Who joined, changed duties or left: the personnel system knows, not the cluster."
_NEED: Final = "Whether a subject needs its access: people decide, in a review."
_OTHERS: Final = "Access to other resources of the cluster, and to other systems."
_LOGIN: Final = "How people log in: the identity provider knows."
_CONTENT: Final = "What the images contain, and who should see it."
_SECRETS: Final = "Where copies of a token are, and who has read it."


class Control(NamedTuple):
    """A control: a summary, the tables that serve it, and what they do not answer."""

    framework: str
    control: str
    asks: str
    tables: str
    not_answered: str

    @property
    def name(self) -> str:
        """Return the name by which checks refer to it."""
        return f"{self.framework} {self.control}"


CONTROLS: Final[tuple[Control, ...]] = (
    Control("SOC 2", "CC6.1", "Access is restricted to authorised subjects.", "access, grants, findings", _OTHERS),
    Control(
        "SOC 2",
        "CC6.2",
        "Access is granted to known people, and removed when they leave.",
        "findings, changes",
        _JOINERS,
    ),
    Control(
        "SOC 2", "CC6.3", "Access follows duties, least privilege and separation of duties.", "access, findings", _NEED
    ),
    Control("ISO 27001:2022", "A.5.9", "Assets are listed and have an owner.", "namespaces, repositories", _CONTENT),
    Control(
        "ISO 27001:2022", "A.5.15", "Rules of access are defined and enforced.", "access, findings, exceptions", _OTHERS
    ),
    Control("ISO 27001:2022", "A.5.16", "Identities are managed over their life cycle.", "findings", _JOINERS),
    Control("ISO 27001:2022", "A.5.17", "Authentication secrets are managed.", "tokens, findings", _SECRETS),
    Control(
        "ISO 27001:2022",
        "A.5.18",
        "Access rights are granted, reviewed, changed and removed.",
        "grants, changes",
        _NEED,
    ),
    Control("ISO 27001:2022", "A.8.2", "Privileged rights are limited and managed.", "grants, access", _NEED),
    Control("ISO 27001:2022", "A.8.3", "Access to information is restricted.", "access, findings", _CONTENT),
    Control("PCI DSS 4", "7.2.1", "An access control model is defined.", "access, findings", _NEED),
    Control("PCI DSS 4", "7.2.2", "Access follows duties and least privilege.", "access, findings", _NEED),
    Control("PCI DSS 4", "7.2.4", "User accounts are reviewed every six months.", "grants, changes", _JOINERS),
    Control("PCI DSS 4", "7.2.5.1", "System accounts are reviewed.", "grants, tokens, changes", _NEED),
    Control("PCI DSS 4", "8.6.3", "Secrets of system accounts are changed.", "tokens, findings", _SECRETS),
    Control("PCI DSS 4", "12.5.1", "Components in scope are listed.", "namespaces, repositories", _CONTENT),
    Control("NIST 800-53", "AC-2", "Accounts are managed and reviewed.", "grants, findings, changes", _JOINERS),
    Control("NIST 800-53", "AC-3", "Access decisions are enforced.", "access, findings", _OTHERS),
    Control("NIST 800-53", "AC-4", "Information flows are controlled.", "findings", "Network flows."),
    Control("NIST 800-53", "AC-6", "Least privilege.", "access, findings", _NEED),
    Control("NIST 800-53", "AC-14", "Actions allowed without authentication are known.", "findings", _CONTENT),
    Control("NIST 800-53", "CM-8", "Components are listed.", "repositories, findings", _CONTENT),
    Control("NIST 800-53", "IA-2", "Users are identified, with more than one factor.", "", _LOGIN),
    Control("NIST 800-53", "IA-5", "Authentication secrets are managed.", "tokens, findings", _SECRETS),
    Control("CIS Kubernetes", "5.1.1", "The role cluster-admin is used only where needed.", "findings", _NEED),
    Control(
        "CIS Kubernetes",
        "5.1.2",
        "Access to secrets is limited.",
        "findings",
        "Who can read secrets but not push images.",
    ),
    Control(
        "CIS Kubernetes",
        "5.1.3",
        "Wildcards in roles are limited.",
        "findings",
        "Wildcards that do not include images.",
    ),
    Control(
        "CIS Kubernetes", "5.1.4", "Access to create pods is limited.", "", "Who can create pods, and as which account."
    ),
    Control("CIS Kubernetes", "5.1.5", "Default accounts are not used.", "findings", _OTHERS),
    Control("CIS Kubernetes", "5.1.6", "Tokens are mounted only where needed.", "tokens, findings", "Mounts."),
    Control(
        "CIS Kubernetes",
        "5.1.8",
        "Use of bind, escalate and impersonate is limited.",
        "",
        "Who can become another identity.",
    ),
    Control("BSI C5", "AM-01", "Assets are listed.", "namespaces, repositories", _CONTENT),
    Control("BSI C5", "IDM-01", "An access policy is maintained.", "access, findings, exceptions", _NEED),
    Control("BSI C5", "IDM-04", "Access ends when its reason does.", "findings, changes", _JOINERS),
    Control("BSI C5", "IDM-05", "Rights are reviewed every year.", "grants, changes", _NEED),
    Control("BSI C5", "IDM-08", "Authentication secrets are protected.", "tokens, findings", _SECRETS),
    Control("BSI C5", "OPS-24", "Customers are separated.", "findings", "Separation of networks and storage."),
)


def checks_of(control: Control) -> tuple[str, ...]:
    """Return the ids of the checks that touch a control."""
    return tuple(check.id for check in CHECKS.values() if control.name in check.controls)


def controls_table() -> Table:
    """Return the table `controls`, the same for every run of one version."""
    rows: list[Mapping[str, str | int]] = [
        {
            "framework": one.framework,
            "control": one.control,
            "asks": one.asks,
            # No control is answered by software alone.
            "answered": PARTLY if checks_of(one) or one.tables else NO,
            "checks": ", ".join(checks_of(one)),
            "tables": one.tables,
            "not_answered": one.not_answered,
        }
        for one in CONTROLS
    ]
    return table_of("controls", rows)
