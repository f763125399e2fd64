"""Which check answers which control, and what nothing here can answer: the table `controls`."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from audit.checks.rules.registry import CHECKS
from audit.tables.model import Table, table_of

PARTLY, NO = "partly", "no"

_JOINERS: Final = "Who joined, changed duties or left: the personnel system knows, a cluster does not."
_NEED: Final = "Whether somebody needs what they have: a person decides, in a review."
_OTHERS: Final = "Access to anything but images: other resources of the cluster, other systems."
_LOGIN: Final = "How people log in, and how strong it is: the identity provider knows."
_CONTENT: Final = "What the images hold, and who is to see it."
_SECRETS: Final = "Where copies of a token lie, and who has read it."


class Control(NamedTuple):
    """A control: what it asks for in a few words of ours, the tables that serve it, and what they do not answer."""

    framework: str
    control: str
    asks: str
    tables: str
    not_answered: str

    @property
    def name(self) -> str:
        """Return it as checks call it."""
        return f"{self.framework} {self.control}"


CONTROLS: Final[tuple[Control, ...]] = (
    Control("SOC 2", "CC6.1", "Access is restricted to who is authorised.", "access, grants, findings", _OTHERS),
    Control(
        "SOC 2", "CC6.2", "Access is given to known people, and taken when they go.", "findings, changes", _JOINERS
    ),
    Control(
        "SOC 2", "CC6.3", "Access follows duties, least right, and separation of duties.", "access, findings", _NEED
    ),
    Control(
        "ISO 27001:2022", "A.5.9", "What there is, is listed and has an owner.", "namespaces, repositories", _CONTENT
    ),
    Control("ISO 27001:2022", "A.5.15", "Rules of access are set and kept.", "access, findings, exceptions", _OTHERS),
    Control("ISO 27001:2022", "A.5.16", "Identities are managed from beginning to end.", "findings", _JOINERS),
    Control("ISO 27001:2022", "A.5.17", "Secrets for logging in are managed.", "tokens, findings", _SECRETS),
    Control("ISO 27001:2022", "A.5.18", "Rights are given, reviewed, changed and taken.", "grants, changes", _NEED),
    Control("ISO 27001:2022", "A.8.2", "Privileged rights are few and managed.", "grants, access", _NEED),
    Control("ISO 27001:2022", "A.8.3", "Access to information is restricted.", "access, findings", _CONTENT),
    Control(
        "PCI DSS 4", "7.2.1", "A model of access is defined, and nothing is open to all.", "access, findings", _NEED
    ),
    Control("PCI DSS 4", "7.2.2", "Access follows duties and least right.", "access, findings", _NEED),
    Control("PCI DSS 4", "7.2.4", "All accounts of people are reviewed every six months.", "grants, changes", _JOINERS),
    Control("PCI DSS 4", "7.2.5.1", "Accounts of systems are reviewed.", "grants, tokens, changes", _NEED),
    Control("PCI DSS 4", "8.6.3", "Secrets of accounts of systems are changed.", "tokens, findings", _SECRETS),
    Control("PCI DSS 4", "12.5.1", "What is in scope is listed.", "namespaces, repositories", _CONTENT),
    Control("NIST 800-53", "AC-2", "Accounts are managed and reviewed.", "grants, findings, changes", _JOINERS),
    Control("NIST 800-53", "AC-3", "Decisions about access are enforced.", "access, findings", _OTHERS),
    Control("NIST 800-53", "AC-4", "Flows between parts are controlled.", "findings", "Flows over the network."),
    Control("NIST 800-53", "AC-6", "Least right.", "access, findings", _NEED),
    Control("NIST 800-53", "AC-14", "What is allowed without logging in is known.", "findings", _CONTENT),
    Control("NIST 800-53", "CM-8", "Components are listed.", "repositories, findings", _CONTENT),
    Control("NIST 800-53", "IA-2", "People are identified, by more than one factor.", "", _LOGIN),
    Control("NIST 800-53", "IA-5", "Secrets for logging in are managed.", "tokens, findings", _SECRETS),
    Control("CIS Kubernetes", "5.1.1", "The role cluster-admin is given where it is needed only.", "findings", _NEED),
    Control(
        "CIS Kubernetes", "5.1.2", "Few can read secrets.", "findings", "Who can read secrets and not push images."
    ),
    Control("CIS Kubernetes", "5.1.3", "Few roles have wildcards.", "findings", "Wildcards that do not reach images."),
    Control("CIS Kubernetes", "5.1.4", "Few can create pods.", "", "Who can create pods, and as which account."),
    Control("CIS Kubernetes", "5.1.5", "Default accounts are not used.", "findings", _OTHERS),
    Control("CIS Kubernetes", "5.1.6", "Tokens are mounted where they are needed only.", "tokens, findings", "Mounts."),
    Control("CIS Kubernetes", "5.1.8", "Few can bind, escalate or impersonate.", "", "Who can become somebody else."),
    Control("BSI C5", "AM-01", "Assets are listed.", "namespaces, repositories", _CONTENT),
    Control("BSI C5", "IDM-01", "A policy of access is kept.", "access, findings, exceptions", _NEED),
    Control("BSI C5", "IDM-04", "Access ends with what it was given for.", "findings, changes", _JOINERS),
    Control("BSI C5", "IDM-05", "Rights are reviewed every year.", "grants, changes", _NEED),
    Control("BSI C5", "IDM-08", "Secrets for logging in are kept safe.", "tokens, findings", _SECRETS),
    Control("BSI C5", "OPS-24", "Customers are kept apart.", "findings", "Separation in networks and storage."),
)


def checks_of(control: Control) -> tuple[str, ...]:
    """Return the checks that touch a control, by id."""
    return tuple(check.id for check in CHECKS.values() if control.name in check.controls)


def controls_table() -> Table:
    """Return the table `controls`: the same for every run of one version."""
    rows: list[Mapping[str, str | int]] = [
        {
            "framework": one.framework,
            "control": one.control,
            "asks": one.asks,
            # No control is answered by software alone: each also asks what people do.
            "answered": PARTLY if checks_of(one) or one.tables else NO,
            "checks": ", ".join(checks_of(one)),
            "tables": one.tables,
            "not_answered": one.not_answered,
        }
        for one in CONTROLS
    ]
    return table_of("controls", rows)
