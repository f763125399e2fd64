"""The settings of checks, from the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from audit.config.model import Config
from audit.controls.catalog import BUILT_IN
from audit.controls.model import ControlCatalog
from audit.tables.schemas import Severity
from audit.tenancy.organizations import ORGANIZATION_LABEL
from audit.tenancy.platform import Platform


@dataclass(frozen=True, slots=True)
class Settings:
    """Checks that are off, severities, thresholds, what is the platform's own, and the controls that findings touch."""

    off: frozenset[str] = frozenset()
    severities: Mapping[str, Severity] = field(default_factory=dict)
    thresholds: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    platform: Platform = field(default_factory=Platform)
    organization_label: str = ORGANIZATION_LABEL
    controls: ControlCatalog = BUILT_IN


def settings_of(config: Config | None) -> Settings:
    """Return the settings in a configuration, or the defaults without one."""
    if config is None:
        return Settings()
    return Settings(
        off=frozenset(name for name, check in config.checks.items() if not check.enabled),
        severities={name: check.severity for name, check in config.checks.items() if check.severity},
        thresholds={name: check.thresholds for name, check in config.checks.items()},
        platform=Platform(config.platform.namespaces, config.platform.subjects),
        organization_label=config.namespaces.organization_label,
    )
