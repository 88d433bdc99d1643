"""From the signal and context that a user hands over to the values of a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from capture import checks
from capture.errors import InvalidEvent
from capture.journal import NULL_FLOAT, NULL_INT, Field

__all__ = ["SIGNAL_FIELDS", "SIGNAL_GROUPS", "Intake", "group", "take_in"]

SIGNAL_FIELDS: Final = (
    Field("symbol", "word"),
    Field("timeframe", "word"),
    Field("bar_index", "int"),
    Field("timestamp", "time"),
    Field("available_time", "time"),
    Field("direction", "small"),
    Field("strength", "float"),
    Field("signal_type", "word"),
    Field("position_before", "float"),
    Field("capital_available", "float"),
    Field("spread", "float"),
    Field("liquidity_score", "float"),
    Field("regime", "word"),
    Field("regime_confidence", "float"),
    Field("segment", "int"),
    Field("processing_ns", "int"),
)
"""The fields that every signal has: those that `take_in` gives, its segment, the time it took."""

SIGNAL_GROUPS: Final = (
    "market_",
    "market_",
    "indicator_",
    "portfolio_",
    "risk_",
    "limit_",
    "",
    "extra_",
)
"""Prefixes of the free columns: quote, bar, indicators, portfolio, risk, limits, own, extra."""

_EMPTY: Final[Mapping[str, Any]] = {}
_SIGNAL_NAMES: Final = frozenset(
    {
        "symbol",
        "timeframe",
        "bar_index",
        "direction",
        "strength",
        "value",
        "signal_type",
        "signal_id",
        "source_signal_id",
        "references",
        "order",
        "timestamp",
        "available_time",
        "strategy_id",
    }
)
_CONTEXT_NAMES: Final = frozenset(
    {
        "timestamp",
        "available_time",
        "strategy_id",
        "current_bar",
        "best_bid",
        "best_ask",
        "spread",
        "liquidity_score",
        "indicators",
        "indicator_metadata",
        "portfolio_state",
        "current_position",
        "available_capital",
        "risk_metrics",
        "active_risk_limits",
        "current_regime",
        "regime_confidence",
        "strategy_params",
        "timeframe",
        "bar_index",
    }
)


class Intake(NamedTuple):
    """A signal taken in: checked, and flat."""

    strategy_id: str
    symbol: str
    timestamp_ns: int
    signal_id: str | None
    params: Mapping[str, Any]
    indicator_metadata: Mapping[str, Any]
    fixed: tuple[Any, ...]
    groups: tuple[Mapping[Any, Any], ...]
    order: Any


def _picker(source: Any) -> Callable[[str], Any]:
    if isinstance(source, Mapping):
        return source.get
    return lambda name: getattr(source, name, None)


def group(field: str, value: Any) -> Mapping[Any, Any]:
    """Return a mapping of free columns; an object stands for its attributes."""
    if value is None:
        return _EMPTY
    if isinstance(value, Mapping):
        return value
    as_dict = getattr(value, "to_dict", None) or getattr(value, "_asdict", None)
    content = as_dict() if as_dict is not None else getattr(value, "__dict__", None)
    if isinstance(content, Mapping):
        return {k: v for k, v in content.items() if not str(k).startswith("_")}
    raise InvalidEvent(field, value, "must be a mapping, or an object with attributes")


def _real(field: str, value: Any) -> float:
    number = checks.real(field, value)
    return NULL_FLOAT if number is None else number


def take_in(signal: Any, context: Any, word: Callable[[str | None], int]) -> Intake:
    """Check a signal and its context and lay them flat; the first thing wrong is raised."""
    if signal is None or isinstance(signal, (str, bytes, int, float)):
        raise InvalidEvent("signal", signal, "must be a mapping, or an object with attributes")
    of_signal = _picker(signal)
    of_context = of_signal if context is None else _picker(context)
    own: dict[str, Any] = {}
    strategy_id = checks.label(
        "strategy_id", _first("strategy_id", of_context, of_signal), required=True
    )
    symbol = checks.label("symbol", of_signal("symbol"), required=True)
    moment = _first("timestamp", of_context, of_signal)
    if moment is None:
        raise InvalidEvent("timestamp", None, "is required")
    timestamp = checks.time_ns("timestamp", moment)
    known = _first("available_time", of_context, of_signal)
    wanted = checks.direction(of_signal("direction"))
    value = of_signal("strength")
    if value is None:
        value = of_signal("value")
    signal_id = checks.label("signal_id", of_signal("signal_id"))
    if signal_id is not None:
        own["signal_id"] = signal_id
    if (source := checks.label("source_signal_id", of_signal("source_signal_id"))) is not None:
        own["source_signal_id"] = source
    if (references := of_signal("references")) is not None:
        own["references"] = checks.references(references)
    quote, spread = _quote(of_context)
    index = checks.bar_index(_first("bar_index", of_signal, of_context))
    fixed = (
        word(checks.label("timeframe", _first("timeframe", of_signal, of_context))),
        NULL_INT if index is None else index,
        timestamp,
        timestamp if known is None else checks.time_ns("available_time", known),
        wanted,
        _real("strength", checks.strength(value)),
        word(checks.signal_type(of_signal("signal_type"), wanted)),
        _real("current_position", of_context("current_position")),
        _real("available_capital", of_context("available_capital")),
        spread,
        _real("liquidity_score", of_context("liquidity_score")),
        word(checks.label("current_regime", of_context("current_regime"))),
        _real("regime_confidence", of_context("regime_confidence")),
    )
    groups = (
        quote,
        group("current_bar", of_context("current_bar")),
        group("indicators", of_context("indicators")),
        group("portfolio_state", of_context("portfolio_state")),
        group("risk_metrics", of_context("risk_metrics")),
        group("active_risk_limits", of_context("active_risk_limits")),
        own,
        _extra(signal, context),
    )
    assert strategy_id is not None and symbol is not None  # `required` above
    return Intake(
        strategy_id,
        symbol,
        timestamp,
        signal_id,
        group("strategy_params", of_context("strategy_params")),
        group("indicator_metadata", of_context("indicator_metadata")),
        (word(symbol), *fixed),
        groups,
        of_signal("order"),
    )


def _first(name: str, *pickers: Callable[[str], Any]) -> Any:
    for pick in pickers:
        value = pick(name)
        if value is not None:
            return value
    return None


def _quote(pick: Callable[[str], Any]) -> tuple[Mapping[str, float], float]:
    """Return bid, ask and mid where there is a quote, and the spread."""
    bid, ask = checks.real("best_bid", pick("best_bid")), checks.real("best_ask", pick("best_ask"))
    given = checks.real("spread", pick("spread"))
    if bid is None and ask is None:
        return _EMPTY, NULL_FLOAT if given is None else given
    if bid is None or ask is None:
        quote = {"bid": bid} if ask is None else {"ask": ask}
        return quote, NULL_FLOAT if given is None else given  # type: ignore[return-value]
    quote = {"bid": bid, "ask": ask, "mid": (bid + ask) / 2}
    return quote, ask - bid if given is None else given


def _extra(signal: Any, context: Any) -> Mapping[Any, Any]:
    """Return the fields of a mapping that have no column of their own: none is thrown away."""
    if context is None:
        known = _SIGNAL_NAMES | _CONTEXT_NAMES
        return {k: v for k, v in signal.items() if k not in known} if _is(signal) else _EMPTY
    extra: Mapping[Any, Any] = _EMPTY
    if _is(signal) and not _SIGNAL_NAMES.issuperset(signal):
        extra = {k: v for k, v in signal.items() if k not in _SIGNAL_NAMES}
    if _is(context) and not _CONTEXT_NAMES.issuperset(context):
        extra = {**{k: v for k, v in context.items() if k not in _CONTEXT_NAMES}, **extra}
    return extra


def _is(source: Any) -> bool:
    return isinstance(source, Mapping)
