"""From a strategy class to one that Backtesting.py runs in its place and that is recorded."""

from __future__ import annotations

import copyreg
import sys
from abc import ABCMeta
from typing import TYPE_CHECKING, Any

from capture_backtesting.running import backtest_that_runs
from capture_backtesting.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from backtesting.backtesting import Strategy

    from capture.config import SignalCaptureConfig

__all__ = ["BacktestingAdapter"]


class BacktestingAdapter:
    """Records runs of Backtesting.py."""

    host = "backtesting"

    def wrap(self, strategy: type[Strategy], config: SignalCaptureConfig) -> type[Strategy]:
        """Return a subclass of the strategy, with its name, whose runs are recorded."""
        return _captured(strategy, config)


class _Captured(ABCMeta):
    """The class of captured strategies: they are pickled by what they were made of."""

    _made_of: tuple[Any, Any]


def _captured(strategy: type[Strategy], config: SignalCaptureConfig) -> type[Strategy]:
    if "_made_of" in vars(strategy):  # captured already: once is enough
        strategy = strategy._made_of[0]
    own = type(strategy)
    meta = _Captured if issubclass(_Captured, own) else type("_Captured", (_Captured, own), {})
    copyreg.pickle(meta, _reduce)
    names = {
        "__module__": strategy.__module__,
        "__qualname__": strategy.__qualname__,
        "__doc__": strategy.__doc__,
        "_made_of": (strategy, config),
        **_methods(strategy, config),
    }
    captured: type[Strategy] = meta(strategy.__name__, (strategy,), names)
    return captured


def _reduce(captured: _Captured) -> str | tuple[Any, ...]:
    made_of = vars(captured).get("_made_of")
    # A class that the user derived from a captured one is found by its name, like any other.
    return captured.__qualname__ if made_of is None else (_captured, made_of)


def _methods(strategy: Any, config: SignalCaptureConfig) -> dict[str, Callable[..., Any]]:
    """Return the methods of the captured class; each lets the strategy's own one do the work."""

    def make(self: Any, broker: Any, data: Any, params: Any) -> None:
        strategy.__init__(self, broker, data, params)
        original = strategy if "_made_of" in vars(type(self)) else type(self)
        session = Session(config, original, self, backtest_that_runs(sys._getframe(1)))
        self._capture = session
        session.prepare(self)

    def declare(self: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
        value = strategy.I(self, func, *args, **kwargs)
        session = self.__dict__.get("_capture")
        if session is not None:
            session.indicators.declared(value, func, args, kwargs)
        return value

    return {"__init__": make, "I": declare}
