"""How a backtester fills orders under its settings: what differences of fills are explained by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Asked", "FillRules", "Sized", "at_cost", "without_slippage"]


class Asked(NamedTuple):
    """An order that opens a position, as far as its size is concerned.

    Attributes:
        side: 1 buys, -1 sells.
        size: size of the recorded order; None if it leaves the size to the backtester.
        size_kind: what that size counts: units, fraction, target, target_fraction, value, or None.
        cash: cash right before the fill.
        equity: worth of the account when the decision was made, at the closes of that bar.
        equity_at_fill: the same at the price of the fill.
        close: close of the decision's bar.
        price: price of the fill, slippage included.
        held: position before the order.
        cost: what that position was opened for; negative of a short one.
    """

    side: int
    size: float | None
    size_kind: str | None
    cash: float
    equity: float
    equity_at_fill: float
    close: float
    price: float
    held: float = 0.0
    cost: float = 0.0


class Sized(NamedTuple):
    """What an order comes to.

    Attributes:
        exact: units before they are rounded.
        units: units after it.
        how: how they were reckoned, in a few words.
    """

    exact: float
    units: float
    how: str


def without_slippage(price: float, _side: int, _opens: bool, _bar: Mapping[str, float]) -> float:
    """Return the price as it is."""
    return price


def at_cost(rate: float, fixed: float = 0.0) -> Callable[[float, float], float]:
    """Return a commission that is a part of the value, and a fixed amount per fill."""

    def commission(units: float, price: float) -> float:
        return fixed + abs(units) * price * rate

    return commission


@dataclass(frozen=True, kw_only=True)
class FillRules:
    """How a backtester carries out market orders under the settings of one run.

    `capture.parity(..., explain=True)` gives a cause for a difference only where these rules, on
    the recorded bars, come to what either run recorded. What a backtester decides in another way is
    left out (None), and differences of it stay unexplained.

    Attributes:
        delay: bars between the decision and the fill.
        place: which price of that bar: "open", "close", or a name of its own with `price`.
        price: reckons the price from the bar's prices by name, where it is none of them.
        slipped: from price, side, whether it opens a position, and the bar's prices, what is paid.
        commission: from units and price, what a fill costs.
        sized: what an order that opens a position comes to; None if it cannot be said.
        cash: what the account begins with.
        finalises: whether what is open after the last bar is closed.
        booked: what a gain is written down as; None if it is not rounded.
    """

    delay: int
    place: str
    price: Callable[[Mapping[str, float]], float] | None = None
    slipped: Callable[[float, int, bool, Mapping[str, float]], float] | None = without_slippage
    commission: Callable[[float, float], float] | None = None
    sized: Callable[[Asked], Sized | None] | None = None
    cash: float | None = None
    finalises: bool = False
    booked: Callable[[float], float] | None = None
