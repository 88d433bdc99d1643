"""Feeds: the bars of one symbol and timeframe, checked once and then read by number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
import pandas as pd
import pyarrow as pa

from capture.errors import ConfigError, DataMismatch, InvalidEvent, StoreError, UnknownName
from capture.store.base import BASE_RECORD, BaseRef
from capture.store.records import read_record
from capture.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from capture.store.store import Store

    Reals = NDArray[np.float64]
    Whole = NDArray[np.int64]

__all__ = ["PRICES", "Feed", "Missing", "read_file"]

Missing = Literal["refuse", "drop", "keep"]

PRICES: Final = ("open", "high", "low", "close")
_TIMES: Final = ("timestamp", "time", "date", "datetime")
_NS: Final = pa.timestamp("ns", tz="UTC")


@dataclass(frozen=True, eq=False)
class Feed:
    """Bars of one symbol and timeframe; a bar's number is its place here.

    A bar is labelled with its beginning, and becomes known when it has closed: after the usual
    distance of two bars, or when the next one begins, if that is earlier.

    Attributes:
        symbol: name of the instrument.
        timeframe: length of a bar, such as 1d or 5min.
        labels_ns: label of each bar, nanoseconds since 1970 in UTC.
        available_ns: when each bar became known.
        columns: `open`, `high`, `low`, `close`, and further columns of numbers.
        table: the bars as they are stored.
        naive: whether the labels had no time zone and were taken for UTC.
    """

    symbol: str
    timeframe: str
    labels_ns: Whole
    available_ns: Whole
    columns: Mapping[str, Reals]
    table: pa.Table
    naive: bool = False

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        symbol: str,
        timeframe: str | None = None,
        *,
        time: str | None = None,
        nan: Missing = "refuse",
    ) -> Feed:
        """Read the bars of a frame, whose index or a column of which holds times.

        Args:
            frame: columns such as `Open` or `open`; what else it has is kept.
            symbol: name of the instrument.
            timeframe: length of a bar; it is measured if it is not said.
            time: column of times; otherwise the index, or a column called like one.
            nan: what to do with a bar that lacks a price: refuse it, drop it, or keep it; nothing
                is filled at a price that is not there, and marks stay at the last that was.

        Raises:
            InvalidEvent: bars are missing, out of order, twice there, or impossible.
        """
        index, frame = _times_of(frame, time, symbol)
        line = Timeline.of(index, timeframe)
        labels = np.asarray(line.labels_ns)
        _refuse_disorder(symbol, labels)
        known = _available(labels, line.step_ns)
        names = {str(name).lower() if str(name).lower() not in frame.columns else str(name): name
                 for name in frame.columns}  # fmt: skip
        columns = {key: frame[name].to_numpy() for key, name in names.items()}
        return cls._checked(symbol, line.timeframe, labels, known, columns, line.naive, nan)

    @classmethod
    def from_table(cls, table: pa.Table, symbol: str, timeframe: str | None = None) -> Feed:
        """Read bars as they were stored; what lacks a price is kept, so that numbers stay."""
        if "timestamp" not in table.column_names or table.column("timestamp").null_count:
            raise InvalidEvent("timestamp", symbol, "these bars have no times, only numbers")
        labels = table.column("timestamp").cast(_NS).cast(pa.int64()).to_numpy()
        _refuse_disorder(symbol, labels)
        line = Timeline.of(pd.DatetimeIndex(labels, tz="UTC"), timeframe)
        known = _available(labels, line.step_ns)
        if "available_time" in table.column_names:
            said = table.column("available_time")
            if not said.null_count:
                known = said.cast(_NS).cast(pa.int64()).to_numpy()
        names = [n for n in table.column_names if n not in {"timestamp", "available_time"}]
        columns = {name: table.column(name).to_numpy(zero_copy_only=False) for name in names}
        made = cls._checked(symbol, line.timeframe, labels, known, columns, False, "keep")
        object.__setattr__(made, "table", table)
        return made

    @classmethod
    def from_file(cls, path: str | Path, symbol: str | None = None, **how: Any) -> Feed:
        """Read a CSV, Parquet or Feather file; the symbol is the file's name if it is not said.

        Args:
            path: the file.
            symbol: name of the instrument.
            **how: as in `from_frame`.
        """
        return cls.from_frame(read_file(path), symbol or Path(path).stem, **how)

    @classmethod
    def from_store(cls, store: Store, symbol: str, timeframe: str | None = None) -> Feed:
        """Read base data of a store.

        Raises:
            UnknownName: the store has no such bars.
            DataMismatch: it has several that could be meant.
        """
        found = sorted(store.root.glob(f"base/*/{BASE_RECORD}"))
        records = [BaseRef.from_dict(read_record(path)) for path in found]
        mine = [
            ref
            for ref in records
            if ref.symbol == symbol and (timeframe is None or ref.timeframe == timeframe)
        ]
        if not mine:
            known = {f"{ref.symbol} {ref.timeframe}" for ref in records}
            raise UnknownName("base data", " ".join(filter(None, (symbol, timeframe))), known)
        if len(mine) > 1:
            said = ", ".join(f"{ref.timeframe} with {ref.rows} bars" for ref in mine)
            raise DataMismatch(str(store.root), f"{symbol} is there several times ({said})")
        return cls.from_table(store.base_data(mine[0].fingerprint).bars, symbol, mine[0].timeframe)

    @classmethod
    def _checked(
        cls,
        symbol: str,
        timeframe: str,
        labels: Whole,
        known: Whole,
        columns: Mapping[str, Any],
        naive: bool,
        nan: Missing,
    ) -> Feed:
        if nan not in get_args(Missing):
            raise ConfigError("nan", nan, f"choose one of {', '.join(get_args(Missing))}")
        absent = [name for name in PRICES if name not in columns]
        if absent:
            have = ", ".join(columns) or "none"
            raise InvalidEvent(
                absent[0], symbol, f"these bars have no such column; they have {have}"
            )
        if not len(labels):
            raise InvalidEvent("bars", symbol, "there is not one bar")
        gaps = np.isnan(np.column_stack([_real(columns[name], name) for name in PRICES]))
        lacking = gaps.any(axis=1)
        if lacking.any() and nan == "refuse":
            bar = int(np.argmax(lacking))
            name = PRICES[int(np.argmax(gaps[bar]))]
            raise InvalidEvent(
                name, float("nan"), f"bar {bar} of {symbol} ({_when(labels[bar])}) lacks it; "
                'drop such bars with nan="drop", or keep them with nan="keep"'
            )  # fmt: skip
        if nan == "drop":
            labels, known = labels[~lacking], known[~lacking]
            columns = {name: column[~lacking] for name, column in columns.items()}
        numbers = {n: _real(c, n) for n, c in columns.items() if np.asarray(c).dtype.kind in "fiub"}
        _refuse_impossible(symbol, labels, numbers)
        table = _table(labels, known, columns)
        return cls(symbol, timeframe, labels, known, numbers, table, naive)

    def __len__(self) -> int:
        return len(self.labels_ns)

    def __repr__(self) -> str:
        return f"Feed({self.symbol!r}, {self.timeframe!r}, {len(self):,} bars)"

    @property
    def series(self) -> tuple[str, str]:
        """Symbol and timeframe."""
        return self.symbol, self.timeframe

    @cached_property
    def marks(self) -> Reals:
        """The close of each bar, or the last one that was there; NaN before the first."""
        closes = self.columns["close"]
        there = np.where(np.isnan(closes), -1, np.arange(len(closes)))
        last = np.maximum.accumulate(there)
        found: Reals = np.where(last >= 0, closes[np.maximum(last, 0)], np.nan)
        return found

    def upto(self, stop: int) -> Feed:
        """Return the first bars."""
        return self._between(np.arange(len(self)) < stop)

    def _between(self, kept: NDArray[np.bool_]) -> Feed:
        return Feed(
            self.symbol,
            self.timeframe,
            self.labels_ns[kept],
            self.available_ns[kept],
            {name: column[kept] for name, column in self.columns.items()},
            self.table.filter(pa.array(kept)),
            self.naive,
        )

    def keep(self, kept: Sequence[bool]) -> Feed:
        """Return those bars of which it is said that they are kept."""
        return self._between(np.asarray(kept, dtype=bool))


def read_file(path: str | Path) -> pd.DataFrame:
    """Return the bars of a CSV, Parquet or Feather file as a frame."""
    path = Path(path)
    if not path.is_file():
        raise StoreError(path, "there is no such file", "name a file of bars")
    try:
        match path.suffix.lower():
            case ".csv" | ".txt":
                return pd.read_csv(path, float_precision="round_trip")
            case ".gz" | ".zst" | ".xz" if path.stem.endswith(".csv"):
                return pd.read_csv(path, float_precision="round_trip")
            case ".parquet" | ".pq":
                return pd.read_parquet(path)
            case ".feather" | ".arrow":
                return pd.read_feather(path)
    except (OSError, ValueError, pa.ArrowException) as exc:
        raise StoreError(path, f"it cannot be read: {exc}") from exc
    raise StoreError(path, f"{path.suffix or 'a file without suffix'} is not known",
                     "use .csv, .parquet or .feather")  # fmt: skip


def _times_of(
    frame: pd.DataFrame, time: str | None, symbol: str
) -> tuple[pd.DatetimeIndex, pd.DataFrame]:
    """Return the labels, and the frame without them."""
    if time is None and isinstance(frame.index, pd.DatetimeIndex):
        return frame.index, frame
    named = {str(name).lower(): name for name in frame.columns}
    key = time if time is not None else next((named[n] for n in _TIMES if n in named), None)
    if time is None and key is None and len(frame.columns):
        # What pandas writes as CSV has an index without a name in its first column.
        first = frame.columns[0]
        key = first if str(first).startswith("Unnamed") or first in {"", "index"} else None
    if key is None or key not in frame.columns:
        have = ", ".join(map(str, frame.columns))
        problem = f"the bars of {symbol} have no such column of times; they have {have}"
        if time is not None:
            raise ConfigError("time", time, problem)
        raise InvalidEvent("timestamp", None, problem)
    try:
        times = pd.to_datetime(frame[key], utc=_is_zoned(frame[key]))
        index = pd.DatetimeIndex(times)
    except (TypeError, ValueError) as exc:
        raise InvalidEvent(str(key), symbol, f"this column does not hold times: {exc}") from exc
    if frame[key].dtype.kind in "if":
        raise InvalidEvent(str(key), symbol, "this column holds numbers, not times")
    return index, frame.drop(columns=[key])


def _is_zoned(column: pd.Series[Any]) -> bool:
    """Return whether times say their zone; mixed ones, as across a change of clocks, do."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return True
    if column.dtype.kind == "M" or not len(column):
        return False
    text = str(column.iloc[0]).strip()
    return text.endswith("Z") or pd.Timestamp(text).tz is not None


def _available(labels: Whole, step_ns: int) -> Whole:
    known: Whole = labels + max(step_ns, 1)
    known[:-1] = np.minimum(known[:-1], labels[1:])
    return known


def _refuse_disorder(symbol: str, labels: Whole) -> None:
    if len(labels) and (labels == np.iinfo(np.int64).min).any():
        bar = int(np.argmax(labels == np.iinfo(np.int64).min))
        raise InvalidEvent("timestamp", None, f"bar {bar} of {symbol} has no time")
    wrong = np.flatnonzero(np.diff(labels) <= 0)
    if not len(wrong):
        return
    bar = int(wrong[0]) + 1
    if labels[bar] == labels[bar - 1]:
        problem = f"bars {bar - 1} and {bar} of {symbol} have the same time; keep one of them"
    else:
        problem = f"bar {bar} of {symbol} is earlier than the one before it; sort the bars"
    raise InvalidEvent("timestamp", _when(labels[bar]), problem)


def _refuse_impossible(symbol: str, labels: Whole, columns: Mapping[str, Reals]) -> None:
    for name in PRICES:
        wrong = (columns[name] <= 0) | np.isinf(columns[name])
        if wrong.any():
            bar = int(np.argmax(wrong))
            raise InvalidEvent(
                name, float(columns[name][bar]), f"bar {bar} of {symbol} ({_when(labels[bar])}): "
                "a price is more than 0 and finite"
            )  # fmt: skip
    wrong = columns["high"] < columns["low"]
    if wrong.any():
        bar = int(np.argmax(wrong))
        raise InvalidEvent(
            "high", float(columns["high"][bar]),
            f"bar {bar} of {symbol} ({_when(labels[bar])}) has a low above it"
        )  # fmt: skip


def _real(column: Any, name: str) -> Reals:
    try:
        values: Reals = np.ascontiguousarray(column, dtype=np.float64)
    except (TypeError, ValueError) as exc:
        raise InvalidEvent(name, str(np.asarray(column).dtype), "must hold numbers") from exc
    if values is column or values.base is not None:
        values = values.copy()
    values.flags.writeable = False
    return values


def _table(labels: Whole, known: Whole, columns: Mapping[str, Any]) -> pa.Table:
    made = {"timestamp": pa.array(labels).cast(_NS), "available_time": pa.array(known).cast(_NS)}
    for name, column in columns.items():
        key = name if name not in made else f"{name}_"
        if np.asarray(column).dtype.kind in "fiub":
            made[key] = pa.array(column)
        else:
            made[key] = pa.array([None if v is None else str(v) for v in column], pa.string())
    return pa.table(made)


def _when(label_ns: int) -> str:
    return str(pd.Timestamp(int(label_ns), unit="ns", tz="UTC"))
