"""A clock that stands still."""

from datetime import datetime
from typing import Any


def clock(day: int) -> type:
    """A `datetime` that it is four in the morning of, on a day of March 2026."""
    real = datetime

    class Fixed(real):  # type: ignore[misc, valid-type]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real(2026, 3, day, 4, tzinfo=tz)

    return Fixed
