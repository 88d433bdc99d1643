"""Base data: the bars that runs read, kept once whatever number of runs read them."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.errors import CorruptRecording, InvalidEvent, StoreError
from capture.schema import TIME
from capture.store.records import (
    cannot_write,
    compact,
    now_text,
    read_record,
    sync_file,
    sync_folder,
    write_record,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from capture.store.layout import StoreLayout

__all__ = ["BARS_FILE", "BASE_RECORD", "BaseData", "BaseRef", "BaseShelf", "fingerprint"]

BARS_FILE: Final = "bars.parquet"
BASE_RECORD: Final = "base.json"

FINGERPRINT_VERSION: Final = 1
# 1: first release

GROUP_BARS: Final = 16_384
"""Bars in a row group of the file."""

_FIRST: Final = ("timestamp", "available_time", "open", "high", "low", "close", "volume")
_TIMES: Final = ("timestamp", "available_time")
_KEPT_IN_MEMORY: Final = 16
_CANONICAL_NAN: Final = 0x7FF8_0000_0000_0000


@dataclass(frozen=True)
class BaseRef:
    """Names base data: what they are of, and the hash of everything in them."""

    fingerprint: str
    symbol: str
    timeframe: str
    rows: int
    columns: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the reference as records keep it."""
        return {**asdict(self), "columns": list(self.columns)}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> BaseRef:
        """Return the reference that a record keeps."""
        return cls(
            fingerprint=said["fingerprint"],
            symbol=said["symbol"],
            timeframe=said["timeframe"],
            rows=said["rows"],
            columns=tuple(said["columns"]),
        )


class BaseData:
    """Bars of one symbol and timeframe; a bar's number is its place here.

    Attributes:
        ref: what they are of.
    """

    def __init__(self, ref: BaseRef, path: Path, bars: pa.Table | None = None) -> None:
        """Stand for the bars in a file; they are read when they are asked for, unless given."""
        self.ref: Final = ref
        self._path: Final = path
        self._bars = bars

    @property
    def bars(self) -> pa.Table:
        """All of the bars."""
        if self._bars is None:
            bars = read_bars(self._path)
            self._refuse_unless(bars.num_rows)
            self._bars = bars
        return self._bars

    def columns_at(self, names: Sequence[str], bar_index: NDArray[np.int64]) -> dict[str, pa.Array]:
        """Return columns at these bars; null where there is no such bar.

        Of a file of which little is wanted, only the parts are read in which it lies.
        """
        rows, first = self._between(names, bar_index)
        known = (bar_index >= 0) & (bar_index < self.ref.rows)
        places = pa.array(bar_index - first, pa.int64(), mask=~known)
        taken = {name: rows.column(name).take(places) for name in names}
        return {
            name: column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
            for name, column in taken.items()
        }

    def _between(self, names: Sequence[str], bar_index: NDArray[np.int64]) -> tuple[pa.Table, int]:
        """Return a stretch of bars that holds all of these, and the number of its first bar."""
        known = bar_index[(bar_index >= 0) & (bar_index < self.ref.rows)]
        if self._bars is not None or not len(known):
            return self.bars, 0
        first, last = int(known.min()) // GROUP_BARS, int(known.max()) // GROUP_BARS
        if (last - first + 1) * GROUP_BARS * 2 > self.ref.rows:
            return self.bars, 0
        rows, total = read_groups(self._path, range(first, last + 1), names)
        self._refuse_unless(total)
        return rows, first * GROUP_BARS

    def _refuse_unless(self, rows: int) -> None:
        if rows != self.ref.rows:
            raise CorruptRecording(
                self._path.parent, "these are not the base data that were written"
            )


def fingerprint(bars: pa.Table, *, symbol: str, timeframe: str) -> str:
    """Return the SHA-256 over the bars' values, names and origin; column order does not matter."""
    names = sorted(bars.column_names)
    kinds = [[name, str(bars.schema.field(name).type)] for name in names]
    head = {
        "version": FINGERPRINT_VERSION,
        "symbol": symbol,
        "timeframe": timeframe,
        "rows": bars.num_rows,
        "columns": kinds,
    }
    digest = hashlib.sha256(compact(head).encode())
    for name in names:
        for piece in _bytes_of(bars.column(name).combine_chunks()):
            digest.update(piece)
    return digest.hexdigest()


def _bytes_of(column: pa.Array) -> list[Any]:
    """Return a column as bytes that depend on its values alone, not on how they are held."""
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    there = column.is_valid().to_numpy(zero_copy_only=False).astype("u1")
    if pa.types.is_string(column.type):
        texts = [text.encode() for text in pc.fill_null(column, "").to_pylist()]
        lengths = np.array([len(text) for text in texts], dtype="<i8")
        return [there, lengths, b"".join(texts)]
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    if column.null_count:
        column = pc.fill_null(column, False if pa.types.is_boolean(column.type) else 0)
    values = column.to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        values = values.astype("<f8") + 0.0  # -0.0 becomes 0.0
        bits = values.view("<u8").copy()
        bits[np.isnan(values)] = _CANONICAL_NAN
        return [there, bits]
    return [there, np.ascontiguousarray(values.astype("u1" if values.dtype == bool else "<i8"))]


def prepare(bars: pa.Table | pd.DataFrame) -> pa.Table:
    """Return the bars in the form in which they are kept, or say what is wrong with them.

    Times without a zone are taken as UTC, as backtesters mean them.
    """
    if not isinstance(bars, pa.Table):
        bars = _from_frame(bars)
    for name in _TIMES:
        if name in bars.column_names:
            bars = _with_utc(bars, name)
    order = [n for n in _FIRST if n in bars.column_names]
    order += sorted(set(bars.column_names) - set(order))
    columns = [_kept(name, bars.column(name)) for name in order]
    return pa.table(columns, names=order)


def _from_frame(bars: pd.DataFrame) -> pa.Table:
    """Return a frame as a table: its index is the time, `Open` is `open`."""
    import pandas as pd

    frame = bars.rename(columns={name: str(name) for name in bars.columns})
    known = {name: name.lower() for name in frame.columns if name.lower() in _FIRST}
    frame = frame.rename(columns=known)
    if "timestamp" not in frame.columns and isinstance(frame.index, pd.DatetimeIndex):
        frame = frame.assign(timestamp=frame.index)
    # Column by column: the conversion of a whole frame starts threads, which costs more.
    columns = {name: pa.array(frame[name], from_pandas=True) for name in frame.columns}
    return pa.table(columns)


def _with_utc(bars: pa.Table, name: str) -> pa.Table:
    column = bars.column(name)
    if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        raise InvalidEvent(name, str(column.type), "this column of base data must hold times")
    return bars.set_column(bars.schema.get_field_index(name), name, column.cast(TIME))


def _kept(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if name in _TIMES or kind in (pa.float64(), pa.int64(), pa.bool_(), pa.string(), TIME):
        return column
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return column.cast(pa.float64())
    if pa.types.is_integer(kind):
        return column.cast(pa.int64())
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return column.cast(TIME)
    if pa.types.is_dictionary(kind) or pa.types.is_large_string(kind):
        return column.cast(pa.string())
    raise InvalidEvent(name, str(kind), "base data hold numbers, flags, texts and zoned times")


class BaseShelf:
    """The base data of one store."""

    def __init__(self, layout: StoreLayout) -> None:
        """Keep them where the layout says."""
        self._layout = layout
        self._cache: OrderedDict[str, BaseData] = OrderedDict()
        self._lock = Lock()

    def add(
        self, bars: pa.Table | pd.DataFrame, *, symbol: str, timeframe: str, sync: bool = False
    ) -> BaseRef:
        """Keep bars unless the same are there already, and return their reference."""
        bars = prepare(bars)
        mark = fingerprint(bars, symbol=symbol, timeframe=timeframe)
        ref = BaseRef(mark, symbol, timeframe, bars.num_rows, tuple(bars.column_names))
        with self._lock:
            known = mark in self._cache
        if not known or not self._is_whole(ref):
            self._write(ref, bars, sync=sync)
            path = self._layout.base_data(mark) / BARS_FILE
            self._remember(BaseData(ref, path, bars))
        return ref

    def _is_whole(self, ref: BaseRef) -> bool:
        folder = self._layout.base_data(ref.fingerprint)
        try:
            record = read_record(folder / BASE_RECORD)
            return bool(
                record["fingerprint"] == ref.fingerprint
                and (folder / BARS_FILE).stat().st_size == record["bytes"]
            )
        except (StoreError, OSError, KeyError):
            return False

    def _write(self, ref: BaseRef, bars: pa.Table, *, sync: bool) -> None:
        folder = self._layout.base_data(ref.fingerprint)
        if self._is_whole(ref):
            return
        fresh = folder.with_name(f".new-{os.getpid()}-{secrets.token_hex(6)}")
        try:
            fresh.mkdir(parents=True)
            _write_bars(fresh, ref, bars, sync=sync)
            _publish(fresh, folder)
            if sync:
                sync_folder(folder.parent)
        except OSError as exc:
            raise cannot_write(folder / BARS_FILE, exc) from exc
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def get(self, mark: str) -> BaseData:
        """Return the base data with this fingerprint."""
        with self._lock:
            if mark in self._cache:
                self._cache.move_to_end(mark)
                return self._cache[mark]
        folder = self._layout.base_data(mark)
        record = read_record(folder / BASE_RECORD)
        data = BaseData(BaseRef.from_dict(record), folder / BARS_FILE)
        if data.ref.fingerprint != mark:
            raise CorruptRecording(folder, "these are not the base data that were written")
        self._remember(data)
        return data

    def _remember(self, data: BaseData) -> None:
        with self._lock:
            self._cache[data.ref.fingerprint] = data
            while len(self._cache) > _KEPT_IN_MEMORY:
                self._cache.popitem(last=False)


def _write_bars(folder: Path, ref: BaseRef, bars: pa.Table, *, sync: bool) -> None:
    import pyarrow.parquet as pq

    path = folder / BARS_FILE
    pq.write_table(bars, path, compression="zstd", row_group_size=GROUP_BARS)
    content = path.read_bytes()
    if sync:
        sync_file(path)
    said = {
        **ref.to_dict(),
        "format": FINGERPRINT_VERSION,
        "bytes": len(content),
        "file_sha256": hashlib.sha256(content).hexdigest(),
        "written": now_text(),
    }
    write_record(folder / BASE_RECORD, said, sync=sync)


def _publish(fresh: Path, folder: Path) -> None:
    """Move finished base data into place; if another writer was quicker, its data are as good."""
    try:
        fresh.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        # A folder that is not whole is mended file by file; the record comes last.
        for name in (BARS_FILE, BASE_RECORD):
            (fresh / name).replace(folder / name)


def read_bars(path: Path) -> pa.Table:
    """Read a file of bars."""
    import pyarrow.parquet as pq

    with _reading(path), pq.ParquetFile(path) as file:
        return file.read(use_threads=False)


def read_groups(path: Path, groups: range, names: Sequence[str]) -> tuple[pa.Table, int]:
    """Read columns of some row groups of a file of bars; return also how many bars it has."""
    import pyarrow.parquet as pq

    with _reading(path), pq.ParquetFile(path) as file:
        rows = file.read_row_groups(list(groups), columns=list(names), use_threads=False)
        return rows, file.metadata.num_rows


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as exc:
        raise StoreError(path, "the base data are missing", "restore them from a copy") from exc
    except (OSError, pa.ArrowException) as exc:
        raise CorruptRecording(path, f"the base data cannot be read: {exc}") from exc
