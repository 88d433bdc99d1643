"""From signals and bars to operations: what happens when, the same for all settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from capture.study.portfolio.coding import (
    DAY_END,
    DECIDE,
    DECIDE_AND_FILL,
    END,
    FILL,
    Schedule,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.study.portfolio.market import Market
    from capture.study.portfolio.settings import FillTime
    from capture.study.portfolio.signals import Signals

__all__ = ["schedule_of"]


def schedule_of(signals: Signals, market: Market, fill: FillTime, *, peaks: bool) -> Schedule:
    """Return the operations that signals bring, in order.

    Args:
        signals: the signals.
        market: the bars.
        fill: when orders fill.
        peaks: let decisions, too, know the peak of equity up to them; for limits that ask for it.
    """
    symbols = np.searchsorted(np.array(market.symbols), signals.symbols.astype(str))
    decided, filled, prices = _places(signals, market, symbols, fill)
    rows = np.flatnonzero(filled >= 0)
    if fill == "close":
        blocks = [_block(DECIDE_AND_FILL, decided[rows], rows, np.zeros_like(rows))]
    else:
        blocks = [
            _block(FILL, filled[rows], rows, symbols[rows]),
            _block(DECIDE, decided[rows], rows, np.zeros_like(rows)),
        ]
    ends = market.day_ends
    days = np.arange(len(ends), dtype=np.int64)
    blocks.append(_block(DAY_END, ends, days, days))
    one = np.zeros(1, np.int64)
    blocks.append(_block(END, one + len(market.last), one, one))
    steps, kinds, ranks, numbers = np.concatenate(blocks, axis=1)
    order = np.lexsort((numbers, ranks, kinds, steps))
    steps, kinds, numbers = steps[order], kinds[order], numbers[order]
    begins, lows, highs = _looks(steps, kinds, market.last, peaks=peaks)
    return Schedule(
        kinds=kinds,
        steps=steps,
        begins=begins,
        signals=numbers,
        slots=_slots(kinds, numbers),
        symbols=_of(symbols, numbers, kinds),
        prices=_of(prices, numbers, kinds),
        lows=lows,
        highs=highs,
        last=market.last,
        directions=signals.directions,
        types=signals.types,
        strengths=signals.strengths,
    )


def _of(values: NDArray[Any], numbers: NDArray[np.int64], kinds: NDArray[np.int64]) -> NDArray[Any]:
    """Return what belongs to the signals of operations, and nothing where there is none."""
    found = np.zeros(len(numbers), values.dtype)
    told = kinds < DAY_END
    found[told] = values[numbers[told]]
    return found


def _block(
    kind: int, steps: NDArray[np.int64], rows: NDArray[np.int64], ranks: NDArray[np.int64]
) -> NDArray[np.int64]:
    return np.stack([steps, np.full_like(steps, kind), ranks, rows])


def _places(
    signals: Signals, market: Market, symbols: NDArray[np.int64], fill: FillTime
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return per signal the step of its decision and of its fill, -1 for none, and the price."""
    decided = np.zeros(len(signals), np.int64)
    filled = np.full(len(signals), -1, np.int64)
    prices = np.zeros(len(signals))
    for place, steps in enumerate(market.steps):
        mine = np.flatnonzero(symbols == place)
        bars = signals.bars[mine]
        decided[mine] = np.maximum(steps[bars], _given(signals.known_ns[mine], market))
        if fill == "close":
            filled[mine] = decided[mine]
            prices[mine] = market.last[decided[mine], place]
            continue
        following = _following(bars, decided[mine], market, place)
        more = following < len(steps)
        mine, following = mine[more], following[more]
        opens = market.opens[place]
        assert opens is not None
        filled[mine] = steps[following]
        prices[mine] = opens[following]
    return decided, filled, prices


def _given(known_ns: NDArray[np.int64], market: Market) -> NDArray[np.int64]:
    """Return the step at which signals were given, or the first where that is not said."""
    if market.times_ns is None:
        return np.zeros(len(known_ns), np.int64)
    last = len(market.times_ns) - 1
    return np.minimum(np.searchsorted(market.times_ns, known_ns), last)


def _following(
    bars: NDArray[np.int64], decided: NDArray[np.int64], market: Market, place: int
) -> NDArray[np.int64]:
    """Return the bar at whose open an order fills: the next, unless that has begun already."""
    following = bars + 1
    late = decided > market.steps[place][bars]
    begins = market.begins_ns[place] if market.begins_ns else None
    if late.any() and begins is not None and market.times_ns is not None:
        begun = np.searchsorted(begins, market.times_ns[decided])
        following = np.where(late, np.maximum(following, begun), following)
    return following


def _looks(
    steps: NDArray[np.int64], kinds: NDArray[np.int64], last: NDArray[np.float64], *, peaks: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return from where on each operation looks back, and the extremes of the prices there.

    It looks back before something changes, and at the end; between two looks nothing changes.
    """
    looking = kinds != DAY_END
    if not peaks:
        looking &= kinds != DECIDE
    begins = steps.copy()
    places = np.flatnonzero(looking)
    begins[places] = np.concatenate(([0], steps[places][:-1]))
    lows = np.zeros((len(steps), last.shape[1]))
    highs = np.zeros_like(lows)
    back = np.flatnonzero(begins < steps)
    if len(back):
        lows[back] = np.minimum.reduceat(last, begins[back], axis=0)
        highs[back] = np.maximum.reduceat(last, begins[back], axis=0)
    return begins, lows, highs


def _slots(kinds: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where the order of each operation waits; a slot is free again after the fill."""
    slots = np.zeros(len(kinds), np.int64)
    free: list[int] = []
    taken: dict[int, int] = {}
    most = 0
    for place, (kind, number) in enumerate(zip(kinds.tolist(), numbers.tolist(), strict=True)):
        if kind == FILL:
            slots[place] = taken.pop(number)
            free.append(int(slots[place]))
        elif kind == DECIDE:
            if not free:
                free.append(most)
                most += 1
            slots[place] = taken[number] = free.pop()
    return slots
