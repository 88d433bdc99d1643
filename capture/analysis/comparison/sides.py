"""One side of a comparison: the signals of a run with their intents, and where its data end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.store.regimes_at import has_regimes
from capture.store.signals_table import SIGNAL_COLUMNS, signals_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.store.recording import Recording

__all__ = [
    "NOWHERE",
    "ORDER",
    "Span",
    "numbers",
    "ordinals",
    "same_market",
    "side_of",
    "spans_of",
    "spans_of_both",
]

NOWHERE: Final = np.iinfo(np.int64).min
"""Stands for a number or a time that is not there."""

ORDER: Final = "order_"
"""Columns of a signal's orders start with this; those of its second order with `order2_`."""

_INTENT: Final = (
    "order_type",
    "side",
    "size",
    "size_kind",
    "limit_price",
    "stop_price",
    "trail",
    "stop_loss",
    "take_profit",
    "valid",
    "tag",
)
_MARKET: Final = "market_"

_MOST_ORDERS: Final = 4
"""So many orders of a signal are compared: a bracket has three."""


class Span(NamedTuple):
    """Which bars a run read of a symbol: the first and the last label, or number."""

    first: int
    last: int


def side_of(recording: Recording, *, market: bool) -> pa.Table:
    """Return the signals of a run in order, with what their orders say and their phase.

    Args:
        recording: the run.
        market: whether the market data of their bars are wanted too, where they are not stored
            with the signals.
    """
    names = None if market else _without_market(recording)
    table = signals_table(recording, names, ())
    if names is not None:
        table = _with_stored_market(recording, table)
    names = ["part", "signal_seq", "action", "phase", *_INTENT]
    orders = recording.table("orders", names)
    if not orders.num_rows or not table.num_rows:
        return table
    placed = orders.filter(
        pc.fill_null(
            pc.and_(pc.equal(orders["action"], "new"), orders["signal_seq"].is_valid()), False
        )
    )
    owner, ordinal = _owners(table, placed)
    for number in range(min(_MOST_ORDERS, int(ordinal.max(initial=-1)) + 1)):
        mine = np.flatnonzero((ordinal == number) & (owner >= 0))
        place = np.full(table.num_rows, -1)
        place[owner[mine]] = mine
        taken = pa.array(place, mask=place < 0)
        prefix = ORDER if number == 0 else f"order{number + 1}_"
        for name in _INTENT:
            column = placed.column(name).combine_chunks().take(taken)
            table = table.append_column(prefix + name.removeprefix(ORDER), column)
        if number == 0:
            table = table.append_column(
                "phase", placed.column("phase").combine_chunks().take(taken)
            )
    return table


def _owners(signals: pa.Table, orders: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return of each order the row of its signal, and which of the signal's orders it is."""
    width = (
        int(max(numbers(signals, "seq").max(), numbers(orders, "signal_seq").max(initial=0))) + 1
    )
    known = numbers(signals, "part") * width + numbers(signals, "seq")
    wanted = numbers(orders, "part") * width + numbers(orders, "signal_seq")
    order = np.argsort(known, kind="stable")
    place = np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)
    owner = np.where(known[order][place] == wanted, order[place], -1)
    return owner, ordinals(wanted)


def ordinals(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return of each row how many rows of its group come before it."""
    order = np.argsort(groups, kind="stable")
    ranked = groups[order]
    begins = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])) if len(ranked) else ranked
    lengths = np.diff(np.append(begins, len(ranked)))
    found = np.empty(len(groups), np.int64)
    found[order] = np.arange(len(ranked)) - np.repeat(begins, lengths)
    return found


def numbers(table: pa.Table, name: str) -> NDArray[np.int64]:
    """Return whole numbers, flags or times as 64-bit numbers, `NOWHERE` where there is none."""
    column = table.column(name)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ns", tz="UTC"))
    found: NDArray[np.int64] = pc.fill_null(column.cast(pa.int64()), NOWHERE).to_numpy()
    return found


def _without_market(recording: Recording) -> list[str] | None:
    """Return the names of all columns but those that are looked up in the base data."""
    if any(map(has_regimes, recording.parts)):
        return None
    names = dict.fromkeys(SIGNAL_COLUMNS)
    for part in recording.parts:
        names.update(
            dict.fromkeys(
                n for n in part.columns("signals") if not n.startswith(("segment", _MARKET))
            )
        )
        for segment in part.segments:
            names.update(dict.fromkeys(f"param_{name}" for name in segment["params"]))
        notes = part.scan("notes", ["name"])
        if notes.num_columns:
            named = pc.unique(notes.column("name")).to_pylist()
            names.update(dict.fromkeys(f"note_{name}" for name in named if name is not None))
    return list(names)


def _with_stored_market(recording: Recording, signals: pa.Table) -> pa.Table:
    """Return the signals with the market data that were stored with them."""
    columns = [n for part in recording.parts for n in part.columns("signals")]
    names = [n for n in dict.fromkeys(columns) if n.startswith(_MARKET)]
    if names:
        stored = recording.table("signals", names)
        for name in names:
            signals = signals.append_column(name, stored.column(name))
    return signals


def _refs(recording: Recording) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the base data of a run by symbol and timeframe."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for part in recording.parts:
        for ref in part.base:
            found.setdefault((str(ref["symbol"]), str(ref["timeframe"] or "")), ref)
    return found


def same_market(a: Recording, b: Recording) -> bool:
    """Say whether both runs read the same bars, so that their market data need no comparison."""
    return _marks(a) == _marks(b)


def _marks(recording: Recording) -> set[str]:
    return {ref["fingerprint"] for part in recording.parts for ref in part.base}


def spans_of(recording: Recording) -> dict[tuple[str, str], Span]:
    """Return which bars a run read, by symbol and timeframe; by number where they have no times."""
    return {key: _span(recording, ref) for key, ref in _refs(recording).items() if ref["rows"]}


def spans_of_both(
    a: Recording, b: Recording
) -> tuple[dict[tuple[str, str], Span], dict[tuple[str, str], Span]]:
    """Return which bars each of two runs read, where these are not the same bars."""
    mine, theirs = _refs(a), _refs(b)
    unlike = [
        key
        for key in mine.keys() & theirs.keys()
        if mine[key]["fingerprint"] != theirs[key]["fingerprint"]
        and mine[key]["rows"]
        and theirs[key]["rows"]
    ]
    return {k: _span(a, mine[k]) for k in unlike}, {k: _span(b, theirs[k]) for k in unlike}


def _span(recording: Recording, ref: dict[str, Any]) -> Span:
    bars = recording.store.base_data(ref["fingerprint"]).bars
    if "timestamp" not in bars.column_names or bars.column("timestamp").null_count:
        return Span(0, bars.num_rows - 1)
    labels = numbers(bars, "timestamp")
    return Span(int(labels.min()), int(labels.max()))
