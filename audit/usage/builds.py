"""Pushes that builds tell of: their account pushed what they built, and no log is needed to know it."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

import pyarrow as pa

from audit.access.references import image_reference
from audit.rbac.subjects import ACCOUNT_PREFIX
from audit.snapshot.model import Snapshot
from audit.usage.history import TOTAL_SCHEMA
from audit.usage.requests import PUSH, Use

BUILDS: Final = "builds"  # the source of a use


class BuildPush(NamedTuple):
    """A push by a build: its place and account, the stream, the digest, and when it ended (RFC 3339)."""

    namespace: str
    build: str
    account: str
    to_namespace: str
    stream: str
    image: str
    finished: str


def built_images(snapshot: Snapshot) -> Iterator[BuildPush]:
    """Yield what builds pushed to image streams of the zone; what went to another registry is left out."""
    table, text = snapshot.tables["pushes"], snapshot.strings
    streams = snapshot.tables["imagestreams"]
    known = {*zip(streams["namespace"].tolist(), streams["name"].tolist(), strict=True)}
    columns = (table[name].tolist() for name in ("namespace", "name", "account", "to", "image", "finished"))
    for codes in zip(*columns, strict=True):
        namespace, name, account, to, image, finished = (text[code] for code in codes)
        place = image_reference(to)
        if (snapshot.code(place.namespace), snapshot.code(place.stream)) in known:
            yield BuildPush(namespace, name, account or "builder", place.namespace, place.stream, image, finished)


def build_totals(snapshot: Snapshot) -> pa.Table:
    """Return the pushes of builds as `History.totals` returns uses: one row for each account and stream."""
    times: dict[Use, list[datetime]] = defaultdict(list)
    for built in built_images(snapshot):
        user = f"{ACCOUNT_PREFIX}{built.namespace}:{built.account}"
        moment = _moment(built.finished)
        if moment:
            use = Use(BUILDS, user, PUSH, built.to_namespace, built.stream, denied=False)
            times[use].append(moment)
    rows = [
        {
            **use._asdict(),
            "first": min(moments),
            "last": max(moments),
            "count": len(moments),
            "days": len({moment.date() for moment in moments}),
        }
        for use, moments in times.items()
    ]
    return pa.Table.from_pylist(rows, schema=TOTAL_SCHEMA)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
