"""The table `controls`: which checks and tables answer which control, and what this program cannot answer."""

from collections.abc import Mapping

from audit.checks.rules.registry import CHECKS
from audit.controls.catalog import BUILT_IN
from audit.controls.model import ControlCatalog
from audit.tables.model import Table, table_of


def controls_table(catalog: ControlCatalog = BUILT_IN) -> Table:
    """Return the table `controls`, the same for every run of one version and one file of own controls."""
    rows: list[Mapping[str, str | int]] = [
        {
            "framework": framework.name,
            "control": control.id,
            "asks": control.asks,
            "answered": control.answered,
            "checks": ", ".join(check for check in CHECKS if check in control.checks),
            "tables": ", ".join(control.tables),
            "not_answered": control.not_answered,
            "edition": framework.edition,
            "source": framework.source,
        }
        for framework in catalog.frameworks
        for control in framework.controls
    ]
    return table_of("controls", rows)
