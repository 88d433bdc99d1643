"""What a run knew where it differs from another: bar, market, position, signal and order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow.compute as pc

from capture.replaying.intents import ORDER_WORDS
from capture.store.bars_frame import bars_table
from capture.store.certificates import Context
from capture.store.records import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from capture.replaying.slices import Slice

__all__ = ["context_at"]

_SIGNAL: Final = (
    "seq",
    "signal_id",
    "source_signal_id",
    "symbol",
    "bar_index",
    "direction",
    "strength",
    "signal_type",
    "position_before",
    "capital_available",
)
_ORDER: Final = ("seq", "signal_seq", "symbol", "bar_index", *ORDER_WORDS)
_KEYS: Final = frozenset({"seq", "signal_seq", "symbol"})
"""What rows are found by, and what is not said of them once more."""

_MARKET: Final = frozenset({"part", "seq", "bar_index"})


def context_at(
    side: Slice, table: str, row: int, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> Context:
    """Return what one run knew at a row of a table.

    Args:
        side: the run, or one strategy of it.
        table: trades, fills or equity.
        row: number of the row; a run may end before it.
        columns: the columns that differ.
        rows: the row itself, or that of the other run where this one has none; one or no member.
    """
    [said] = rows or [{}]
    symbol, bar = said.get("symbol"), _bar_of(said, columns)
    order_seq, signal_seq = _named(side, table, row)
    order = _row(side.table("orders", _ORDER), symbol, bar, order_seq)
    if signal_seq is None and order is not None:
        signal_seq = order["signal_seq"]
    signal = _row(side.table("signals", _SIGNAL), symbol, bar, signal_seq)
    market, when = _market(side, symbol, bar)
    return Context(
        symbol=symbol,
        bar_index=bar,
        timestamp=when,
        bar=market,
        position=_position(side, symbol, bar),
        signal=_said(signal),
        order=_said(order),
    )


def _bar_of(said: Mapping[str, Any], columns: Sequence[str]) -> int | None:
    """Return the bar of a row; of a trade whose exit alone differs, that of the exit."""
    entries = {"symbol", "size", "entry_bar", "entry_price"}
    leaves = said.get("exit_bar") if entries.isdisjoint(columns) else None
    bar: int | None = said.get("bar_index", said.get("entry_bar") if leaves is None else leaves)
    return bar


def _named(side: Slice, table: str, row: int) -> tuple[int | None, int | None]:
    """Return the order and the signal that a fill names, by sequence number."""
    if table != "fills":
        return None, None
    found = side.table("fills", ["order_seq", "signal_seq"]).slice(row, 1).to_pylist()
    return (found[0].get("order_seq"), found[0].get("signal_seq")) if found else (None, None)


def _row(
    rows: pa.Table, symbol: str | None, bar: int | None, seq: int | None
) -> dict[str, Any] | None:
    """Return the row with this sequence number, or else the last one of the symbol up to a bar."""
    if seq is not None:
        rows = rows.filter(pc.equal(rows.column("seq"), seq))
    else:
        if symbol is not None:
            rows = rows.filter(pc.equal(rows.column("symbol"), symbol))
        if bar is not None:
            rows = rows.filter(pc.less_equal(rows.column("bar_index"), bar))
    last: list[dict[str, Any]] = rows.slice(max(rows.num_rows - 1, 0)).to_pylist()
    return last[0] if last else None


def _said(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what a row says, without what it does not."""
    if row is None:
        return None
    return {k: v for k, v in row.items() if k not in _KEYS and v is not None and v == v}


def _position(side: Slice, symbol: str | None, bar: int | None) -> float | None:
    """Return the position after the last fill before a bar; None where no fill says it."""
    rows = side.table("fills", ["symbol", "bar_index", "position_after"])
    if bar is None or "position_after" not in rows.column_names:
        return None
    last = _row(rows, symbol, bar - 1, None)
    if last is None:
        return 0.0 if rows.num_rows else None
    held = last["position_after"]
    return None if held is None else float(held)


def _market(
    side: Slice, symbol: str | None, bar: int | None
) -> tuple[dict[str, float | None], str | None]:
    """Return prices and time of a bar, of what bars the run kept."""
    rows = bars_table(side.recording)
    if bar is None or not rows.num_rows:
        return {}, None
    found = rows.filter(pc.equal(rows.column("bar_index"), bar))
    if symbol is not None:
        found = found.filter(pc.equal(found.column("symbol"), symbol))
    if not found.num_rows:
        return {}, None
    values = found.slice(0, 1).to_pylist()[0]
    market: dict[str, float | None] = {
        name: value
        for name, value in values.items()
        if isinstance(value, (int, float)) and name not in _MARKET
    }
    when = values.get("timestamp")
    return market, None if when is None else str(plain(when))
