"""`config check` and `config schema`."""

import json
from collections.abc import Iterator
from pathlib import Path

from audit.collect.connect.kubeconfig import CredentialsError, KubeContexts, same_server
from audit.collect.zones import registry_of, zones_of
from audit.command_line.result import Grid, Result, Verbatim
from audit.config.model import Config, check_files, config_schema
from audit.errors import ConfigError
from audit.findings.exceptions import load_exceptions
from audit.findings.own_controls import load_controls
from audit.job.load_config import load_config
from audit.job.sealing import signer_of


def check(path: Path) -> Result:
    """Return what the configuration means, zone by zone. Raises ConfigError with all its mistakes."""
    config = load_config(path)
    rows = [*_zones(config)]
    mistakes = [*check_files(config), *_contexts(config)]
    if mistakes:
        raise ConfigError(str(path), mistakes)
    if config.exceptions:
        load_exceptions(config.exceptions)
    load_controls(config.controls)
    signer_of(config)
    return Result(
        value=lambda: {"zones": rows},
        text=[Grid(["zone", "api", "registry"], [list(row.values()) for row in rows])],
        notes=[f"{path}: valid"],
    )


def _zones(config: Config) -> Iterator[dict[str, str]]:
    for zone in zones_of(config):
        api = str(zone.dump) if zone.dump else zone.api or "from the credentials"
        yield {"zone": zone.id, "api": api, "registry": zone.registry or registry_of(zone.api) or "from the zone"}
    if config.zones_from and (control := config.zones_from.control_api):
        yield {"zone": "(others)", "api": f"from {control.api or 'the control API'}", "registry": ""}


def _contexts(config: Config) -> Iterator[str]:
    """Yield a line for each context that does not exist, in a kubeconfig that can be read."""
    for at, zone in enumerate(config.zones):
        given = zone.credentials
        # One that cannot be read is a mistake already.
        if given and (given.context or given.kubeconfig) and (given.kubeconfig is None or given.kubeconfig.is_file()):
            try:
                contexts = KubeContexts(given.kubeconfig)
                leads_to = (
                    contexts.leading_to(zone.api) if not given.context and zone.api else contexts.get(given.context)
                )
                if zone.api and not same_server(zone.api, leads_to.server):
                    yield f"zones[{at}].api: {zone.api}, but the context {leads_to.name} is of {leads_to.server}"
            except CredentialsError as error:
                yield f"zones[{at}].credentials.{'context' if given.context else 'kubeconfig'}: {error}"


def schema() -> Result:
    """Return the JSON Schema of the configuration."""
    return Result(value=config_schema, text=[Verbatim(json.dumps(config_schema(), indent=2) + "\n")])
