"""A strategy's signals as indices into the bars, from which the dense series is rebuilt."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.errors import ConfigError, InvalidEvent
from capture.index.attached import Attached
from capture.index.dense import (
    at_bars,
    checked_layout,
    held,
    last_of_each_bar,
    reals,
    starts_of_runs,
)
from capture.index.events import END, IndexedSignal, bar_number, signal_value
from capture.index.growing import GrowingArray

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from capture.index.dense import Layout
    from capture.index.intervals import Intervals
    from capture.store.recording import Recording

__all__ = ["SignalIndex"]


class SignalIndex:
    """The bars at which a strategy gave signals, with the position it wanted after each.

    **What a value means.** It is the position direction (1 long, -1 short, 0 flat) or a continuous
    value that is wanted after the last signal of its bar, and it holds until the next signal.
    Before the first signal nothing is known, and a missing value (None or NaN) says that nothing is
    known from its bar on. A signal that repeats the value before it is kept: it reaffirms, and is
    no exit. A bar has one row at most; of several signals in one bar the last counts.

    **Two dense layouts** of the same signals. `"held"` is the wanted position at every bar: each
    value is repeated until the next one. `"events"` has the value at the bars that have a signal,
    and NaN at all others. Reading a series in a layout and writing it in the same one gives the
    series back: NaN, and numbers that compare equal. In `"held"` a series says nothing about
    signals that reaffirm, in `"events"` nothing about values that are missing.

    Attributes:
        name: name of the strategy.

    Example:
        ```python
        momentum = SignalIndex("momentum")
        momentum.append_signal(10, 1)
        momentum.append_signal(14, 0, metadata={"why": "target"})
        momentum.to_dense(16)  # NaN up to bar 9, 1.0 from 10 to 13, then 0.0
        ```
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str) -> None:
        """Begin without a signal."""
        self.name: Final = name
        self._bars = GrowingArray(np.empty(0, dtype=np.int64))
        self._values = GrowingArray(np.empty(0, dtype=np.float64))
        self._attached = Attached()

    @classmethod
    def of(cls, name: str, bars: Any, values: Any) -> SignalIndex:
        """Return an index of signals in two series; of several in one bar the last counts."""
        places = np.array(bars, dtype=np.int64)
        wanted = reals("values", values)
        if len(places) != len(wanted):
            raise ConfigError("values", len(wanted), f"there are {len(places)} bars; give as many")
        kept = last_of_each_bar(places)
        return cls._made(name, places[kept], wanted[kept], Attached())

    @classmethod
    def _made(
        cls,
        name: str,
        bars: NDArray[np.int64],
        values: NDArray[np.float64],
        attached: Attached,
    ) -> SignalIndex:
        made = cls(name)
        made._bars, made._values = GrowingArray(bars), GrowingArray(values)
        made._attached = attached
        return made

    # --- writing -----------------------------------------------------------------------------

    def append_signal(
        self,
        bar_index: int,
        value: float | None,
        classifiers: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a signal; one of the same bar as the last takes its place.

        Args:
            bar_index: number of its bar, never before that of the last signal.
            value: the position that is wanted from now on; None where it is not known.
            classifiers: states of classifiers at this moment.
            metadata: anything that JSON can hold.
        """
        bar, number = bar_number(bar_index), signal_value(value)
        last = int(self._bars.values[-1]) if len(self._bars) else -1
        if bar < last:
            problem = f"the last signal is at bar {last}; signals come in the order of bars"
            raise InvalidEvent("bar_index", bar_index, problem)
        row = len(self._bars) - (bar == last)
        self._attached.put(row, classifiers, metadata)
        if bar == last:
            self._values.replace_last(number)
        else:
            self._bars.append(bar)
            self._values.append(number)

    # --- reading -----------------------------------------------------------------------------

    @property
    def bar_index(self) -> NDArray[np.int64]:
        """The bars that have a signal, in order."""
        return self._bars.values

    @property
    def values(self) -> NDArray[np.float64]:
        """The value of each signal; NaN where it is missing."""
        return self._values.values

    def value_at(self, bar_index: int) -> float | None:
        """Return the position that is wanted after a bar; None where it is not known."""
        value = float(self.values_at([bar_number(bar_index)])[0])
        return None if math.isnan(value) else value

    def values_at(self, bars: Any) -> NDArray[np.float64]:
        """Return the same for each of these bars, in any order; -1 is no bar and gives NaN."""
        asked = np.asarray(bars, dtype=np.int64)
        return at_bars(self.bar_index, self.values, math.nan, asked)

    def __len__(self) -> int:
        return len(self._bars)

    def __iter__(self) -> Iterator[IndexedSignal]:
        rows = zip(self.bar_index.tolist(), self.values.tolist(), strict=True)
        for row, (bar, value) in enumerate(rows):
            known = None if math.isnan(value) else value
            yield IndexedSignal(bar, known, *self._attached.at(row))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SignalIndex):
            return NotImplemented
        return self.name == other.name and list(self) == list(other)

    def __repr__(self) -> str:
        return f"SignalIndex({self.name!r}, {len(self)} signals)"

    def copy(self, *, name: str | None = None) -> SignalIndex:
        """Return an index of the same signals that grows on its own; it may have another name."""
        attached = self._attached.taken(np.arange(len(self)))
        return self._made(name or self.name, self.bar_index.copy(), self.values.copy(), attached)

    def select(
        self,
        start: int = 0,
        stop: int | None = None,
        *,
        values: float | Collection[float] | None = None,
        classifiers: Mapping[str, str | Collection[str]] | None = None,
        within: Intervals | None = None,
    ) -> SignalIndex:
        """Return the signals that meet every condition.

        Args:
            start: the first bar.
            stop: the first bar that is not wanted any more; None takes all.
            values: a value, or several of which one must be that of the signal.
            classifiers: a state, or several, for each of some classifiers, as kept with the signal.
            within: bars in which the signal must lie.
        """
        edges = (bar_number(start, "start"), END if stop is None else bar_number(stop, "stop"))
        first, last = np.searchsorted(self.bar_index, edges, side="left")
        kept = np.zeros(len(self), dtype=bool)
        kept[first:last] = True
        if values is not None:
            kept &= np.isin(self.values, np.asarray(_listed(values), dtype=np.float64))
        for name, states in (classifiers or {}).items():
            kept &= self._attached.is_one_of(name, _listed(states), len(self))
        if within is not None:
            kept &= within.contains_sorted(self.bar_index)
        rows = np.flatnonzero(kept)
        taken = self._attached.taken(rows)
        return self._made(self.name, self.bar_index[rows], self.values[rows], taken)

    # --- from and to other forms -------------------------------------------------------------

    @classmethod
    def from_dense(cls, name: str, array: Any, *, layout: Layout = "held") -> SignalIndex:
        """Return the signals in a series of one value per bar.

        Args:
            name: name of the strategy.
            array: numbers; NaN (or what pandas calls missing) is missing.
            layout: "held": the wanted position at every bar, of which only changes are kept.
                "events": a value at each bar with a signal, and all of them are kept.
        """
        series = reals("array", array)
        events = checked_layout(layout) == "events"
        bars = np.flatnonzero(~np.isnan(series)) if events else starts_of_runs(series)
        return cls._made(name, bars, series[bars], Attached())

    def to_dense(self, n_bars: int, *, layout: Layout = "held") -> NDArray[np.float64]:
        """Return a value for each of this many bars; NaN where there is none.

        Args:
            n_bars: number of bars; the last signal must lie within. For fewer, `select` first.
            layout: "held": the position wanted at each bar. "events": the value at the bars that
                have a signal.
        """
        bar_number(n_bars, "n_bars")
        if len(self) and self.bar_index[-1] >= n_bars:
            last = int(self.bar_index[-1])
            problem = f"the last signal is at bar {last}; for fewer bars, select(stop=...) first"
            raise InvalidEvent("n_bars", n_bars, problem)
        if checked_layout(layout) == "held" and n_bars:
            return held(self.bar_index, self.values, math.nan, 0, n_bars)
        dense = np.full(n_bars, math.nan)
        dense[self.bar_index] = self.values
        return dense

    def to_table(self) -> pa.Table:
        """Return one row per signal: bar_index, value, classifier_<name>, metadata (JSON)."""
        import pyarrow as pa

        value = pa.array(self.values, from_pandas=True)
        columns = {"bar_index": pa.array(self.bar_index), "value": value}
        return pa.table({**columns, **self._attached.columns(len(self))})

    @classmethod
    def from_table(cls, name: str, table: pa.Table) -> SignalIndex:
        """Return the index that a table of signals holds."""
        bars = table.column("bar_index").to_numpy().astype(np.int64, copy=False)
        values = table.column("value").to_numpy().astype(np.float64, copy=False)
        kept = last_of_each_bar(bars)
        if not kept.all():
            return cls.from_table(name, table.filter(kept))
        return cls._made(name, bars, values, Attached.of(table))

    @classmethod
    def from_recording(
        cls,
        recording: Recording,
        strategy: str | None = None,
        symbol: str | None = None,
        *,
        timeframe: str | None = None,
        part: int | None = None,
    ) -> SignalIndex:
        """Return the signals of one strategy and symbol of a recording.

        What the recording holds one of need not be named. A signal that opens wants its direction,
        one that closes wants 0, and an adjustment wants to stay on the side on which it was.
        """
        from capture.index.recorded import one_series, signal_series

        return one_series(signal_series(recording), strategy, symbol, timeframe, part)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per signal."""
        frame: pd.DataFrame = self.to_table().to_pandas(use_threads=False)
        return frame

    def content_sha256(self) -> str:
        """Return a hash of the signals; indices of equal signals have the same."""
        values = self.values.copy()
        values[np.isnan(values)] = math.nan  # which has one pattern of bits, of many
        digest = hashlib.sha256(len(values).to_bytes(8, "little"))
        digest.update(np.ascontiguousarray(self.bar_index, dtype="<i8").data)
        digest.update(np.ascontiguousarray(values, dtype="<f8").data)
        digest.update(json.dumps(self._attached.said(), sort_keys=True).encode())
        return digest.hexdigest()

    def save(self, path: Path | str) -> None:
        """Write the index as one Parquet file, at once or not at all."""
        from capture.index.series_file import write_single

        write_single(path, "signals", self.name, self.to_table())

    @classmethod
    def load(cls, path: Path | str) -> SignalIndex:
        """Read an index that was saved."""
        from capture.index.series_file import read_single

        return cls.from_table(*read_single(path, "signals"))


def _listed(wanted: Any) -> list[Any]:
    """Return one thing or several as a list."""
    one = isinstance(wanted, (str, int, float, np.generic))
    return [wanted] if one else list(wanted)
