"""Which signal of one run is which of the other: by what it was about, never by its number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from capture.analysis.comparison.sides import NOWHERE, numbers, ordinals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from capture.analysis.comparison.sides import Span

__all__ = ["Alignment", "align", "joint_codes"]

_NAMES: Final = ("strategy_id", "symbol", "timeframe", "phase")


class Alignment(NamedTuple):
    """Which rows belong together.

    Attributes:
        a: rows of A that B has as well.
        b: the same signals' rows of B.
        only_a: rows that only A has.
        only_b: rows that only B has.
        beyond_a: rows of A at bars that B's data do not hold.
        beyond_b: rows of B at bars that A's data do not hold.
        times: time, or number of the bar, of each row of A, and of B.
        ordinals: which of its bar's signals each row of A is, and of B.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    only_a: NDArray[np.int64]
    only_b: NDArray[np.int64]
    beyond_a: NDArray[np.int64]
    beyond_b: NDArray[np.int64]
    times: tuple[NDArray[np.int64], NDArray[np.int64]]
    ordinals: tuple[NDArray[np.int64], NDArray[np.int64]]


def align(
    one: pa.Table,
    other: pa.Table,
    spans: tuple[Mapping[tuple[str, str], Span], Mapping[tuple[str, str], Span]],
) -> Alignment:
    """Align two runs by strategy, symbol, timeframe, bar time, phase and place within the bar."""
    count = one.num_rows
    group = np.zeros(count + other.num_rows, np.int64)
    for name in _NAMES:
        if name in one.column_names or name in other.column_names:
            codes = joint_codes(one, other, name)
            group = pd.factorize(group * (int(codes.max(initial=0)) + 2) + codes + 1)[0]
    time = np.concatenate([_times(one), _times(other)])
    instant = pd.factorize(time)[0]
    bar = group.astype(np.int64) * (int(instant.max(initial=0)) + 1) + instant
    ordinal = np.concatenate([ordinals(bar[:count]), ordinals(bar[count:])])
    outside = np.concatenate(
        [_beyond(one, time[:count], *spans), _beyond(other, time[count:], *spans)]
    )
    a, b = _matched(bar, ordinal, count)
    alone = np.ones(len(bar), bool)
    alone[a] = alone[b + count] = False
    within = ~outside
    matched = within[a] & within[b + count]
    alone_a, alone_b = alone[:count] & within[:count], alone[count:] & within[count:]
    return Alignment(
        a[matched],
        b[matched],
        np.flatnonzero(alone_a),
        np.flatnonzero(alone_b),
        np.flatnonzero(outside[:count]),
        np.flatnonzero(outside[count:]),
        (time[:count], time[count:]),
        (ordinal[:count], ordinal[count:]),
    )


def _matched(
    bar: NDArray[np.int64], ordinal: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of both sides that have the same bar and the same place in it."""
    if 2 * count == len(bar) and (bar[:count] == bar[count:]).all():
        return np.arange(count), np.arange(count)  # the common case: the same signals
    key = bar * (int(ordinal.max(initial=0)) + 1) + ordinal
    mine, theirs = key[:count], key[count:]
    by_mine, by_theirs = np.argsort(mine), np.argsort(theirs)
    place = np.searchsorted(theirs[by_theirs], mine[by_mine])
    place = np.minimum(place, max(len(theirs) - 1, 0))
    same = theirs[by_theirs][place] == mine[by_mine] if len(theirs) else np.zeros(count, bool)
    a = by_mine[same]
    b = by_theirs[place[same]] if len(theirs) else np.empty(0, np.int64)
    order = np.argsort(a)
    return a[order], b[order]


def _times(table: pa.Table) -> NDArray[np.int64]:
    """Return the times of rows; of bars that are only numbered, their numbers."""
    times = numbers(table, "timestamp")
    return np.where(times != NOWHERE, times, numbers(table, "bar_index"))


def _beyond(
    table: pa.Table,
    time: NDArray[np.int64],
    mine: Mapping[tuple[str, str], Span],
    theirs: Mapping[tuple[str, str], Span],
) -> NDArray[np.bool_]:
    """Say which rows lie at bars that only one of the runs has."""
    found = np.zeros(table.num_rows, bool)
    symbols, frames = (
        table.column(name).to_pandas().fillna("") for name in ("symbol", "timeframe")
    )
    for symbol, timeframe in mine.keys() & theirs.keys():
        one, other = mine[symbol, timeframe], theirs[symbol, timeframe]
        first, last = max(one.first, other.first), min(one.last, other.last)
        if (first, last) == (one.first, one.last) == (other.first, other.last):
            continue
        at = ((symbols == symbol) & ((frames == timeframe) | (frames == ""))).to_numpy()
        found |= at & ((time < first) | (time > last))
    return found


def joint_codes(one: pa.Table, other: pa.Table, name: str) -> NDArray[np.int64]:
    """Return the texts of a column of both tables as numbers, A's first; -1 where there is none."""
    chunks = []
    for table in (one, other):
        if name in table.column_names:
            chunks += table.column(name).cast(pa.string()).chunks
        else:
            chunks.append(pa.nulls(table.num_rows, pa.string()))
    coded = pa.chunked_array(chunks, pa.string()).dictionary_encode().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):  # nothing on either side
        return np.empty(0, np.int64)
    codes: NDArray[np.int64] = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return codes.astype(np.int64)
