"""What signals earned: by horizon, as information coefficient, by group, taken against refused."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from capture.analysis.forward import ForwardReturns, entry_prices, forward_returns
from capture.analysis.inference import Times, contrast_of, mean_of, pearson, share_of, spearman
from capture.analysis.quality_clock import Clock, clock_of
from capture.analysis.quality_tables import (
    Contrast,
    ContrastRow,
    ForwardRow,
    ForwardTable,
    Information,
    InformationRow,
    Split,
    SplitRow,
)
from capture.events import SignalStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from capture.analysis.forward import Entry
    from capture.analysis.inference import Estimate
    from capture.analysis.material import Material

    Reals = NDArray[np.float64]
    Wholes = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = ["REFUSED", "TAKEN", "Earned", "earned"]

TAKEN: Final = (SignalStatus.EXECUTED, SignalStatus.PARTIALLY_FILLED)
"""Dispositions of signals that were traded on."""

REFUSED: Final = (
    SignalStatus.REJECTED,
    SignalStatus.CANCELLED,
    SignalStatus.EXPIRED,
    SignalStatus.MISSED,
    SignalStatus.ERROR,
)
"""Dispositions of signals that never became a trade."""

_NAMELESS: Final = "(none)"


def earned(
    material: Material, horizons: Iterable[int], entry: Entry | None, confidence: float
) -> Earned:
    """Return the forward returns of the signals, ready to be summarised."""
    forward = forward_returns(material, horizons, entry, excursions=True)
    clock = clock_of(forward.placed)
    order = np.flatnonzero((clock.ticks >= 0) & (forward.direction != 0))
    order = order[np.argsort(clock.ticks[order], kind="stable")]
    return Earned(material, forward, clock, order, confidence)


@dataclass(frozen=True, eq=False)
class Earned:
    """Forward returns, and the tables that are made of them.

    Attributes:
        material: signals and bars.
        forward: what the market did after each signal.
        clock: when each signal was given.
        order: rows of the signals that have a direction and a bar, in order of time.
        confidence: of every interval.
    """

    material: Material
    forward: ForwardReturns
    clock: Clock
    order: Wholes
    confidence: float

    @cached_property
    def times(self) -> Times:
        """When the signals of `order` were given."""
        return Times(self.clock.ticks[self.order])

    def by_horizon(self) -> ForwardTable:
        """Return what signals earned over each horizon."""
        return ForwardTable(
            self.forward.entry,
            int((self.forward.direction == 0).sum()),
            tuple(self._row(horizon) for horizon in self.forward.horizons),
        )

    def information(self) -> Information:
        """Return the correlation of the factor with the market's return, by horizon."""
        name, factor = factor_of(self.material.signals, self.forward.direction)
        rows = []
        x = factor[self.order]
        order = np.argsort(x)
        for number, horizon in enumerate(self.forward.horizons):
            y = self.forward.market[number][self.order]
            window = self.clock.window(horizon)
            linear = pearson(x, y, self.times, window, self.confidence)
            ranked = spearman(x, y, self.times, window, self.confidence, order=order)
            both = (*_numbers(linear), *_numbers(ranked))
            rows.append(InformationRow(horizon, linear.observations, *both, linear.windows))
        return Information(name, tuple(rows))

    def split(self, by: str, column: str | None = None) -> Split:
        """Return what the signals of each group earned."""
        name = column or by
        signals = self.material.signals
        said: Callable[[Any], str] = str
        if by == "direction":
            words, said = self.forward.direction, _side
        elif name in signals:
            words = signals[name].to_numpy(dtype=object)
        else:
            return Split(by, ())
        groups = self._groups(words, said)
        rows = [row for group, mine in groups for row in self._of_group(group, mine)]
        return Split(by, tuple(rows))

    def taken_against_refused(self) -> Contrast:
        """Return what taken signals earned, against what refused ones would have."""
        if "disposition" not in self.material.signals:
            return Contrast(())
        fate = self.material.signals["disposition"]
        taken, refused = (
            fate.isin([str(one) for one in words]).to_numpy()[self.order]
            for words in (TAKEN, REFUSED)
        )
        chosen = taken | refused
        return Contrast(
            tuple(self._contrast(horizon, taken, chosen) for horizon in self.forward.horizons)
        )

    def _contrast(self, horizon: int, taken: Flags, chosen: Flags) -> ContrastRow:
        values, window = self.forward.signed(horizon)[self.order], self.clock.window(horizon)
        values = np.where(chosen, values, np.nan)
        here, there = (
            mean_of(np.where(mine, values, np.nan), self.times, window, self.confidence)
            for mine in (taken, ~taken)
        )
        apart = contrast_of(values, taken, self.times, window, self.confidence)
        return ContrastRow(
            horizon,
            here.observations,
            there.observations,
            here.value,
            there.value,
            there.low,
            there.high,
            *_numbers(apart),
        )

    def _row(self, horizon: int) -> ForwardRow:
        forward, number = self.forward, self.forward.row(horizon)
        every, window = forward.signed(horizon)[self.order], self.clock.window(horizon)
        known = np.isfinite(every)
        mean = mean_of(every, self.times, window, self.confidence)
        hits, _ = share_of(_hits(every), self.times, window, self.confidence)
        causes = forward.dropped(horizon)
        dropped, rows, values = sum(causes.values()), self.order[known], every[known]
        whole, some = len(values) + dropped, len(values) > 0
        return ForwardRow(
            horizon_bars=horizon,
            signals=len(values),
            dropped=dropped,
            dropped_share=dropped / whole if whole else 0.0,
            **causes,
            mean=mean.value,
            std_error=mean.std_error,
            low=mean.low,
            high=mean.high,
            p_value=mean.p_value,
            windows=mean.windows,
            usual=self._usual(horizon, rows),
            median=float(np.median(values)) if some else np.nan,
            std=float(values.std(ddof=1)) if len(values) > 1 else np.nan,
            hit_rate=hits.value,
            hit_low=hits.low,
            hit_high=hits.high,
            favourable=_mean_known(forward.favourable, number, rows),
            adverse=_mean_known(forward.adverse, number, rows),
        )

    def _usual(self, horizon: int, rows: Wholes) -> float:
        """Return what the directions of these signals would have earned at any bar."""
        if not len(rows):
            return np.nan
        places = self.forward.placed.place[rows]
        drifts = []
        for bars in self.forward.placed.series:
            at = np.arange(max(len(bars) - horizon, 0))
            close = bars.columns.get("close", np.full(len(bars), np.nan))
            every = close[horizon:] / entry_prices(bars, at, self.forward.entry) - 1
            every = every[np.isfinite(every)]
            drifts.append(every.mean() if len(every) else np.nan)
        return float((np.array(drifts)[places] * self.forward.direction[rows]).mean())

    def _groups(
        self, words: NDArray[Any], said: Callable[[Any], str]
    ) -> Iterator[tuple[str, Wholes]]:
        """Yield each group with its rows that have a direction, in order of time."""
        unplaced = np.flatnonzero((self.clock.ticks < 0) & (self.forward.direction != 0))
        rows = np.concatenate((unplaced, self.order))  # those without a bar have tick -1
        codes, names = pd.factorize(words[rows], use_na_sentinel=True)
        codes = codes.astype(np.min_scalar_type(-len(names) - 1))  # small numbers sort quickly
        by_group = np.argsort(codes, kind="stable")
        ends = np.searchsorted(codes[by_group], np.arange(-1, len(names) + 1))
        labels = [_NAMELESS, *map(said, names)]
        pieces = zip(labels, ends[:-1], ends[1:], strict=True)
        found = [(label, rows[by_group[a:b]]) for label, a, b in pieces if b > a]
        yield from sorted(found, key=lambda one: one[0])

    def _of_group(self, group: str, rows: Wholes) -> Iterator[SplitRow]:
        times, sign = Times(self.clock.ticks[rows]), self.forward.direction[rows]
        for number, horizon in enumerate(self.forward.horizons):
            values, window = self.forward.market[number][rows] * sign, self.clock.window(horizon)
            mean = mean_of(values, times, window, self.confidence)
            hits, _ = share_of(_hits(values), times, window, self.confidence)
            yield SplitRow(
                group,
                horizon,
                mean.observations,
                len(rows) - mean.observations,
                *_numbers(mean),
                mean.windows,
                hits.value,
                hits.low,
                hits.high,
            )


def factor_of(signals: pd.DataFrame, direction: Wholes) -> tuple[str, Reals]:
    """Return what a signal says of the return: its strength in its direction, or that alone.

    Signals without a strength are left out where others have one.
    """
    if "strength" in signals:
        strength = signals["strength"].to_numpy(np.float64, na_value=np.nan)
        if np.isfinite(strength[direction != 0]).any():
            return "strength", np.abs(strength) * direction
    return "direction", direction.astype(np.float64)


def _numbers(found: Estimate) -> tuple[float, float, float, float, float]:
    return found.value, found.std_error, found.low, found.high, found.p_value


def _side(direction: int) -> str:
    return "long" if direction > 0 else "short"


def _hits(values: Reals) -> Reals:
    return np.where(np.isfinite(values), values > 0, np.nan)


def _mean_known(values: Reals | None, number: int, rows: Wholes) -> float:
    if values is None:
        return np.nan
    mine = values[number][rows]
    mine = mine[np.isfinite(mine)]
    return float(mine.mean()) if len(mine) else np.nan
