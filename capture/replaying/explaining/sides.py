"""One of two runs as it is explained: its bars, rules, orders, and fills as legs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from capture.host import get_host
from capture.replaying.slices import segment_of, strategies_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from capture.contracts.fill_rules import FillRules
    from capture.replaying.slices import Slice

__all__ = ["Bars", "Key", "Leg", "Side", "order_like"]

Key = tuple[str | None, int | None, bool, bool]
"""Symbol, bar of the decision, whether it closes, and whether a price was waited for."""

_FILLS: Final = (
    "seq", "symbol", "bar_index", "timestamp", "signal_seq", "order_seq", "side", "size", "price",
    "commission", "decision_bar", "position_after",
)  # fmt: skip
_ORDERS: Final = (
    "seq", "symbol", "bar_index", "signal_seq", "action", "side", "order_type", "size",
    "size_kind", "limit_price", "stop_price", "trail", "stop_loss", "take_profit", "parent_id",
)  # fmt: skip
_NOISE: Final = 1e-9
"""What sums of fractional units may leave of a position that is closed, as a part of it."""


@dataclass
class Leg:
    """What a fill, or several of one decision at one price, opens or closes.

    A fill that turns a position is two legs.

    Attributes:
        symbol: instrument.
        decision: bar of the signal; None of an exit that no signal asked for.
        bar: bar of the fill.
        units: with their sign.
        price: per unit.
        commission: its share of the cost.
        closes: whether it closes a position.
        waited: whether it was filled because a price came, and not at once.
        order: the order behind it, if it is known.
        before: position before it.
        cost: what that position was opened for.
        cash: cash before it.
        recorded: units, price and commission of the fills that it is of, as they were recorded.
        opened_by: of a leg that closes, the leg that opened the position.
        half: the other leg of an order that turned the position.
    """

    symbol: str | None
    decision: int | None
    bar: int
    units: float
    price: float
    commission: float
    closes: bool
    waited: bool
    order: Mapping[str, Any] | None
    before: float
    cost: float
    cash: float
    recorded: list[tuple[float, float, float]]
    opened_by: Leg | None = None
    half: Leg | None = field(default=None, repr=False)

    @property
    def key(self) -> Key:
        """What it is found by on the other side."""
        decision = self.decision
        if decision is None or self.waited:
            decision = self.opened_by.decision if self.opened_by is not None else decision
        return self.symbol, decision, self.closes, self.waited

    @property
    def side(self) -> int:
        """1 buys, -1 sells."""
        return 1 if self.units > 0 else -1


class Bars:
    """The bars of one symbol, as arrays."""

    def __init__(self, table: pa.Table) -> None:
        """Take what was stored."""
        self.columns: dict[str, NDArray[Any]] = {
            name: table.column(name).to_numpy()
            for name in table.column_names
            if pa.types.is_floating(table.schema.field(name).type)
            or pa.types.is_integer(table.schema.field(name).type)
        }
        self.times: NDArray[np.int64] | None = None
        if "timestamp" in table.column_names and not table.column("timestamp").null_count:
            self.times = table.column("timestamp").cast(pa.int64()).to_numpy()
        self.rows = table.num_rows

    def at(self, bar: int) -> dict[str, float]:
        """Return the prices of a bar by name; nothing if there is no such bar."""
        if not 0 <= bar < self.rows:
            return {}
        return {name: float(column[bar]) for name, column in self.columns.items()}

    def close(self, bar: int) -> float:
        """Return the close of a bar."""
        return self.at(bar).get("close", float("nan"))


@dataclass
class Side:
    """One run, or one strategy of it.

    Attributes:
        of: the run, and which strategy.
        names: what this run calls a symbol, and what the original does.
        decisions: of a replay, the bar and symbol of each signal of the original by its identity.
    """

    of: Slice
    names: Mapping[str, str] = field(default_factory=dict)
    decisions: Mapping[str, tuple[str | None, int | None]] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The backtester."""
        return str(self.of.recording.manifest["host"])

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its settings."""
        settings: Mapping[str, Any] = self.of.recording.manifest["settings"]
        return settings

    @cached_property
    def rules(self) -> FillRules | None:
        """How its backtester fills orders; None if nobody knows."""
        info = get_host().adapters().get(self.host)
        rules: FillRules | None = None
        if info is not None and info.rules is not None:
            rules = info.rules(self.settings)
        return rules

    @cached_property
    def part(self) -> int:
        """The part that holds the strategy."""
        recording = self.of.recording
        strategy = self.of.strategy_id or min(strategies_of(recording), default=None)
        return 0 if strategy is None else int(segment_of(recording, strategy)["part"])

    @cached_property
    def bars(self) -> dict[str | None, Bars]:
        """The bars by symbol, each symbol in its finest series."""
        store, found = self.of.recording.store, dict[str | None, Bars]()
        part = next((p for p in self.of.recording.parts if p.number == self.part), None)
        for ref in () if part is None else part.base:
            bars, name = Bars(store.base_data(ref["fingerprint"]).bars), self.name(ref["symbol"])
            if name not in found or bars.rows > found[name].rows:
                found[name] = bars
        return found

    def name(self, symbol: str | None) -> str | None:
        """Return what the original calls a symbol."""
        return symbol if symbol is None else self.names.get(symbol, symbol)

    @cached_property
    def orders(self) -> dict[int, dict[str, Any]]:
        """The orders by sequence number."""
        rows = self.of.table("orders", _ORDERS).to_pylist()
        return {row["seq"]: row for row in rows}

    @cached_property
    def signals(self) -> dict[int, tuple[str | None, int | None]]:
        """Symbol and bar of the decision that each signal belongs to."""
        columns = ("seq", "symbol", "bar_index", "source_signal_id")
        return {
            row["seq"]: self.decisions.get(
                row.get("source_signal_id") or "", (self.name(row["symbol"]), row["bar_index"])
            )
            for row in self.of.table("signals", columns).to_pylist()
        }

    @cached_property
    def reasons(self) -> dict[tuple[str | None, int | None], list[tuple[str, str]]]:
        """Status and reason of what became of the signals of each decision."""
        found: dict[tuple[str | None, int | None], list[tuple[str, str]]] = {}
        for row in self.of.table("statuses", ("signal_seq", "status", "reason")).to_pylist():
            decision = self.signals.get(row["signal_seq"])
            if decision is not None and row["reason"] is not None:
                found.setdefault(decision, []).append((row["status"], row["reason"]))
        return found

    def orders_of(self, decision: tuple[str | None, int | None]) -> list[dict[str, Any]]:
        """Return the new orders of a decision."""
        return self._by_decision.get(decision, [])

    @cached_property
    def _by_decision(self) -> dict[tuple[str | None, int | None], list[dict[str, Any]]]:
        found: dict[tuple[str | None, int | None], list[dict[str, Any]]] = {}
        for row in self.orders.values():
            decision = self.signals.get(row["signal_seq"])
            if decision is not None and row["action"] == "new":
                found.setdefault(decision, []).append(row)
        return found

    # --- fills -------------------------------------------------------------------------------

    @cached_property
    def legs(self) -> list[Leg]:
        """What the fills open and close, in order."""
        made: list[Leg] = []
        cash = float(self.rules.cash) if self.rules and self.rules.cash is not None else np.nan
        held: dict[str | None, float] = {}
        costs: dict[str | None, float] = {}
        opener: dict[str | None, Leg | None] = {}
        for row in self.of.table("fills", _FILLS).to_pylist():
            symbol = self.name(row["symbol"])
            before = held.get(symbol, 0.0)
            units = row["side"] * row["size"]
            commission = row.get("commission") or 0.0
            for part, closes in _split(before, units):
                share = commission * (part / units)
                cost = costs.get(symbol, 0.0)
                leg = self._leg(row, symbol, part, share, closes, before, cost, cash)
                if closes:
                    leg.opened_by = opener.get(symbol)
                cash = cash - part * leg.price - share
                costs[symbol] = cost + (cost * part / before if closes else part * leg.price)
                before += part
                if abs(before) <= _NOISE * abs(part):
                    before = costs[symbol] = 0.0
                last = made[-1] if made else None
                if last is not None and _same(last, leg):
                    last.units += leg.units
                    last.commission += leg.commission
                    last.recorded += leg.recorded
                else:
                    made.append(leg)
                    _halve(last, leg)
                if not closes:
                    opener[symbol] = made[-1] if opener.get(symbol) is None else opener[symbol]
                elif before == 0.0:
                    opener[symbol] = None
            held[symbol] = before
        return made

    def _leg(
        self,
        row: Mapping[str, Any],
        symbol: str | None,
        units: float,
        commission: float,
        closes: bool,
        before: float,
        cost: float,
        cash: float,
    ) -> Leg:
        order = None if row.get("order_seq") is None else self.orders.get(row["order_seq"])
        decision = None
        if row.get("decision_bar") is not None:
            named = (
                self.signals.get(row["signal_seq"]) if row.get("signal_seq") is not None else None
            )
            decision = row["decision_bar"] if named is None else named[1]
        protects = row.get("decision_bar") is None and row.get("signal_seq") is not None
        waited = order is not None and not protects and order_like(order)
        return Leg(
            symbol,
            decision,
            row["bar_index"],
            units,
            row["price"],
            commission,
            closes,
            closes and (protects or waited),
            order,
            before,
            cost,
            cash,
            [(row["size"], row["price"], row.get("commission") or 0.0)],
        )


def order_like(order: Mapping[str, Any]) -> bool:
    """Say whether an order waits for a price, or hangs on another one."""
    return order["order_type"] not in {None, "market"} or bool(order.get("parent_id"))


def _split(before: float, units: float) -> Sequence[tuple[float, bool]]:
    """Return what closes a position, and what opens one."""
    if before * units >= 0:
        return [(units, False)]
    if abs(units) <= abs(before) * (1 + _NOISE):
        return [(units, True)]
    return [(-before, True), (units + before, False)]


def _halve(last: Leg | None, leg: Leg) -> None:
    """Take note of two legs that one order came to at once: it left a position and entered one."""
    if last is None or not last.closes or leg.closes or leg.order is None:
        return
    if (last.order is leg.order) and (last.bar, last.price) == (leg.bar, leg.price):
        last.half, leg.half = leg, last


def _same(one: Leg, other: Leg) -> bool:
    return (
        one.symbol == other.symbol
        and one.bar == other.bar
        and one.price == other.price
        and one.key == other.key
    )
