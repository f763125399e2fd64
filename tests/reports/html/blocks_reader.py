"""Reads the data blocks of a page as its script does."""

import base64
import gzip
import json
from itertools import pairwise
from typing import Any

import numpy as np

KINDS = {"u8": "<u1", "u16": "<u2", "u32": "<u4", "i8": "<i1", "i16": "<i2", "i32": "<i4"}


def unpacked(block: str) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """Read a block as the script does."""
    data = gzip.decompress(base64.b64decode(block))
    size = int.from_bytes(data[:4], "little")
    head = json.loads(data[4 : 4 + size])
    parts = {}
    for name, part in head["parts"].items():
        assert (4 + size + part["at"]) % 4 == 0  # typed arrays want it so
        found = np.frombuffer(data, KINDS[part["type"]], part["length"], 4 + size + part["at"])
        parts[name] = found.tolist()
    return head, parts


def texts_of(block: str) -> list[str]:
    """Return all texts, cut as JavaScript counts: in UTF-16 units."""
    _, parts = unpacked(block)
    whole = bytes(parts["utf8"]).decode().encode("utf-16-le")
    ends = np.cumsum([0, *parts["lengths"]]) * 2
    return [whole[start:end].decode("utf-16-le") for start, end in pairwise(ends)]


def read(found: dict[str, str], name: str) -> dict[str, list[str] | list[int]]:
    """Return the columns of a table as they were."""
    texts = texts_of(found["texts"])
    head, parts = unpacked(found[name])
    columns: dict[str, list[str] | list[int]] = {}
    for column, kind in head["kinds"].items():
        if kind == "text":
            places = np.cumsum(parts[f"{column}/texts"]).tolist()
            columns[column] = [texts[places[code]] for code in parts[column]]
        else:
            columns[column] = parts[column]
        assert len(columns[column]) == head["rows"]
    return columns
