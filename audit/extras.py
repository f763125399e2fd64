"""Parts that are installed when they are wanted: what each extra brings, and one message where it is missing."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

from audit.errors import UsageError

# By name, as in pyproject.toml: what it is for, and its packages.
EXTRAS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "sql": ("query", ("duckdb",)),
    "xlsx": ("workbooks", ("openpyxl", "xlsxwriter")),
    "s3": ("buckets", ("obstore",)),
}


def missing(extra: str) -> tuple[str, ...]:
    """Return the packages of an extra that are not installed."""
    return tuple(package for package in EXTRAS[extra][1] if find_spec(package) is None)


def require(extra: str) -> None:
    """Raise UsageError if an extra is not installed."""
    if absent := missing(extra):
        what = f"{EXTRAS[extra][0]} need{'s' if extra == 'sql' else ''} the extra [{extra}], which is not installed"
        raise UsageError(what, fix=f"pip install {' '.join(absent)}")
