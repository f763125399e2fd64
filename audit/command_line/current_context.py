"""The configuration without a file: the current context of the kubeconfig is the only zone."""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from audit import console
from audit.collect.connect.kubeconfig import CredentialsError, KubeContexts
from audit.collect.zones import zone_ids
from audit.config.model import Config
from audit.config.zones import Credentials, ZoneConfig
from audit.errors import UsageError

OUT: Final = "registry-audit"  # where `run` keeps runs when nothing says where
FIX: Final = "log in using `oc login`, or name zones with --config FILE"
_ID: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def current_config(fix: str = FIX) -> Config:
    """Return a configuration whose only zone is the current context. Raises UsageError, with `fix`, without one."""
    try:
        context = KubeContexts().get()
    except CredentialsError as error:
        raise UsageError(str(error), fix=fix) from error
    zone = zone_of(context.name, context.server)
    console.note(f"zone {zone}: the current context {context.name} ({context.server})")
    return Config(zones=(ZoneConfig(id=zone, credentials=Credentials(context=context.name)),))


def zone_of(context: str, server: str) -> str:
    """Return the id of the zone of a context: the context's name, or else the cluster's from its address.

    `oc login` names contexts `PROJECT/HOST:PORT/USER`: such a name changes with the project, while the zone must not.
    """
    if _ID.fullmatch(context):
        return context
    try:
        host = urlsplit(server).hostname or ""
    except ValueError:
        host = ""
    name = host if _is_ip(host) else host.removeprefix("api.").partition(".")[0]
    (zone,) = zone_ids([name or context]).values()
    return zone


def _is_ip(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False
