"""A picture of what was measured: for each size, bars of the whole job's time (with the floor in it) and memory."""

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.document import Timings, middle, most_memory

_WIDTH, _BAR, _GAP, _LEFT, _RIGHT = 760, 16, 12, 120, 90
_HEAD: Final = 34  # above the bars of each part
# Readable on white and on black.
_FLOOR, _TIME, _MEMORY, _TEXT = "#7a8794", "#2f7ebc", "#b06f2c", "#808890"


def chart(found: Timings) -> str:
    """Return the picture as SVG; the same numbers give the same picture."""
    sizes = list(found)
    walls = [middle(found[size]["whole"], "wall") for size in sizes]
    floors = [middle(found[size]["floor"], "wall") for size in sizes]
    memory = [most_memory(found[size]["whole"]) for size in sizes]
    height = _HEAD + len(sizes) * (_BAR + _GAP)
    look = f'role="img" font-family="sans-serif" font-size="13" fill="{_TEXT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {2 * height + _GAP}" {look}>',
        "<title>Time and memory of the whole job by size</title>",
        '<text x="0" y="18">Whole job, seconds; the grey part is the floor</text>',
        *_bars(sizes, walls, floors, [f"{wall:.1f} s" for wall in walls], (_TIME, 0)),
        f'<text x="0" y="{height + 18}">Peak memory, MB</text>',
        *_bars(sizes, memory, [0.0] * len(sizes), [f"{one:.0f} MB" for one in memory], (_MEMORY, height)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bars(
    sizes: Sequence[int],
    values: Sequence[float],
    inner: Sequence[float],
    said: Sequence[str],
    look: tuple[str, int],
) -> Iterator[str]:
    """Yield a bar for each size, with a part of it in grey, what is said behind it; `look` is its colour and place."""
    colour, top = look
    scale = (_WIDTH - _LEFT - _RIGHT) / max(values)
    for row, (size, value, part, text) in enumerate(zip(sizes, values, inner, said, strict=True)):
        y = top + _HEAD + row * (_BAR + _GAP)
        yield f'<text x="{_LEFT - 10}" y="{y + 13}" text-anchor="end">{size:,}</text>'
        yield f'<rect x="{_LEFT}" y="{y}" width="{value * scale:.1f}" height="{_BAR}" fill="{colour}"/>'
        if part:
            yield f'<rect x="{_LEFT}" y="{y}" width="{part * scale:.1f}" height="{_BAR}" fill="{_FLOOR}"/>'
        yield f'<text x="{_LEFT + value * scale + 8:.1f}" y="{y + 13}">{text}</text>'
