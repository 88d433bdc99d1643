"""Outcomes: what signals earned beyond the market's drift, and what they would have elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from capture.analysis.forward import entry_prices, forward_returns
from capture.analysis.quality_clock import clock_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from capture.analysis.forward import Entry, Placed
    from capture.analysis.material import Bars, Material

    Reals = NDArray[np.float64]
    Wholes = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = ["Outcomes", "outcomes_of"]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What the signals earned that have a direction and a known return, in order of time.

    Attributes:
        horizon: length of the returns, in bars.
        entry: where they begin.
        rows: their rows among the signals.
        earlier: which of them are searched for patterns; the others come later and only confirm.
        direction: 1 or -1.
        earned: the market's return in the signal's direction.
        excess: the same beyond what that direction earned at any bar of the same half of the data.
        ticks: when each was given, in bars.
        window: signals this many bars apart share no return.
        placed: where all signals stand in the base data.
        dropped: signals that have a direction and no known return, by cause.
        flat: signals without a direction.
        purged: signals whose return reaches from the earlier data into the later.
        paths: of each series the return beyond the drift at each bar of the earlier data.
    """

    horizon: int
    entry: Entry
    rows: Wholes
    earlier: Flags
    direction: Wholes
    earned: Reals
    excess: Reals
    ticks: Wholes
    window: int
    placed: Placed
    dropped: Mapping[str, int]
    flat: int
    purged: int
    paths: tuple[Reals, ...]

    def slid(self, shares: Reals) -> NDArray[np.float32]:
        """Return what the earlier signals would earn if the market were slid along under them.

        Each series is a circle, turned by a share of its length: what one bar has to do with the
        next stays as it is, as do the signals and all that is known of them. Only what ties the
        one to the other is gone.

        Returns:
            A row per signal, a column per share.
        """
        rows = self.rows[self.earlier]
        place, bar = self.placed.place[rows], self.placed.bar[rows]
        found = np.empty((len(rows), len(shares)), np.float32)
        for number, path in enumerate(self.paths):
            mine = np.flatnonzero(place == number)
            if len(mine):
                steps = np.rint(shares * len(path)).astype(np.int64)
                found[mine] = path.astype(np.float32)[(bar[mine, None] + steps) % len(path)]
        return found * self.direction[self.earlier, None].astype(np.float32)


def outcomes_of(material: Material, horizon: int, entry: Entry | None, holdout: float) -> Outcomes:
    """Return what signals earned, parted in time.

    Args:
        material: signals and bars.
        horizon: in bars.
        entry: as for `forward_returns`.
        holdout: the share of the signals that comes later.
    """
    forward = forward_returns(material, (horizon,), entry)
    signed, placed = forward.signed(horizon), forward.placed
    clock = clock_of(placed)
    rows = np.flatnonzero(np.isfinite(signed))
    rows = rows[np.argsort(clock.ticks[rows], kind="stable")]
    splits = _splits(placed, rows, holdout)
    place, bar = placed.place[rows], placed.bar[rows]
    edge = splits[place] if len(splits) else np.empty(0, np.int64)
    later, earlier = bar >= edge, bar + horizon < edge
    market = [_path(bars, horizon, forward.entry) for bars in placed.series]
    before = [path[: max(split - horizon, 0)] for path, split in zip(market, splits, strict=True)]
    after = [path[split:] for path, split in zip(market, splits, strict=True)]
    drift = np.where(later, _means(after)[place], _means(before)[place])
    kept = later | earlier
    rows, direction = rows[kept], forward.direction[rows][kept]
    return Outcomes(
        horizon=horizon,
        entry=forward.entry,
        rows=rows,
        earlier=earlier[kept],
        direction=direction,
        earned=signed[rows],
        excess=signed[rows] - direction * drift[kept],
        ticks=clock.ticks[rows],
        window=clock.window(horizon),
        placed=placed,
        dropped=forward.dropped(horizon),
        flat=int((forward.direction == 0).sum()),
        purged=int((~kept).sum()),
        paths=tuple(np.nan_to_num(path - _mean(path)) for path in before),
    )


def _splits(placed: Placed, rows: Wholes, holdout: float) -> Wholes:
    """Return of each series the bar at which the later data begin: one time for all with times."""
    timed = [len(bars.times_ns) == len(bars) > 0 for bars in placed.series]
    place, bar = placed.place[rows], placed.bar[rows]
    times = np.zeros(len(rows), np.int64)
    for number, bars in enumerate(placed.series):
        mine = place == number
        times[mine] = bars.times_ns[bar[mine]] if timed[number] else 0
    with_time = np.array(timed, bool)[place] if timed else np.zeros(0, bool)
    moment = _parting(times[with_time], holdout)
    found = np.zeros(len(timed), np.int64)
    for number, bars in enumerate(placed.series):
        if timed[number]:
            found[number] = np.searchsorted(bars.times_ns, moment)
        else:
            found[number] = _parting(bar[place == number], holdout)
    return found


def _parting(values: Wholes, holdout: float) -> int:
    """Return the value at which the last share begins; above all where none is kept for later."""
    if not len(values):
        return 0
    ordered = np.sort(values)
    first = round(len(ordered) * (1 - holdout))
    return int(ordered[first]) if first < len(ordered) else int(np.iinfo(np.int64).max)


def _path(bars: Bars, horizon: int, entry: Entry) -> Reals:
    """Return the market's return after each bar, as far as there is one."""
    close = bars.columns.get("close", np.full(len(bars), np.nan))
    at = np.arange(max(len(bars) - horizon, 0))
    found: Reals = close[horizon:] / entry_prices(bars, at, entry) - 1
    found[~np.isfinite(found)] = np.nan
    return found


def _means(paths: list[Reals]) -> Reals:
    return np.array([_mean(path) for path in paths], np.float64)


def _mean(path: Reals) -> float:
    known = path[np.isfinite(path)]
    return float(known.mean()) if len(known) else 0.0
