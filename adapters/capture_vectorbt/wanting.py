"""Replaying what a strategy of any host wanted: positions, as signals on the recorded bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from capture.errors import NotReplayable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from capture.contracts.replay import ReplaySource, Target

__all__ = ["wanted"]

_NEXT_OPEN = "next_open"
"""The price of hosts that fill at the open of the bar after the signal's."""


def wanted(
    source: ReplaySource, changed: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[tuple[int, int, int], int]]:
    """Return arguments of `from_signals`, and which signals they repeat."""
    if not source.strategy_id:
        raise NotReplayable(
            source.run_id,
            "it holds several strategies",
            'name one: capture.replay(recording, mode="target", strategy=...)',
        )
    bars = source.bars()
    close = _frame(source, bars, "close")
    places = {symbol: place for place, symbol in enumerate(bars)}
    arrays = {
        name: np.zeros((len(close), len(places)), dtype=bool)
        for name in ("entries", "exits", "short_entries", "short_exits")
    }
    size = np.full((len(close), len(places)), np.nan)
    seqs: dict[tuple[int, int, int], int] = {}
    entering = []
    for target in source.targets:
        if target.bar_index is None or (target.direction and target.size_kind == "portion"):
            continue  # signals of this host leave a position whole, or not at all
        cell = (target.bar_index, places.get(target.symbol or "", 0))
        names = _names(target.direction)
        for name, array in arrays.items():
            array[cell] = name in names
        if target.signal_seq is not None:
            seqs[(*cell, -1)] = target.signal_seq
        if target.direction:
            entering.append(target)
            size[cell] = np.nan if target.size is None else abs(target.size)
    arguments: dict[str, Any] = {"close": close, "upon_opposite_entry": "reverse"}
    if _in_units(entering):
        arguments["size"] = _shaped(np.where(np.isnan(size), np.inf, size), close)
    arguments |= {name: _shaped(array, close) for name, array in arrays.items()}
    arguments |= dict(changed)
    price = arguments.get("price")
    if isinstance(price, str):
        arguments["price"] = _price(source, bars, price, close)
    return arguments, seqs


def _names(direction: int) -> tuple[str, ...]:
    if direction == 0:
        return ("exits", "short_exits")
    return ("entries",) if direction > 0 else ("short_entries",)


def _in_units(targets: list[Target]) -> bool:
    """Say whether every size is a number of units, which means the same in each host."""
    return bool(targets) and all(
        target.size_kind in {"units", "target"} and target.size for target in targets
    )


def _frame(source: ReplaySource, bars: Mapping[str, pa.Table], name: str) -> Any:
    if not bars or any(name not in table.column_names for table in bars.values()):
        raise NotReplayable(source.run_id, f"its bars have no {name}", "record it again")
    tables = list(bars.values())
    index = _index(source, tables[0])
    if any(not _index(source, table).equals(index) for table in tables[1:]):
        raise NotReplayable(
            source.run_id, "its symbols have bars at other times", "replay one: symbols=[...]"
        )
    columns = {symbol: table.column(name).to_numpy() for symbol, table in bars.items()}
    if len(columns) == 1:
        symbol = next(iter(columns))
        return pd.Series(columns[symbol], index=index, name=symbol)
    return pd.DataFrame(columns, index=index)


def _index(source: ReplaySource, table: pa.Table) -> pd.Index[Any]:
    if "timestamp" not in table.column_names or table.column("timestamp").null_count:
        return pd.RangeIndex(table.num_rows)
    times = pd.DatetimeIndex(table.column("timestamp").cast(pa.int64()).to_numpy())
    naive = "naive_timestamps_taken_for_utc" in source.flags
    return times if naive else times.tz_localize("UTC")


def _shaped(array: NDArray[Any], close: Any) -> NDArray[Any]:
    return array[:, 0] if close.ndim == 1 else array


def _price(source: ReplaySource, bars: Mapping[str, pa.Table], word: str, close: Any) -> Any:
    """Return the prices that a word stands for: close, open, or the next bar's open."""
    if word == _NEXT_OPEN:
        return _frame(source, bars, "open").shift(-1).fillna(close)
    return close if word == "close" else _frame(source, bars, word)
