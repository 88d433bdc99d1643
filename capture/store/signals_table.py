"""The signals of a run joined with their market data, parameters, notes and fate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.errors import UnknownName
from capture.events import SignalStatus
from capture.schema import TABLES
from capture.store.part_reader import declared_empty, select
from capture.store.regimes_at import has_regimes, regimes_at
from capture.store.uniting import united

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.expressions import Expression
    from capture.filters import Predicate
    from capture.store.part_reader import PartReader
    from capture.store.recording import Recording

__all__ = ["SIGNAL_COLUMNS", "signals_table"]

SIGNAL_COLUMNS: Final = (
    "part",
    "seq",
    "signal_id",
    "timestamp",
    "available_time",
    "recorded_time",
    "strategy_id",
    "symbol",
    "timeframe",
    "bar_index",
    "direction",
    "strength",
    "signal_type",
    "disposition",
    "reason",
    "position_before",
    "capital_available",
    "spread",
    "liquidity_score",
    "regime",
    "regime_confidence",
    "source_signal_id",
    "references",
    "schema_version",
    "processing_ns",
    "late_missing",
)
_GROUPS: Final = (
    "market_",
    "indicator_",
    "portfolio_",
    "risk_",
    "limit_",
    "param_",
    "note_",
    "regime_",
    "extra_",
)
_JOINED: Final = ("disposition", "reason", "market_", "param_", "note_")
_KEYS: Final = (
    "part",
    "seq",
    "signal_id",
    "symbol",
    "timeframe",
    "bar_index",
    "timestamp",
    "segment",
)
_TIMES_OF_BAR: Final = ("timestamp", "available_time")


def signals_table(
    recording: Recording,
    columns: Sequence[str] | None,
    where: Sequence[Predicate],
    texts: Sequence[Expression] = (),
) -> pa.Table:
    """Return one row per signal, ordered by part and sequence.

    Conditions on stored columns are given to the backend; those on joined columns wait until
    the columns are there, as do conditions that were given as text.
    """
    joined = (*_JOINED, "regime") if any(map(has_regimes, recording.parts)) else _JOINED
    late = [c for c in where if c.column.startswith(joined) or c.column == "part"]
    early = [c for c in where if c not in late]
    early += [c for text in texts for c in _stored_already(text, joined)]
    wanted = None if columns is None else {*columns, *(c.column for c in late)}
    if wanted is not None:
        wanted.update(name for text in texts for name in text.names)
    of_part = [c for c in late if c.column == "part"]
    pieces = []
    for part in recording.parts:
        if not part.is_one_of(of_part):
            continue
        rows = part.scan("signals", _stored(part, wanted), early)
        if rows.num_columns:
            pieces.append(_joined(recording, part, rows, wanted))
    whole = united([_empty(), *pieces])
    whole = select(whole, None, late, texts) if late or texts else whole
    return _arranged(whole, columns)


def _stored_already(text: Expression, joined: tuple[str, ...]) -> list[Predicate]:
    """Return what of a condition the backend can apply while it reads."""
    found = text.predicates(TABLES["signals"].arrow())
    return [one for one in found if not one.column.startswith((*joined, "part"))]


def _stored(part: PartReader, wanted: set[str] | None) -> list[str] | None:
    if wanted is None:
        return None
    return [n for n in part.columns("signals") if n in wanted or n in _KEYS]


def _empty() -> pa.Table:
    empty = declared_empty("signals").drop_columns(["segment"])
    for name in ("disposition", "reason"):
        empty = empty.append_column(name, pa.array([], pa.string()))
    return empty


def _joined(
    recording: Recording, part: PartReader, rows: pa.Table, wanted: set[str] | None
) -> pa.Table:
    def asked(*starts: str) -> bool:
        return wanted is None or any(name.startswith(starts) for name in wanted)

    made: dict[str, Any] = {}
    if asked("disposition", "reason"):
        made |= _fates(part, rows)
    if asked("market_"):
        made |= _market(recording, part, rows)
    if asked("param_"):
        made |= _params(part, rows)
    if asked("note_"):
        made |= _notes(part, rows)
    if asked("regime"):
        made |= regimes_at(part, rows)
    for name, column in made.items():
        place = rows.schema.get_field_index(name)
        if place < 0:
            rows = rows.append_column(name, column)
        else:  # what was stored with the signal wins
            rows = rows.set_column(place, name, _filled(rows.column(name), column))
    return rows.drop_columns(["segment"]) if "segment" in rows.column_names else rows


def _filled(stored: pa.ChunkedArray, made: Any) -> Any:
    if not stored.null_count:
        return stored
    if pa.types.is_null(stored.type):
        return made
    return pc.coalesce(stored, made if made.type == stored.type else made.cast(stored.type))


def _arranged(table: pa.Table, columns: Sequence[str] | None) -> pa.Table:
    names = table.column_names
    if columns is not None:
        unknown = [n for n in columns if n not in names and not n.startswith(_GROUPS)]
        if unknown:
            raise UnknownName("column of signals", unknown[0], [*SIGNAL_COLUMNS, *names])
        return table.select([n for n in dict.fromkeys(columns) if n in names])
    free = [n for n in names if n not in SIGNAL_COLUMNS]
    groups = [n for start in _GROUPS for n in free if n.startswith(start)]
    return table.select([*SIGNAL_COLUMNS, *groups])


# --- what became of each signal ------------------------------------------------------------------


def _fates(part: PartReader, rows: pa.Table) -> dict[str, Any]:
    """Return the last status of every signal, and why."""
    found = part.scan("statuses", ["signal_seq", "signal_id", "status", "reason"])
    generated = pa.repeat(pa.scalar(str(SignalStatus.GENERATED)), rows.num_rows)
    if not found.num_rows:
        return {"disposition": generated, "reason": pa.nulls(rows.num_rows, pa.string())}
    places = _last_of(_signal_seqs(found, rows), rows.column("seq").to_numpy())
    status = _taken(found, "status", places)
    return {
        "disposition": pc.coalesce(status, generated),
        "reason": _taken(found, "reason", places),
    }


def _taken(table: pa.Table, name: str, places: pa.Array) -> pa.Array:
    if name not in table.column_names:
        return pa.nulls(len(places), pa.string())
    return table.column(name).combine_chunks().take(places)


def _signal_seqs(events: pa.Table, signals: pa.Table) -> np.ndarray[Any, Any]:
    """Return the sequence number of each event's signal, by its identity where it has no number."""
    if "signal_seq" in events.column_names:
        numbers = events.column("signal_seq").combine_chunks()
    else:
        numbers = pa.nulls(events.num_rows, pa.int64())
    if numbers.null_count and "signal_id" in events.column_names:
        places = pc.index_in(
            events.column("signal_id").combine_chunks(),
            value_set=signals.column("signal_id").combine_chunks(),
            skip_nulls=True,
        )
        numbers = pc.coalesce(numbers, signals.column("seq").combine_chunks().take(places))
    result: np.ndarray[Any, Any] = pc.fill_null(numbers, -1).to_numpy(zero_copy_only=False)
    return result


def _last_of(keys: np.ndarray[Any, Any], wanted: np.ndarray[Any, Any]) -> pa.Array:
    """Return the place of the last occurrence of each wanted key; null where there is none."""
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    after = np.searchsorted(ranked, wanted, side="right")
    place = np.maximum(after - 1, 0)
    found = (after > 0) & (ranked[place] == wanted)
    return pa.array(order[place], pa.int64(), mask=~found)


# --- the market at each signal's bar -------------------------------------------------------------


def _market(recording: Recording, part: PartReader, rows: pa.Table) -> dict[str, Any]:
    """Return the base data's columns at the bar of each signal."""
    columns: dict[str, list[tuple[np.ndarray[Any, Any], pa.Array]]] = {}
    for ref in part.base:
        places = _rows_of(rows, ref["symbol"], ref["timeframe"])
        if not len(places):
            continue
        data = recording.store.base_data(ref["fingerprint"])
        index = rows.column("bar_index").take(pa.array(places)).combine_chunks()
        bar = pc.fill_null(index, -1).to_numpy(zero_copy_only=False)
        names = [name for name in data.ref.columns if name not in _TIMES_OF_BAR]
        for name, values in data.columns_at(names, bar).items():
            columns.setdefault(f"market_{name}", []).append((places, values))
    return {name: _scattered(pieces, rows.num_rows) for name, pieces in columns.items()}


def _rows_of(rows: pa.Table, symbol: str, timeframe: str | None) -> np.ndarray[Any, Any]:
    """Return the places of the signals that belong to this symbol and timeframe."""
    mine = pc.equal(rows.column("symbol"), pa.scalar(symbol, pa.string()))
    frame = rows.column("timeframe")
    if timeframe is not None and frame.null_count < rows.num_rows:
        mine = pc.and_(mine, pc.equal(frame, pa.scalar(timeframe, pa.string())))
    return np.flatnonzero(pc.fill_null(mine, False).to_numpy())


def _scattered(
    pieces: list[tuple[np.ndarray[Any, Any], pa.Array]], rows: int
) -> pa.Array | pa.ChunkedArray:
    """Return pieces of a column put in their rows; later pieces win."""
    if len(pieces) == 1 and len(pieces[0][0]) == rows:
        return pieces[0][1]
    source = np.full(rows, -1, dtype=np.int64)
    start = 0
    for places, values in pieces:
        source[places] = np.arange(start, start + len(values))
        start += len(values)
    kind = pa.float64() if len({v.type for _, v in pieces}) > 1 else pieces[0][1].type
    whole = pa.concat_arrays([values.cast(kind) for _, values in pieces])
    return whole.take(pa.array(source, mask=source < 0))


# --- parameters and notes ------------------------------------------------------------------------


def _params(part: PartReader, rows: pa.Table) -> dict[str, Any]:
    """Return the strategy's parameters, which are kept once per schema segment."""
    by_segment = {said["segment"]: said["params"] for said in part.segments}
    names = sorted({name for params in by_segment.values() for name in params})
    if not names or "segment" not in rows.column_names:
        return {}
    segments = rows.column("segment").combine_chunks()
    known = pa.array(sorted(by_segment), pa.int32())
    places = pc.index_in(segments, value_set=known, skip_nulls=True)
    every = [by_segment[number] for number in sorted(by_segment)]
    return {
        f"param_{name}": as_column([params.get(name) for params in every]).take(places)
        for name in names
    }


def _notes(part: PartReader, rows: pa.Table) -> dict[str, Any]:
    """Return the noted values of each signal; of several with one name, the last."""
    found = part.scan("notes", ["signal_seq", "signal_id", "name", "value"])
    if not found.num_rows:
        return {}
    owners, wanted = _signal_seqs(found, rows), rows.column("seq").to_numpy()
    names = found.column("name").combine_chunks()
    values = found.column("value").combine_chunks()
    columns: dict[str, Any] = {}
    for name in sorted(n for n in pc.unique(names).to_pylist() if n is not None):
        mine = np.flatnonzero(pc.equal(names, name).to_numpy(zero_copy_only=False))
        places = _last_of(owners[mine], wanted)
        if places.null_count == len(places):
            continue  # noted on bars alone
        decoded = as_column([_decoded(v) for v in values.take(pa.array(mine)).to_pylist()])
        columns[f"note_{name}"] = decoded.take(places)
    return columns


def _decoded(text: str | None) -> Any:
    return None if text is None else json.loads(text)


_SIMPLE: Final[tuple[tuple[tuple[type, ...], Callable[[], pa.DataType]], ...]] = (
    ((bool,), pa.bool_),
    ((int,), pa.int64),
    ((int, float), pa.float64),
    ((str,), pa.string),
)


def as_column(values: Sequence[Any]) -> pa.Array:
    """Return values that came from JSON as a column; what has no simple type, as JSON text."""
    types = {type(value) for value in values if value is not None}
    for simple, kind in _SIMPLE:
        if types and types <= set(simple):
            try:
                return pa.array(values, kind())
            except (OverflowError, pa.ArrowInvalid):
                continue  # a whole number that is too long
    return pa.array([_as_text(value) for value in values], pa.string())


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
