"""What the columns of a portfolio stand for: a strategy with its parameters, and an instrument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Columns", "columns_of"]

_UNNAMED: Final = "data"
_STRATEGY: Final = "vectorbt"
_SYMBOL_WORDS: Final = frozenset({"symbol", "symbols", "asset", "assets", "ticker", "tickers"})
_PRICE_WORDS: Final = frozenset({"open", "high", "low", "close", "price", "adj close"})


@dataclass(frozen=True)
class Columns:
    """The columns of a portfolio, in order.

    Attributes:
        strategies: the strategy of each.
        symbols: the instrument of each.
        params: the parameters of each.
    """

    strategies: Sequence[str]
    symbols: Sequence[str]
    params: Sequence[Mapping[str, Any]]

    def __len__(self) -> int:
        return len(self.symbols)

    def told_apart(self, close: NDArray[Any]) -> Columns:
        """Return the columns with numbers on symbols that stand for several series of prices."""
        symbols: list[str] = []
        holders: dict[str, int] = {}
        for column, said in enumerate(self.symbols):
            number, symbol = 1, said
            while symbol in holders and not _same(close[:, holders[symbol]], close[:, column]):
                number += 1
                symbol = f"{said}_{number}"
            holders.setdefault(symbol, column)
            symbols.append(symbol)
        return replace(self, symbols=symbols)


def columns_of(index: pd.Index[Any], close: Any, symbol: str | None) -> Columns:
    """Read the columns' labels.

    Args:
        index: the portfolio's columns.
        close: the prices as the user gave them: their columns are instruments.
        symbol: the instrument's name, where the columns do not say it.
    """
    levels = [index.get_level_values(i) for i in range(index.nlevels)]
    own = _symbol_level(levels, close)
    count = len(index)
    symbols = [symbol or _name_of(close)] * count
    if own is not None:
        symbols = [str(label) for label in levels[own]]
    names = _names(levels)
    used = [i for i in range(len(levels)) if i != own and (count > 1 or levels[i].name is not None)]
    params = [{names[i]: _plain(levels[i][column]) for i in used} for column in range(count)]
    strategies = [
        "_".join(f"{name}_{value}" for name, value in said.items()) or _STRATEGY for said in params
    ]
    return Columns(_told_apart(strategies, symbols), symbols, params)


def _names(levels: list[pd.Index[Any]]) -> list[str]:
    """Return a name for each level; one that is there twice is numbered."""
    said = ["column" if level.name is None else str(level.name) for level in levels]
    return [
        name if name not in said[:place] else f"{name}_{said[: place + 1].count(name)}"
        for place, name in enumerate(said)
    ]


def _symbol_level(levels: list[pd.Index[Any]], close: Any) -> int | None:
    for place, level in enumerate(levels):
        if str(level.name).lower() in _SYMBOL_WORDS:
            return place
    shape = np.shape(close)
    if len(shape) < 2:
        return None
    if not isinstance(close, pd.DataFrame):
        return 0 if len(levels) == 1 and shape[1] == len(levels[0]) else None
    if close.columns.nlevels > 1:
        return None
    for place in reversed(range(len(levels))):
        level = levels[place]
        if level.name == close.columns.name and set(level) <= set(close.columns):
            return place
    return None


def _name_of(close: Any) -> str:
    name = getattr(close, "name", None)
    if isinstance(close, pd.DataFrame) and close.shape[1] == 1:
        name = close.columns[0]
    symbol = getattr(close, "attrs", {}).get("symbol")
    if symbol is None and isinstance(name, str) and name.lower() not in _PRICE_WORDS:
        symbol = name
    return str(symbol or _UNNAMED)


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return bool(np.all((one == other) | ((one != one) & (other != other))))


def _told_apart(strategies: list[str], symbols: list[str]) -> list[str]:
    """Number the strategies of columns that are equal in strategy and instrument."""
    seen: dict[tuple[str, str], int] = {}
    apart = []
    for key in zip(strategies, symbols, strict=True):
        seen[key] = seen.get(key, 0) + 1
        apart.append(key[0] if seen[key] == 1 else f"{key[0]}_{seen[key]}")
    return apart
