"""The signals of a call: the cells of its arrays in which something was wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from vectorbt.portfolio.enums import AccumulationMode, Direction, SizeType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from capture_vectorbt.calls import Call

__all__ = ["KINDS", "Cells", "Simulated", "cells_of", "no_cells"]

KINDS: Final = ("entries", "exits", "short_entries", "short_exits", "size")
"""The arguments whose cells are signals; a kind is a place in this list."""

_ENTRIES, _EXITS, _SHORT_ENTRIES, _SHORT_EXITS, _SIZE = range(5)
_TARGETS: Final = (SizeType.TargetAmount, SizeType.TargetValue, SizeType.TargetPercent)


@dataclass(frozen=True)
class Cells:
    """Signals, ordered by bar, column and kind.

    Attributes:
        bars: number of the bar.
        columns: number of the portfolio's column.
        kinds: which argument it comes from.
        sides: 1 if it wants to buy, -1 to sell, 0 where the host decides.
        exits: whether it wants to close.
        takes: whether it wants to take something away from the position, and not to close it.
    """

    bars: NDArray[np.int64]
    columns: NDArray[np.int64]
    kinds: NDArray[np.int8]
    sides: NDArray[np.int8]
    exits: NDArray[np.bool_]
    takes: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.bars)


class Simulated:
    """What a simulation was given, cell by cell: arrays that the host broadcasts as it goes.

    Attributes:
        shape: bars and columns.
    """

    def __init__(self, call: Call) -> None:
        """Read a call whose simulation was heard."""
        assert call.simulated is not None
        self._given: dict[str, Any] = {**call.simulated}
        self.shape: tuple[int, int] = tuple(call.simulated["target_shape"])
        self._by_column = bool(call.simulated.get("flex_2d", True))
        self.signals = _signal_arrays(call, self._given)

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def array(self, name: str) -> Any:
        """Return an argument as it was given to the simulation."""
        return self._given[name]

    def flag(self, name: str) -> bool:
        """Return a setting that is one for the whole simulation."""
        return bool(self._given.get(name, False))

    def whole(self, array: Any) -> NDArray[Any]:
        """Return an array broadcast to bars and columns, without a copy."""
        given = np.asarray(array)
        if given.ndim == 1 and not self._by_column:
            given = given[:, None]
        return np.broadcast_to(given, self.shape)

    def at(self, name: str, bars: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[Any]:
        """Return the values of an argument in these cells."""
        given = np.asarray(self._given[name])
        if given.size == 1:
            return np.full(len(bars), given.reshape(-1)[0])
        return self.whole(given)[bars, columns]

    def alone(self, name: str) -> Any:
        """Return the one value of an argument that is equal in all cells; else None."""
        given = np.asarray(self._given[name])
        return given.reshape(-1)[0] if given.size == 1 else None


def _signal_arrays(call: Call, given: Mapping[str, Any]) -> dict[int, Any]:
    """Return the arrays whose true cells are signals, by kind."""
    if call.constructor == "from_orders":
        return {}
    if "signal_args" not in given:  # every array was given by name
        if (
            call.arguments.get("short_entries") is None
            and call.arguments.get("short_exits") is None
        ):
            return {_ENTRIES: given["entries"], _EXITS: given["exits"]}
        names = ("long_entries", "long_exits", "short_entries", "short_exits")
        return {kind: given[name] for kind, name in enumerate(names)}
    if "signal_func_nb" in call.arguments:
        return {}
    arrays = given["signal_args"]
    if len(arrays) == 3:
        given["direction"] = arrays[2]  # type: ignore[index]
        arrays = arrays[:2]
    return dict(enumerate(arrays))


def no_cells() -> Cells:
    """Return no signals."""
    places, words = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int8)
    return Cells(places, places, words, words, words.astype(bool), words.astype(bool))


def cells_of(call: Call, simulated: Simulated) -> Cells:
    """Return the signals of a call."""
    if call.constructor == "from_orders":
        return _orders(simulated)
    bars, columns, kinds = [], [], []
    for kind, array in simulated.signals.items():
        given = np.asarray(array)
        if given.ndim == 0 and not given:
            continue
        rows, places = np.nonzero(simulated.whole(given))
        bars.append(rows)
        columns.append(places)
        kinds.append(np.full(len(rows), kind, dtype=np.int8))
    if not bars:
        return no_cells()
    return _sorted(np.concatenate(bars), np.concatenate(columns), np.concatenate(kinds), simulated)


def _sorted(
    bars: NDArray[np.int64],
    columns: NDArray[np.int64],
    kinds: NDArray[np.int8],
    simulated: Simulated,
) -> Cells:
    order = np.argsort((bars * simulated.shape[1] + columns) * len(KINDS) + kinds, kind="stable")
    bars, columns, kinds = bars[order], columns[order], kinds[order]
    exits = (kinds == _EXITS) | (kinds == _SHORT_EXITS)
    sides = np.where((kinds == _ENTRIES) | (kinds == _SHORT_EXITS), 1, -1).astype(np.int8)
    if len(simulated.signals) == 2:  # the direction decides what entries and exits mean
        direction = simulated.at("direction", bars, columns)
        sides = np.where(direction == Direction.ShortOnly, -sides, sides).astype(np.int8)
        exits &= direction != Direction.Both
    mode = simulated.at("accumulate", bars, columns)
    takes = (mode == AccumulationMode.Both) | (mode == AccumulationMode.RemoveOnly)
    takes &= exits & np.isfinite(simulated.at("size", bars, columns))
    return Cells(bars, columns, kinds, sides, exits, takes)


def _orders(simulated: Simulated) -> Cells:
    """Return the orders that are wanted: a size, and not zero unless it is a target."""
    size = simulated.whole(simulated.array("size"))
    wanted = ~np.isnan(size)
    kind = simulated.whole(simulated.array("size_type"))
    wanted &= (size != 0) | np.isin(kind, _TARGETS)
    bars, columns = np.nonzero(wanted)
    sides = np.sign(size[bars, columns]).astype(np.int8)
    direction = simulated.at("direction", bars, columns)
    sides = np.where(direction == Direction.ShortOnly, -sides, sides).astype(np.int8)
    kinds = np.full(len(bars), _SIZE, dtype=np.int8)
    never = np.zeros(len(bars), dtype=bool)
    return Cells(bars, columns, kinds, sides, never, never)
