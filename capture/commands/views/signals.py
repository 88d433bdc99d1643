"""Signals as a table of texts: the columns that tell most come first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import amounts, is_absent, moments, safe

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WANTS", "signals_table", "want"]

WANTS: Final = {1: "buy", -1: "sell", 0: "flat"}
DISPOSITION_STYLES: Final = {"executed": "green", "partially_filled": "green"}
_INDICATOR: Final = "indicator_"
_MOST_INDICATORS: Final = 6


def want(direction: Any) -> str:
    """Return a direction as a word."""
    return "" if is_absent(direction) else WANTS.get(int(direction), safe(direction))


def signals_table(signals: pd.DataFrame) -> Table:
    """Return the table of some signals; what all of them lack is left out."""

    def values(name: str) -> list[Any]:
        return list(signals[name]) if name in signals.columns else [None] * len(signals)

    def texts(name: str) -> list[str]:
        return ["" if is_absent(value) else safe(value) for value in values(name)]

    def differing(name: str) -> list[str]:
        cells = texts(name)
        return cells if len(set(cells)) > 1 else [""] * len(cells)

    def numbers(title: str, name: str, rank: int) -> Column:
        return Column(title, amounts(values(name)), right=True, rank=rank)

    return Table.of(
        Column("PART", differing("part"), right=True, rank=1),
        Column("SEQ", texts("seq"), right=True, style="dim"),
        Column("TIME (UTC)", moments(values("timestamp"))),
        Column("STRATEGY", differing("strategy_id"), rank=9),
        Column("SYMBOL", differing("symbol"), rank=2),
        Column("WANTS", [want(value) for value in values("direction")], style="bold"),
        Column("TYPE", texts("signal_type"), rank=8),
        numbers("STRENGTH", "strength", 4),
        numbers("CLOSE", "market_close", 4),
        numbers("HELD", "position_before", 7),
        *(
            numbers(safe(name.removeprefix(_INDICATOR)), name, 5 if place < 2 else 10 + place)
            for place, name in enumerate(_indicators(signals))
        ),
        Column("REGIME", texts("regime"), rank=6),
        Column("BECAME", texts("disposition"), rank=1),
        Column("WHY", texts("reason"), rank=3),
    )


def _indicators(signals: pd.DataFrame) -> list[str]:
    names = [name for name in map(str, signals.columns) if name.startswith(_INDICATOR)]
    return names[:_MOST_INDICATORS]
