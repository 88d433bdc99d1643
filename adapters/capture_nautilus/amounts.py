"""The host's amounts as numbers: the nearest there is to what they say."""

from __future__ import annotations

from typing import Any, Final

from nautilus_trader.core.nautilus_pyo3 import FIXED_PRECISION

__all__ = ["SCALE", "real"]

SCALE: Final[int] = 10**FIXED_PRECISION
"""An amount is a whole number of this fraction. Its own `as_double` may miss the last bit."""


def real(amount: Any) -> float:
    """Return a price, a quantity or an amount of money as a number."""
    number: float = amount.raw / SCALE
    return number
