"""Colours by what they stand for, and numbers in as few bytes as the eye needs."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.analysis import canvas
from capture.report.model import Side

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["SIDES", "STATES", "ink", "inked", "packed"]

# The page's style sheet says what these are in each theme; its script puts them in.
_OF_COLOUR: Final = {
    canvas.FIRST: "first",
    canvas.SECOND: "second",
    canvas.THIRD: "third",
    canvas.FAINT: "faint",
    canvas.GRID: "grid",
    canvas.TEXT: "text",
}
STATES: Final = tuple(f"state{number}" for number in range(1, 7))
"""Colours of what has no order, such as the states of a regime."""

SIDES: Final = {Side.TAKEN: "first", Side.REFUSED: "second", Side.OPEN: "faint"}
"""Colours of what became of a signal."""


def ink(name: str) -> dict[str, str]:
    """Return what stands for a colour of the style sheet, `--<name>`, in a chart."""
    return {"ink": name}


def packed(values: ArrayLike, kind: str) -> dict[str, str]:
    """Return numbers as plotly reads them from text: base64 of their bytes.

    Args:
        values: the numbers.
        kind: "f8", "f4", "i4" or "u1".
    """
    held = np.ascontiguousarray(values, dtype=np.dtype(kind).newbyteorder("<"))
    return {"dtype": kind, "bdata": b64encode(held.tobytes()).decode("ascii")}


def inked(figure: Any) -> dict[str, Any]:
    """Return a plotly figure as plain values whose colours the page chooses."""
    said = json.loads(figure.to_json())
    layout = {name: value for name, value in said["layout"].items() if name != "template"}
    found: dict[str, Any] = _replaced({"data": said["data"], "layout": layout})
    return found


def _replaced(value: Any, *, colour: bool = False) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(one, colour="color" in name) for name, one in value.items()}
    if isinstance(value, list):
        return [_replaced(one, colour=colour) for one in value]
    if colour and value in _OF_COLOUR:
        return ink(_OF_COLOUR[value])
    return value
