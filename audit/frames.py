"""The tables as data frames of pandas, for notebooks: computed from saved facts just as a report is."""

from collections.abc import Sequence

import pandas as pd

from audit.access.facts.build import facts_of
from audit.command_line.sources import saved
from audit.tables.model import Table, Text, joined
from audit.tables.schemas import ANSWERS, SCHEMAS

_UNKNOWN = -1  # of a count


def frames(*places: str, zones: Sequence[str] = ()) -> dict[str, pd.DataFrame]:
    """Return the tables of all zones at `places` (paths or URLs), or of those of `zones`, by name.

    Findings, exceptions and changes are a run's own, and not among them: a run has them as CSV and Parquet. Raises
    UsageError for a place that cannot be read.
    """
    made = [facts_of(snapshot) for snapshot in saved(places, zones)]
    return {name: frame(joined([tables[name] for tables in made])) for name in made[0]}


def frame(table: Table) -> pd.DataFrame:
    """Return a table as a frame: texts and answers are categories, so that no row has a text of its own.

    Answers are ordered: `no`, `yes`, `unknown`. A count that is not known is missing (`<NA>`).
    """
    columns: dict[str, pd.Categorical | pd.api.extensions.ExtensionArray] = {}
    for column in SCHEMAS[table.name]:
        values = table.columns[column.name]
        if isinstance(values, Text):
            columns[column.name] = _texts(values.compact())
        elif column.type == "answer":
            columns[column.name] = pd.Categorical.from_codes(values, categories=pd.Index(ANSWERS), ordered=True)
        else:
            columns[column.name] = pd.arrays.IntegerArray(values, values == _UNKNOWN, copy=True)
    return pd.DataFrame(columns)


def _texts(text: Text) -> pd.Categorical:
    # Values may repeat a text; categories may not.
    codes, kinds = pd.factorize(pd.Index(list(text.values)))
    return pd.Categorical.from_codes(codes[text.codes], categories=kinds)
