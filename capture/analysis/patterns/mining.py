"""Frequent itemsets: an Eclat on packed bits, depth first, eight rows to a byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]
    Wholes = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = ["Itemsets", "frequent_itemsets", "packed", "unpacked"]

_WORD_BITS: Final = 64


@dataclass(frozen=True, eq=False)
class Itemsets:
    """The itemsets that are frequent.

    Attributes:
        items: the numbers of the items of each, ascending.
        counts: in how many rows each is whole.
        rows: how many rows there are.
    """

    items: tuple[tuple[int, ...], ...]
    counts: Wholes
    rows: int

    def __len__(self) -> int:
        return len(self.items)


def frequent_itemsets(
    table: Flags,
    min_support: float,
    *,
    max_length: int | None = None,
    groups: Wholes | None = None,
) -> Itemsets:
    """Return every set of items that holds together in at least this share of the rows.

    Args:
        table: one row per observation, one column per item: whether it holds.
        min_support: share of the rows, above 0 and at most 1.
        max_length: the most items in a set; any number by default.
        groups: a number per item; two items of one group are never put together. Bins of one
            quantity exclude each other anyway, and need not be tried.
    """
    if not 0 < min_support <= 1:
        raise ConfigError("min_support", min_support, "give a share above 0 and at most 1")
    rows, columns = table.shape
    least = max(int(np.ceil(min_support * rows - 1e-9)), 1)
    bits = packed(table)
    counts = _ones(bits)
    there = np.flatnonzero(counts >= least)
    # The rarest first: their intersections are small, and the classes below them soon empty.
    there = there[np.argsort(counts[there], kind="stable")]
    kinds = np.arange(columns) if groups is None else groups
    longest = columns if max_length is None else max_length
    search = _Search(least, longest, kinds)
    search.below((), bits[there], counts[there], there)
    return Itemsets(tuple(search.items), np.array(search.counts, np.int64), rows)


def packed(table: Flags) -> Words:
    """Return the columns as rows of 64-bit words, a bit per row of the table."""
    octets = np.packbits(np.ascontiguousarray(table.T), axis=1)
    spare = -octets.shape[1] % (_WORD_BITS // 8)
    return np.pad(octets, ((0, 0), (0, spare))).view(np.uint64)


def unpacked(bits: Words, rows: int) -> NDArray[np.uint8]:
    """Return rows of words as zeros and ones."""
    return np.unpackbits(bits.view(np.uint8), axis=1, count=rows)


class _Search:
    """The walk through all sets; it collects those that are frequent."""

    def __init__(self, least: int, longest: int, groups: Wholes) -> None:
        self._least, self._longest, self._groups = least, longest, groups
        self.items: list[tuple[int, ...]] = []
        self.counts: list[int] = []

    def below(self, prefix: tuple[int, ...], bits: Words, counts: Wholes, items: Wholes) -> None:
        """Collect the sets of a class, all of which begin alike, and what grows from them."""
        for place, item in enumerate(items.tolist()):
            whole = (*prefix, item)
            self.items.append(tuple(sorted(whole)))
            self.counts.append(int(counts[place]))
            if len(whole) >= self._longest or place + 1 == len(items):
                continue
            others = items[place + 1 :]
            free = np.flatnonzero(self._groups[others] != self._groups[item]) + place + 1
            together = bits[free] & bits[place]
            found = _ones(together)
            kept = found >= self._least
            if kept.any():
                self.below(whole, together[kept], found[kept], items[free[kept]])


def _ones(bits: Words) -> Wholes:
    """Return how many bits are set in each row."""
    if _COUNTER is not None:
        found: Wholes = _COUNTER(bits).sum(axis=1, dtype=np.int64)
        return found
    counted: Wholes = _BITS_OF[bits.view(np.uint16)].sum(axis=1, dtype=np.int64)
    return counted


_COUNTER: Any = getattr(np, "bitwise_count", None)  # numpy 1.26 has none
_BITS_OF: Final = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)
