"""The context of a signal, from the market data and from the getters that a strategy has."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from capture import checks
from capture.recorder.intake import group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Getters", "market_context"]

# The optional getters, by the field that they fill; the first that the strategy has is used.
_GETTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "indicators": ("get_indicators",),
    "indicator_metadata": ("get_indicator_metadata",),
    "strategy_params": ("get_params", "get_parameters"),
    "portfolio_state": ("get_portfolio_state", "get_portfolio"),
    "current_position": ("get_current_position", "get_position"),
    "available_capital": ("get_available_capital", "get_capital"),
    "risk_metrics": ("get_risk_metrics", "get_risk"),
    "active_risk_limits": ("get_active_risk_limits", "get_risk_limits", "get_limits"),
    "current_regime": ("get_current_regime", "get_regime"),
    "regime_confidence": ("get_regime_confidence",),
}
_NUMBERS: Final = ("current_position", "available_capital", "regime_confidence")
_MARKET: Final[Mapping[str, tuple[str, ...]]] = {
    "timestamp": ("timestamp", "time", "datetime", "date"),
    "available_time": ("available_time",),
    "best_bid": ("best_bid", "bid"),
    "best_ask": ("best_ask", "ask"),
    "spread": ("spread",),
    "liquidity_score": ("liquidity_score",),
    "timeframe": ("timeframe",),
    "bar_index": ("bar_index",),
}
_PRICES: Final = ("open", "high", "low", "close", "volume", "vwap")


class Getters:
    """The getters that a strategy has; one that fails leaves its field empty."""

    def __init__(self, strategy: Any, complain: Callable[[str, str], None]) -> None:
        """Look for the getters; `complain` is told which field failed, and how."""
        self._complain = complain
        self._found = {
            field: (getter, field == "current_position" and _takes_one(getter))
            for field, names in _GETTERS.items()
            if (getter := _first_callable(strategy, names)) is not None
        }

    def ask(self, symbol: Any) -> dict[str, Any]:
        """Return what the getters say now, by the field that they fill."""
        return {
            field: self._ask(field, getter, (symbol,) if takes_symbol else ())
            for field, (getter, takes_symbol) in self._found.items()
        }

    def _ask(self, field: str, getter: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        try:
            value = getter(*arguments)
            if field in _NUMBERS:
                return checks.real(field, value)
            if field == "current_regime":
                return checks.label(field, value)
            return dict(group(field, value))
        except Exception as exc:
            self._complain(field, f"{field} could not be read: {type(exc).__name__}: {exc}")
            return None


def market_context(market_data: Any) -> tuple[Any, dict[str, Any]]:
    """Return the symbol and what the market data say of the moment.

    A frame stands for its last row, and a row is named by its time.
    """
    if getattr(market_data, "ndim", None) == 2 and hasattr(market_data, "iloc"):
        market_data = market_data.iloc[-1]
    pick = _picker(market_data)
    context: dict[str, Any] = {}
    for field, names in _MARKET.items():
        value = next((v for name in names if (v := pick(name)) is not None), None)
        if value is not None:
            context[field] = value
    bar = pick("current_bar")
    if bar is None:
        bar = {name: v for name in _PRICES if (v := _price(pick, name)) is not None}
    context["current_bar"] = bar or None
    if "timestamp" not in context:
        label = getattr(market_data, "name", None)
        context["timestamp"] = label if isinstance(label, datetime) else datetime.now(UTC)
    return pick("symbol"), context


def _price(pick: Callable[[str], Any], name: str) -> Any:
    value = pick(name)
    return pick(name.capitalize()) if value is None else value


def _picker(source: Any) -> Callable[[str], Any]:
    if isinstance(source, Mapping):
        return source.get
    get = getattr(source, "get", None)  # a pandas.Series answers to names through get
    if callable(get):
        return get  # type: ignore[no-any-return]
    return lambda name: getattr(source, name, None)


def _first_callable(strategy: Any, names: Iterable[str]) -> Callable[..., Any] | None:
    return next((found for name in names if callable(found := getattr(strategy, name, None))), None)


def _takes_one(getter: Callable[..., Any]) -> bool:
    """Say whether a getter wants to know the symbol."""
    try:
        inspect.signature(getter).bind(None)
    except (TypeError, ValueError):
        return False
    return True
