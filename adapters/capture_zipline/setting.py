"""The settings of a run: what its user chose, and what its strategy set in `initialize`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from zipline.algorithm import TradingAlgorithm

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SETTERS", "bound_setting", "host_settings", "parameters", "shown"]

SETTERS: Final = (
    "set_slippage",
    "set_commission",
    "set_cancel_policy",
    "set_benchmark",
    "set_max_leverage",
    "set_min_leverage",
    "set_max_position_size",
    "set_max_order_size",
    "set_max_order_count",
    "set_do_not_order_list",
    "set_asset_restrictions",
    "set_long_only",
)
"""Calls of `initialize` that decide what becomes of orders, or what the host's figures say."""


def bound_setting(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of such a call by name."""
    names = tuple(inspect.signature(getattr(TradingAlgorithm, name)).parameters)[1:]
    return {**dict(zip(names, args, strict=False)), **kwargs}


def host_settings(algorithm: Any) -> dict[str, Any]:
    """Return the settings of a run, which decide its fills."""
    given, blotter = algorithm.sim_params, vars(algorithm)["blotter"]
    settings: dict[str, Any] = {
        "capital_base": float(given.capital_base),
        "data_frequency": given.data_frequency,
        "emission_rate": given.emission_rate,
        "calendar": algorithm.trading_calendar.name,
        "blotter": type(blotter).__name__,
        "cancel_policy": shown(getattr(blotter, "cancel_policy", None)),
        "restrictions": shown(algorithm.restrictions),
    }
    for name in ("slippage", "commission"):
        models = getattr(blotter, f"{name}_models", {})
        settings |= {f"{name}[{kind.__name__}]": shown(model) for kind, model in models.items()}
    for name in ("trading_controls", "account_controls"):
        settings[name] = [shown(control) for control in getattr(algorithm, name)]
    return settings


def parameters(before: set[str], algorithm: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the strategy keeps in its context from `initialize` on, as far as it is plain.

    Args:
        before: names of what was there already.
        algorithm: the host's, which is the context.
        arguments: of `initialize`.
    """
    kept = {n: v for n, v in vars(algorithm).items() if n not in before and not n.startswith("_")}
    shown_ = {name: shown(value) for name, value in {**arguments, **kept}.items()}
    return {name: value for name, value in shown_.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))


def shown(value: Any) -> Any:
    """Return a value as it is if it is small and plain, and what it is otherwise."""
    if hasattr(value, "item") and hasattr(value, "dtype"):
        return value.tolist()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [shown(part) for part in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, map(shown, value)))
    symbol = getattr(value, "symbol", None)
    if isinstance(symbol, str) and hasattr(value, "sid"):
        return symbol
    if isinstance(value, type) or callable(value):
        return {"class": getattr(value, "__qualname__", type(value).__qualname__)}
    return {"class": type(value).__qualname__, **_attributes(value)}


def _attributes(value: Any) -> dict[str, Any]:
    """Return what an object of the host's, or of the user's in its place, is made of."""
    found = {}
    for name, part in getattr(value, "__dict__", {}).items():
        own = name.rpartition("__")[2].lstrip("_")
        if own in {"volume_for_bar", "window_data_cache", "orders_placed", "current_date"}:
            continue  # what changes in the course of a run
        if isinstance(part, dict):
            found[own] = {shown_key(key): shown(one) for key, one in sorted_items(part)}
        elif isinstance(part, (list, tuple, set, frozenset)) or _is_small(part):
            found[own] = shown(part)
    return found


def _is_small(part: Any) -> bool:
    return part is None or isinstance(part, (bool, int, float, str)) or hasattr(part, "sid")


def sorted_items(part: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Return items in the order of their keys' texts."""
    return sorted(part.items(), key=lambda item: str(item[0]))


def shown_key(key: Any) -> str:
    """Return the key of a mapping as text."""
    return str(shown(key))
