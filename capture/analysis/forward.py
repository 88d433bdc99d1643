"""What the market did after each signal: returns by bar index, over horizons counted in bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from capture.analysis.material import Bars, Material

    Reals = NDArray[np.float64]
    Wholes = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = [
    "DROPPED_BECAUSE",
    "ENTRIES",
    "HORIZONS",
    "Entry",
    "ForwardReturns",
    "Placed",
    "chosen_entry",
    "directions_of",
    "entry_prices",
    "forward_returns",
    "placed",
]

Entry = Literal["next_open", "close"]
ENTRIES: Final = ("next_open", "close")
HORIZONS: Final = (1, 2, 5, 10, 20)
"""Horizons in bars, where nobody asks for others."""

DROPPED_BECAUSE: Final = ("no_bar", "beyond_data", "no_price")
"""Why a signal with a direction has no forward return: its bar or the series of it is not known,
the horizon ends after the last bar, or a price is missing or not above zero."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Where the signals stand in the base data.

    Attributes:
        series: every series of bars once, also where several runs read it.
        place: of each signal the number of its series; -1 where its bar is not known.
        bar: of each signal the bar index; -1 where its bar is not known.
        rows: of each series the rows of its signals.
    """

    series: tuple[Bars, ...]
    place: Wholes
    bar: Wholes
    rows: tuple[Wholes, ...]

    def __iter__(self) -> Iterator[tuple[Bars, Wholes, Wholes]]:
        """Yield each series with the rows of its signals and their bars."""
        for bars, rows in zip(self.series, self.rows, strict=True):
            yield bars, rows, self.bar[rows]


@dataclass(frozen=True, eq=False)
class ForwardReturns:
    """What the market returned after each signal.

    A horizon of h covers the h bars after the signal's bar, and ends at the close of the last. The
    arrays have a row per horizon and a column per signal; NaN is: not known.

    Attributes:
        horizons: in bars, ascending.
        entry: at the open of the next bar, or at the close of the signal's bar.
        direction: 1 long, -1 short, 0 none: the signal goes flat.
        placed: where the signals stand in the base data.
        market: return of the instrument, whatever the direction.
        favourable: how far the market went the signal's way within the horizon, never negative;
            None if it was not asked for.
        adverse: how far it went the other way, never positive; None if it was not asked for.
        cause: why a return is not known: 0 it is, else one more than the place in
            `DROPPED_BECAUSE`.
    """

    horizons: tuple[int, ...]
    entry: Entry
    direction: Wholes
    placed: Placed
    market: Reals
    favourable: Reals | None
    adverse: Reals | None
    cause: NDArray[np.int8]

    def signed(self, horizon: int) -> Reals:
        """Return what a signal earned: the market's return in its direction, NaN without one."""
        sign = np.where(self.direction == 0, np.nan, self.direction.astype(np.float64))
        found: Reals = self.market[self.row(horizon)] * sign
        return found

    def row(self, horizon: int) -> int:
        """Return the number of the row of a horizon."""
        return self.horizons.index(horizon)

    def dropped(self, horizon: int) -> dict[str, int]:
        """Return how many signals that have a direction have no return, by cause."""
        causes = self.cause[self.row(horizon)][self.direction != 0]
        counts = np.bincount(causes, minlength=len(DROPPED_BECAUSE) + 1)[1:]
        return dict(zip(DROPPED_BECAUSE, counts.tolist(), strict=True))


def forward_returns(
    material: Material,
    horizons: Iterable[int] = HORIZONS,
    entry: Entry | None = None,
    *,
    excursions: bool = False,
) -> ForwardReturns:
    """Return what the market did after each signal.

    Prices come from the base data by bar index, never from the signals.

    Args:
        material: signals and bars.
        horizons: in bars.
        entry: "next_open" enters at the open of the next bar: the first price that a decision on a
            closed bar can get. "close" enters at the close of the signal's bar, and is what is
            chosen where no bars have an open.
        excursions: also how far the market went for and against the signal.
    """
    asked = checked_horizons(horizons)
    where = placed(material)
    begin = chosen_entry(where.series, entry)
    signs = directions_of(material.signals)
    shape = (len(asked), len(signs))
    market = np.full(shape, np.nan)
    both = [np.full(shape, np.nan) for _ in range(2)] if excursions else [None, None]
    cause = np.ones(shape, np.int8)
    for bars, rows, at in where:
        start = entry_prices(bars, at, begin)
        close = bars.columns.get("close", np.full(len(bars), np.nan))
        for number, horizon in enumerate(asked):
            end = at + horizon
            inside = end < len(bars)
            found = close[np.where(inside, end, 0)] / start - 1
            found[~(inside & np.isfinite(found))] = np.nan
            market[number, rows] = found
            cause[number, rows] = np.where(inside, np.where(np.isnan(found), 3, 0), 2)
        if both[0] is not None and both[1] is not None:
            _excursions(bars, rows, at, start, asked, signs, both[0], both[1])
    return ForwardReturns(asked, begin, signs, where, market, both[0], both[1], cause)


def placed(material: Material) -> Placed:
    """Find the bar of each signal; bars that several runs read count as the same."""
    count = len(material.signals)
    place, bar = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    known: dict[int, int] = {}
    series: list[Bars] = []
    found: list[list[Wholes]] = []
    if count and "bar_index" in material.signals:
        index = material.signals["bar_index"].to_numpy(np.float64, na_value=np.nan)
        for _, bars, rows in material.series():
            number = known.setdefault(id(bars), len(series))
            if number == len(series):
                series.append(bars)
                found.append([])
            inside = rows[(index[rows] >= 0) & (index[rows] < len(bars))]
            place[inside] = number
            bar[inside] = index[inside].astype(np.int64)
            found[number].append(inside)
    return Placed(tuple(series), place, bar, tuple(map(np.concatenate, found)))


def entry_prices(bars: Bars, at: Wholes, entry: Entry) -> Reals:
    """Return the price of an entry for signals at these bars; NaN where there is none."""
    name, shift = ("open", 1) if entry == "next_open" else ("close", 0)
    column = bars.columns.get(name)
    if column is None:
        return np.full(len(at), np.nan)
    there = at + shift < len(bars)
    price = column[np.where(there, at + shift, 0)]
    return np.where(there & np.isfinite(price) & (price > 0), price, np.nan)


def directions_of(signals: pd.DataFrame) -> Wholes:
    """Return 1, -1, or 0 for a signal that goes flat or does not say."""
    if "direction" not in signals:
        return np.zeros(len(signals), np.int64)
    given = signals["direction"].to_numpy(np.float64, na_value=np.nan)
    signs: Wholes = np.sign(np.nan_to_num(given)).astype(np.int64)
    return signs


def checked_horizons(horizons: Iterable[int]) -> tuple[int, ...]:
    """Return horizons ascending and once each, or say what is wrong with one."""
    every: list[Any] = list(horizons)
    for one in every:
        if isinstance(one, bool) or not isinstance(one, (int, np.integer)) or one < 1:
            raise ConfigError("horizons", one, "give whole numbers of bars, 1 or more")
    if not every:
        raise ConfigError("horizons", (), "give at least one number of bars")
    return tuple(sorted({int(one) for one in every}))


def checked_entry(entry: str | None) -> None:
    """Raise ConfigError for an entry that there is not; None is to be chosen."""
    if entry is not None and entry not in ENTRIES:
        raise ConfigError("entry", entry, f"choose one of {', '.join(ENTRIES)}")


def chosen_entry(series: Sequence[Bars], entry: Entry | None) -> Entry:
    """Return where returns begin: as asked, else at the next open if any bars have an open."""
    checked_entry(entry)
    if entry is not None:
        return entry
    opens = not series or any("open" in bars.columns for bars in series)
    return "next_open" if opens else "close"


def _excursions(
    bars: Bars,
    rows: Wholes,
    at: Wholes,
    start: Reals,
    horizons: tuple[int, ...],
    signs: Wholes,
    favourable: Reals,
    adverse: Reals,
) -> None:
    """Fill in how far the market went, from the highs and lows of the bars of each horizon."""
    missing = np.full(len(bars), np.nan)
    highs = _Windows(bars.columns.get("high", missing), np.maximum, max(horizons))
    lows = _Windows(bars.columns.get("low", missing), np.minimum, max(horizons))
    for number, horizon in enumerate(horizons):
        fits = at + horizon < len(bars)
        mine, first, price = rows[fits], at[fits] + 1, start[fits]
        up = np.maximum(highs.over(first, horizon) / price - 1, 0.0)
        down = np.minimum(lows.over(first, horizon) / price - 1, 0.0)
        sign = np.where(signs[mine] == 0, np.nan, signs[mine])
        favourable[number, mine] = np.where(sign < 0, -down, up) * np.abs(sign)
        adverse[number, mine] = np.where(sign < 0, -up, down) * np.abs(sign)


class _Windows:
    """The extreme of any window of an array, from those of windows of 1, 2, 4, ... bars."""

    def __init__(self, values: Reals, extreme: Callable[..., Any], longest: int) -> None:
        self._extreme = extreme
        self._levels = [values]
        while (step := 1 << (len(self._levels) - 1)) * 2 <= min(longest, len(values)):
            last = self._levels[-1]
            self._levels.append(extreme(last[:-step], last[step:]))

    def over(self, first: Wholes, length: int) -> Reals:
        """Return the extreme of the `length` values from each place on."""
        if not len(first):
            return np.empty(0)
        level = length.bit_length() - 1
        values = self._levels[level]
        found: Reals = self._extreme(values[first], values[first + length - (1 << level)])
        return found
