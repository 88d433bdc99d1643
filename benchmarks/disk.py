"""What a signal takes on disk and what writing it costs, by backend."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from benchmarks.market import FIELDS, MARKET, Universe, universe
from benchmarks.measuring import timed
from benchmarks.recording import opened
from benchmarks.report import Figure, Report, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

    from benchmarks.sizes import Sizes

__all__ = ["run"]

_LOSSLESS: Final = "Parquet"
_BY_BAR: Final = "Parquet, market data in base data"
_WITHOUT_MARKET: Final = tuple(
    f for f in FIELDS if f.name not in {f"market_{name}" for name in MARKET}
)
_SLOW: Final = 4
"""The slower backends get this part of the signals; bytes per signal hardly depend on it."""

_BACKENDS: Final[Mapping[str, Mapping[str, Any]]] = {
    _LOSSLESS: {"backend": "parquet"},
    _BY_BAR: {"backend": "parquet", "fields": _WITHOUT_MARKET},
    "HDF5": {"backend": "hdf5", "share": _SLOW},
    "JSON lines, plain": {"backend": "json", "compression": "none", "share": _SLOW},
    "JSON lines, zstd": {"backend": "json", "compression": "zstd", "share": _SLOW},
    "JSON lines, gzip": {"backend": "json", "compression": "gzip", "share": _SLOW},
    "SQLite": {"backend": "sql", "share": _SLOW},
}


def run(sizes: Sizes) -> Report:
    """Write the same signals through every backend, and as users would without capture."""
    market = universe(sizes.disk_rows)
    with TemporaryDirectory() as name:
        ours = {what: _record(Path(name), market, **how) for what, how in _BACKENDS.items()}
        theirs = _files(Path(name), market.signals)
        bar_bytes = _bytes_per_bar(Path(name), market)
    smallest = ours[_LOSSLESS][2]
    rows: list[tuple[Any, ...]] = [
        (what, *cells, cells[2] / smallest) for what, cells in ours.items()
    ]
    rows += [
        (what, market.signals.num_rows, None, size, None, write, None, size / smallest)
        for what, (size, write) in theirs.items()
    ]
    table = Table(
        "Bytes per signal on disk, and the time to write (50 symbols)",
        (
            "kept as",
            "signals",
            "journal B",
            "sealed B",
            "chain B",
            "write us",
            "seal us",
            "x Parquet",
        ),
        tuple(rows),
        (
            f"{len(FIELDS)} fields and what the recorder adds (seq, times, identity); prices in "
            "ticks of 0.01, indicators computed from them. Measured once.",
            "Journal bytes are freed when the part is sealed. The chain makes changes visible. "
            "The last column compares sealed bytes.",
            f"In base data a bar takes {bar_bytes:.1f} B, once per store, whatever the number of "
            "runs and signals; here 4 bars lie between two signals of a symbol.",
            "The last rows are the 47 fields written in one go from a ready frame, with each "
            "library's defaults.",
        ),
    )
    return Report("disk", (table,), _figures(ours))


def _figures(ours: Mapping[str, tuple[float, ...]]) -> tuple[Figure, ...]:
    return (
        Figure(
            quantity="Parquet, lossless, self-contained",
            measured=ours[_LOSSLESS][2],
            goal=170.0,
            unit="B per signal",
        ),
        Figure(
            quantity="Parquet, derivable columns left out",
            measured=ours[_BY_BAR][2],
            goal=110.0,
            unit="B per signal",
            note="only bars are derived, by bar index; indicators are kept as they are",
        ),
    )


def _record(
    folder: Path, market: Universe, *, share: int = 1, **settings: Any
) -> tuple[int, float, float, float, float, float]:
    """Return the count, and per signal journal, sealed and chain bytes, write and seal time."""
    signals = market.signals.slice(0, market.signals.num_rows // share)
    count = signals.num_rows
    with TemporaryDirectory(dir=folder) as store:
        fed = opened(Path(store), signals, **settings)
        append = fed.channel.append
        append(*fed.rows[0])
        fed.engine.flush()  # loads what the backend needs
        before = fed.engine.statistics
        for row in fed.rows[1:]:
            append(*row)
        fed.engine.flush()
        after = fed.engine.statistics
        with timed() as sealing:
            fed.engine.close()
        files = [path for path in Path(store).rglob("parts/*/*") if path.is_file()]
        chain = sum(path.stat().st_size for path in files if path.name.startswith("chain-"))
        data = sum(path.stat().st_size for path in files if path.suffix not in {".bin", ".json"})
    write = after.flush_seconds - before.flush_seconds
    return (
        count,
        after.journal_bytes / count,
        data / count,
        chain / count,
        write / count * 1e6,
        sealing.seconds / count * 1e6,
    )


def _files(folder: Path, signals: pa.Table) -> dict[str, tuple[float, float]]:
    """Return bytes and microseconds per signal of what users write from a frame."""
    from pyarrow import feather

    frame = signals.to_pandas()
    ways: dict[str, Callable[[Path], Any]] = {
        "pandas.to_parquet, defaults": frame.to_parquet,
        "pandas.to_csv": lambda path: frame.to_csv(path, index=False),
        "Arrow IPC, zstd": lambda path: feather.write_feather(signals, path, compression="zstd"),
    }
    found = {}
    for number, (what, write) in enumerate(ways.items()):
        path = folder / f"file-{number}"
        with timed() as watch:
            write(path)
        count = signals.num_rows
        found[what] = (path.stat().st_size / count, watch.seconds / count * 1e6)
    return found


def _bytes_per_bar(folder: Path, market: Universe) -> float:
    """Return what a bar takes in the store's base data."""
    from capture.store.store import Store

    symbol, bars = next(iter(market.bars.items()))
    with TemporaryDirectory(dir=folder) as name:
        Store(name, create=True).add_base_data(bars, symbol=symbol, timeframe="5min")
        size = sum(path.stat().st_size for path in Path(name).rglob("bars.parquet"))
    return float(size / bars.num_rows)
