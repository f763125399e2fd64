"""`who --image`: everybody who may pull an image, from whichever image stream holds it."""

from collections.abc import Sequence
from typing import Any

from audit.access.images import HeldImage, digests_of, holding, lists_images
from audit.command_line.result import Grid, Result
from audit.command_line.typed import Place, image_of
from audit.commands.answers.who import holders, not_seen
from audit.exit_codes import of_answer
from audit.snapshot.model import Snapshot, gap_lines
from audit.tables.schemas import ANSWERS, UNKNOWN

_PULL = "pull"


def who_can_pull(snapshots: Sequence[Snapshot], text: str) -> Result:
    """Return who may pull an image, or the images of a stream or of a namespace; partial when others might."""
    name = image_of(text)
    held = [(snapshot, holding(snapshot, digests_of(snapshot, name))) for snapshot in snapshots]
    doubts = [doubt for snapshot in snapshots for doubt in _doubts(snapshot)]
    rows = [
        {"zone": snapshot.origin.zone, "stream": f"{namespace}/{stream}", **_without(row, "zone")}
        for snapshot, images in held
        for namespace, stream in dict.fromkeys((image.namespace, image.stream) for image in images)
        for row in holders(snapshot, _PULL, Place(namespace, stream))
    ]
    streams = [{"zone": snapshot.origin.zone, **image._asdict()} for snapshot, images in held for image in images]
    nothing = [] if streams else [f"no image stream holds {text}, as far as is known"]
    certain = not doubts and bool(streams) and all(row["access"] != ANSWERS[UNKNOWN] for row in rows)
    return Result(
        value=lambda: {"streams": streams, "access": rows},
        text=[
            *(f"{snapshot.origin.zone}: {line}" for snapshot, images in held for line in _lines(images)),
            *([Grid(list(rows[0]), [list(row.values()) for row in rows])] if rows else ()),
        ],
        notes=[*nothing, *doubts, *not_seen(snapshots, rows)],
        exit_code=of_answer(complete=certain),
    )


def _without(row: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in row.items() if key != name}


def _lines(images: Sequence[HeldImage]) -> list[str]:
    """Return for each stream by which tags it holds the images, and what these follow."""
    tags: dict[tuple[str, str], dict[str, Any]] = {}
    for image in images:
        follows = f" (follows {image.source})" if "/" in image.source else ""
        tags.setdefault((image.namespace, image.stream), {})[f"{image.tag}{follows}"] = None
    return [f"{namespace}/{stream} holds it as {', '.join(found)}" for (namespace, stream), found in tags.items()]


def _doubts(snapshot: Snapshot) -> list[str]:
    """Return why other streams of a zone might hold the image."""
    zone = snapshot.origin.zone
    if not lists_images(snapshot):
        return [f"{zone}: this snapshot does not say which images streams hold: collect it again"]
    gaps = snapshot.gaps_of("imagestreams")
    if not snapshot.requested("imagestreams"):
        return [f"{zone}: not seen: image streams were not listed"]
    return [f"{zone}: not seen: {line}" for line in gap_lines(gaps)]
