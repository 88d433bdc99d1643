"""From the tables of a recording to indices: what a strategy wanted, and what classifiers said."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import numpy as np

from capture.errors import ConfigError, InvalidEvent, UnknownName
from capture.index.alignment import CrossReference
from capture.index.changes import ClassifierChangeIndex
from capture.index.signals import SignalIndex
from capture.index.wanted import SIGNAL_COLUMNS, wanted
from capture.store.base import BaseRef

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from capture.index.storage import SignalStorageManager
    from capture.store.recording import Recording

__all__ = [
    "Series",
    "change_series",
    "fill",
    "one_series",
    "part_labels",
    "signal_series",
    "wanted",
]

IndexT = TypeVar("IndexT", SignalIndex, ClassifierChangeIndex)

_OF_SIGNALS: Final = ("part", "strategy_id", "symbol", "timeframe")
_OF_CHANGES: Final = ("part", "classifier", "symbol", "timeframe")
_ATTACHED: Final = ("regime", "references")


class Series(NamedTuple, Generic[IndexT]):
    """The index of one part, strategy (or classifier), symbol and timeframe of a recording."""

    part: int
    name: str
    symbol: str
    timeframe: str
    content: IndexT


def signal_series(recording: Recording) -> Iterator[Series[SignalIndex]]:
    """Yield the signals of each part, strategy, symbol and timeframe."""
    columns = dict.fromkeys([*_OF_SIGNALS, *SIGNAL_COLUMNS, "bar_index", *_ATTACHED])
    rows = recording.table("signals", list(columns))
    values = wanted(recording, rows.to_pandas(use_threads=False))
    for (part, name, symbol, timeframe), places in _grouped(rows, _OF_SIGNALS):
        some = rows.take(places)
        bars = _bars(some, f"signals of {name}")
        attached = [some.column(column).to_pylist() for column in _ATTACHED]
        if any(said is not None for column in attached for said in column):
            index = SignalIndex(name)
            for bar, value, regime, said in zip(bars, values[places], *attached, strict=True):
                states = None if regime is None else {"regime": regime}
                more = None if said is None else {"references": json.loads(said)}
                index.append_signal(bar, value, states, more)
        else:
            index = SignalIndex.of(name, bars, values[places])
        yield Series(part, name, symbol, timeframe, index)


def change_series(recording: Recording) -> Iterator[Series[ClassifierChangeIndex]]:
    """Yield the changes of each part, classifier, symbol and timeframe.

    Several strategies may have reported the same change; it counts once.
    """
    columns = [*_OF_CHANGES, "seq", "bar_index", "old", "new", "confidence"]
    rows = recording.table("regimes", columns)
    for (part, name, symbol, timeframe), places in _grouped(rows, _OF_CHANGES):
        some = rows.take(places)
        bars = _bars(some, f"changes of {name}")
        index = ClassifierChangeIndex(name)
        old, new, sure = (some.column(c).to_pylist() for c in ("old", "new", "confidence"))
        for row in np.argsort(bars, kind="stable").tolist():
            known = index.state if len(index) else old[row]
            if new[row] != known:
                index.append_change(int(bars[row]), known, new[row], sure[row])
        yield Series(part, name, symbol, timeframe, index)


def one_series(
    series: Iterable[Series[IndexT]],
    name: str | None,
    symbol: str | None,
    timeframe: str | None,
    part: int | None,
) -> IndexT:
    """Return the only index that is meant, or say between which to choose."""
    every = list(series)
    asked = {"name": name, "symbol": symbol, "timeframe": timeframe, "part": part}
    found = every
    for field, value in asked.items():
        if value is not None:
            known = {str(getattr(one, field)) for one in found}
            found = [one for one in found if getattr(one, field) == value]
            if not found:
                raise UnknownName(field, str(value), known)
    if not found:
        raise UnknownName("series", str(name or "any"), [])
    marks = {(s.name, s.symbol, s.timeframe, s.content.content_sha256()) for s in found}
    if len(marks) > 1:
        for field in ("name", "symbol", "timeframe", "part"):
            choices = sorted({str(getattr(one, field)) for one in found})
            if len(choices) > 1:
                raise ConfigError(field, None, f"choose one of {', '.join(choices)}")
    return found[0].content


def part_labels(recording: Recording) -> dict[int, tuple[str, Any]]:
    """Return a name for the parameter set of each part, and its parameters.

    In a grid the strategy of a part is called after its parameters, and the set is called by what
    follows the strategy's own name. A recording of one part has one set, without a name.
    """
    several = len(recording.parts) > 1
    start = f"{recording.manifest['strategy']}_"
    labels: dict[int, tuple[str, Any]] = {}
    for part in recording.parts:
        params: dict[str, Any] = {}
        label = ""
        for segment in reversed(part.segments):  # the first one counts
            params |= segment["params"]
            name = str(segment["strategy_id"])
            label = name.removeprefix(start) if name.startswith(start) else ""
        if several and not label:
            said = "_".join(f"{key}_{value}" for key, value in sorted(params.items()))
            label = said or f"part_{part.number}"
        labels[part.number] = (label if several else "", params)
    return labels


def fill(
    manager: SignalStorageManager, recording: Recording, parts: Collection[int] | None
) -> None:
    """Put everything that a recording holds into a manager."""
    chosen = [part for part in recording.parts if parts is None or part.number in parts]
    numbers = [part.number for part in chosen]
    for ref in (BaseRef.from_dict(said) for part in chosen for said in part.base):
        known = manager.base.setdefault((ref.symbol, ref.timeframe), ref)
        if known.fingerprint != ref.fingerprint:
            problem = f"they read different bars of {ref.symbol} {ref.timeframe}; choose fewer"
            raise ConfigError("parts", numbers, problem)
    manager.store = recording.store
    manager.times = CrossReference.from_recording(recording, parts=numbers)
    labels = part_labels(recording)
    marks: dict[tuple[str, ...], str] = {}
    every: tuple[Series[Any], ...] = (*signal_series(recording), *change_series(recording))
    for series in every:
        if series.part not in numbers:
            continue
        label, params = labels[series.part]
        index = series.content
        if label and series.name == f"{recording.manifest['strategy']}_{label}":
            index = index.copy(name=str(recording.manifest["strategy"]))
        # An optimiser runs the best set once more: that is the same set, unless it went otherwise.
        place = (type(index).__name__, index.name, series.symbol, series.timeframe, label)
        mark = index.content_sha256()
        if marks.setdefault(place, mark) != mark:
            label = f"{label}_part_{series.part}"
        manager.add(
            index,
            symbol=series.symbol,
            timeframe=series.timeframe,
            parameter_set=label,
            params=params,
        )


def _grouped(
    rows: pa.Table, names: tuple[str, ...]
) -> Iterator[tuple[tuple[int, str, str, str], NDArray[np.int64]]]:
    """Yield each part, name, symbol and timeframe with the places of its rows, in order."""
    frame = rows.select(list(names)).to_pandas(use_threads=False)
    frame = frame.fillna({name: "" for name in names if name != "part"})
    for (part, *said), places in frame.groupby(list(names), sort=False).indices.items():
        name, symbol, timeframe = map(str, said)
        yield (int(part), name, symbol, timeframe), np.sort(places)


def _bars(rows: pa.Table, what: str) -> NDArray[np.int64]:
    column = rows.column("bar_index")
    if column.null_count:
        problem = f"{column.null_count} {what} do not say at which bar; they cannot be indexed"
        raise InvalidEvent("bar_index", None, problem)
    bars: NDArray[np.int64] = column.to_numpy()
    return bars
