"""A classifier's changes of mind, from which its state at every bar is rebuilt."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.errors import InvalidEvent
from capture.index.dense import at_bars, held
from capture.index.events import END, IndexedClassifierChange, IndexedRegime, bar_number
from capture.index.growing import GrowingArray
from capture.index.intervals import Intervals
from capture.index.states import UNKNOWN, States

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from capture.store.recording import Recording

__all__ = ["ClassifierChangeIndex"]


class ClassifierChangeIndex:
    """The bars at which a classifier changed its state, and nothing between them.

    A state holds from the bar of its change up to the next change. Before the first change it is
    not known (None), and a change to None says that it is not known from there on. Several changes
    within one bar are one: from the state before the bar to the last one.

    Attributes:
        name: name of the classifier.

    Example:
        ```python
        trend = ClassifierChangeIndex("trend")
        trend.append_change(20, None, "bull", confidence=0.8)
        trend.append_change(35, "bull", "bear")
        trend.state_at(34)  # "bull"
        ```
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str) -> None:
        """Begin without a change."""
        self.name: Final = name
        self._bars = GrowingArray(np.empty(0, dtype=np.int64))
        self._codes = GrowingArray(np.empty(0, dtype=np.int32))
        self._confidence = GrowingArray(np.empty(0, dtype=np.float64))
        self._names: list[str] = []
        self._first_old: str | None = None

    # --- writing -----------------------------------------------------------------------------

    def append_change(
        self, bar_index: int, old: str | None, new: str | None, confidence: float | None = None
    ) -> None:
        """Add a change.

        Args:
            bar_index: the first bar of the new state; never before that of the last change.
            old: the state up to now, which must be the one that is known here. Of the first change
                it may be anything: nothing is known before it.
            new: the state from this bar on; None where it is not known.
            confidence: how sure the classifier is of it, 0 to 1.
        """
        bar, sure = bar_number(bar_index), _confidence(confidence)
        old, new = _state("old", old), _state("new", new)
        count = len(self._bars)
        if count:
            last = int(self._bars.values[-1])
            if bar < last:
                problem = f"the last change is at bar {last}; changes come in the order of bars"
                raise InvalidEvent("bar_index", bar_index, problem)
            if old != self.state:
                raise InvalidEvent("old", old, f"the present state is {self.state!r}")
        if new == (self.state if count else old):
            raise InvalidEvent("new", new, "is the state already: only changes are kept")
        if count and bar == last:
            self._change_again(new, sure)
            return
        if not count:
            self._first_old = old
        self._bars.append(bar)
        self._codes.append(self._code(new))
        self._confidence.append(sure)

    def _change_again(self, new: str | None, sure: float) -> None:
        """Make the changes of one bar one; back to the state before, there was none."""
        before = self._state_before(len(self._bars) - 1)
        if new == before:
            for column in (self._bars, self._codes, self._confidence):
                column.drop_last()
            return
        self._codes.replace_last(self._code(new))
        self._confidence.replace_last(sure)

    def _state_before(self, row: int) -> str | None:
        return self._named(int(self._codes.values[row - 1])) if row else self._first_old

    def _code(self, state: str | None) -> int:
        if state is None:
            return UNKNOWN
        if state not in self._names:
            self._names.append(state)
        return self._names.index(state)

    def _named(self, code: int) -> str | None:
        return None if code < 0 else self._names[code]

    # --- reading -----------------------------------------------------------------------------

    @property
    def bar_index(self) -> NDArray[np.int64]:
        """The bars of the changes, in order."""
        return self._bars.values

    @property
    def state(self) -> str | None:
        """The present state: that after the last change."""
        return self._named(int(self._codes.values[-1])) if len(self._codes) else None

    @property
    def state_names(self) -> tuple[str, ...]:
        """Every state that occurred, in the order of its first occurrence."""
        return tuple(self._names)

    def state_at(self, bar_index: int) -> str | None:
        """Return the state at a bar; None before the first change."""
        place = int(np.searchsorted(self._bars.values, bar_number(bar_index), side="right"))
        return self._named(int(self._codes.values[place - 1])) if place else None

    def states(self, start: int, stop: int) -> States:
        """Return the state at every bar from start to before stop."""
        start, stop = bar_number(start, "start"), bar_number(stop, "stop")
        if stop < start:
            raise InvalidEvent("stop", stop, f"comes before start={start}")
        if stop == start:
            return States(np.empty(0, dtype=np.int8), self._names)
        return States(held(self._bars.values, self._small(), UNKNOWN, start, stop), self._names)

    def states_at(self, bars: Any) -> States:
        """Return the state at each of these bars, in any order; -1 is no bar and has no state."""
        asked = np.asarray(bars, dtype=np.int64)
        return States(at_bars(self._bars.values, self._small(), UNKNOWN, asked), self._names)

    def _small(self) -> NDArray[Any]:
        """Return the codes in a byte each, where there are few states."""
        kind = np.int8 if len(self._names) < 128 else np.int32
        return self._codes.values.astype(kind)

    def ranges(self, *states: str) -> Intervals:
        """Return the bars in which one of these states holds; the last stretch may have no end."""
        codes = [self._names.index(state) for state in states if state in self._names]
        rows = np.flatnonzero(np.isin(self._codes.values, codes))
        bars = np.append(self._bars.values, END)
        return Intervals(bars[rows], bars[rows + 1])

    def regimes(self) -> Iterator[IndexedRegime]:
        """Yield each stretch of bars in a known state, in order."""
        changes = list(self)
        for place, change in enumerate(changes):
            if change.new is not None:
                stop = changes[place + 1].bar_index if place + 1 < len(changes) else None
                yield IndexedRegime(
                    change.bar_index, self.name, change.new, stop, change.confidence
                )

    def __len__(self) -> int:
        return len(self._bars)

    def __iter__(self) -> Iterator[IndexedClassifierChange]:
        old = self._first_old
        rows = zip(self._bars.values, self._codes.values, self._confidence.values, strict=True)
        for bar, code, sure in rows:
            new = self._named(int(code))
            confidence = None if math.isnan(sure) else float(sure)
            yield IndexedClassifierChange(int(bar), self.name, old, new, confidence)
            old = new

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClassifierChangeIndex):
            return NotImplemented
        return self.name == other.name and list(self) == list(other)

    def __repr__(self) -> str:
        return f"ClassifierChangeIndex({self.name!r}, {len(self)} changes)"

    def copy(self, *, name: str | None = None) -> ClassifierChangeIndex:
        """Return an index of the same changes that grows on its own; it may have another name."""
        made = ClassifierChangeIndex(name or self.name)
        made._bars, made._codes = self._bars.copy(), self._codes.copy()
        made._confidence = self._confidence.copy()
        made._names, made._first_old = list(self._names), self._first_old
        return made

    # --- from and to other forms -------------------------------------------------------------

    @classmethod
    def from_dense(cls, name: str, states: Sequence[str | None]) -> ClassifierChangeIndex:
        """Return the changes in a series of one state per bar; None is not known."""
        made = cls(name)
        present: str | None = None
        for bar, state in enumerate(states):
            if state != present:
                made.append_change(bar, present, state)
                present = state
        return made

    def to_dense(self, n_bars: int) -> States:
        """Return the state at each of this many bars."""
        return self.states(0, n_bars)

    def to_table(self) -> pa.Table:
        """Return one row per change: bar_index, old, new, confidence."""
        import pyarrow as pa

        named = pa.array([*self._names, None], pa.string())
        codes = self._codes.values
        new = np.where(codes < 0, len(self._names), codes)
        states = named.take(pa.array(new))
        first = pa.array([self._first_old][: len(codes)], pa.string())
        old = pa.concat_arrays([first, states.slice(0, max(len(codes) - 1, 0))])
        sure = pa.array(self._confidence.values, from_pandas=True)
        columns = {"bar_index": self._bars.values, "old": old, "new": states, "confidence": sure}
        return pa.table(columns)

    @classmethod
    def from_table(cls, name: str, table: pa.Table) -> ClassifierChangeIndex:
        """Return the index that a table of changes holds."""
        made = cls(name)
        bars = table.column("bar_index").to_pylist()
        old, new = table.column("old").to_pylist(), table.column("new").to_pylist()
        sure = table.column("confidence").to_pylist()
        for row in zip(bars, old, new, sure, strict=True):
            made.append_change(*row)
        return made

    @classmethod
    def from_recording(
        cls,
        recording: Recording,
        classifier: str | None = None,
        symbol: str | None = None,
        *,
        timeframe: str | None = None,
        part: int | None = None,
    ) -> ClassifierChangeIndex:
        """Return the changes of one classifier and symbol of a recording.

        What the recording holds one of need not be named.
        """
        from capture.index.recorded import change_series, one_series

        return one_series(change_series(recording), classifier, symbol, timeframe, part)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per change."""
        frame: pd.DataFrame = self.to_table().to_pandas(use_threads=False)
        return frame

    def content_sha256(self) -> str:
        """Return a hash of the changes; indices of equal changes have the same."""
        said = [(c.bar_index, c.old, c.new, c.confidence) for c in self]
        return hashlib.sha256(repr(said).encode()).hexdigest()

    def save(self, path: Path | str) -> None:
        """Write the index as one Parquet file, at once or not at all."""
        from capture.index.series_file import write_single

        write_single(path, "changes", self.name, self.to_table())

    @classmethod
    def load(cls, path: Path | str) -> ClassifierChangeIndex:
        """Read an index that was saved."""
        from capture.index.series_file import read_single

        return cls.from_table(*read_single(path, "changes"))


def _state(field: str, state: Any) -> str | None:
    if state is None:
        return None
    if not isinstance(state, str) or not state:
        raise InvalidEvent(field, state, "must be the name of a state, or None where not known")
    return str(state)


def _confidence(value: Any) -> float:
    if value is None:
        return math.nan
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.inf
    if not (0 <= number <= 1 or math.isnan(number)):
        raise InvalidEvent("confidence", value, "must lie between 0 and 1; None if not known")
    return number
