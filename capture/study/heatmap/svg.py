"""A heat map as SVG: text alone, light or dark as the reader's system is."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

from capture.study.heatmap.colours import STOPS, colour_of, ink_on, shares

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.study.heatmap.mapping import HeatMap

__all__ = ["label", "number", "svg_of"]

_CELL: Final = (72, 30)
_SMALL: Final = (14, 14)
_MOST_CELLS_WITH_TEXT: Final = 24
_LEFT, _TOP, _RIGHT, _BOTTOM = 24, 74, 120, 60
_CHARACTER: Final = 7
_STYLE: Final = """
svg { font: 12px system-ui, sans-serif; background: #ffffff; }
text { fill: #1c2430; }
.quiet { fill: #5b6675; }
.title { font-size: 16px; font-weight: 600; }
.none { fill: #e9ecf0; }
.best { fill: none; stroke: #1c2430; stroke-width: 2.5; }
.frame { fill: none; stroke: #b8c0cb; }
@media (prefers-color-scheme: dark) {
  svg { background: #14181f; }
  text { fill: #e8ecf2; }
  .quiet { fill: #9aa5b4; }
  .none { fill: #262c36; }
  .best { stroke: #ffffff; }
  .frame { stroke: #4a5361; }
}
"""


def number(value: float | None) -> str:
    """Return a value as a cell shows it."""
    return "" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def label(value: Any) -> str:
    """Return a setting's value as an axis shows it."""
    if value is None:
        return "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def svg_of(found: HeatMap) -> str:
    """Return a heat map as the text of an SVG file."""
    columns, rows = len(found.xs), len(found.ys)
    roomy = max(columns, rows) <= _MOST_CELLS_WITH_TEXT
    width, height = _CELL if roomy else _SMALL
    widest = max((len(label(y)) for y in found.ys), default=0)
    left = _LEFT + min(widest, 40) * _CHARACTER + (26 if found.y else 0)
    longest = max(len(label(x)) for x in found.xs) * _CHARACTER
    flat = longest < width
    bottom = _BOTTOM + (0 if flat else min(longest, 220))
    full_width = max(left + columns * width + _RIGHT, len(found.summary()) * _CHARACTER + 40)
    full_height = max(_TOP + rows * height + bottom, _TOP + 200)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{full_width}" height="{full_height}" '
        f'viewBox="0 0 {full_width} {full_height}" role="img" '
        f'aria-label="{escape(found.summary())}">',
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="{_LEFT}" y="28">{escape(found.objective)}</text>',
        f'<text class="quiet" x="{_LEFT}" y="48">{escape(found.summary())}</text>',
        *_cells(found, left, width, height, roomy=roomy),
        *_axes(found, left, width, height, flat=flat),
        *_scale(found, left + columns * width + 24),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _cells(found: HeatMap, left: int, width: int, height: int, *, roomy: bool) -> Iterator[str]:
    ends = shares(found.known, found.direction)
    for row, cells in enumerate(found.cells):
        # The largest is at the top, as in a chart.
        y = _TOP + (len(found.ys) - 1 - row) * height
        for column, value in enumerate(cells):
            x = left + column * width
            box = f'x="{x}" y="{y}" width="{width}" height="{height}"'
            if value is None:
                yield f'<rect class="none" {box}/>'
                continue
            colour = colour_of(value, ends)
            said = f"{found.trials[row][column]}: {number(value)}"
            yield (f'<rect {box} fill="rgb{colour}"><title>{escape(said)}</title></rect>')
            if roomy:
                middle = f'x="{x + width / 2:g}" y="{y + height / 2 + 4:g}"'
                yield (
                    f'<text {middle} text-anchor="middle" style="fill:{ink_on(colour)};'
                    f'pointer-events:none">{number(value)}</text>'
                )
    if found.best is not None:
        row, column = found.best
        x, y = left + column * width, _TOP + (len(found.ys) - 1 - row) * height
        box = f'x="{x + 1}" y="{y + 1}" width="{width - 2}" height="{height - 2}"'
        yield f'<rect class="best" {box}/>'


def _axes(found: HeatMap, left: int, width: int, height: int, *, flat: bool) -> Iterator[str]:
    bottom = _TOP + len(found.ys) * height
    every = max(1, -(-len(found.xs) // 60)) if width < _CELL[0] else 1
    for column, value in enumerate(found.xs):
        if column % every:
            continue
        x = left + (column + 0.5) * width
        said = escape(label(value)[:32])
        if flat:
            yield f'<text x="{x:g}" y="{bottom + 18}" text-anchor="middle">{said}</text>'
        else:
            turned = f'transform="rotate(-90 {x + 4:g} {bottom + 8})"'
            yield f'<text x="{x + 4:g}" y="{bottom + 8}" text-anchor="end" {turned}>{said}</text>'
    for row, value in enumerate(found.ys):
        y = _TOP + (len(found.ys) - 0.5 - row) * height + 4
        yield f'<text x="{left - 8}" y="{y:g}" text-anchor="end">{escape(label(value)[:40])}</text>'
    longest = 0 if flat else min(max(len(label(x)) for x in found.xs) * _CHARACTER, 220)
    middle = left + len(found.xs) * width / 2
    yield (
        f'<text class="quiet" x="{middle:g}" y="{bottom + 40 + longest}" text-anchor="middle">'
        f"{escape(found.x)}</text>"
    )
    if found.y:
        across = _TOP + len(found.ys) * height / 2
        yield (
            f'<text class="quiet" x="18" y="{across:g}" text-anchor="middle" '
            f'transform="rotate(-90 18 {across:g})">{escape(found.y)}</text>'
        )


def _scale(found: HeatMap, x: int) -> Iterator[str]:
    """Draw what the colours mean, the best at the top."""
    ends = shares(found.known, found.direction)
    stops = "".join(
        f'<stop offset="{share:g}" stop-color="rgb{colour}"/>' for share, colour in STOPS
    )
    yield f'<defs><linearGradient id="scale" x1="0" y1="1" x2="0" y2="0">{stops}</linearGradient>'
    yield "</defs>"
    yield f'<rect class="frame" x="{x}" y="{_TOP}" width="14" height="160"/>'
    yield f'<rect x="{x}" y="{_TOP}" width="14" height="160" fill="url(#scale)"/>'
    for share, value in ((1.0, ends[1]), (0.5, sum(ends) / 2), (0.0, ends[0])):
        y = _TOP + 160 * (1 - share) + 4
        yield f'<text x="{x + 20}" y="{y:g}">{number(value)}</text>'
