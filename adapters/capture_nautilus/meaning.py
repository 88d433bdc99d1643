"""What a call of the strategy asks for, in the words that all hosts share."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nautilus_trader.model.enums import OrderType
from nautilus_trader.model.orders import MarketOrder

from capture.journal import NULL_FLOAT
from capture_nautilus.amounts import SCALE, real

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CLOSING", "NOTHING", "Meaning", "editing", "of_order", "type_of"]

_TYPES: Final = {
    OrderType.MARKET: "market",
    OrderType.LIMIT: "limit",
    OrderType.STOP_MARKET: "stop",
    OrderType.STOP_LIMIT: "stop_limit",
    OrderType.MARKET_TO_LIMIT: "market_to_limit",
    OrderType.MARKET_IF_TOUCHED: "market_if_touched",
    OrderType.LIMIT_IF_TOUCHED: "limit_if_touched",
    OrderType.TRAILING_STOP_MARKET: "trailing_stop",
    OrderType.TRAILING_STOP_LIMIT: "trailing_stop_limit",
}


class Meaning(NamedTuple):
    """What an order asks for.

    Attributes:
        direction: sign of the change that is wanted, 0 for flat.
        side: 1 buys, -1 sells, 0 where the host decides.
        order_type: kind of order; empty where there is none.
        size: how much, in the unit of `kind`.
        kind: the unit.
        limit: its limit.
        stop: its stop, or the price that triggers it.
        trail: its trailing distance.
        units: how much in units, where that is known.
    """

    direction: int
    side: int
    order_type: str
    size: float
    kind: str
    limit: float = NULL_FLOAT
    stop: float = NULL_FLOAT
    trail: float = NULL_FLOAT
    units: float = 0.0


_meaning: Final[Callable[[tuple[Any, ...]], Meaning]] = partial(tuple.__new__, Meaning)
"""Makes one of its values, without a call of Python's."""

NOTHING: Final = Meaning(0, 0, "", NULL_FLOAT, "")
"""Of a cancel."""

CLOSING: Final = {side: Meaning(0, side, "market", NULL_FLOAT, "portion") for side in (-1, 0, 1)}
"""What closing a position asks for, by the side of the order that does it."""


def of_order(order: Any, held: float) -> Meaning:
    """Return what an order asks for.

    Args:
        order: the host's order.
        held: the strategy's position before.
    """
    side = 1 if order.is_buy else -1
    units = order.quantity.raw / SCALE
    size, unit, direction = units, "quote" if order.is_quote_quantity else "units", side
    if type(order) is MarketOrder:
        if order.is_reduce_only and held * side < 0:  # it can do no more than close
            size, unit = min(units / abs(held), 1.0), "portion"
            direction = side if size < 1.0 else 0
        return _meaning(
            (direction, side, "market", size, unit, NULL_FLOAT, NULL_FLOAT, NULL_FLOAT, units)
        )
    return Meaning(
        direction,
        side,
        _TYPES.get(order.order_type, "market"),
        size,
        unit,
        _real(order.price) if order.has_price else NULL_FLOAT,
        _real(order.trigger_price) if order.has_trigger_price else NULL_FLOAT,
        _real(getattr(order, "trailing_offset", None)),
        units,
    )


def editing(quantity: Any, price: Any, trigger_price: Any) -> Meaning:
    """Return what an edit asks for."""
    unit = "" if quantity is None else "units"
    return Meaning(0, 0, "", _real(quantity), unit, _real(price), _real(trigger_price))


def type_of(meaning: Meaning, held: float) -> str:
    """Return what a signal that is no exit does to the position that is held."""
    if held * meaning.side > 0 or meaning.units < abs(held):
        return "adjustment"
    return "exit" if meaning.units == abs(held) else "entry"


def _real(value: Any) -> float:
    """Return an amount, or a trailing distance, as a number."""
    if value is None:
        return NULL_FLOAT
    return real(value) if hasattr(value, "raw") else float(value)
