"""Numbers for texts and rows of two states, so that both can be compared as arrays."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from audit.tables.arrays import Longs
from audit.tables.model import Text

_LIMIT: Final = 2**62


class Pool:
    """Numbers texts in the order of their arrival, equal texts alike; "*" is 0."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._at: dict[str, int] = {}
        self.number("*")

    def number(self, text: str) -> int:
        """Return the number of a text, a new one for a new text."""
        number = self._at.setdefault(text, len(self.texts))
        if number == len(self.texts):
            self.texts.append(text)
        return number

    def find(self, text: str) -> int:
        """Return the number of a text, or -1."""
        return self._at.get(text, -1)

    def known(self, texts: Iterable[str]) -> Longs:
        """Return the numbers of those texts that have one."""
        return np.array([at for text in texts if (at := self.find(text)) >= 0], dtype=np.int64)

    def numbers(self, texts: Iterable[str]) -> Longs:
        """Return the numbers of texts."""
        return np.array([self.number(text) for text in texts], dtype=np.int64)

    def sorted(self, numbers: Longs) -> Text:
        """Return numbers as a text column, whose codes are in the order of the texts."""
        used, inverse = np.unique(numbers, return_inverse=True)
        texts = [self.texts[at] for at in used.tolist()]
        order = sorted(range(len(texts)), key=texts.__getitem__)
        rank = np.empty(len(order), dtype=np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        return Text(rank[inverse], [texts[at] for at in order])

    def column(self, column: Text) -> Longs:
        """Return the numbers of a text column, one a row."""
        compact = column.compact()
        return self.numbers(compact.values)[compact.codes]


def combined(*columns: Longs) -> Longs:
    """Return a number for each row: rows that are equal in all columns have the same."""
    code, *rest = columns
    for column in rest:
        size = int(column.max(initial=0)) + 1
        if int(code.max(initial=0)) >= _LIMIT // size:
            code = np.unique(code, return_inverse=True)[1].astype(np.int64)
        code = code * size + column
    return code
