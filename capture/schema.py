"""The declared Arrow schema of every table, its version, and the history of versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DYNAMIC_PREFIXES",
    "SCHEMA_VERSION",
    "TABLES",
    "Column",
    "TableSchema",
    "conform",
    "lean",
    "unite",
]

SCHEMA_VERSION: Final = 1
# 1: first release

TIME: Final = pa.timestamp("ns", tz="UTC")
_TEXT: Final = pa.string()
_REAL: Final = pa.float64()
_WHOLE: Final = pa.int64()

DYNAMIC_PREFIXES: Final = ("market_", "indicator_", "portfolio_", "risk_", "limit_", "extra_")
"""Columns that a strategy or a host brings with it start with one of these words."""

DYNAMIC_TYPES: Final = (_REAL, _WHOLE, pa.bool_(), _TEXT)
"""The types that such a column may have."""


@dataclass(frozen=True)
class Column:
    """One declared column: its name, its type and what it says."""

    name: str
    type: pa.DataType
    doc: str


@dataclass(frozen=True)
class TableSchema:
    """One declared table; `dynamic` says whether columns may be added to the declared ones."""

    name: str
    columns: tuple[Column, ...]
    doc: str
    dynamic: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The declared column names, in order."""
        return tuple(column.name for column in self.columns)

    def arrow(self) -> pa.Schema:
        """Return the declared columns as an Arrow schema."""
        return pa.schema([pa.field(column.name, column.type) for column in self.columns])

    def type_of(self, name: str) -> pa.DataType | None:
        """Return the declared type of a column, or None if it is not declared."""
        return next((column.type for column in self.columns if column.name == name), None)


# Every event table starts with these.
_EVENT: Final = (
    Column("part", pa.int32(), "part of the run that wrote the row"),
    Column("seq", _WHOLE, "number of the event within its part; decides the order"),
    Column("strategy_id", _TEXT, "strategy the event belongs to"),
    Column("recorded_time", TIME, "when the recorder accepted the event"),
)
_BAR: Final = (
    Column("symbol", _TEXT, "instrument"),
    Column("timeframe", _TEXT, "length of a bar, such as 1d or 5min"),
    Column("bar_index", _WHOLE, "number of the bar in the base data"),
    Column("timestamp", TIME, "time of the event, as the host labels it"),
)
_SIGNAL_REF: Final = (
    Column("signal_id", _TEXT, "signal the row belongs to"),
    Column("signal_seq", _WHOLE, "sequence number of that signal"),
)

_ORDER_REF: Final = (
    Column("order_id", _TEXT, "order the row belongs to"),
    Column("order_seq", _WHOLE, "sequence number of that order"),
)


def _real(name: str, doc: str) -> Column:
    return Column(name, _REAL, doc)


def _text(name: str, doc: str) -> Column:
    return Column(name, _TEXT, doc)


SIGNALS: Final = TableSchema(
    "signals",
    (
        *_EVENT,
        *_BAR,
        _text("signal_id", "identity of the signal, unique in the store"),
        Column("available_time", TIME, "when the bar became known: its close"),
        Column("direction", pa.int8(), "sign of the change wanted; 0 is: go flat"),
        _real("strength", "how strong, if the strategy says so"),
        _text("signal_type", "entry, exit or adjustment"),
        _real("position_before", "position held when the signal was given"),
        _real("capital_available", "cash or buying power at that moment"),
        _real("spread", "ask less bid"),
        _real("liquidity_score", "as the caller measures it"),
        _text("regime", "state of the market as classified"),
        _real("regime_confidence", "how sure the classifier was"),
        _text("source_signal_id", "of a replayed signal: the one that was recorded first"),
        _text("references", "other bars the signal looked at, JSON: [[symbol, timeframe, bar]]"),
        Column("segment", pa.int32(), "schema segment: parameters and indicator metadata"),
        Column("schema_version", pa.int16(), "version of this schema"),
        Column("processing_ns", _WHOLE, "time the capture of this signal took"),
        Column("late_missing", pa.bool_(), "values that were to be gathered late were lost"),
    ),
    "one row per signal: the outermost intent of a strategy at one moment",
    dynamic=True,
)
ORDERS: Final = TableSchema(
    "orders",
    (
        *_EVENT,
        *_BAR,
        *_SIGNAL_REF,
        _text("order_id", "identity of the order within the part"),
        _text("action", "new, cancel or edit"),
        _text("call", "the host's own verb, such as buy or Trade.close"),
        _text("arguments", "the call's arguments as given, JSON"),
        Column("side", pa.int8(), "1 buys, -1 sells, 0 where the host decides"),
        _text("order_type", "market, limit, stop, stop_limit or trailing"),
        _real("size", "how much, in the unit of size_kind"),
        _text("size_kind", "units, fraction, portion, target, value or sizer"),
        _real("limit_price", "limit"),
        _real("stop_price", "stop"),
        _real("trail", "trailing distance"),
        _real("stop_loss", "stop-loss of the bracket"),
        _real("take_profit", "take-profit of the bracket"),
        _text("valid", "how long the order stands"),
        _text("parent_id", "order or trade this one hangs on"),
        _text("oco_id", "order that this one cancels"),
        _text("tag", "the user's tag"),
        _text("phase", "host callback in which the call was made"),
        Column("callback", _WHOLE, "running number of that callback"),
    ),
    "one row per order intent: placed, cancelled or edited",
    dynamic=True,
)
FILLS: Final = TableSchema(
    "fills",
    (
        *_EVENT,
        *_BAR,
        *_SIGNAL_REF,
        _text("fill_id", "identity of the fill within the part"),
        *_ORDER_REF,
        Column("side", pa.int8(), "1 bought, -1 sold"),
        _real("size", "units, without sign"),
        _real("price", "price per unit"),
        _real("commission", "cost of this fill"),
        _real("slippage", "paid beyond the expected price, per unit; negative is better"),
        Column("decision_bar", _WHOLE, "bar of the signal"),
        _real("expected_price", "close of that bar: the price the decision saw"),
        _real("position_after", "position after the fill"),
        Column("trade_number", _WHOLE, "trade that the fill opened, reduced or closed"),
        _text("effect", "open, reduce or close"),
    ),
    "one row per fill",
    dynamic=True,
)
STATUSES: Final = TableSchema(
    "statuses",
    (
        *_EVENT,
        *_BAR,
        *_SIGNAL_REF,
        *_ORDER_REF,
        _text("status", "a SignalStatus"),
        _text("reason", "why, in the vocabulary of reason codes"),
        _text("actor", "who decided: strategy, risk, sizer, broker, recorder"),
        _text("detail", "the host's own words"),
    ),
    "one row per change of a signal's status",
)
REGIMES: Final = TableSchema(
    "regimes",
    (
        *_EVENT,
        *_BAR,
        _text("classifier", "classifier that changed its mind"),
        _text("old", "state before"),
        _text("new", "state from this bar on"),
        _real("confidence", "how sure the classifier was"),
    ),
    "one row per change of regime",
)
BARS: Final = TableSchema(
    "bars",
    (
        *_EVENT,
        *_BAR,
        Column("available_time", TIME, "when the bar became known: its close"),
        _real("open", "first price"),
        _real("high", "highest price"),
        _real("low", "lowest price"),
        _real("close", "last price"),
        _real("volume", "units traded"),
        _real("vwap", "volume-weighted price"),
        _real("bid", "best bid at the close"),
        _real("ask", "best ask at the close"),
    ),
    "bars recorded one by one, where no base data could be stored at the start",
    dynamic=True,
)
NOTES: Final = TableSchema(
    "notes",
    (
        *_EVENT,
        *_BAR,
        *_SIGNAL_REF,
        _text("name", "name of the value"),
        _text("value", "the value, JSON"),
    ),
    "values that the user noted on a signal or on a bar",
)
EQUITY: Final = TableSchema(
    "equity",
    (
        *_EVENT,
        *_BAR,
        _real("equity", "worth of the account at the bar's close"),
        _real("cash", "cash at the bar's close"),
        _real("position", "position at the bar's close"),
    ),
    "one row per bar: what the account was worth",
)
TRADES: Final = TableSchema(
    "trades",
    (
        *_EVENT,
        Column("symbol", _TEXT, "instrument"),
        Column("trade_number", _WHOLE, "number of the trade within the part, as the host counts"),
        _real("size", "units; negative for a short trade"),
        Column("entry_bar", _WHOLE, "bar of the entry"),
        Column("exit_bar", _WHOLE, "bar of the exit; null while the trade is open"),
        Column("entry_time", TIME, "time of the entry"),
        Column("exit_time", TIME, "time of the exit"),
        _real("entry_price", "price of the entry"),
        _real("exit_price", "price of the exit"),
        _real("commission", "costs of entry and exit"),
        _real("profit", "profit or loss after costs"),
    ),
    "one row per trade, as the host accounts for it",
    dynamic=True,
)
QUARANTINE: Final = TableSchema(
    "quarantine",
    (
        *_EVENT,
        _text("kind", "table the event was meant for"),
        _text("field", "field that was wrong"),
        _text("problem", "what was wrong with it"),
        _text("payload", "the event as it was offered, JSON"),
    ),
    "events that could not be recorded as they were",
)

TABLES: Final = {
    table.name: table
    for table in (
        SIGNALS,
        ORDERS,
        FILLS,
        STATUSES,
        REGIMES,
        BARS,
        NOTES,
        EQUITY,
        TRADES,
        QUARANTINE,
    )
}
"""Every table of a part, by name."""


def unite(schemas: Iterator[pa.Schema] | list[pa.Schema]) -> pa.Schema:
    """Return the schema that holds every column of all; whole numbers give way to reals."""
    return pa.unify_schemas(list(schemas), promote_options="permissive")


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table with the schema's columns, in its order; absent ones are null."""
    if table.schema.equals(schema):
        return table
    columns = []
    for field in schema:
        place = table.schema.get_field_index(field.name)
        if place < 0:
            columns.append(pa.nulls(table.num_rows, field.type))
        else:
            column = table.column(place)
            columns.append(column if column.type == field.type else column.cast(field.type))
    return pa.table(columns, schema=schema)


def lean(table: str, rows: pa.Table) -> pa.Table:
    """Return the rows without declared columns that hold nothing, which every reader fills in."""
    declared = TABLES[table].names
    empty = [
        name
        for name in rows.column_names
        if name in declared and rows.column(name).null_count == rows.num_rows and name != "seq"
    ]
    return rows.drop_columns(empty) if empty else rows
