"""Runs on part of the data, and their indicators at every bar: for look-ahead and warm-up."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, Final

import backtrader as bt
import numpy as np

from capture.contracts.perturbing import rehearsal
from capture.contracts.tracing import Trace, is_traced, keep_trace
from capture_backtrader.feeds import times_ns

if TYPE_CHECKING:
    from capture.contracts.perturbing import Cut
    from capture_backtrader.ear import Ear
    from capture_backtrader.indicators import Indicators
    from capture_backtrader.session import Session

__all__ = ["cut_feeds", "trace_indicators"]

_DAY_NS: Final = 86_400 * 10**9
_EPOCH: Final = 719_163
_HALF_MS: Final = 0.0005 / 86_400


def cut_feeds(strategy: Any) -> None:
    """On rehearsal, leave the feeds of a strategy that is being made part of their bars.

    The host loads its feeds anew for its next run, so that nothing need be put back.
    """
    wanted = rehearsal()
    if wanted is None or wanted.cut is None or hasattr(type(strategy), "replay_source"):
        return
    for data in strategy.datas:
        _cut(data, wanted.cut)


def _cut(data: Any, cut: Cut) -> None:
    first, last = _days(cut.first, -_HALF_MS), _days(cut.last, _HALF_MS)
    held = data.lines.datetime.array
    if not len(held):  # the host loads it bar by bar, and then asks the feed for its limits
        data.fromdate = data.fromdate if first is None else max(data.fromdate, first)
        data.todate = data.todate if last is None else min(data.todate, last)
        return
    begin = 0 if first is None else bisect_left(held, first)
    end = len(held) if last is None else bisect_right(held, last)
    for line in data.lines:
        line.array = line.array[begin:end]


def _days(label: int | None, leeway: float) -> float | None:
    """Return a time as the host counts, which is exact to some microseconds."""
    return None if label is None else label / _DAY_NS + _EPOCH + leeway


def trace_indicators(session: Session, ear: Ear, indicators: Indicators) -> None:
    """Keep every indicator at every bar, if a rehearsal wants it and the host still has them."""
    if not is_traced() or ear.strategy.cerebro._exactbars:
        return
    made = ear.strategy._lineiterators[ear.strategy.IndType]
    clocks = {id(line): _feed_of(one, ear.strategy.datas) for one in made for line in one.lines}
    by_feed: dict[int, tuple[Any, dict[str, Any]]] = {}
    for name, line in zip(indicators.columns, indicators.lines, strict=True):
        data = clocks.get(id(line))
        values = np.array(line.array, dtype=np.float64)
        if data is not None and len(values) == len(data.lines.datetime.array):
            by_feed.setdefault(id(data), (data, {}))[1][name] = values
    for data, columns in by_feed.values():
        labels = times_ns(np.array(data.lines.datetime.array, dtype=np.float64))
        engine = session.engine
        keep_trace(Trace(engine.run_id, engine.part, ear.strategy_id, labels, columns))


def _feed_of(made: Any, datas: Any) -> Any:
    """Return the feed by whose bars an indicator moves, however deep it is nested."""
    if len(datas) == 1:
        return datas[0]
    clock = made
    while clock is not None and not isinstance(clock, bt.AbstractDataBase):
        below = getattr(clock, "_clock", None)
        clock = getattr(clock, "_owner", None) if below is None else below
    return clock
