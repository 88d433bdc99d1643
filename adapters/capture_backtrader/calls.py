"""The verbs of a strategy, and what their arguments mean in words that all backtesters share."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

import backtrader as bt

from capture.journal import NULL_FLOAT
from capture.recorder.adapting import Meaning, price_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMPOSITES", "VERBS", "bound", "meaning_of", "stated"]

VERBS: Final = (
    "buy",
    "sell",
    "close",
    "buy_bracket",
    "sell_bracket",
    "order_target_size",
    "order_target_value",
    "order_target_percent",
)
COMPOSITES: Final = VERBS[2:]
"""Verbs that the host carries out by calling others of the strategy's."""

_NAMES: Final = {
    verb: tuple(
        name
        for name, parameter in inspect.signature(getattr(bt.Strategy, verb)).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and name != "self"
    )
    for verb in VERBS
}
_TYPES: Final = (
    "market",
    "market_on_close",
    "limit",
    "stop",
    "stop_limit",
    "trailing",
    "trailing_limit",
    "historical",
)
_TARGETS: Final = {
    "order_target_size": "target",
    "order_target_value": "value",
    "order_target_percent": "target_fraction",
}
_SIDES: Final = {"buy": 1, "sell": -1, "buy_bracket": 1, "sell_bracket": -1}


def bound(verb: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments by name."""
    return {**dict(zip(_NAMES[verb], args, strict=False)), **kwargs} if args else kwargs


def meaning_of(verb: str, given: Mapping[str, Any], made: Any, held: float) -> Meaning:
    """Return what a call asks for.

    Args:
        verb: the call.
        given: its arguments.
        made: the order that it led to, the first one of a bracket; None if there is none.
        held: the position before.
    """
    side = _SIDES.get(verb)
    if side is not None:
        size = given.get("size")
        if size is not None:
            return Meaning(side, side, abs(float(size)), "units")
        return Meaning(
            side, side, NULL_FLOAT if made is None else abs(float(made.created.size)), "sizer"
        )
    side = 0 if made is None else 1 if made.ordtype == bt.Order.Buy else -1
    if verb == "close":
        size = given.get("size")
        if size is None or not held:
            return Meaning(side, 0, NULL_FLOAT, "portion")
        portion = abs(size) / abs(held)
        return Meaning(side, side if portion != 1 else 0, portion, "portion")
    target = float(given.get("target", 0))
    # Where there is nothing to do, what is wanted is what is held.
    wanted = side or (target > 0) - (target < 0)
    return Meaning(side, wanted if target else 0, target, _TARGETS[verb])


def stated(exectype: Any, given: Mapping[str, Any]) -> tuple[str, float, float, float]:
    """Return the order's type, its limit, its stop and its trailing distance.

    Args:
        exectype: the host's type of execution; None is a market order.
        given: the arguments of the call.
    """
    place = exectype if isinstance(exectype, int) and 0 <= exectype < len(_TYPES) else 0
    kind = _TYPES[place]
    price, plimit = price_of(given.get("price")), price_of(given.get("plimit"))
    amount = given.get("trailamount")
    trail = price_of(amount if amount else given.get("trailpercent"))
    limit = price if kind == "limit" else plimit if kind.endswith("_limit") else NULL_FLOAT
    stop = NULL_FLOAT if kind in {"limit", "market", "market_on_close"} else price
    return kind, limit, stop, trail if kind.startswith("trailing") else NULL_FLOAT
