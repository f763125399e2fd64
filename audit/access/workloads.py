"""What runs images of the registry: Deployments, Jobs and others that had pods when the zone was read."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from audit.access.references import image_reference
from audit.snapshot.model import Snapshot


class Workload(NamedTuple):
    """What runs an image: its owner, account and pull secrets, and the namespaces whose streams hold the image.

    `secrets` and `held_in` are names joined by `, `.
    """

    namespace: str
    kind: str
    name: str
    account: str
    image: str
    secrets: str
    held_in: str


def workloads_of(snapshot: Snapshot) -> Iterator[Workload]:
    """Yield each image of each workload; an image is known by its digest, and else by its name."""
    table, text = snapshot.tables["workloads"], snapshot.strings
    images, streams = snapshot.tables["images"], snapshot.tables["imagestreams"]
    holders: dict[int, set[int]] = defaultdict(set)
    for image, namespace in zip(images["image"].tolist(), images["namespace"].tolist(), strict=True):
        holders[image].add(namespace)
    known = {*zip(streams["namespace"].tolist(), streams["name"].tolist(), strict=True)}
    columns = (table[name].tolist() for name in ("namespace", "kind", "name", "account", "image", "secrets"))
    for codes in zip(*columns, strict=True):
        namespace, kind, name, account, image, secrets = (text[code] for code in codes)
        place = image_reference(image)
        held = holders.get(snapshot.code(place.digest), set()) if place.digest else set()
        named = snapshot.code(place.namespace), snapshot.code(place.stream)
        held_in = sorted({text[code] for code in (*held, *(named[:1] if named in known else ()))})
        yield Workload(
            namespace, kind, name, account or "default", image, secrets.replace(",", ", "), ", ".join(held_in)
        )
