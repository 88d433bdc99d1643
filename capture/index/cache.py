"""What was read lately, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from capture.index.group import SeriesGroup, SeriesKey

__all__ = ["GroupCache"]


class GroupCache:
    """Keeps the groups that were used last; safe to use from several threads.

    Attributes:
        most_bytes: how much it keeps; what is larger alone is not kept at all.
        hits: how often a group was there.
        misses: how often it was not.
    """

    def __init__(self, most_bytes: int) -> None:
        """Keep up to this many bytes."""
        self.most_bytes: Final = most_bytes
        self.hits = 0
        self.misses = 0
        self._groups: OrderedDict[SeriesKey, SeriesGroup] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    @property
    def nbytes(self) -> int:
        """How much is kept now."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._groups)

    def get(self, key: SeriesKey) -> SeriesGroup | None:
        """Return a group if it is there."""
        with self._lock:
            group = self._groups.get(key)
            if group is None:
                self.misses += 1
                return None
            self.hits += 1
            self._groups.move_to_end(key)
            return group

    def put(self, group: SeriesGroup) -> None:
        """Keep a group, and forget those that were not used for the longest time."""
        with self._lock:
            self._forget(group.key)
            if group.nbytes > self.most_bytes:
                return
            self._groups[group.key] = group
            self._bytes += group.nbytes
            while self._bytes > self.most_bytes:
                self._forget(next(iter(self._groups)))

    def forget(self, key: SeriesKey) -> None:
        """Do not keep a group any longer."""
        with self._lock:
            self._forget(key)

    def _forget(self, key: SeriesKey) -> None:
        group = self._groups.pop(key, None)
        if group is not None:
            self._bytes -= group.nbytes
