"""A zone that answers with bytes prepared beforehand: large lists without the cost of making them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tests.simulator.answers import Answer, Request, json_answer, not_served, place_of, status
from tests.simulator.kinds import KINDS, Object, as_list
from tests.simulator.server import TOKEN, Zone


def cut_pages(plural: str, items: Sequence[Object], size: int) -> list[bytes]:
    """A list as the pages of it that a client with `limit=<size>` would be given, to be served as they are."""
    pages: list[bytes] = []
    for start in range(0, max(len(items), 1), size):
        rest = max(len(items) - start - size, 0)
        more = {"continue": f"page-{len(pages) + 1}", "remainingItemCount": rest} if rest else {}
        listed = as_list(KINDS[plural], list(items[start : start + size]), resourceVersion="1000", **more)
        pages.append(msgspec.json.encode(listed))
    return pages


class PreparedZone(Zone):
    """Serves cluster-wide lists: bytes whole, whatever the `limit`; several of them as pages cut beforehand.

    A kind that is not prepared is an empty list. `pace` is in bytes a second for each answer; `latency` in seconds
    comes before each.
    """

    def __init__(
        self,
        prepared: Mapping[str, bytes | Sequence[bytes]],
        folder: Path,
        *,
        token: str = TOKEN,
        pace: float | None = None,
        latency: float = 0.0,
    ) -> None:
        super().__init__(folder, token)
        self.pages = {plural: [data] if isinstance(data, bytes) else list(data) for plural, data in prepared.items()}
        self.pace = pace
        self.latency = latency

    def answer(self, request: Request) -> Answer:
        if request.path == "/version":
            return json_answer({"major": "1", "minor": "36", "gitVersion": "v1.36.0"})
        place = place_of(request.path)
        if place is None or place.namespace is not None or place.name is not None:
            return not_served()
        pages = self.pages.get(place.kind.plural) or cut_pages(place.kind.plural, [], 1)
        number = request.query.get("continue", "page-0").removeprefix("page-")
        if not number.isdecimal() or int(number) >= len(pages):
            return status(410, "The provided continue parameter is too old to display a consistent list result.")
        return Answer(200, pages[int(number)], delay=self.latency, pace=self.pace)
