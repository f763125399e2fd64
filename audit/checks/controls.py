"""The controls that checks touch, by framework."""

from typing import Final

# Least privilege.
LEAST_RIGHT: Final = (
    "SOC 2 CC6.3",
    "ISO 27001:2022 A.5.15",
    "ISO 27001:2022 A.8.3",
    "PCI DSS 4 7.2.2",
    "NIST 800-53 AC-6",
    "CIS Kubernetes 5.1.1",
    "BSI C5 IDM-01",
)
OPEN: Final = (
    "SOC 2 CC6.1",
    "ISO 27001:2022 A.5.15",
    "PCI DSS 4 7.2.1",
    "NIST 800-53 AC-3",
    "NIST 800-53 AC-14",
    "BSI C5 IDM-01",
)
# Accounts of people: they join, move and leave.
LIFE_CYCLE: Final = (
    "SOC 2 CC6.2",
    "ISO 27001:2022 A.5.16",
    "ISO 27001:2022 A.5.18",
    "PCI DSS 4 7.2.4",
    "NIST 800-53 AC-2",
    "BSI C5 IDM-04",
)
SEPARATION: Final = (
    "SOC 2 CC6.3",
    "ISO 27001:2022 A.5.18",
    "PCI DSS 4 7.2.4",
    "NIST 800-53 AC-2",
    "NIST 800-53 AC-4",
    "BSI C5 OPS-24",
)
SECRETS: Final = (*LEAST_RIGHT, "CIS Kubernetes 5.1.2")
WILDCARDS: Final = (*LEAST_RIGHT, "CIS Kubernetes 5.1.3")
DEFAULT_ACCOUNTS: Final = (*LEAST_RIGHT, "CIS Kubernetes 5.1.5")
CREDENTIALS: Final = (
    "SOC 2 CC6.1",
    "ISO 27001:2022 A.5.17",
    "PCI DSS 4 8.6.3",
    "NIST 800-53 IA-5",
    "CIS Kubernetes 5.1.6",
    "BSI C5 IDM-08",
)
INVENTORY: Final = (
    "SOC 2 CC6.1",
    "ISO 27001:2022 A.5.9",
    "PCI DSS 4 12.5.1",
    "NIST 800-53 CM-8",
    "BSI C5 AM-01",
)
