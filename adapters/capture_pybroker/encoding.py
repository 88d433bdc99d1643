"""The fields that an execution sets on its context, as JSON, and the same values again."""

from __future__ import annotations

import json
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pybroker.common import PriceType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FIELDS", "NOTHING", "SAID", "decoded", "encoded", "is_replayable"]

_PRICES: Final = ("buy_fill_price", "sell_fill_price")
FIELDS: Final = (
    *_PRICES,
    "buy_limit_price",
    "sell_limit_price",
    "buy_timeout_bars",
    "sell_timeout_bars",
    "hold_bars",
    "_score",
    "long_score",
    "short_score",
    *(
        f"stop_{kind}{what}"
        for kind in ("loss", "profit", "trailing")
        for what in ("", "_pct", "_limit", "_exit_price")
    ),
)
"""Every field of a context that shapes an order, but for its shares."""

SAID: Final = itemgetter("buy_shares", "sell_shares", "_cover", "_exit_stop_pos", *FIELDS)
"""Reads off the attributes of a context all that it wants: shares, whether they leave, fields."""

NOTHING: Final = (None, None, False, None, *(None for _ in FIELDS))
"""What is read where it wants nothing."""

_DECIMAL: Final = "decimal"
_PRICE_TYPE: Final = "price_type"
_CALLABLE: Final = "callable"


def encoded(fields: Mapping[str, Any]) -> str:
    """Return the values of fields as JSON, so that `decoded` makes the host do the same."""
    return json.dumps({name: _encoded(name, value) for name, value in fields.items()})


def _encoded(name: str, value: Any) -> Any:
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, PriceType):
        return {_PRICE_TYPE: value.name}
    if isinstance(value, float):
        return float(value) if value == value and abs(value) != np.inf else {_DECIMAL: str(value)}
    if isinstance(value, np.integer):
        return int(value)
    if name in _PRICES and isinstance(value, (np.floating, Decimal)):
        return float(value)  # so does the host
    if isinstance(value, (np.floating, Decimal)):
        return {_DECIMAL: str(value)}  # the host makes its decimals of texts
    named = getattr(value, "__qualname__", None) or type(value).__qualname__
    return {_CALLABLE: f"{getattr(value, '__module__', '')}.{named}"}


def decoded(text: str | None) -> dict[str, Any]:
    """Return the values of fields."""
    said = json.loads(text) if text else {}
    return {name: _decoded(name, value) for name, value in said.items()}


def _decoded(name: str, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if _PRICE_TYPE in value:
        return PriceType[value[_PRICE_TYPE]]
    if _DECIMAL in value:
        made = Decimal(value[_DECIMAL])
        return float(made) if name.endswith("score") else made
    return value


def is_replayable(value: Any) -> bool:
    """Say whether a decoded value is what it was: a function that made prices is not."""
    return not (isinstance(value, dict) and _CALLABLE in value)
