"""How `capture show --signal` draws a signal: the verdict, its fate, then its context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import amount, amounts, is_absent, moment, safe
from capture.commands.views.signals import want

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.commands.terminal.screen import Screen

__all__ = ["draw"]

_GROUPS: Final = {
    "market_": "Market",
    "indicator_": "Indicators",
    "portfolio_": "Portfolio",
    "risk_": "Risk",
    "limit_": "Limits",
    "param_": "Parameters",
    "note_": "Notes",
    "extra_": "More",
}
_TIMES: Final = ("timestamp", "available_time", "recorded_time")
_ASIDE: Final = ("schema_version", "segment", "late_missing", "disposition", "reason")
# What each table tells of a signal: its columns, with the most important first.
_FOLLOWED: Final = {
    "statuses": ("seq", "status", "reason", "actor", "detail", "order_id", "bar_index"),
    "orders": (
        "seq",
        "action",
        "call",
        "side",
        "order_type",
        "size",
        "size_kind",
        "limit_price",
        "stop_price",
        "stop_loss",
        "take_profit",
        "trail",
        "valid",
        "tag",
        "order_id",
    ),
    "fills": (
        "seq",
        "timestamp",
        "side",
        "size",
        "price",
        "commission",
        "slippage",
        "position_after",
        "effect",
        "order_id",
        "fill_id",
    ),
    "notes": ("seq", "name", "value"),
}


def draw(found: Mapping[str, Any], screen: Screen) -> None:
    """Draw a signal with its context and its fate."""
    signal = found["signal"]
    screen.text(f"Signal {safe(signal['signal_id'])}", "bold")
    verdict = safe(found["verdict"])
    colour = "green" if verdict.startswith("it traded") else "yellow"
    screen.text(f"{verdict[:1].upper()}{verdict[1:]}.", colour)
    for table, names in _FOLLOWED.items():
        if found[table]:
            screen.heading(table.capitalize())
            screen.table(_table(found[table], names))
    screen.heading("Signal")
    screen.facts(_own(signal))
    for prefix, title in _GROUPS.items():
        said = {
            safe(name.removeprefix(prefix)): amount(value)
            for name, value in signal.items()
            if name.startswith(prefix) and not is_absent(value)
        }
        if said:
            screen.heading(title)
            screen.facts(said)


def _own(signal: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns that every signal has."""
    own = {
        name: value
        for name, value in signal.items()
        if not name.startswith(tuple(_GROUPS)) and name not in _ASIDE and not is_absent(value)
    }
    shown = {name: amount(value) for name, value in own.items()}
    shown |= {name: moment(own[name]) for name in _TIMES if name in own}
    shown["direction"] = f"{amount(signal['direction'])} ({want(signal['direction'])})"
    return shown


def _table(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Table:
    columns = []
    for place, name in enumerate(names):
        values = [row.get(name) for row in rows]
        if name == "side":
            cells = [want(value) for value in values]
        elif name in _TIMES:
            cells = [moment(value) for value in values]
        else:
            cells = amounts(values)
        number = all(is_absent(v) or isinstance(v, (int, float)) for v in values)
        heading = name.replace("_", " ").upper()
        columns.append(Column(heading, cells, right=number and name != "side", rank=place))
    return Table.of(*columns)
