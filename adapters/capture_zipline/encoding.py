"""The arguments of a call as JSON, and back: numbers exactly, assets and orders by name."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from zipline.assets import Asset
from zipline.finance import asset_restrictions, cancel_policy, commission, execution, slippage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Encoder", "Lost", "decode"]

_PLAIN: Final = (str, float, int, bool, type(None))
_MADE_OF: Final[Mapping[Any, Mapping[str, str]]] = {
    execution.MarketOrder: {"exchange": "_exchange"},
    execution.LimitOrder: {n: n for n in ("limit_price", "asset")} | {"exchange": "_exchange"},
    execution.StopOrder: {n: n for n in ("stop_price", "asset")} | {"exchange": "_exchange"},
    execution.StopLimitOrder: {n: n for n in ("limit_price", "stop_price", "asset")}
    | {"exchange": "_exchange"},
    slippage.NoSlippage: {},
    slippage.FixedSlippage: {"spread": "spread"},
    slippage.FixedBasisPointsSlippage: {n: n for n in ("basis_points", "volume_limit")},
    slippage.VolumeShareSlippage: {n: n for n in ("volume_limit", "price_impact")},
    commission.NoCommission: {},
    commission.PerShare: {"cost": "cost_per_share", "min_trade_cost": "min_trade_cost"},
    commission.PerTrade: {"cost": "cost"},
    commission.PerDollar: {"cost": "cost_per_dollar"},
    cancel_policy.NeverCancel: {},
    cancel_policy.EODCancel: {"warn_on_cancel": "warn_on_cancel"},
    asset_restrictions.NoRestrictions: {},
    asset_restrictions.StaticRestrictions: {"restricted_list": "_restricted_set"},
}
"""Objects of the host that can be made again: by argument, the attribute that has its value."""
_CLASSES: Final = {made.__name__: made for made in _MADE_OF}


_JSON: Final = json.JSONEncoder(ensure_ascii=False).encode
_MOST_KNOWN: Final = 64
"""So many different arguments are known by heart; other calls encode their own."""


class Lost(ValueError):
    """A value that was not kept is asked for."""


class Encoder:
    """Turns the arguments of calls into JSON.

    Attributes:
        missing: what could not be kept: the call and the argument's name.
    """

    def __init__(self, order_id: Callable[[Any], str | None], symbol: Callable[[Any], str]) -> None:
        """Know how orders and assets are referred to.

        Args:
            order_id: returns the identity of an order in the recording, or None.
            symbol: returns the name of an asset in the recording.
        """
        self._order_id = order_id
        self._symbol = symbol
        self.missing: set[str] = set()
        self._known: dict[Any, str] = {}

    def encode(self, call: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        """Return arguments by name as JSON, and whether many other calls may have the same."""
        key = None
        if all(map(_is_common, arguments.values())):
            key = (call, *((n, type(value), value) for n, value in arguments.items()))
            known = self._known.get(key)
            if known is not None:
                return known, True
        text = _JSON(
            {name: self._value(f"{call}.{name}", value) for name, value in arguments.items()}
        )
        if key is None or len(self._known) >= _MOST_KNOWN:
            return text, False
        self._known[key] = text
        return text, True

    def order(self, value: Any) -> str:
        """Return the arguments of a cancel as JSON; it may be of no order at all."""
        if value is None:
            return json.dumps({"order_param": None})
        number = self._order_id(value)
        said = self._lost("cancel_order.order_param", value) if number is None else number
        return json.dumps({"order_param": said if number is None else {"order": number}})

    def _value(self, place: str, value: Any) -> Any:
        if type(value) in _PLAIN:
            return value
        if isinstance(value, Asset):
            return {"asset": self._symbol(value)}
        if type(value) in _MADE_OF:
            made = _MADE_OF[type(value)]
            given = {n: self._value(place, getattr(value, at)) for n, at in made.items()}
            return {"made": [type(value).__name__, given]}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self._value(place, item) for item in value]
        return _scalar(value) or self._lost(place, value)

    def _lost(self, place: str, value: Any) -> Any:
        self.missing.add(place)
        return {"missing": type(value).__qualname__}


def _is_common(value: Any) -> bool:
    """Say whether values that are equal and of one type have the same text; 0.0 may have a sign."""
    kind = type(value)
    return (kind in _PLAIN and (kind is not float or value != 0)) or isinstance(value, Asset)


def _scalar(value: Any) -> Any:
    """Return a time, a span or a number of NumPy; None of anything else."""
    if isinstance(value, dt.timedelta):
        return {"timedelta_ns": int(pd.Timedelta(value).value)}
    if isinstance(value, dt.datetime):
        return {"timestamp": pd.Timestamp(value).isoformat()}
    if isinstance(value, (np.bool_, np.integer, np.floating)):
        return {"numpy": [value.dtype.name, value.item()]}
    return None


def decode(
    text: str, *, asset: Callable[[str], Any], order: Callable[[str], Any]
) -> dict[str, Any]:
    """Return the arguments that were encoded.

    Args:
        text: what `Encoder.encode` returned.
        asset: returns the asset of this name.
        order: returns the order with this identity.

    Raises:
        Lost: an argument could not be kept when it was recorded.
    """

    def value_of(said: Any) -> Any:
        if isinstance(said, list):
            return [value_of(item) for item in said]
        if not isinstance(said, dict):
            return said
        [(kind, kept)] = said.items()
        match kind:
            case "asset":
                return asset(kept)
            case "order":
                return order(kept)
            case "made":
                name, given = kept
                return _CLASSES[name](**{n: value_of(v) for n, v in given.items()})
            case "timedelta_ns":
                return pd.Timedelta(kept, unit="ns")
            case "timestamp":
                return pd.Timestamp(kept)
            case "numpy":
                return np.dtype(kept[0]).type(kept[1])
        raise Lost(f"a value of type {kept} was not recorded")

    return {name: value_of(said) for name, said in json.loads(text).items()}
