"""The regime at each signal, looked up among the changes that were recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.store.part_reader import PartReader

__all__ = ["has_regimes", "regimes_at"]

_READ: Final = ["symbol", "timeframe", "bar_index", "timestamp", "classifier", "new", "confidence"]


def has_regimes(part: PartReader) -> bool:
    """Return whether the part recorded changes of regime."""
    record = part.record
    if record is None:
        return bool(part.scan("regimes", ["seq"]).num_rows)
    return bool(record["tables"].get("regimes", {}).get("rows", 0))


def regimes_at(part: PartReader, signals: pa.Table) -> dict[str, Any]:
    """Return the state of every classifier at each signal, as columns `regime_<classifier>`.

    `regime` and `regime_confidence` are those of the classifier that was named first.
    """
    if not has_regimes(part):
        return {}
    changes = part.scan("regimes")
    for name in _READ:
        if name not in changes.column_names:
            kind = pa.float64() if name == "confidence" else pa.null()
            changes = changes.append_column(name, pa.nulls(changes.num_rows, kind))
    found: dict[str, Any] = {}
    names = changes.column("classifier")
    for classifier in dict.fromkeys(names.to_pylist()):
        mine = changes.filter(pc.equal(names, classifier))
        places = _places(mine, signals)
        if not found:
            found["regime"] = _taken(mine, "new", places)
            found["regime_confidence"] = _taken(mine, "confidence", places)
        found[f"regime_{classifier}"] = _taken(mine, "new", places)
    return found


def _taken(changes: pa.Table, name: str, places: NDArray[np.int64]) -> pa.Array:
    return changes.column(name).combine_chunks().take(pa.array(places, mask=places < 0))


def _places(changes: pa.Table, signals: pa.Table) -> NDArray[np.int64]:
    """Return for each signal the place of the last change at or before it; -1 before the first."""
    places = np.full(signals.num_rows, -1, np.int64)
    series = changes.select(["symbol", "timeframe"]).group_by(["symbol", "timeframe"])
    for one in series.aggregate([]).to_pylist():
        among, of = _rows(changes, one), _rows(signals, one)
        for key in ("bar_index", "timestamp"):  # what has no bar is looked up by its time
            wanted, known = _numbers(signals, key)
            at, has = _numbers(changes, key)
            asked = of[known[of] & (places[of] < 0)]
            rows = among[has[among]]
            if len(rows) and len(asked):
                last = np.searchsorted(at[rows], wanted[asked], side="right") - 1
                places[asked] = np.where(last >= 0, rows[np.maximum(last, 0)], -1)
    return places


def _rows(table: pa.Table, series: dict[str, Any]) -> NDArray[np.int64]:
    """Return the rows of a symbol and timeframe; what is null is not asked for."""
    mine = np.ones(table.num_rows, bool)
    for name, value in series.items():
        column = table.column(name)
        if value is not None and column.null_count < table.num_rows:
            equal = pc.fill_null(pc.equal(column, pa.scalar(value, column.type)), False)
            mine &= equal.to_numpy()
    return np.flatnonzero(mine)


def _numbers(table: pa.Table, name: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return a column as whole numbers, and where it has any."""
    column = table.column(name) if name in table.column_names else pa.nulls(table.num_rows)
    if pa.types.is_null(column.type):
        return np.zeros(table.num_rows, np.int64), np.zeros(table.num_rows, bool)
    known = pc.is_valid(column).to_numpy(zero_copy_only=False)
    whole = pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    return whole, known
