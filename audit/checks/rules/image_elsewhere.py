"""An image of one organization in an image stream of another."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from audit.access.images import HeldImage, held_images
from audit.checks.bindings import listed
from audit.checks.check import Check, Finding
from audit.checks.context import CheckContext
from audit.snapshot.objects import EXTERNAL

_DECIDE = "# Ask the owner of the image whether it may be there: `oc tag -d NAMESPACE/STREAM:TAG` removes a tag."


def _find(context: CheckContext) -> Iterator[Finding]:
    places: dict[tuple[str, str], dict[str, list[HeldImage]]] = defaultdict(dict)
    for holders in _shared(context):
        for image in holders:
            for other in _owners(context, image, holders):
                places[image.namespace, image.stream].setdefault(f"{other.namespace}/{other.stream}", []).append(image)
    for (namespace, stream), origins in sorted(places.items()):
        tags = sorted({image.tag for held in origins.values() for image in held})
        yield Finding(
            zone=context.zone,
            namespace=namespace,
            repository=stream,
            detail=f"{namespace}/{stream} ({listed(tags)}) holds images of {listed(sorted(origins))}, of another "
            f"organization: who may pull in {namespace} can read them",
            evidence_in="repositories",
            rows=1,
            remedy=(_DECIDE,),
        )


def _shared(context: CheckContext) -> Iterator[Sequence[HeldImage]]:
    """Yield the holders of each image that is in several namespaces."""
    table = context.snapshot.tables["images"]
    pairs = np.unique(np.stack([table["image"], table["namespace"]]), axis=1)
    images, namespaces = np.unique(pairs[0], return_counts=True)
    found: dict[str, list[HeldImage]] = defaultdict(list)
    for held in held_images(context.snapshot, np.isin(table["image"], images[namespaces > 1])):
        found[held.image].append(held)
    yield from found.values()


def _owners(context: CheckContext, image: HeldImage, holders: Sequence[HeldImage]) -> Iterator[HeldImage]:
    """Yield the tags of other organizations to which the image was pushed before this tag had it."""
    mine = context.owner(image.namespace)
    for other in holders:
        theirs = context.owner(other.namespace)
        if not mine or not theirs or mine == theirs or context.platform.has(other.namespace):
            continue
        follows = image.source.startswith(f"{other.namespace}/{other.stream}")
        # What both have imported from another registry belongs to neither.
        if follows or (not other.source and image.source != EXTERNAL and other.created < image.created):
            yield other


CHECK = Check(
    id="image-elsewhere",
    title="An image of another organization",
    severity="medium",
    confidence="medium",
    why=(
        "The readers of an image are those of every image stream that holds it. An image that was tagged into a "
        "namespace of another organization, or pushed there again, is read by who may pull there; taking away access "
        "to the first stream changes nothing. What both have imported from outside is not reported."
    ),
    remedy=(_DECIDE,),
    needs=("namespaces", "imagestreams"),
    find=_find,
    fixed_by="repository",
)
