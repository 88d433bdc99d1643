"""Colours of cells: what is best is blue, what is worst orange, and neither fades into a page."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["STOPS", "colour_of", "ink_on", "shares"]

STOPS: Final = (
    (0.0, (179, 88, 6)),
    (0.25, (241, 163, 64)),
    (0.5, (236, 233, 224)),
    (0.75, (103, 169, 207)),
    (1.0, (33, 102, 172)),
)
"""From the worst to the best; told apart by those who do not see red and green, too."""


def shares(values: Sequence[float], direction: str) -> tuple[float, float]:
    """Return the values that the ends of the scale stand for, the worst first.

    Where values lie on both sides of zero, it is in the middle.
    """
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low < 0 < high:
        most = max(-low, high)
        low, high = -most, most
    if low == high:
        low, high = low - 1.0, high + 1.0
    return (low, high) if direction == "maximise" else (high, low)


def colour_of(value: float, ends: tuple[float, float]) -> tuple[int, int, int]:
    """Return the colour of a value."""
    share = min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)
    for (left, before), (right, after) in pairwise(STOPS):
        if share <= right:
            part = (share - left) / (right - left)
            red, green, blue = (
                round(a + part * (b - a)) for a, b in zip(before, after, strict=True)
            )
            return red, green, blue
    return STOPS[-1][1]


def ink_on(colour: tuple[int, int, int]) -> str:
    """Return the colour of writing that can be read on a colour."""
    red, green, blue = colour
    return "#10151c" if 0.299 * red + 0.587 * green + 0.114 * blue > 130 else "#ffffff"
