"""All built-in frameworks, in the order of reports."""

from typing import Final

from audit.controls.aicpa import SOC_2
from audit.controls.bsi import C5_2020, C5_2026, IT_GRUNDSCHUTZ
from audit.controls.cis import CIS_KUBERNETES, CIS_OPENSHIFT
from audit.controls.iso import ISO_27001
from audit.controls.law import FINMA, NIS2
from audit.controls.model import ControlCatalog
from audit.controls.nist import NIST_800_53, NIST_800_190
from audit.controls.pci import PCI_DSS

BUILT_IN: Final = ControlCatalog(
    (
        SOC_2,
        ISO_27001,
        PCI_DSS,
        NIST_800_53,
        NIST_800_190,
        CIS_KUBERNETES,
        CIS_OPENSHIFT,
        C5_2020,
        C5_2026,
        IT_GRUNDSCHUTZ,
        FINMA,
        NIS2,
    )
)
