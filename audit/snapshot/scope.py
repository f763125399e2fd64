"""Which namespaces of a zone are reported on: what the configuration includes and does not exclude."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from audit.snapshot.model import Snapshot

# Whether a namespace of this name and these labels is reported on; labels are None when they could not be read.
Selects = Callable[[str, Mapping[str, str] | None], bool]


@dataclass(frozen=True, slots=True)
class Scope:
    """The namespaces that are reported on (None: every one), and how many were left out."""

    namespaces: tuple[str, ...] | None = None
    excluded: int = 0


def scope_of(snapshot: Snapshot, selects: Selects | None) -> Scope:
    """Return the scope of a zone; namespaces that only objects in them mention are judged alike."""
    if selects is None:
        return Scope()
    table, text = snapshot.tables["namespaces"], snapshot.strings
    labels = dict(zip(table["name"].tolist(), table["labels"].tolist(), strict=True))
    namespaces = [snapshot.tables[name]["namespace"] for name in ("bindings", "imagestreams", "tokens")]
    known = np.unique(np.concatenate([table["name"], *namespaces])).tolist()
    names = [*(code for code in known if code), *_only_in_gaps(snapshot, known)]
    kept = tuple(
        text[code] for code in names if selects(text[code], labels_of(text[labels[code]]) if code in labels else None)
    )
    return Scope(kept, len(names) - len(kept))


def _only_in_gaps(snapshot: Snapshot, known: list[int]) -> list[int]:
    codes = {snapshot.code(gap.namespace) for gap in snapshot.gaps_of("rolebindings")}
    return sorted(code for code in codes if code > 0 and code not in set(known))


def labels_of(text: str) -> dict[str, str]:
    """Return the labels that a text of the snapshot holds."""
    return msgspec.json.decode(text, type=dict[str, str]) if text else {}
