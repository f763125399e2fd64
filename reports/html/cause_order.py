"""The causes of all zones in one order: those first whose fix removes most risk for each change."""

from heapq import merge
from itertools import groupby

import numpy as np

from audit.findings.cause_table import RISK
from audit.tables.model import Table


def merged_causes(causes: Table) -> Table:
    """Return the causes, zones merged by the risk of critical and high findings; each zone keeps its own order."""
    risk = RISK["critical"] * causes.numbers("critical") + RISK["high"] * causes.numbers("high")
    worth = (risk / np.maximum(causes.numbers("changes"), 1)).tolist()
    zones = causes.text("zone").codes.tolist()
    runs = [[*rows] for _, rows in groupby(range(len(causes)), key=lambda row: zones[row])]
    return causes.take(np.array([*merge(*runs, key=lambda row: -worth[row])], dtype=np.int64))
