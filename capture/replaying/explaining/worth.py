"""Equity, reckoned from fills and bars: whether a difference is one of the fills alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from capture.store.explanations import EquityGaps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from capture.replaying.explaining.sides import Leg, Side

__all__ = ["equity_gaps"]

_NEAR: Final = 1e-9


def equity_gaps(original: Side, replayed: Side) -> EquityGaps:
    """Compare the worth of two runs at the bars that both have."""
    then, now = _recorded(original), _recorded(replayed)
    shared, mine, theirs = np.intersect1d(then[0], now[0], return_indices=True)
    was, became = then[1][mine], now[1][theirs]
    differing = ~((was == became) | (np.isnan(was) & np.isnan(became)))
    if not differing.any():
        return EquityGaps(len(shared), 0, 0, None)
    reckoned = _comes_to(original, shared, was) & _comes_to(replayed, shared, became)
    open_ = differing & ~reckoned
    first = int(then[2][mine][open_][0]) if open_.any() else None
    return EquityGaps(len(shared), int(differing.sum()), int((differing & reckoned).sum()), first)


def _accounts(side: Side) -> int:
    """Return how many accounts there are: some backtesters keep one for each symbol."""
    rows = side.of.table("equity", ("symbol",))
    named = set(rows.column("symbol").to_pylist()) if "symbol" in rows.column_names else set()
    return max(1, len(named - {None}))


def _recorded(side: Side) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return time, worth and bar of every recorded row; of several accounts, what they sum to."""
    rows = side.of.table("equity", ("timestamp", "bar_index", "equity"))
    empty = np.zeros(0, np.int64)
    if not {"equity", "bar_index"} <= set(rows.column_names):
        return empty, np.zeros(0), empty
    bars = rows.column("bar_index").to_numpy().astype(np.int64)
    worth = rows.column("equity").to_numpy().astype(np.float64)
    times = bars
    if "timestamp" in rows.column_names and not rows.column("timestamp").null_count:
        times = rows.column("timestamp").cast(pa.int64()).to_numpy()
    if _accounts(side) > 1:
        moments, first, place = np.unique(times, return_index=True, return_inverse=True)
        return moments, np.bincount(place, worth), bars[first]
    last = np.append(times[1:] != times[:-1], True) if len(times) else np.zeros(0, bool)
    return times[last], worth[last], bars[last]


def _comes_to(side: Side, times: NDArray[Any], worth: NDArray[Any]) -> NDArray[Any]:
    """Say at which times the fills come to the recorded worth."""
    rules = side.rules
    if rules is None or rules.cash is None:
        return np.zeros(len(times), dtype=bool)
    total = np.full(len(times), float(rules.cash) * _accounts(side))
    for symbol, bars in side.bars.items():
        labels = np.arange(bars.rows) if bars.times is None else bars.times
        legs = [leg for leg in side.legs if leg.symbol == symbol]
        order = np.array([leg.bar for leg in legs], dtype=np.int64)
        flows = np.array([-leg.units * leg.price - leg.commission for leg in legs])
        flows = flows + _rounded_away(legs, rules.booked)
        units = np.array([leg.units for leg in legs])
        by_bar = np.zeros((2, bars.rows))
        np.add.at(by_bar[0], order, flows)
        np.add.at(by_bar[1], order, units)
        cash, held = by_bar.cumsum(axis=1)
        place = np.searchsorted(labels, times, side="right") - 1
        known = place >= 0
        price = np.where(np.abs(held) < _NEAR, 0.0, bars.columns["close"])
        total[known] += (cash + held * price)[place[known]]
    found: NDArray[Any] = np.isclose(total, worth, rtol=_NEAR, atol=_NEAR * abs(float(rules.cash)))
    return found


def _rounded_away(
    legs: Sequence[Leg], booked: Callable[[float], float] | None
) -> float | NDArray[np.float64]:
    """Return by leg how much more was written down than was gained."""
    if booked is None:
        return 0.0
    found, entry = np.zeros(len(legs)), 0.0
    for place, leg in enumerate(legs):
        if leg.closes:
            gain = -leg.units * (leg.price - entry)
            found[place] = booked(gain) - gain
        elif not leg.before:
            entry = leg.price
        else:
            held = leg.before + leg.units
            entry = (entry * leg.before + leg.price * leg.units) / held
    return found
