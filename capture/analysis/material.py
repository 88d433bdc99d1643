"""What analyses read: signals with their context, and the bars on which they were given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from capture.errors import ConfigError
from capture.spans import first_moment, last_moment
from capture.store.frames import to_frame
from capture.store.recording import Recording
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from capture.spans import Moment
    from capture.store.recording import Conditions

__all__ = ["Bars", "Material", "SeriesKey", "material_of"]


class SeriesKey(NamedTuple):
    """Which bars: of a run, a symbol and a timeframe."""

    run_id: str
    symbol: str
    timeframe: str | None


@dataclass(frozen=True, eq=False)
class Bars:
    """The bars of one series, as arrays by bar index.

    Attributes:
        symbol: instrument.
        timeframe: length of a bar.
        times_ns: labels of the bars, nanoseconds since 1970; empty if they are only numbered.
        columns: `open`, `high`, `low`, `close` and what else there is, as real numbers.
    """

    symbol: str
    timeframe: str | None
    times_ns: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """Return a column."""
        return self.columns[name]


@dataclass(frozen=True, eq=False)
class Material:
    """Signals of one run or several, and the bars that they refer to.

    Attributes:
        signals: as `Recording.signals()`, with the column `run_id` in front, ordered by run, part
            and sequence; its index is the number of the row.
        bars: the bars of each series.
        recordings: where the signals come from; empty where they were handed over as frames.
        asked: the filters that chose the signals, for a report.
    """

    signals: pd.DataFrame
    bars: Mapping[SeriesKey, Bars]
    recordings: tuple[Recording, ...] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)

    def series(self) -> Iterator[tuple[SeriesKey, Bars, NDArray[np.int64]]]:
        """Yield each series of bars with the rows of the signals that refer to it.

        Signals whose bars are not known, or that have no bar index, are in none of them.
        """
        if "bar_index" not in self.signals:
            return
        places = np.flatnonzero(self.signals["bar_index"].notna().to_numpy())
        names = ["run_id", "symbol", "timeframe"]
        placed = self.signals[names].iloc[places].fillna("")
        for values, rows in placed.groupby(names, sort=False).indices.items():
            run_id, symbol, timeframe = map(str, values)  # type: ignore[call-overload]
            found = self.bars_of(run_id, symbol, timeframe or None)
            if found is not None:
                yield found[0], found[1], places[rows]

    def bars_of(
        self, run_id: str, symbol: str, timeframe: str | None
    ) -> tuple[SeriesKey, Bars] | None:
        """Return the bars of a series; without a timeframe, the only ones of the symbol."""
        key = SeriesKey(run_id, symbol, timeframe)
        if key in self.bars:
            return key, self.bars[key]
        if timeframe is None:
            mine = [k for k in self.bars if k.run_id == run_id and k.symbol == symbol]
            if len(mine) == 1:
                return mine[0], self.bars[mine[0]]
        return None

    def table(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return another table of the same runs, with the column `run_id` in front."""
        pieces = [_with_run(r, to_frame(r.table(name, columns))) for r in self.recordings]
        return pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame({"run_id": []})


def material_of(
    source: Any,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    symbols: Iterable[str] | None = None,
    strategies: Iterable[str] | None = None,
    regime: str | Iterable[str] | None = None,
    where: Conditions = (),
) -> Material:
    """Read the signals of a recording, several recordings, a store or a backend.

    Args:
        source: a `Recording`, a list of them, a `Store` (all its captured runs that have ended), a
            storage backend, or a frame of signals.
        start: leave out earlier signals.
        end: leave out later signals; a day, month or year is included whole.
        symbols: leave out other symbols.
        strategies: leave out other strategies.
        regime: leave out signals of other regimes.
        where: further conditions, as in `Recording.signals`.
    """
    conditions: list[Any] = [where] if isinstance(where, str) else list(where)
    asked = {"start": start, "end": end, "symbols": symbols, "strategies": strategies}
    asked |= {"regime": regime, "where": [str(one) for one in conditions]}
    if start is not None:
        conditions.append(("timestamp", ">=", first_moment("start", start)))
    if end is not None:
        conditions.append(("timestamp", "<=", last_moment("end", end)))
    for column, wanted in (("symbol", symbols), ("strategy_id", strategies), ("regime", regime)):
        if wanted is not None:
            conditions.append((column, "in", [wanted] if isinstance(wanted, str) else list(wanted)))
    recordings = _recordings(source)
    if recordings is None:
        return Material(_handed_over(source, conditions), {}, (), asked)
    frames = [_with_run(one, one.signals(where=conditions)) for one in recordings]
    signals = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"run_id": []})
    known: dict[str, Bars] = {}
    bars = {key: found for one in recordings for key, found in _bars(one, known)}
    return Material(signals, bars, recordings, {k: v for k, v in asked.items() if v})


def _recordings(source: Any) -> tuple[Recording, ...] | None:
    if isinstance(source, Recording):
        return (source,)
    if isinstance(source, Store):
        every = (source[run_id] for run_id in source)
        return tuple(one for one in every if one.kind == "capture" and one.state == "ended")
    if isinstance(source, (list, tuple)) and all(isinstance(one, Recording) for one in source):
        return tuple(source)
    return None


def _handed_over(source: Any, conditions: list[Any]) -> pd.DataFrame:
    """Return signals that come from a backend or as a frame, and not from a store."""
    from capture.store.part_reader import select
    from capture.store.recording import conditions_of

    if isinstance(source, pd.DataFrame):
        table = pa.Table.from_pandas(source, preserve_index=False)
    elif hasattr(source, "scan"):
        table = source.scan("signals")
    else:
        raise ConfigError(
            "source", type(source).__name__, "give a recording, a store, a backend or a frame"
        )
    frame = to_frame(select(table, None, *conditions_of(conditions)))
    if "run_id" not in frame:
        frame.insert(0, "run_id", "")
    return frame.reset_index(drop=True)


def _with_run(recording: Recording, frame: pd.DataFrame) -> pd.DataFrame:
    frame.insert(0, "run_id", recording.run_id)
    return frame


def _bars(recording: Recording, known: dict[str, Bars]) -> Iterator[tuple[SeriesKey, Bars]]:
    for part in recording.parts:
        for ref in part.base:
            key, mark = (
                SeriesKey(recording.run_id, ref["symbol"], ref["timeframe"]),
                ref["fingerprint"],
            )
            if mark not in known:
                known[mark] = _read(recording.store, mark, key.symbol, key.timeframe)
            yield key, known[mark]


def _read(store: Store, fingerprint: str, symbol: str, timeframe: str | None) -> Bars:
    table = store.base_data(fingerprint).bars
    columns = {
        name: table.column(name).to_numpy().astype(np.float64)
        for name in table.column_names
        if pa.types.is_floating(table.schema.field(name).type)
        or pa.types.is_integer(table.schema.field(name).type)
    }
    times = table.column("timestamp") if "timestamp" in table.column_names else None
    if times is None or times.null_count:
        labels = np.empty(0, np.int64)
    else:
        labels = times.cast(pa.timestamp("ns", tz="UTC")).cast(pa.int64()).to_numpy()
    return Bars(symbol, timeframe, labels, columns)
