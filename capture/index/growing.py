"""A numpy array that grows at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GrowingArray"]

_FIRST_ROOM: Final = 16


class GrowingArray:
    """Values in one array with room behind them; an append is cheap on the average.

    An array that was handed in is shared, and copied before the first change.
    """

    __slots__ = ("_count", "_owned", "_room")

    def __init__(self, values: NDArray[Any]) -> None:
        """Begin with these values."""
        self._room = values
        self._count = len(values)
        self._owned = False

    def __len__(self) -> int:
        return self._count

    @property
    def values(self) -> NDArray[Any]:
        """What is there now, to be read only."""
        view = self._room[: self._count]
        view.flags.writeable = False
        return view

    def copy(self) -> GrowingArray:
        """Return an array of the same values that grows on its own."""
        return GrowingArray(self._room[: self._count].copy())

    def append(self, value: Any) -> None:
        """Add a value."""
        if self._count == len(self._room) or not self._owned:
            self._make_room(max(_FIRST_ROOM, 2 * self._count))
        self._room[self._count] = value
        self._count += 1

    def replace_last(self, value: Any) -> None:
        """Put a value in the place of the last one."""
        if not self._owned:
            self._make_room(max(_FIRST_ROOM, self._count))
        self._room[self._count - 1] = value

    def drop_last(self) -> None:
        """Remove the last value."""
        self._count -= 1

    def _make_room(self, size: int) -> None:
        room = np.empty(size, dtype=self._room.dtype)
        room[: self._count] = self._room[: self._count]
        self._room = room
        self._owned = True
