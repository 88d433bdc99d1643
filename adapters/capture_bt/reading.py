"""What a strategy looks at of its portfolio, and what bt itself has to look at.

A call such as `Rebalance` reads the value of the strategy to tell all its calls what they are
shares of; that is no decision, and it is kept as what it is: the value at that moment.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import bt.algos
from bt.core import SecurityBase, StrategyBase

from capture_bt.execution import Voice

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["Looked", "LookedAbove", "LookedAt"]

_BLIND: Final = frozenset(
    function.__code__
    for function in (bt.algos.Rebalance.__call__, bt.algos.Rebalance._validate_target_prices)
)
"""Code that reads what it gets the same result without: a base, or that something is held."""

_CALENDAR: Final = frozenset(
    algo.__call__.__code__
    for algo in (
        bt.algos.RunPeriod,
        bt.algos.RunIfOutOfBounds,
        bt.algos.ReplayTransactions,
        bt.algos.SimulateRFQTransactions,
    )
)
"""Code of the host that takes nothing but dates out of a frame of the portfolio."""

_SELECTION: Final = frozenset(
    algo.__call__.__code__ for algo in (bt.algos.SelectAll, bt.algos.SelectThese)
)
"""Code of the host that asks no more of a nested strategy's index than that it is above zero."""

_UNIVERSE: Final = StrategyBase.universe.__get__

_OF_STRATEGIES: Final = (
    "value", "values", "weight", "notional_value", "notional_values", "price", "prices", "capital",
    "cash", "fees", "flows", "bidoffer_paid", "bidoffers_paid", "positions", "outlays", "data",
)  # fmt: skip
_OF_SECURITIES: Final = (
    "value", "values", "weight", "notional_value", "notional_values", "position", "positions",
    "outlays", "bidoffer_paid", "bidoffers_paid", "data",
)  # fmt: skip
_EXCEPT: Final = {"data": _CALENDAR, "universe": _SELECTION}
_BASES: Final = frozenset({"value", "notional_value"})


def _strategy_property(name: str) -> property:
    own: Callable[[Any], Any] = getattr(StrategyBase, name).__get__
    base = name in _BASES

    def read(self: Any) -> Any:
        voice = self._capture
        execution = voice.execution
        if execution.depth or not execution.running:
            return own(self)
        if sys._getframe(1).f_code not in _BLIND:
            _noted(execution.session.reads, "strategy", name, sys._getframe(1))
        value = own(self)
        if base:
            execution.read = (self, execution.ordinal, name, value)
        return value

    return property(read)


def _security_property(name: str) -> property:
    own: Callable[[Any], Any] = getattr(SecurityBase, name).__get__

    def read(self: Any) -> Any:
        voice = self.parent.__dict__.get("_capture")
        if (
            voice.__class__ is Voice
            and not voice.execution.depth
            and voice.execution.running
            and sys._getframe(1).f_code not in _BLIND
        ):
            _noted(voice.execution.session.reads, "security", name, sys._getframe(1))
        return own(self)

    return property(read)


def _noted(reads: set[str], whose: str, name: str, frame: FrameType) -> None:
    code = frame.f_code
    blind = code in _BLIND or code in _EXCEPT.get(name, ())
    if not blind:
        reads.add(f"{whose}.{name}")


class Looked(StrategyBase):
    """A strategy that takes note of what is read of it."""

    @property
    def children(self) -> Any:
        """Return the children, and listen to them from now on."""
        execution = self._capture.execution
        if not execution.touched and execution.running and not execution.depth:
            if sys._getframe(1).f_code.co_filename != bt.algos.__file__:
                execution.eager = True
            execution.session.touch(self, execution)
        return self.__dict__["children"]

    def get_transactions(self) -> Any:
        """Return what was traded, and note that it was asked for."""
        execution = self._capture.execution
        if execution.running and not execution.depth:
            execution.session.reads.add("strategy.get_transactions")
        return super().get_transactions()


class LookedAbove(StrategyBase):
    """A strategy with others below it, whose prices are also the worth of those."""

    @property
    def universe(self) -> Any:
        """Return the prices; the indices of nested strategies among them are of the portfolio."""
        execution = self._capture.execution
        if execution.running and not execution.depth:
            _noted(execution.session.reads, "strategy", "universe", sys._getframe(1))
        return _UNIVERSE(self)


class LookedAt(SecurityBase):
    """A security that takes note of what is read of it."""


for _name in _OF_STRATEGIES:
    setattr(Looked, _name, _strategy_property(_name))
for _name in _OF_SECURITIES:
    setattr(LookedAt, _name, _security_property(_name))
