"""Signals and regimes of many strategies, classifiers, symbols, timeframes and parameter sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from capture.errors import ConfigError, StoreError, UnknownName
from capture.index.alignment import CrossReference
from capture.index.changes import ClassifierChangeIndex
from capture.index.folder import IndexFolder
from capture.index.group import KINDS, SeriesKey
from capture.index.layers import Layers
from capture.index.shelf import SeriesShelf
from capture.index.signals import SignalIndex

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from capture.index.cache import GroupCache
    from capture.index.group import Index, Kind, SeriesGroup
    from capture.store.base import BaseRef
    from capture.store.recording import Recording
    from capture.store.store import Store

__all__ = ["SignalStorageManager"]

_CACHE_BYTES: Final = 64 * 2**20


class SignalStorageManager:
    """The sparse indices of a run or of a grid, in memory or in a folder.

    What is in a folder is read when it is first asked for, a file per strategy (or classifier),
    symbol and timeframe. A file holds all parameter sets, one behind the other; sets with the same
    signals share one series. The bars are not part of it: they lie in the store, once, and every
    index points into them. Safe to use from several threads.

    An index that is handed out is a copy. To add to what is kept, use `append_signal`,
    `append_change` or `add`; nothing reaches the folder before `save`.

    Attributes:
        times: when the bars of each symbol and timeframe became known.
        base: the base data of each symbol and timeframe.
        store: where the base data lie; None if nobody said.

    Example:
        ```python
        manager = SignalStorageManager.from_recording(recording)
        manager.save("index")
        manager = SignalStorageManager.open("index")
        manager.signals("momentum", "GOOG").to_dense(n_bars)
        ```
    """

    def __init__(self, *, cache_bytes: int = _CACHE_BYTES) -> None:
        """Begin without an index, in memory."""
        self.times = CrossReference()
        self.base: dict[tuple[str, str], BaseRef] = {}
        self.store: Store | None = None
        self._shelf = SeriesShelf(cache_bytes)

    @property
    def cache(self) -> GroupCache:
        """What was read lately."""
        return self._shelf.cache

    @classmethod
    def open(
        cls,
        folder: Path | str,
        *,
        store: Store | Path | str | None = None,
        cache_bytes: int = _CACHE_BYTES,
    ) -> SignalStorageManager:
        """Open a folder that was saved; no series is read yet.

        Args:
            folder: the folder.
            store: the store of the base data, for `market`.
            cache_bytes: how much of what was read is kept.
        """
        from capture.store.store import open_store

        made = cls(cache_bytes=cache_bytes)
        there = IndexFolder.open(Path(folder))
        made._shelf = SeriesShelf(cache_bytes, there)
        made.times, made.base = there.times, dict(there.base)
        made.store = open_store(store) if isinstance(store, (str, Path)) else store
        return made

    @classmethod
    def from_recording(
        cls,
        recording: Recording,
        *,
        parts: Collection[int] | None = None,
        cache_bytes: int = _CACHE_BYTES,
    ) -> SignalStorageManager:
        """Return the signals and regimes of a recording; a part of a grid is a parameter set.

        Args:
            recording: the recording.
            parts: the parts to take; all if None. They must have read the same bars.
            cache_bytes: how much of what was read is kept.
        """
        from capture.index.recorded import fill

        made = cls(cache_bytes=cache_bytes)
        fill(made, recording, parts)
        return made

    # --- writing -----------------------------------------------------------------------------

    def add(
        self,
        index: Index,
        *,
        symbol: str = "",
        timeframe: str = "",
        parameter_set: str = "",
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep an index, in place of what there was under these names.

        Args:
            index: signals or changes of state; a copy is kept.
            symbol: symbol that they are of.
            timeframe: timeframe of the bars.
            parameter_set: name of the parameter set.
            params: its parameters.
        """
        key = SeriesKey(_kind_of(index), index.name, symbol, timeframe)
        self._shelf.put(key, parameter_set, index, params)

    def append_signal(
        self,
        name: str,
        bar_index: int,
        value: float | None,
        *,
        symbol: str = "",
        timeframe: str = "",
        parameter_set: str = "",
        **more: Any,
    ) -> None:
        """Add a signal while a strategy runs, with what else `SignalIndex.append_signal` takes."""
        with self._shelf.lock:
            key = SeriesKey("signals", name, symbol, timeframe)
            index = cast("SignalIndex", self._shelf.to_write(key, parameter_set))
            index.append_signal(bar_index, value, **more)

    def append_change(
        self,
        name: str,
        bar_index: int,
        new: str | None,
        *,
        symbol: str = "",
        timeframe: str = "",
        parameter_set: str = "",
        confidence: float | None = None,
    ) -> None:
        """Add the state that a classifier has from this bar on, unless it has it already."""
        with self._shelf.lock:
            key = SeriesKey("changes", name, symbol, timeframe)
            index = cast("ClassifierChangeIndex", self._shelf.to_write(key, parameter_set))
            if new != index.state:
                index.append_change(bar_index, index.state, new, confidence)

    def save(self, folder: Path | str | None = None) -> Path:
        """Write what changed, file by file and each at once or not at all; return the folder.

        Args:
            folder: where to; None is the folder that was opened or saved to before.
        """
        path = None if folder is None else Path(folder)
        return self._shelf.save(path, self.times, self.base)

    # --- reading -----------------------------------------------------------------------------

    def keys(self, kind: Kind | None = None) -> list[SeriesKey]:
        """Return what there is: kind ("signals" or "changes"), name, symbol and timeframe."""
        return self._shelf.keys(kind)

    def signals(
        self,
        name: str,
        symbol: str | None = None,
        timeframe: str | None = None,
        parameter_set: str | None = None,
    ) -> SignalIndex:
        """Return the signals of a strategy. What there is one of need not be named."""
        key = self._shelf.key("signals", name, symbol, timeframe)
        return cast("SignalIndex", self._shelf.index(key, parameter_set))

    def classifier(
        self,
        name: str,
        symbol: str | None = None,
        timeframe: str | None = None,
        parameter_set: str | None = None,
    ) -> ClassifierChangeIndex:
        """Return the changes of a classifier. What there is one of need not be named."""
        key = self._shelf.key("changes", name, symbol, timeframe)
        return cast("ClassifierChangeIndex", self._shelf.index(key, parameter_set))

    def parameter_sets(
        self, name: str, symbol: str | None = None, timeframe: str | None = None
    ) -> dict[str, Mapping[str, Any]]:
        """Return the parameters of each set of a strategy, by the name of the set."""
        group = self._shelf.group(self._shelf.key("signals", name, symbol, timeframe))
        return {one: group.params.get(one, {}) for one in group.sets}

    def group(self, kind: Kind, name: str, symbol: str = "", timeframe: str = "") -> SeriesGroup:
        """Return all parameter sets at once, as a compressed sparse matrix."""
        return self._shelf.group(SeriesKey(kind, name, symbol, timeframe))

    def load(self, keys: Iterable[SeriesKey] | None = None, *, workers: int = 4) -> int:
        """Read groups ahead into the cache, several at a time; return how many.

        Args:
            keys: what to read; everything if None.
            workers: how many files are read at the same time.
        """
        return self._shelf.load(keys, workers=workers)

    # --- together with the bars --------------------------------------------------------------

    def align(self, of: tuple[str, str], to: tuple[str, str], bars: Any = None) -> NDArray[Any]:
        """Return the last bar of one series that was known at each bar of another.

        See `CrossReference.align`.
        """
        return self.times.align(of, to, bars)

    def market(
        self, bars: Any, symbol: str, timeframe: str, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Return what the base data hold at these bars: looked up, never copied into an index."""
        import numpy as np
        import pyarrow as pa

        ref = self._ref(symbol, timeframe)
        if self.store is None:
            raise StoreError("index", "nobody said where the base data lie", "open(..., store=...)")
        unknown = [name for name in columns or () if name not in ref.columns]
        if unknown:
            raise UnknownName("column of bars", unknown[0], ref.columns)
        names = list(ref.columns if columns is None else columns)
        asked = np.asarray(bars, dtype=np.int64)
        return pa.table(self.store.base_data(ref.fingerprint).columns_at(names, asked))

    def _ref(self, symbol: str, timeframe: str) -> BaseRef:
        if (symbol, timeframe) not in self.base:
            raise UnknownName("base data", f"{symbol} {timeframe}", map(" ".join, self.base))
        return self.base[symbol, timeframe]

    def layers(
        self,
        name: str,
        symbol: str | None = None,
        timeframe: str | None = None,
        parameter_set: str | None = None,
    ) -> Layers:
        """Return the signals of a strategy with every classifier of the same bars beside them."""
        key = self._shelf.key("signals", name, symbol, timeframe)
        layers = Layers(cast("SignalIndex", self._shelf.index(key, parameter_set)))
        for other in self.keys("changes"):
            if (other.symbol, other.timeframe) == (key.symbol, key.timeframe):
                sets = self.group(*other).sets
                chosen = parameter_set if parameter_set in sets else None
                index = self._shelf.index(other, chosen)
                layers = layers.regime(cast("ClassifierChangeIndex", index))
        return layers

    def to_dense(
        self,
        name: str,
        symbol: str | None = None,
        timeframe: str | None = None,
        parameter_set: str | None = None,
        n_bars: int | None = None,
    ) -> pd.DataFrame:
        """Return a row per bar: the signal, and the state of every classifier of these bars.

        Args:
            name: name of the strategy.
            symbol: its symbol, if there are several.
            timeframe: its timeframe, if there are several.
            parameter_set: its parameter set, if there are several.
            n_bars: number of bars; that of the base data if None.
        """
        key = self._shelf.key("signals", name, symbol, timeframe)
        bars = self._ref(key.symbol, key.timeframe).rows if n_bars is None else n_bars
        return self.layers(name, key.symbol, key.timeframe, parameter_set).to_dense(bars)

    def to_frame(self) -> pd.DataFrame:
        """Return what there is: a row per strategy or classifier, symbol and timeframe."""
        import pandas as pd

        rows = [(*key, *self._shelf.counts(key)) for key in self.keys()]
        return pd.DataFrame(rows, columns=[*SeriesKey._fields, "sets", "series", "rows"])


def _kind_of(index: Index) -> Kind:
    for kind, cls in KINDS.items():
        if isinstance(index, cls):
            return cast("Kind", kind)
    problem = "give a SignalIndex or a ClassifierChangeIndex"
    raise ConfigError("index", type(index).__name__, problem)
