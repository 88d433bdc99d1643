"""Replaying some signals of a recorded call: its arrays without those that are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from vectorbt.portfolio.enums import AccumulationMode, Direction, SizeType
from vectorbt.utils.enum_ import map_enum_fields

from capture.errors import NotReplayable
from capture_vectorbt.cells import KINDS
from capture_vectorbt.repeating import by_cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from capture.contracts.replay import ReplaySource
    from capture_vectorbt.stored import StoredCall

__all__ = ["Narrowed", "narrowed"]

_FLATTEN: Final = "flatten"
_EXITS, _SHORT_ENTRIES = KINDS.index("exits"), KINDS.index("short_entries")


@dataclass(frozen=True)
class Narrowed:
    """What is left of a call.

    Attributes:
        arguments: those that are others than recorded.
        seqs: the signals that are repeated, by bar, column and kind.
    """

    arguments: dict[str, Any]
    seqs: dict[tuple[int, int, int], int]


def narrowed(
    source: ReplaySource, call: StoredCall, arguments: Mapping[str, Any], columns: Sequence[int]
) -> Narrowed:
    """Return what is left of a call if signals are left out, and positions closed between them.

    Args:
        source: the recording.
        call: the recorded call.
        arguments: its arguments, with those that the user changed.
        columns: the columns that are replayed.
    """
    if call.said["constructor"] == "from_order_func" or "signal_func_nb" in arguments:
        raise NotReplayable(
            source.run_id, "its signals were not heard, so none can be left out", "replay it whole"
        )
    left = _Left(source, call, columns)
    given = {**call.arguments("defaults"), **{k: v for k, v in arguments.items() if v is not None}}
    made = _orders if call.said["constructor"] == "from_orders" else _signals
    arrays = made(left, given)
    found: dict[str, Any] = {
        name: _wrapped(array, arguments.get(name), arguments["close"])
        for name, array in arrays.items()
    }
    if left.turned:
        found["direction"] = None
    return Narrowed(found, left.seqs())


class _Left:
    """The signals that are left, and the cells in which positions are closed.

    Attributes:
        shape: bars and columns.
        kinds: kind of each signal that is left, as it is given to the host.
        flat: the cells in which the position is closed.
        turned: whether the kinds are those of four arrays, while two were recorded.
    """

    def __init__(self, source: ReplaySource, call: StoredCall, columns: Sequence[int]) -> None:
        closing = [i for i in source.intents if i.call == _FLATTEN]
        kept = [i.signal_seq for i in source.intents if i.call != _FLATTEN]
        orders = call.orders
        mine = np.isin(orders["signal_seq"], np.array(kept, dtype=np.int64))
        self.shape = call.shape
        self.turned = False
        self.kinds = orders["kind"][mine].astype(np.int64)
        self._bars, self._columns, self._sizes, self._seqs = (
            orders[name][mine] for name in ("bar_index", "extra_column", "size", "signal_seq")
        )
        self.flat = np.zeros(call.shape, dtype=bool)
        self._halves: dict[tuple[int, int], int] = {}
        places = _places(call, columns)
        for intent in closing:
            bar = intent.bar_index
            for column in places[intent.strategy_id, intent.symbol]:
                self.flat[bar, column] = True
                if bar is not None and intent.signal_seq is not None:
                    self._halves[bar, column] = intent.signal_seq

    def turn(self, direction: NDArray[np.int64]) -> None:
        """Say in four arrays what entries and exits of these directions mean."""
        there = direction[self._bars, self._columns]
        exits = self.kinds == _EXITS
        self.kinds = np.where(there == Direction.ShortOnly, self.kinds + 2, self.kinds)
        self.kinds = np.where((there == Direction.Both) & exits, _SHORT_ENTRIES, self.kinds)
        self.turned = True

    def dense(self, kind: int) -> NDArray[np.bool_]:
        """Return the array of the signals of a kind."""
        array = np.zeros(self.shape, dtype=bool)
        mine = self.kinds == kind
        array[self._bars[mine], self._columns[mine]] = True
        return array

    def sizes(self) -> NDArray[np.float64]:
        """Return the array of the sizes that are wanted."""
        array = np.full(self.shape, np.nan)
        array[self._bars, self._columns] = self._sizes
        return array

    def seqs(self) -> dict[tuple[int, int, int], int]:
        """Return the signals that are repeated; the half of a reversal repeats the reversal."""
        found = by_cell(self._bars, self._columns, self.kinds, self._seqs)
        return found | {(*cell, -1): seq for cell, seq in self._halves.items()}


def _places(
    call: StoredCall, columns: Sequence[int]
) -> dict[tuple[str | None, str | None], list[int]]:
    """Return the columns of each strategy and symbol."""
    strategies, symbols = call.said["strategies"], call.said["symbols"]
    found: dict[tuple[str | None, str | None], list[int]] = {}
    for column in columns:
        found.setdefault((strategies[column], symbols[column]), []).append(column)
    return found


def _signals(left: _Left, given: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    four = given.get("short_entries") is not None or given.get("short_exits") is not None
    flat = left.flat
    if flat.any() and not four:
        direction = _broadcast(map_enum_fields(given["direction"], Direction), left.shape)
        if (direction == Direction.Both).any():  # where no exit closes, but turns
            left.turn(direction)
    names = KINDS[:4] if four or left.turned else KINDS[:2]
    arrays: dict[str, NDArray[Any]] = {n: left.dense(kind) for kind, n in enumerate(names)}
    if not flat.any():
        return arrays
    for name, array in arrays.items():
        arrays[name] = array | flat if name.endswith("exits") else array & ~flat
    modes = map_enum_fields(given["accumulate"], AccumulationMode, ignore_type=(int, bool))
    accumulate = _broadcast(modes, left.shape).astype(np.int64)
    if accumulate.any():  # an exit would only take something away
        arrays["accumulate"] = np.where(flat, AccumulationMode.Disabled, accumulate)
    return arrays


def _orders(left: _Left, given: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    size, flat = left.sizes(), left.flat
    if not flat.any():
        return {"size": size}
    size[flat] = 0.0
    types = _broadcast(map_enum_fields(given["size_type"], SizeType), left.shape)
    return {"size": size, "size_type": np.where(flat, SizeType.TargetAmount, types)}


def _broadcast(values: Any, shape: tuple[int, int]) -> NDArray[Any]:
    """Return values for all cells, as the host understands them: one dimension is that of bars."""
    array = np.asarray(values)
    return np.broadcast_to(array[:, None] if array.ndim == 1 else array, shape)


def _wrapped(array: NDArray[Any], given: Any, close: Any) -> Any:
    """Return an array with the labels of what was given, which name the portfolio's columns."""
    if isinstance(given, pd.DataFrame) and given.shape[1] == array.shape[1]:
        return pd.DataFrame(array, index=given.index, columns=given.columns)
    if array.shape[1] == 1 and np.ndim(close) == 1:
        return array[:, 0]
    return array
