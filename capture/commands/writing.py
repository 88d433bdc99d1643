"""Frames as files for other tools: whole or not at all, with nothing lost on the way."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import secrets
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, cast, get_args

from capture.commands.terminal.document import json_line, rows_of
from capture.errors import ConfigError, StorageFull, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd

__all__ = ["FORMATS", "Format", "format_of", "write_frame", "write_whole"]

Format = Literal["csv", "json", "jsonl", "parquet", "feather"]
FORMATS: Final = get_args(Format)

_BATCH_ROWS: Final = 2_000


def format_of(place: Path) -> Format:
    """Return the format that a file's suffix stands for."""
    suffix = place.suffix.removeprefix(".").lower()
    if suffix in FORMATS:
        return cast("Format", suffix)
    raise ConfigError(
        "output",
        str(place),
        f"its suffix says no format; choose one with --format: {', '.join(FORMATS)}",
    )


def write_whole(place: Path, fill: Callable[[BinaryIO], None]) -> None:
    """Let `fill` write a file that stands in its place when it is complete, and not before."""
    temporary = place.with_name(f".{place.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as stream:
            fill(stream)
        temporary.replace(place)
    except OSError as exc:
        if exc.errno == errno.ENOSPC:
            raise StorageFull(place, "no space is left to write it", "make room") from exc
        problem = f"it cannot be written ({exc.strerror})"
        raise StoreError(place, problem, "check that its folder is there and writable") from exc
    finally:
        temporary.unlink(missing_ok=True)


def write_frame(
    frame: pd.DataFrame, form: Format, stream: BinaryIO, done: Callable[[int], None]
) -> None:
    """Write a frame into a stream.

    Args:
        frame: the rows.
        form: how to write them.
        stream: takes the bytes.
        done: is told how many rows were written.
    """
    match form:
        case "parquet" | "feather":
            _write_arrow(frame, form, stream)
            done(len(frame))
        case "csv":
            _write_csv(frame, stream, done)
        case "json":
            _write_json(frame, stream, done, ends=("[\n", ",\n", "\n]\n"))
        case "jsonl":
            _write_json(frame, stream, done, ends=("", "\n", "\n"))


def _batches(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, len(frame), _BATCH_ROWS):
        yield frame.iloc[start : start + _BATCH_ROWS]


def _write_json(
    frame: pd.DataFrame,
    stream: BinaryIO,
    done: Callable[[int], None],
    ends: tuple[str, str, str],
) -> None:
    first, between, last = ends
    stream.write(first.encode())
    for place, batch in enumerate(_batches(frame)):
        text = between.join(map(json_line, rows_of(batch)))
        stream.write(f"{between if place else ''}{text}".encode())
        done(len(batch))
    if len(frame) or first:
        stream.write(last.encode())


def _write_csv(frame: pd.DataFrame, stream: BinaryIO, done: Callable[[int], None]) -> None:
    """Write numbers with all their digits, times as ISO 8601, and nothing for what is absent."""
    text = io.TextIOWrapper(stream, "utf-8", errors="backslashreplace", newline="")
    try:
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(map(str, frame.columns))
        for batch in _batches(frame):
            rows.writerows(map(_cell, row.values()) for row in rows_of(batch))
            done(len(batch))
    finally:
        text.detach()


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def _write_arrow(frame: pd.DataFrame, form: Format, stream: BinaryIO) -> None:
    import pyarrow as pa

    table = pa.table({str(name): _column(frame[name]) for name in frame.columns})
    if form == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, stream, compression="zstd")
    else:
        from pyarrow import feather

        feather.write_feather(table, stream, compression="zstd")


def _column(values: pd.Series[Any]) -> Any:
    """Return a column for Arrow; values that are not of one type are told as JSON."""
    import pyarrow as pa

    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if v is None else json_line(v) for v in values], pa.string())
