"""The built-in backtester: event-driven, small, and recorded like any other.

Its public names are imported when they are first used.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from capture import hookimpl
from capture.contracts.info import AdapterInfo, ComponentInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from capture.contracts.fill_rules import FillRules
    from capture_builtin.alignment import TimeAlignmentBuffer
    from capture_builtin.backtest import Backtest, Results
    from capture_builtin.feeds import Feed
    from capture_builtin.needs import Feature, Needs
    from capture_builtin.signals import Signal
    from capture_builtin.strategy import Strategy

__all__ = [
    "Backtest",
    "Feature",
    "Feed",
    "Needs",
    "Results",
    "Signal",
    "Strategy",
    "TimeAlignmentBuffer",
]

_HOMES: Final = {
    "Backtest": "backtest",
    "Feature": "needs",
    "Feed": "feeds",
    "Needs": "needs",
    "Results": "backtest",
    "Signal": "signals",
    "Strategy": "strategy",
    "TimeAlignmentBuffer": "alignment",
}

_COMPONENTS: Final = {
    "feature.sma": ("features.averages:sma", "mean of the last closes"),
    "feature.ema": ("features.averages:ema", "exponential mean of the closes"),
    "feature.rsi": ("features.momentum:rsi", "relative strength, as Wilder smooths it"),
    "feature.roc": ("features.momentum:roc", "change over so many bars, as a fraction"),
    "feature.atr": ("features.ranges:atr", "average true range, as Wilder smooths it"),
    "feature.bollinger": ("features.ranges:bollinger", "three lines: upper, middle, lower"),
    "feature.highest": ("features.ranges:highest", "highest high of the bars before this one"),
    "feature.lowest": ("features.ranges:lowest", "lowest low of the bars before this one"),
    "feature.volatility": ("features.ranges:volatility", "deviation of the last log returns"),
    "feature.correlation": ("features.across:correlation", "of the returns of two symbols"),
    "feature.spread": ("features.across:spread", "log ratio of two closes, in deviations"),
    "strategy.sma_cross": ("strategies:SmaCross", "turns round when two averages cross"),
    "strategy.patient_cross": ("strategies:PatientCross", "the same, at a better price"),
    "strategy.rsi_reversal": ("strategies:RsiReversal", "buys what fell, sells what rose"),
    "strategy.breakout": ("strategies:Breakout", "follows prices out of their channel"),
    "strategy.pair": ("strategies:Pair", "trades two symbols against one another"),
    "part.Backtest": ("backtest:Backtest", "runs a strategy and a portfolio over bars"),
    "part.Feed": ("feeds:Feed", "bars of one symbol and timeframe"),
    "part.TimeAlignmentBuffer": ("alignment:TimeAlignmentBuffer", "aligns series of bars"),
    "part.SignalGeneratorComponent": ("generator:SignalGeneratorComponent", "makes signals"),
    "part.SignalStreamerComponent": ("streamer:SignalStreamerComponent", "streams recorded ones"),
}
"""What this package offers: role and word, where it is, and a line that says what it is."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'capture_builtin' has no attribute {name!r}")
    return _imported(f"{_HOMES[name]}:{name}")


def _imported(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(import_module(f"capture_builtin.{module}"), name)


def _accepts(strategy: object) -> bool:
    """Return whether it is a strategy of this backtester, which then is imported already."""
    host = sys.modules.get("capture_builtin.strategy")
    if host is None:
        return False
    return isinstance(strategy, host.Strategy) or (
        isinstance(strategy, type) and issubclass(strategy, host.Strategy)
    )


def _load() -> Any:
    from capture_builtin.recording.adapter import BuiltinAdapter

    return BuiltinAdapter()


def _rules(settings: Mapping[str, Any]) -> FillRules | None:
    from capture_builtin.fill_rules import rules

    return rules(settings)


@hookimpl
def register_adapters() -> Iterator[AdapterInfo]:
    """Offer the adapter."""
    yield AdapterInfo(
        "builtin",
        load=_load,
        extra="builtin",
        summary="strategies of the built-in backtester",
        accepts=_accepts,
        rules=_rules,
    )


@hookimpl
def register_components() -> Iterator[ComponentInfo]:
    """Offer features, strategies, and what a topology is made of."""
    for name, (where, summary) in _COMPONENTS.items():
        load: Callable[[], Any] = partial(_imported, where)
        yield ComponentInfo(name, load=load, extra="builtin", summary=summary)
