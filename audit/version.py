"""The program's own version."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of


def version() -> str:
    """Return the version of the installed distribution."""
    try:
        return version_of("registry-access-audit")
    except PackageNotFoundError:
        return "unknown: not installed"
