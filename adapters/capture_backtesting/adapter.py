"""From a strategy class to one that Backtesting.py runs in its place and that is recorded."""

from __future__ import annotations

import copyreg
import sys
from abc import ABCMeta
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from capture.recorder.adapting import likeness
from capture_backtesting.grid import run_to_join, sent
from capture_backtesting.perturbing import PERTURBATIONS
from capture_backtesting.replaying import replayed
from capture_backtesting.running import backtest_that_runs
from capture_backtesting.session import Session

if TYPE_CHECKING:
    from backtesting.backtesting import Strategy

    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplaySource

__all__ = ["BacktestingAdapter"]


class BacktestingAdapter:
    """Records runs of Backtesting.py, and replays them."""

    host = "backtesting"
    perturbations = PERTURBATIONS
    truncates = True

    def wrap(self, strategy: type[Strategy], config: SignalCaptureConfig) -> type[Strategy]:
        """Return a subclass of the strategy, with its name, whose runs are recorded."""
        return _captured(strategy, config)

    def replay(self, source: ReplaySource, size: float | None = None) -> type[Strategy]:
        """Return a strategy that makes the recorded calls, and computes nothing.

        Args:
            source: the recording.
            size: in the modes "target" and "signal": size of an order that has none recorded.
        """
        strategy = replayed(source, size)
        return strategy if source.config is None else _captured(strategy, source.config)


class _Captured(ABCMeta):
    """The class of captured strategies: they are pickled by what they were made of."""

    _made_of: tuple[Any, Any]


def _captured(
    strategy: type[Strategy], config: SignalCaptureConfig, run_id: str | None = None
) -> type[Strategy]:
    if "_made_of" in vars(strategy):  # captured already: once is enough
        strategy = strategy._made_of[0]
    own = type(strategy)
    meta = _Captured if issubclass(_Captured, own) else type("_Captured", (_Captured, own), {})
    copyreg.pickle(meta, _reduce)
    names = {
        **likeness(strategy),
        "_made_of": (strategy, config),
        **_methods(strategy, config),
    }
    captured: type[Strategy] = meta(strategy.__name__, (strategy,), names)
    if run_id is not None:
        sent(captured, run_id)
    return captured


def _reduce(captured: _Captured) -> str | tuple[Any, ...]:
    """Pickle a captured class; where an optimiser does so, its run goes along."""
    made_of = vars(captured).get("_made_of")
    original, config = made_of or (captured, captured._made_of[1])
    run_id = run_to_join(captured, original, config)
    if made_of is not None:
        return _captured, (original, config, run_id)
    # A class that the user derived from a captured one is found by its name, like any other.
    name = (captured.__module__, captured.__qualname__)
    if run_id is None or _named(*name) is not captured:
        return captured.__qualname__
    return _derived, (*name, run_id)


def _derived(module: str, name: str, run_id: str) -> Any:
    captured = _named(module, name)
    sent(captured, run_id)
    return captured


def _named(module: str, name: str) -> Any:
    with suppress(ImportError):
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        return found
    return None


_PORTFOLIO: Final = ("equity", "orders", "trades", "closed_trades")
"""What a strategy may look at of its portfolio, beside its position."""


def _methods(strategy: Any, config: SignalCaptureConfig) -> dict[str, Any]:
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

    reads = {name: _heard(strategy, name) for name in _PORTFOLIO}
    return {"__init__": make, "I": declare, **reads}


def _heard(strategy: Any, name: str) -> property:
    """Return a property of the strategy that takes note of being read."""

    def read(self: Any) -> Any:
        session = self.__dict__.get("_capture")
        if session is not None:
            session.reads.add(name)
        return getattr(super(_captured_class(self), self), name)

    return property(read, doc=getattr(strategy, name).__doc__)


def _captured_class(strategy: Any) -> type:
    """Return the captured class that an object is of."""
    return next(cls for cls in type(strategy).__mro__ if "_made_of" in vars(cls))
