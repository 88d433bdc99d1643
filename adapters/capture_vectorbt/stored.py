"""A recorded call, read from its recording."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.errors import NotReplayable
from capture_vectorbt.cells import KINDS
from capture_vectorbt.homes import fetch
from capture_vectorbt.rebuilding import rebuild
from capture_vectorbt.writing import ARRAY, CALL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from capture.contracts.replay import ReplaySource

__all__ = ["StoredCall"]

_ORDERS: Final = ("call", "bar_index", "extra_column", "size", "signal_seq")


class StoredCall:
    """Fulfils `capture_vectorbt.homes.Stored` for a recording.

    Attributes:
        said: the call as it was kept.
        shape: bars and columns of its portfolio.
    """

    def __init__(self, source: ReplaySource) -> None:
        """Read the call."""
        self._source = source
        notes = source.stored("notes", ["name", "value"])
        kept = {row["name"]: row["value"] for row in notes.to_pylist()}
        if CALL not in kept:
            raise NotReplayable(source.run_id, "its call was not kept", "record it again")
        self.said: Mapping[str, Any] = json.loads(kept[CALL])
        self.shape: tuple[int, int] = tuple(self.said["shape"])
        count = sum(name.startswith(ARRAY) for name in kept)
        self._arrays = [json.loads(kept[f"{ARRAY}{number}"]) for number in range(count)]

    def arguments(self, which: str = "arguments") -> dict[str, Any]:
        """Return the arguments, or the defaults that were in effect, by name."""
        return rebuild(self.said[which], self._arrays, self.said["indexes"], self._fetch)

    def _fetch(self, said: Mapping[str, Any]) -> NDArray[Any]:
        found = fetch(self, said)
        if found is None:
            raise NotReplayable(self._source.run_id, "it lacks its bars", "record it again")
        return found

    @cached_property
    def orders(self) -> dict[str, NDArray[Any]]:
        """The orders as arrays: kinds, bars, columns, sizes, signals."""
        rows = self._source.stored("orders", list(_ORDERS))
        if not rows.num_rows:
            return {name: np.empty(0, np.int64) for name in ("kind", *_ORDERS[1:])}
        known = pa.array(KINDS)
        kinds = pc.index_in(rows.column("call").combine_chunks(), value_set=known)
        found = {name: rows.column(name).to_numpy() for name in _ORDERS[1:]}
        return {"kind": kinds.to_numpy(zero_copy_only=False), **found}

    def cells(self, kind: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any] | None]:
        """Return bars, columns and sizes of the signals of a kind."""
        orders = self.orders
        mine = orders["kind"] == kind
        return orders["bar_index"][mine], orders["extra_column"][mine], orders["size"][mine]

    @cached_property
    def _bars(self) -> Mapping[str, pa.Table]:
        return self._source.bars()

    def price(self, symbol: str, name: str) -> NDArray[np.float64] | None:
        """Return a column of the base data of a symbol."""
        table = self._bars.get(symbol)
        if table is None or name not in table.column_names:
            return None
        column: NDArray[np.float64] = table.column(name).to_numpy()
        return column

    def times_ns(self) -> NDArray[np.int64] | None:
        """Return the labels of the bars."""
        table = next(iter(self._bars.values()), None)
        if table is None or "timestamp" not in table.column_names:
            return None
        times: NDArray[np.int64] = table.column("timestamp").cast(pa.int64()).to_numpy()
        return times
