"""Which commission functions are known by what they come to, and that asking leaves no trace."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from capture_bt.costs import costs_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.host

RATE = 0.0015


def by_global(quantity: float, price: float) -> float:
    return abs(quantity) * price * RATE


def within(rate: float) -> Callable[[float, float], float]:
    return lambda quantity, price: max(quantity, -quantity) * price * rate


@pytest.mark.parametrize(
    ("function", "fixed", "per_unit", "rate"),
    [
        (lambda _q, _p: 0.0, 0.0, 0.0, 0.0),
        (lambda q, p: abs(q) * p * 0.001, 0.0, 0.0, 0.001),
        (lambda q, p: 5 + abs(q) * (0.01 + p * 0.004), 5.0, 0.01, 0.004),
        (by_global, 0.0, 0.0, 0.0015),
        (within(0.002), 0.0, 0.0, 0.002),
    ],
)
def test_what_is_a_part_of_the_value_is_known(
    function: Any, fixed: float, per_unit: float, rate: float
) -> None:
    assert costs_of(function) == {"fixed": fixed, "per_unit": per_unit, "rate": rate}


def test_what_is_another_function_is_not() -> None:
    assert costs_of(lambda q, p: max(1.0, abs(q) * p * 0.001)) is None
    assert costs_of(lambda q, p: q * p * 0.001) is None
    assert costs_of(lambda q, p: (abs(q) * p) ** 0.5) is None
    assert costs_of(lambda q, p: 1 / (abs(q) - 1)) is None


def test_a_function_that_could_keep_something_is_not_asked() -> None:
    asked: list[float] = []
    count = 0

    def remembers(quantity: float, price: float) -> float:
        asked.append(quantity)
        return abs(quantity) * price * 0.001

    def counts(quantity: float, price: float) -> float:
        nonlocal count
        count += 1
        return abs(quantity) * price * 0.001

    class Called:
        def __call__(self, quantity: float, price: float) -> float:
            asked.append(quantity)
            return 0.0

    def by_another(quantity: float, price: float) -> float:
        return by_global(quantity, price)

    for function in (remembers, counts, Called(), by_another, partial(remembers)):
        assert costs_of(function) is None
    assert asked == []
    assert count == 0
