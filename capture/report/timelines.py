"""One strategy on one symbol over time: price, signals, regimes, equity, drawdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from capture.analysis.forward import directions_of
from capture.analysis.quality_forward import REFUSED, TAKEN
from capture.report.accounts import account_of, fall_of
from capture.report.axis import Axis
from capture.report.model import Marks, Side, Timeline
from capture.report.ribbons import ribbons_of
from capture.report.thinning import curve, even

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from capture.analysis.material import Material

    Reals = NDArray[np.float64]
    Wholes = NDArray[np.int64]

__all__ = ["sides_of", "timelines_of"]

MOST_TIMELINES: Final = 6
_POINTS: Final = 6_000
"""Of all curves of one kind together: about two per pixel on a wide screen, times three."""
_MARKS: Final = 12_000
_KEYS: Final = ["part", "strategy_id", "symbol", "timeframe"]


class _Key(NamedTuple):
    part: int
    strategy_id: str
    symbol: str
    timeframe: str


def sides_of(signals: pd.DataFrame) -> NDArray[np.object_]:
    """Return what became of each signal, in three words."""
    found = np.full(len(signals), Side.OPEN, dtype=object)
    if "disposition" in signals:
        for side, words in ((Side.TAKEN, TAKEN), (Side.REFUSED, REFUSED)):
            found[signals["disposition"].isin([str(one) for one in words]).to_numpy()] = side
    return found


def timelines_of(material: Material, best: Sequence[int] = ()) -> tuple[tuple[Timeline, ...], int]:
    """Return a timeline per strategy and symbol, and how many more there are.

    Args:
        material: the signals of one recording.
        best: numbers of the parts to show first; then those with most signals.
    """
    groups = _groups(material.signals)
    rank = {part: place for place, part in enumerate(best)}
    groups.sort(key=lambda one: (rank.get(one[0].part, len(rank)), -len(one[1])))
    shown = groups[:MOST_TIMELINES]
    if not shown:
        return (), 0
    tables = _Tables(material)
    share = _Shares(_POINTS // len(shown), _MARKS // len(shown))
    several = len({key.part for key, _ in groups}) > 1
    made = tuple(_timeline(material, tables, key, rows, share, several) for key, rows in shown)
    return made, len(groups) - len(shown)


class _Shares(NamedTuple):
    points: int
    marks: int


class _Tables:
    """The other tables of the run, read once."""

    def __init__(self, material: Material) -> None:
        columns = ["part", "strategy_id", "symbol", "bar_index", "timestamp", "equity", "position"]
        self.equity = material.table("equity", columns)
        columns = ["part", "symbol", "bar_index", "timestamp", "classifier", "new"]
        self.regimes = material.table("regimes", columns)


def _groups(signals: pd.DataFrame) -> list[tuple[_Key, Wholes]]:
    if signals.empty:
        return []
    keys = pd.DataFrame({name: signals.get(name, "") for name in _KEYS}, index=signals.index)
    keys["part"] = keys["part"].fillna(0).astype(int)
    for name in _KEYS[1:]:
        keys[name] = keys[name].astype(object).where(keys[name].notna(), "").astype(str)
    found = keys.groupby(_KEYS, sort=True).indices
    return [(_Key(*key), np.asarray(rows)) for key, rows in found.items()]  # type: ignore[misc]


def _timeline(
    material: Material,
    tables: _Tables,
    key: _Key,
    rows: Wholes,
    share: _Shares,
    several: bool,
) -> Timeline:
    signals = material.signals.iloc[rows]
    run_id = str(signals["run_id"].iloc[0])
    found = material.bars_of(run_id, key.symbol, key.timeframe or None)
    bars = None if found is None else found[1]
    axis = Axis(bars, signals)
    x, y = axis.of_signals(signals)
    price = None
    if bars is not None and "close" in bars.columns:
        price = curve(axis.bars, bars["close"], share.points)
    equity, account = account_of(_of(tables.equity, key), axis)
    name = f"{key.strategy_id} on {key.symbol}" if key.symbol else key.strategy_id
    return Timeline(
        name=f"{name} (part {key.part})" if several else name,
        timed=axis.timed,
        price=price,
        marks=tuple(_marks(signals, x, y, share.marks)),
        ribbons=tuple(ribbons_of(tables.regimes, key.part, key.symbol, axis, signals, x)),
        equity=None if equity is None else curve(*equity, share.points),
        drawdown=None if equity is None else curve(equity[0], fall_of(equity[1]), share.points),
        account=account,
        signals=len(rows),
        unplaced=int((~np.isfinite(x) | ~np.isfinite(y)).sum()),
    )


def _marks(signals: pd.DataFrame, x: Reals, y: Reals, most: int) -> Iterator[Marks]:
    sides, signs = sides_of(signals), directions_of(signals)
    reasons = _reasons(signals)
    seqs = signals["seq"].to_numpy(np.int64, na_value=-1) if "seq" in signals else None
    drawn = np.isfinite(x) & np.isfinite(y)
    for side in Side:
        for direction in (1, -1, 0):
            mine = np.flatnonzero((sides == side) & (signs == direction) & drawn)
            if not len(mine):
                continue
            kept = mine[even(len(mine), max(1, most * len(mine) // max(int(drawn.sum()), 1)))]
            codes, names = pd.factorize(reasons[kept])
            numbers = kept if seqs is None else seqs[kept]
            told = tuple(map(str, names))
            yield Marks(side, direction, x[kept], y[kept], numbers, codes, told, len(mine))


def _reasons(signals: pd.DataFrame) -> NDArray[np.object_]:
    said = [
        signals[name].fillna("").astype(str).to_numpy(dtype=object)
        if name in signals
        else np.full(len(signals), "", dtype=object)
        for name in ("disposition", "reason")
    ]
    pairs = zip(*said, strict=True)
    found = np.empty(len(signals), dtype=object)
    found[:] = [f"{what}: {why}" if why else what or "nothing known" for what, why in pairs]
    return found


def _of(equity: pd.DataFrame, key: _Key) -> pd.DataFrame:
    """Return the account of a strategy: that on the symbol, or the only one."""
    if equity.empty:
        return equity
    mine = equity[(equity["part"] == key.part) & (equity["strategy_id"] == key.strategy_id)]
    of_symbol = mine[mine["symbol"] == key.symbol]
    if not of_symbol.empty:
        return of_symbol
    return mine if mine["symbol"].nunique(dropna=False) == 1 else mine.head(0)
