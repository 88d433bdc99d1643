"""Arithmetic on prices and quantities by their decimal digits: three fills of 0.1 are 0.3."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CONTEXT", "difference", "exact", "mean", "total"]

CONTEXT: Final = Context(prec=50, rounding=ROUND_HALF_EVEN)


def exact(value: float) -> Decimal:
    """Return the shortest decimal that stands for a double, which is what its user wrote."""
    return Decimal(repr(float(value)))


def total(values: Iterable[float]) -> float:
    """Return the sum."""
    found = Decimal(0)
    for value in values:
        found = CONTEXT.add(found, exact(value))
    return float(found)


def difference(left: float, right: float) -> float:
    """Return what `left` is more than `right`."""
    return float(CONTEXT.subtract(exact(left), exact(right)))


def mean(pairs: Iterable[tuple[float, float]]) -> float | None:
    """Return the mean of values with weights, or None where nothing weighs."""
    weight, weighted = Decimal(0), Decimal(0)
    for value, each in pairs:
        weight = CONTEXT.add(weight, exact(each))
        weighted = CONTEXT.add(weighted, CONTEXT.multiply(exact(value), exact(each)))
    return float(CONTEXT.divide(weighted, weight)) if weight else None
