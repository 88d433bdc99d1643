"""Figures and causes as a person reads them."""

from __future__ import annotations

from math import isfinite
from typing import Final

__all__ = ["NONE", "cause", "number", "percent"]

NONE: Final = "\u2013"
"""Stands for a figure that is not known."""

_SMALL: Final = 1e-3


def percent(value: float, places: int = 2) -> str:
    """Return a share as a percentage with its sign; a small one with more places."""
    if not isfinite(value):
        return NONE
    return f"{value:+.{places + 2 if 0 < abs(value) < _SMALL else places}%}"


def number(value: float, form: str = "+.3f") -> str:
    """Return a number, or what stands for none."""
    return f"{value:{form}}" if isfinite(value) else NONE


def cause(disposition: str, reason: str) -> str:
    """Return what became of a signal, and why."""
    if disposition in ("", "generated") and not reason:
        return "no end was recorded"
    return ": ".join(word.replace("_", " ") for word in (disposition, reason) if word)
