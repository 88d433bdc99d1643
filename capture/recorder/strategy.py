"""`CaptureAwareStrategy`: records the signals of anything that has `generate_signal`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureError, CaptureWarning, InvalidEvent, UnsupportedStrategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.recorder.engine import SignalCaptureEngine

__all__ = ["CaptureAwareStrategy"]

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
_MARKET: Final[Mapping[str, tuple[str, ...]]] = {
    "timestamp": ("timestamp", "time", "datetime", "date"),
    "best_bid": ("best_bid", "bid"),
    "best_ask": ("best_ask", "ask"),
    "liquidity_score": ("liquidity_score",),
    "timeframe": ("timeframe",),
    "bar_index": ("bar_index",),
}
_PRICES: Final = ("open", "high", "low", "close", "volume", "vwap")


class CaptureAwareStrategy:
    """Stands in for a strategy and records what its `generate_signal` returns.

    The context is taken before `generate_signal` is called, from the market data and from those
    getters that the strategy has. A getter that is missing or that raises leaves its field empty.
    Every other attribute is the strategy's own.
    """

    def __init__(
        self, strategy: Any, engine: SignalCaptureEngine, *, strategy_id: str | None = None
    ) -> None:
        """Wrap a strategy.

        Args:
            strategy: an object with `generate_signal(market_data)`.
            engine: records the signals.
            strategy_id: identity in the recording; by default the strategy's own, or its class.
        """
        if not callable(getattr(strategy, "generate_signal", None)):
            raise UnsupportedStrategy(strategy, ["objects with generate_signal(market_data)"], [])
        self._strategy = strategy
        self._engine = engine
        self._strategy_id = strategy_id or _own_name(strategy)
        self._failed: set[str] = set()
        self._getters = {
            field: getter
            for field, names in _GETTERS.items()
            if (getter := _first_callable(strategy, names)) is not None
        }

    def generate_signal(self, market_data: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what the strategy returns; signals in it are recorded."""
        context = self._context(market_data)
        result = self._strategy.generate_signal(market_data, *args, **kwargs)
        for signal in _signals(result):
            self._record(signal, context, market_data)
        return result

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_strategy":
            raise AttributeError(name)
        return getattr(self._strategy, name)

    def _context(self, market_data: Any) -> dict[str, Any]:
        pick = _picker(market_data)
        context: dict[str, Any] = {"strategy_id": self._strategy_id}
        for field, names in _MARKET.items():
            value = next((v for name in names if (v := pick(name)) is not None), None)
            if value is not None:
                context[field] = value
        bar = pick("current_bar")
        if bar is None:
            bar = {name: v for name in _PRICES if (v := pick(name)) is not None}
        context["current_bar"] = bar or None
        context.setdefault("timestamp", datetime.now(UTC))
        symbol = pick("symbol")
        for field, getter in self._getters.items():
            context[field] = self._ask(field, getter, symbol)
        return context

    def _ask(self, field: str, getter: Callable[..., Any], symbol: Any) -> Any:
        """Return a copy of what a getter says now; nothing if it fails."""
        try:
            value = _call(getter, symbol if field == "current_position" else None)
            return dict(value) if isinstance(value, Mapping) else value
        except Exception as exc:
            self._warn(field, f"{field} could not be read: {type(exc).__name__}: {exc}")
            return None

    def _record(self, signal: Any, context: dict[str, Any], market_data: Any) -> None:
        if isinstance(signal, Mapping) and signal.get("symbol") is None:
            signal = {**signal, "symbol": _picker(market_data)("symbol")}
        try:
            self._engine.capture_signal(signal, context)
        except InvalidEvent as exc:
            # Inside a user's run a bad signal is kept aside, and the run goes on.
            self._engine.quarantine("signals", {"signal": signal, "context": context}, exc)
            self._warn(f"signal {exc.field}", f"a signal was quarantined: {exc}")
        except CaptureError as exc:
            self._warn("capture", f"signals are no longer recorded: {exc}")

    def _warn(self, what: str, message: str) -> None:
        if what not in self._failed:
            self._failed.add(what)
            warnings.warn(f"{self._strategy_id}: {message}", CaptureWarning, stacklevel=4)


def _picker(source: Any) -> Callable[[str], Any]:
    if isinstance(source, Mapping):
        return source.get
    get = getattr(source, "get", None)  # a pandas.Series answers to names through get
    if callable(get):
        return get  # type: ignore[no-any-return]
    return lambda name: getattr(source, name, None)


def _own_name(strategy: Any) -> str:
    own = getattr(strategy, "strategy_id", None)
    return own if isinstance(own, str) and own else type(strategy).__name__


def _first_callable(strategy: Any, names: Iterable[str]) -> Callable[..., Any] | None:
    return next((found for name in names if callable(found := getattr(strategy, name, None))), None)


def _call(getter: Callable[..., Any], symbol: Any) -> Any:
    """Call a getter, with the symbol where it wants one."""
    if symbol is None:
        return getter()
    code = getattr(getter, "__code__", None) or getattr(
        getattr(getter, "__func__", None), "__code__", None
    )
    takes = 0 if code is None else code.co_argcount - hasattr(getter, "__self__")
    return getter(symbol) if takes else getter()


def _signals(result: Any) -> Iterable[Any]:
    """Return the signals in what a strategy returned: none, one or several."""
    if result is None:
        return ()
    if isinstance(result, (list, tuple)) and not hasattr(result, "_fields"):
        return [signal for signal in result if signal is not None]
    return (result,)
