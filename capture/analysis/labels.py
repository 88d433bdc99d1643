"""Labels: what became of the market after each signal, for a model to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd

from capture.analysis.forward import (
    Entry,
    Placed,
    checked_horizons,
    chosen_entry,
    directions_of,
    entry_prices,
    forward_returns,
    placed,
)
from capture.analysis.labels_barriers import Barriers, touched
from capture.analysis.results import Result
from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from capture.analysis.material import Bars, Material

    Reals = NDArray[np.float64]
    Wholes = NDArray[np.int64]

__all__ = ["Labels", "forward_labels", "meta_labels", "triple_barrier", "uniqueness"]

Unit = Literal["volatility", "pct"]
UNITS: Final = ("volatility", "pct")
_MISSING: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Labels(Result):
    """A label for every signal of which one can be said.

    Attributes:
        kind: what the labels are: "triple_barrier", "forward" or "meta".
        dropped: how many signals have none, by cause: they go flat, their bar is not known, their
            horizon ends after the last bar, or a price or the volatility is missing.
        row: of each label, the row of its signal in the material.
        place: the number of its series of bars.
        start_bar: bar of the signal; the label depends on the bars after it ...
        end_bar: ... up to this one.
        start: label of the signal's bar, nanoseconds since 1970; the smallest number if unknown.
        end: the same of the last bar.
        direction: side of the signal.
        label: the label itself.
        earned: return in the signal's direction from the entry to the end.
        ended_by: "profit", "stop" or "time".
    """

    title = "Labels"

    kind: str
    dropped: dict[str, int]
    row: Wholes
    place: Wholes
    start_bar: Wholes
    end_bar: Wholes
    start: Wholes
    end: Wholes
    direction: Wholes
    label: Reals
    earned: Reals
    ended_by: NDArray[np.object_]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per label; `row` is the row of the signal in the material."""
        return pd.DataFrame(
            {
                "row": self.row,
                "start_bar": self.start_bar,
                "end_bar": self.end_bar,
                "start": _times(self.start),
                "end": _times(self.end),
                "direction": self.direction,
                "label": self.label,
                "earned": self.earned,
                "ended_by": self.ended_by,
                "uniqueness": self.uniqueness(),
            }
        )

    def uniqueness(self) -> Reals:
        """Return how much of each label is its own, from the labels that share its bars."""
        return uniqueness(self.place, self.start_bar, self.end_bar)

    def summary(self) -> str:
        """Say how many labels there are, of which kind, and what is left out."""
        left = ", ".join(f"{count} {cause}" for cause, count in self.dropped.items() if count)
        return f"{len(self.row)} labels ({self.kind}); left out: {left or 'nothing'}"


def triple_barrier(
    material: Material,
    *,
    profit: float | None = 2.0,
    stop: float | None = 1.0,
    max_bars: int = 20,
    unit: Unit = "volatility",
    volatility_bars: int = 20,
    entry: Entry | None = None,
) -> Labels:
    """Label each signal by what the market touches first: its profit, its stop, or the end of time.

    The label is 1 for the profit, -1 for the stop, 0 for the time. A bar that touches both counts
    as the stop. A bar that opens beyond a barrier ends there, at its open. Signals whose last bar
    lies beyond the data are left out, also where a barrier was touched before: those that touched
    none would be missing beside them.

    Args:
        material: signals and bars.
        profit: distance of the profit; None for none.
        stop: distance of the stop; None for none.
        max_bars: the time, in bars after the signal's.
        unit: "volatility" counts distances in standard deviations of a bar's return, over the bars
            up to the signal's; "pct" as shares of the price: 0.02 is 2%.
        volatility_bars: how many bars the volatility is of.
        entry: "next_open" or "close"; by default as for forward returns.
    """
    _check(profit, stop, max_bars, unit, volatility_bars)
    where, signs = placed(material), directions_of(material.signals)
    made = _Made(where, signs)
    begin = chosen_entry(where.series, entry)
    for bars, rows, at in where:
        keep = signs[rows] != 0
        mine, bar = rows[keep], at[keep]
        scale = (
            volatility(bars, volatility_bars)[bar] if unit == "volatility" else np.ones(len(bar))
        )
        start = entry_prices(bars, bar, begin)
        inside, known = bar + max_bars < len(bars), np.isfinite(start * scale) & (scale > 0)
        made.drop("beyond_data", int((~inside).sum()))
        made.drop("no_price", int((inside & ~known).sum()))
        use = inside & known
        wanted = Barriers(
            start[use], signs[mine[use]], scale[use], profit, stop, max_bars, begin == "close"
        )
        exits = touched(bars, bar[use], wanted)
        made.drop("no_price", int((~exits.known).sum()))
        sure = exits.known
        made.add(
            mine[use][sure], bar[use][sure], exits.bar[sure], exits.label[sure], exits.earned[sure]
        )
    return made.labels("triple_barrier", _words)


def forward_labels(
    material: Material, *, horizon_bars: int = 5, entry: Entry | None = None
) -> Labels:
    """Label each signal with what it earned over a horizon."""
    (horizon,) = checked_horizons([horizon_bars])
    forward = forward_returns(material, [horizon], entry)
    signed, where = forward.signed(horizon), forward.placed
    made = _Made(where, forward.direction)
    causes = forward.dropped(horizon)
    for cause in ("beyond_data", "no_price"):
        made.drop(cause, causes[cause])
    for _, rows, at in where:
        keep = np.isfinite(signed[rows])
        values = signed[rows[keep]]
        made.add(rows[keep], at[keep], at[keep] + horizon, values, values)
    return made.labels("forward", lambda found: np.full(len(found), "time", dtype=object))


def meta_labels(labels: Labels, *, cost: float = 0.0) -> Labels:
    """Return labels that say whether the side was right: 1 if it earned more than `cost`, else 0.

    Args:
        labels: from `triple_barrier` or `forward_labels`.
        cost: what a trade costs, as a share of its value.
    """
    right = (labels.earned > cost).astype(np.float64)
    kept = {name: getattr(labels, name) for name in Labels.__dataclass_fields__}
    return Labels(**{**kept, "kind": "meta", "label": right})


def volatility(bars: Bars, window: int) -> Reals:
    """Return the standard deviation of the returns of the `window` bars up to each bar."""
    close = pd.Series(bars.columns.get("close", np.full(len(bars), np.nan)))
    changes = close / close.shift(1) - 1
    found: Reals = changes.rolling(window).std().to_numpy()
    return found


def uniqueness(place: Wholes, start_bar: Wholes, end_bar: Wholes) -> Reals:
    """Return how unique labels are: over their bars, the mean of one over the labels there.

    Args:
        place: number of the series of each label.
        start_bar: the label depends on the bars after this one ...
        end_bar: ... up to this one.
    """
    found = np.empty(len(place))
    for number in np.unique(place):
        mine = place == number
        first, last = start_bar[mine] + 1, end_bar[mine] + 1
        size = int(last.max()) + 1
        change = np.bincount(first, minlength=size) - np.bincount(last, minlength=size)
        there = np.cumsum(change)
        shares = np.concatenate(([0.0], np.cumsum(1 / np.maximum(there, 1))))
        found[mine] = (shares[last] - shares[first]) / (last - first)
    return found


class _Made:
    """Labels while they are made, series by series."""

    def __init__(self, where: Placed, signs: Wholes) -> None:
        self._where, self._signs = where, signs
        directed = signs != 0
        self._dropped = {
            "flat": int((~directed).sum()),
            "no_bar": int((directed & (where.place < 0)).sum()),
            "beyond_data": 0,
            "no_price": 0,
        }
        self._pieces: list[tuple[Wholes, Wholes, Wholes, Reals, Reals]] = []

    def drop(self, cause: str, count: int) -> None:
        self._dropped[cause] += count

    def add(self, rows: Wholes, start: Wholes, end: Wholes, label: Reals, earned: Reals) -> None:
        self._pieces.append((rows, start, end, label, earned))

    def labels(self, kind: str, words: Callable[[Reals], NDArray[np.object_]]) -> Labels:
        """Return everything that was added, in the order of the signals."""
        empty = (np.empty(0, np.int64),) * 3 + (np.empty(0),) * 2
        parts = zip(*(self._pieces or [empty]), strict=True)
        rows, start, end, label, earned = (np.concatenate(one) for one in parts)
        order = np.argsort(rows, kind="stable")
        rows, start, end, label, earned = (one[order] for one in (rows, start, end, label, earned))
        place = self._where.place[rows]
        first, last = (np.full(len(rows), _MISSING) for _ in range(2))
        for number in np.unique(place):
            known = self._where.series[number].times_ns
            mine = np.flatnonzero(place == number)
            if len(known):
                first[mine], last[mine] = known[start[mine]], known[end[mine]]
        return Labels(
            kind,
            self._dropped,
            rows,
            place,
            start,
            end,
            first,
            last,
            self._signs[rows],
            label,
            earned,
            words(label),
        )


def _words(label: Reals) -> NDArray[np.object_]:
    names = np.array(["stop", "time", "profit"], dtype=object)
    found: NDArray[np.object_] = names[label.astype(np.int64) + 1]
    return found


def _times(labels_ns: Wholes) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime(labels_ns, utc=True))


def _check(
    profit: float | None, stop: float | None, max_bars: int, unit: str, volatility_bars: int
) -> None:
    for name, value in (("profit", profit), ("stop", stop)):
        if value is not None and not value > 0:
            raise ConfigError(name, value, "give a distance above zero, or None for no barrier")
    checked_horizons([max_bars])
    if unit not in UNITS:
        raise ConfigError("unit", unit, f"choose one of {', '.join(UNITS)}")
    if volatility_bars < 2:
        raise ConfigError("volatility_bars", volatility_bars, "give at least 2")
