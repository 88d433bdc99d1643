"""Signals and regimes on disk: the sparse index against dense layouts, by default and tuned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measuring import interleaved, timed
from benchmarks.report import Figure, Table
from capture.index.changes import ClassifierChangeIndex
from capture.index.signals import SignalIndex
from capture.index.storage import SignalStorageManager

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.sizes import Sizes

    Matrix = NDArray[np.int8]

__all__ = ["regimes", "signals"]

_DENSITY: Final = 0.05
_OURS: Final = "SignalStorageManager"
_LONG: Final = "long, float64, Parquet defaults"
_WIDE: Final = "wide, int8, dictionary, zstd"
_ONE: Final = "one int8 column, dictionary, zstd"
_STEP_NS: Final = 60 * 10**9
_STATES: Final = ("bear", "bull", "sideways")


@dataclass(frozen=True)
class _Layout:
    """One way to keep the series of all sets.

    Attributes:
        path: a file or a folder.
        load: reads everything and returns the bytes that it takes in memory.
        one: reads the dense series of one set.
    """

    path: Path
    load: Callable[[], int]
    one: Callable[[], Any]

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        if self.path.is_file():
            return self.path.stat().st_size
        return sum(file.stat().st_size for file in self.path.iterdir())


def _matrix(bars: int, sets: int) -> Matrix:
    """Return a row per set: 1 or -1 at 5% of the bars, 0 at the others."""
    random = np.random.default_rng(7)
    dense = np.zeros((sets, bars), dtype=np.int8)
    count = int(bars * _DENSITY)
    for row in dense:
        places = random.choice(bars, count, replace=False)
        row[places] = random.choice(np.array([-1, 1], dtype=np.int8), count)
    return dense


def signals(sizes: Sizes) -> tuple[Table, tuple[Figure, ...]]:
    """Compare the layouts of one grid."""
    dense = _matrix(sizes.index_bars, sizes.index_sets)
    with TemporaryDirectory() as name:
        folder = Path(name)
        layouts = {
            _LONG: _long(folder / "long.parquet", dense),
            _WIDE: _wide(folder / "wide.parquet", dense),
            _ONE: _one_column(folder / "one.parquet", dense),
            _OURS: _sparse(folder / "index", dense),
        }
        del dense
        waited: dict[str, list[float]] = {name: [] for name in layouts}
        loads = interleaved(
            {name: _busy(it.load, waited[name]) for name, it in layouts.items()},
            sizes.index_rounds,
        )
        ones = interleaved({n: _busy(it.one, []) for n, it in layouts.items()}, sizes.index_rounds)
        bytes_ = {name: layout.size_bytes for name, layout in layouts.items()}
        memory = {name: layout.load() for name, layout in layouts.items()}
    millis = {name: timing.minimum * 1e3 for name, timing in loads.items()}
    rows = tuple(
        (
            name,
            bytes_[name] / 1e6,
            bytes_[name] / bytes_[_OURS],
            memory[name] / 1e6,
            millis[name],
            millis[name] / millis[_OURS],
            min(waited[name]) * 1e3,
            ones[name].minimum * 1e3,
        )
        for name in layouts
    )
    title = f"Signals of {sizes.index_sets:,} parameter sets over {sizes.index_bars:,} bars"
    table = Table(
        title,
        ("layout", "MB", "x bytes", "memory MB", "load ms", "x load", "waited ms", "one set ms"),
        rows,
        (
            "A signal (1 or -1) at 5% of the bars, placed at random, which no codec can foresee; "
            "every set is different. Load is everything, one set is a dense series of float64.",
            "Long has the columns set, bar_index (int32) and signal (float64), no time. Wide has a "
            f"column per set. Minima of {sizes.index_rounds} rounds, warm file cache, one thread. "
            "Load and one set are time of the processor, which other work on the machine does not "
            "lengthen; waited is the clock's.",
        ),
    )
    return table, _figures(bytes_, millis)


def _figures(size: dict[str, int], millis: dict[str, float]) -> tuple[Figure, ...]:
    return (
        Figure(
            quantity="sparse index, bytes of long float Parquet",
            measured=size[_OURS] / size[_LONG] * 100,
            goal=5.0,
            unit="%",
            note=f"of the best tuned dense layout {size[_OURS] / _best(size) * 100:.0f}%",
        ),
        Figure(
            quantity="sparse index, load time of long float Parquet",
            measured=millis[_OURS] / millis[_LONG] * 100,
            goal=2.0,
            unit="%",
            note=f"of the quickest tuned dense layout {millis[_OURS] / _best(millis) * 100:.0f}%",
        ),
    )


def _best(measured: dict[str, Any]) -> float:
    return float(min(measured[_WIDE], measured[_ONE]))


def _busy(action: Callable[[], Any], waited: list[float]) -> Callable[[], float]:
    """Return what times an action on the processor, and notes how long one waits for it."""

    def sample() -> float:
        with timed() as watch:
            action()
        waited.append(watch.seconds)
        return watch.busy_seconds

    return sample


def _long(path: Path, dense: Matrix) -> _Layout:
    sets, bars = dense.shape
    schema = pa.schema({"set": pa.int32(), "bar_index": pa.int32(), "signal": pa.float64()})
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, sets, 10):  # a row group holds about a million rows, as by default
            some = dense[first : first + 10]
            numbers = np.arange(first, first + len(some), dtype=np.int32)
            columns = [
                np.repeat(numbers, bars),
                np.tile(np.arange(bars, dtype=np.int32), len(some)),
                some.ravel().astype(np.float64),
            ]
            writer.write_table(pa.table(columns, schema=schema))

    def one() -> Any:
        rows = pq.read_table(path, columns=["signal"], filters=[("set", "=", sets // 2)])
        return rows.column("signal").to_numpy()

    return _Layout(path, lambda: int(pq.read_table(path, use_threads=False).nbytes), one)


def _wide(path: Path, dense: Matrix) -> _Layout:
    names = [f"set_{number}" for number in range(len(dense))]
    pq.write_table(pa.table(list(dense), names=names), path, compression="zstd")

    def one() -> Any:
        rows = pq.read_table(path, columns=[names[len(names) // 2]], use_threads=False)
        return rows.column(0).to_numpy().astype(np.float64)

    return _Layout(path, lambda: int(pq.read_table(path, use_threads=False).nbytes), one)


def _one_column(path: Path, dense: Matrix) -> _Layout:
    sets, bars = dense.shape
    pq.write_table(
        pa.table({"signal": dense.ravel()}), path, compression="zstd", row_group_size=bars
    )

    def one() -> Any:
        with pq.ParquetFile(path) as file:
            rows = file.read_row_group(sets // 2, use_threads=False)
        return rows.column(0).to_numpy().astype(np.float64)

    return _Layout(path, lambda: int(pq.read_table(path, use_threads=False).nbytes), one)


def _sparse(path: Path, dense: Matrix) -> _Layout:
    manager = SignalStorageManager()
    for number, row in enumerate(dense):
        bars = np.flatnonzero(row)
        manager.add(SignalIndex.of("momentum", bars, row[bars]), parameter_set=f"{number}")
    manager.save(path)
    chosen, bars_in_all = f"{len(dense) // 2}", dense.shape[1]

    def load() -> int:
        return SignalStorageManager.open(path).group("signals", "momentum").nbytes

    def one() -> Any:
        index = SignalStorageManager.open(path).signals("momentum", parameter_set=chosen)
        return index.to_dense(bars_in_all, layout="events")

    return _Layout(path, load, one)


def regimes(sizes: Sizes) -> tuple[Table, tuple[Figure, ...]]:
    """Compare what changes of regime take with what a state per bar takes."""
    rows: list[tuple[Any, ...]] = []
    ratios = {}
    with TemporaryDirectory() as name:
        for changes in (sizes.index_changes, sizes.index_changes * 10):
            found = _regime_bytes(Path(name), sizes.index_bars, changes)
            ours = found["ClassifierChangeIndex"]
            rows += [(what, changes, size, size / ours) for what, size in found.items()]
            ratios[changes] = found["timestamp and text per bar, Parquet defaults"] / ours
    table = Table(
        f"Changes of regime over {sizes.index_bars:,} bars",
        ("kept as", "changes", "bytes", "x index"),
        tuple(rows),
        (
            "Three states; changes at random bars, each with its old and new state and confidence. "
            "The states per bar hold neither confidence nor, but for the first row, a time.",
            "A dictionary-coded column of states is smaller than the changes, because "
            "runs of equal states are stored as runs: the index is quicker to ask, not smaller.",
        ),
    )
    figure = Figure(
        quantity=f"{sizes.index_changes} changes, bytes of timestamp and text per bar",
        measured=100 / ratios[sizes.index_changes],
        goal=1.0,
        unit="%",
        note="a dictionary-coded column is the smaller rival, in the table",
    )
    return table, (figure,)


def _regime_bytes(folder: Path, bars: int, changes: int) -> dict[str, int]:
    random = np.random.default_rng(11)
    index = ClassifierChangeIndex("trend")
    for bar in np.sort(random.choice(bars, min(changes, bars), replace=False)):
        others = [state for state in _STATES if state != index.state]
        new = others[int(random.integers(len(others)))]
        index.append_change(int(bar), index.state, new, round(float(random.random()), 2))
    states = pa.array(list(index.states(0, bars)), pa.string())
    times = pa.array(np.arange(bars) * _STEP_NS).cast(pa.timestamp("ns", tz="UTC"))
    coded = pa.table({"state": states})
    paths = {
        "timestamp and text per bar, Parquet defaults": folder / "default.parquet",
        "state per bar, dictionary-coded, zstd": folder / "coded.parquet",
        "ClassifierChangeIndex": folder / "index.parquet",
    }
    default, small, ours = paths.values()
    frame = pa.table({"timestamp": times, "state": states}).to_pandas()
    frame.to_parquet(default)
    pq.write_table(coded, small, compression="zstd", store_schema=False)
    index.save(ours)
    return {what: path.stat().st_size for what, path in paths.items()}
