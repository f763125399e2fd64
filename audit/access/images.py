"""Which image streams hold an image: whoever may pull from one of them may pull it, whatever holds elsewhere.

An image is its digest. A stream holds what its tags point to, and what they have pointed to and was not pruned.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from audit.snapshot.model import Snapshot
from audit.tables.arrays import Mask


class HeldImage(NamedTuple):
    """An image in a stream: under which tag, and since when (RFC 3339).

    `source` is what the tag follows: `NAMESPACE/STREAM:TAG`, EXTERNAL for another registry, empty for what was pushed.
    """

    image: str
    namespace: str
    stream: str
    tag: str
    created: str
    source: str


class ImageName(NamedTuple):
    """The images that are meant: of a digest, of a stream, of its tag, or of a namespace; empty for any."""

    namespace: str = ""
    stream: str = ""
    tag: str = ""
    digest: str = ""


def digests_of(snapshot: Snapshot, name: ImageName) -> list[str]:
    """Return the digests of the images that are meant; of a tag, the one that it points to now."""
    table = snapshot.tables["images"]
    rows = np.ones(len(table["image"]), dtype=bool)
    for column, text in (("namespace", name.namespace), ("stream", name.stream), ("tag", name.tag)):
        if text:
            rows &= table[column] == snapshot.code(text)
    if name.digest:
        rows &= table["image"] == snapshot.code(name.digest)
    found = [*held_images(snapshot, rows)]
    if name.tag:
        found = sorted(found, key=lambda image: image.created)[-1:]
    return [*dict.fromkeys(image.image for image in found)]


def holding(snapshot: Snapshot, digests: list[str]) -> list[HeldImage]:
    """Return each tag of each stream that holds one of these images, by namespace, stream and tag."""
    codes = [snapshot.code(digest) for digest in digests]
    found = held_images(snapshot, np.isin(snapshot.tables["images"]["image"], codes))
    return sorted(found, key=lambda image: (image.namespace, image.stream, image.tag, image.created, image.image))


def lists_images(snapshot: Snapshot) -> bool:
    """Return whether the images of streams are known: snapshots from before version 5 do not have them."""
    return bool(len(snapshot.tables["images"]["image"])) or not snapshot.tables["imagestreams"]["pushed"].any()


def held_images(snapshot: Snapshot, rows: Mask) -> Iterator[HeldImage]:
    """Return the given rows of the snapshot's table `images`."""
    table, text = snapshot.tables["images"], snapshot.strings
    columns = (table[name][rows].tolist() for name in ("image", "namespace", "stream", "tag", "created", "source"))
    return (HeldImage(*(text[code] for code in codes)) for codes in zip(*columns, strict=True))
