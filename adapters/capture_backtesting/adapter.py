"""From a strategy class to one that Backtesting.py runs in its place and that is recorded."""

from __future__ import annotations

import copyreg
import sys
import weakref
from abc import ABCMeta
from typing import TYPE_CHECKING, Any

from backtesting.backtesting import Backtest
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
    own = type(strategy)
    meta = _Captured if own is ABCMeta else type("_Captured", (_Captured, own), {})
    copyreg.pickle(meta, _reduce)  # type: ignore[arg-type]
    names = {
        "__module__": strategy.__module__,
        "__qualname__": strategy.__qualname__,
        "__doc__": strategy.__doc__,
        "_made_of": (strategy, config),
        "_ear": None,
        **_methods(strategy, config),
    }
    captured: type[Strategy] = meta(strategy.__name__, (strategy,), names)
    return captured


def _reduce(captured: _Captured) -> tuple[Any, ...]:
    return _captured, captured._made_of


def _methods(strategy: Any, config: SignalCaptureConfig) -> dict[str, Callable[..., Any]]:
    """Return the methods of the captured class; each lets the strategy's own one do the work."""

    def __init__(self: Any, broker: Any, data: Any, params: Any) -> None:
        strategy.__init__(self, broker, data, params)
        backtest = _backtest()
        session = Session(config, strategy, backtest)
        self._capture = session
        if backtest is not None:
            _watch(backtest, session)
        # A run that an exception ends never reaches its results.
        weakref.finalize(self, session.abandon)

    def init(self: Any) -> None:
        strategy.init(self)
        self._capture.open(self)

    def declare(self: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
        value = strategy.I(self, func, *args, **kwargs)
        self._capture.indicators.declared(value, func, args, kwargs)
        return value

    def buy(self: Any, **kwargs: Any) -> Any:
        ear = self._ear or self._capture.open(self)
        if ear.inside:
            return strategy.buy(self, **kwargs)
        return ear.place(1, strategy.buy, self, kwargs)

    def sell(self: Any, **kwargs: Any) -> Any:
        ear = self._ear or self._capture.open(self)
        if ear.inside:
            return strategy.sell(self, **kwargs)
        return ear.place(-1, strategy.sell, self, kwargs)

    return {"__init__": __init__, "init": init, "I": declare, "buy": buy, "sell": sell}


def _backtest() -> Backtest | None:
    """Return the backtest that is making a strategy: its `run` stands on the stack."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code is Backtest.run.__code__:
            return frame.f_locals["self"]  # type: ignore[no-any-return]
        frame = frame.f_back  # type: ignore[assignment]
    return None


def _watch(backtest: Backtest, session: Session) -> None:
    """Let the session know when the backtest sets its results, which is the end of a run."""
    watched = type(backtest)
    left = watched.__dict__.get("_results")
    if isinstance(left, _Results):  # an exception ended the run before this one
        watched = left.give_up()
    names = {"__module__": watched.__module__, "__qualname__": watched.__qualname__}
    results = _Results(session, watched)
    backtest.__class__ = type(watched.__name__, (watched,), {**names, "_results": results})


class _Results:
    """Stands where a backtest keeps its results until they are set; then it is gone."""

    def __init__(self, session: Session, owner: type) -> None:
        self._session = session
        self._owner = owner

    def __get__(self, backtest: Any, _type: type | None = None) -> Any:
        return self if backtest is None else backtest.__dict__["_results"]

    def __set__(self, backtest: Any, results: Any) -> None:
        backtest.__class__ = self._owner
        backtest._results = results
        self._session.finish(results)

    def give_up(self) -> type:
        """End the session of a run that has no results, and return the backtest's own class."""
        self._session.abandon()
        return self._owner
