"""The verbs of a strategy, and what their arguments mean in words that all backtesters share."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from zipline.algorithm import TradingAlgorithm

from capture.journal import NULL_FLOAT
from capture.recorder.adapting import Meaning, price_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BATCH", "VERBS", "bound", "meaning_of", "stated"]

BATCH: Final = "batch_market_order"
VERBS: Final = (
    "order",
    "order_value",
    "order_percent",
    "order_target",
    "order_target_value",
    "order_target_percent",
    BATCH,
)
_NAMES: Final = {
    verb: tuple(inspect.signature(getattr(TradingAlgorithm, verb)).parameters)[1:] for verb in VERBS
}
_STATED: Final = frozenset({"style", "limit_price", "stop_price"})
_TARGETS: Final = {
    "order_target": "target",
    "order_target_value": "value",
    "order_target_percent": "target_fraction",
}


def bound(verb: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments by name; what the call does not take is left as it was given."""
    return {**dict(zip(_NAMES[verb], args, strict=False)), **kwargs}


def meaning_of(verb: str, given: Mapping[str, Any], units: float) -> Meaning:
    """Return what a call asks for.

    Args:
        verb: the call.
        given: its arguments.
        units: what was ordered for it, with its sign; 0 if nothing was.
    """
    side = (units > 0) - (units < 0)
    said = _number(given.get(_NAMES[verb][1]))
    if verb in _TARGETS:
        wanted = side or (said > 0) - (said < 0)
        return Meaning(side, wanted if said else 0, said, _TARGETS[verb])
    wanted = side or (said > 0) - (said < 0)
    if verb == "order_percent":
        return Meaning(wanted, wanted, abs(said), "fraction")
    size = abs(units) if verb == "order_value" else abs(said)
    return Meaning(wanted, wanted, size or NULL_FLOAT, "units")


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def stated(given: Mapping[str, Any]) -> tuple[str, float, float]:
    """Return the order's type, its limit and its stop, as the call says them."""
    if not _STATED & given.keys():
        return "market", NULL_FLOAT, NULL_FLOAT
    style = given.get("style")
    limit, stop = (
        given.get(name) if given.get(name) is not None else getattr(style, name, None)
        for name in ("limit_price", "stop_price")
    )
    kind = "_".join(word for word, price in (("stop", stop), ("limit", limit)) if price is not None)
    return kind or "market", price_of(limit), price_of(stop)
