"""Bars and signals of a stretch of time: a portfolio that sees these sees nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from capture.errors import NotReplayable
from capture.study.portfolio.market import Market
from capture.study.portfolio.signals import Signals

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["windowed"]


def windowed(
    market: Market, signals: Signals, start_ns: int, end_ns: int, run_id: str
) -> tuple[Market, Signals]:
    """Return what became known from one moment on and before another.

    Whoever holds something at the end holds it at its last price; whoever would have filled on a
    later bar has no bar to fill on.

    Args:
        market: the bars.
        signals: the signals.
        start_ns: the first moment.
        end_ns: the moment after the last.
        run_id: what they are called in errors.

    Raises:
        NotReplayable: the bars have no times, or none lies there.
    """
    if market.times_ns is None:
        raise NotReplayable(
            run_id, "its bars have no times", "record it on dated bars to look at a stretch of them"
        )
    first, last = np.searchsorted(market.times_ns, [start_ns, end_ns])
    if first == last:
        raise NotReplayable(run_id, "it has no bars in this window", "choose another stretch")
    bounds = [np.searchsorted(steps, [first, last]) for steps in market.steps]
    narrowed = replace(
        market,
        times_ns=market.times_ns[first:last],
        steps=tuple(steps[a:b] - first for steps, (a, b) in zip(market.steps, bounds, strict=True)),
        opens=tuple(
            None if opens is None else opens[a:b]
            for opens, (a, b) in zip(market.opens, bounds, strict=True)
        ),
        last=market.last[first:last],
        begins_ns=tuple(
            None if begins is None else begins[a:b]
            for begins, (a, b) in zip(market.begins_ns, bounds, strict=True)
        ),
    )
    return narrowed, _kept(market, signals, bounds, end_ns)


def _kept(
    market: Market, signals: Signals, bounds: list[NDArray[np.int64]], end_ns: int
) -> Signals:
    places = np.searchsorted(np.array(market.symbols), signals.symbols.astype(str))
    begins = np.array([a for a, _ in bounds], np.int64)[places]
    ends = np.array([b for _, b in bounds], np.int64)[places]
    inside = (signals.bars >= begins) & (signals.bars < ends) & (signals.known_ns < end_ns)
    rows = np.flatnonzero(inside)
    return Signals(
        signals.seqs[rows],
        signals.symbols[rows],
        signals.bars[rows] - begins[rows],
        signals.directions[rows],
        signals.types[rows],
        signals.strengths[rows],
        signals.known_ns[rows],
    )
