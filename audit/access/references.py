"""References of images: `HOST/NAMESPACE/STREAM:TAG@DIGEST`, as pods and builds have them."""

from typing import Final, NamedTuple

_PARTS: Final = 3  # of a reference to an image of the integrated registry


class ImageReference(NamedTuple):
    """The parts of a reference; `namespace` and `stream` are empty for an image of no integrated registry."""

    namespace: str
    stream: str
    digest: str


def image_reference(text: str) -> ImageReference:
    """Return the parts of a reference; only references of three parts can be to an integrated registry."""
    name, _, digest = text.partition("@")
    parts = name.split("/")
    if len(parts) != _PARTS:
        return ImageReference("", "", digest)
    return ImageReference(parts[1], parts[2].partition(":")[0], digest)
