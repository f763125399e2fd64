"""`config check` and `config schema`."""

import json
from pathlib import Path

from audit import console
from audit.collect.zones import zones_of
from audit.config.model import check_files, config_schema
from audit.errors import DONE, ConfigError
from audit.findings.exceptions import load_exceptions
from audit.job.load_config import load_config


def check(path: Path, *, as_json: bool) -> int:
    """Print what the configuration means, zone by zone; raises ConfigError with all its mistakes."""
    config = load_config(path)
    zones = zones_of(config)
    mistakes = check_files(config)
    if mistakes:
        raise ConfigError(str(path), mistakes)
    if config.exceptions:
        load_exceptions(config.exceptions)
    lines = [
        {
            "zone": zone.id,
            "api": str(zone.dump) if zone.dump else zone.api or "as the credentials say",
            "registry": zone.registry,
        }
        for zone in zones
    ]
    if config.zones_from and (control := config.zones_from.control_api):
        lines.append({"zone": "(others)", "api": f"as {control.api or 'the control API'} lists them", "registry": ""})
    if as_json:
        console.result_json({"zones": lines})
    else:
        console.table(["zone", "api", "registry"], [list(line.values()) for line in lines])
    console.note(f"{path}: good")
    return DONE


def schema() -> int:
    """Print the JSON Schema of the configuration."""
    console.result(json.dumps(config_schema(), indent=2))
    return DONE
