"""Worlds in which logs were read: what was used, of a time that they cover."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import pyarrow as pa

from audit.config.usage import UsageConfig
from audit.snapshot.model import Snapshot
from audit.tables.model import Table
from audit.usage.history import TOTAL_SCHEMA, Window
from audit.usage.tables import usage_table, with_use
from audit.usage.zone_use import ZoneUse
from tests.worlds.plain_rbac import World
from tests.worlds.small import Piece

DAYS: Final = 30  # that the logs cover, and after which access is unused


def used(user: str, action: str, namespace: str, repository: str, *, times: int = 1, denied: bool = False) -> Piece:
    """Something that was done, or refused, ten days ago."""
    names = {"source": "registry", "user": user, "action": action, "namespace": namespace, "repository": repository}
    return "use", names | {"denied": denied, "grant": "", "count": times, "days": 1, "metadata": {"name": ""}}


NOBODY: Final = used("nobody", "pull", "elsewhere", "x")


def use_tables(one: World, snapshot: Snapshot, tables: Mapping[str, Table], now: datetime) -> dict[str, Table]:
    """Return the tables of a world with what its use adds; as they are where no logs were read."""
    uses = one.get("use") or []
    if not uses:
        return dict(tables)
    moment = now - timedelta(days=10)
    rows = [{name: use[name] for name in use if name != "metadata"} | {"first": moment, "last": moment} for use in uses]
    window = Window("registry", "pod", now - timedelta(days=2 * DAYS), now, frozenset({"info"}), 30)
    settings = UsageConfig(replicas=1, threshold_days=DAYS)
    use = ZoneUse(pa.Table.from_pylist(rows, schema=TOTAL_SCHEMA), [window], settings, now)
    return {**tables, **with_use(tables, use, snapshot), "usage": usage_table(use, snapshot.origin.zone)}
