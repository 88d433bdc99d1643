"""Frames in the form that other tools read: alphalens' factor data, quantstats' daily returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from capture.analysis.forward import HORIZONS, Entry, forward_returns
from capture.analysis.quality_forward import factor_of
from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.analysis.material import Material

__all__ = ["daily_returns", "factor_frame"]


def factor_frame(
    material: Material, *, horizons: Iterable[int] = HORIZONS, entry: Entry = "close"
) -> pd.DataFrame:
    """Return the signals as the factor data that alphalens works on.

    The index is (date, asset), the column `factor` has the strength with the sign of the direction,
    or the direction alone where no signal has a strength, and a column per horizon, such as "5D",
    has the market's return. Of several signals on one asset at one time the last is kept; signals
    without a direction, a bar or a return are left out.

    Args:
        material: signals and bars.
        horizons: in bars.
        entry: "close" as alphalens does, or "next_open".
    """
    forward = forward_returns(material, horizons, entry)
    _, factor = factor_of(material.signals, forward.direction)
    times = np.full(len(factor), np.iinfo(np.int64).min)
    assets = np.full(len(factor), "", dtype=object)
    for bars, rows, at in forward.placed:
        if len(bars.times_ns):
            times[rows] = bars.times_ns[at]
        assets[rows] = bars.symbol
    index = pd.MultiIndex.from_arrays(
        [pd.to_datetime(times, utc=True), assets], names=["date", "asset"]
    )
    step = _usual_step(forward.placed.series)
    columns = {
        _label(step * horizon): forward.market[number]
        for number, horizon in enumerate(forward.horizons)
    }
    frame = pd.DataFrame({**columns, "factor": factor}, index=index)
    known = (times != np.iinfo(np.int64).min) & (forward.direction != 0)
    frame = frame[known].dropna()
    last: pd.DataFrame = frame[~frame.index.duplicated(keep="last")].sort_index()
    return last


def daily_returns(
    material: Material,
    run_id: str | None = None,
    part: int | None = None,
    strategy_id: str | None = None,
    symbol: str | None = None,
) -> pd.Series[float]:
    """Return what an account earned each day, as quantstats and pyfolio read it.

    Days are those of UTC, without a time zone in the index. The return of the first day is that
    since the first value of the account, so that all of them compound to the whole.

    Args:
        material: recordings with one account, or with several of which one is chosen.
        run_id: which run.
        part: which part of it.
        strategy_id: which strategy.
        symbol: which account, where a strategy has one per symbol.
    """
    equity = material.table("equity", ["part", "strategy_id", "symbol", "timestamp", "equity"])
    chosen = {"run_id": run_id, "part": part, "strategy_id": strategy_id, "symbol": symbol}
    for name, wanted in chosen.items():
        if wanted is not None and name in equity:
            equity = equity[equity[name] == wanted]
        found = list(equity[name].unique()) if name in equity else []
        if len(found) > 1:
            options = ", ".join(map(str, found[:5]))
            raise ConfigError(name, wanted, f"there are several accounts; choose one of {options}")
    if equity.empty or equity["timestamp"].isna().any():
        raise ConfigError("equity", None, "needs a recording that has equity, with times")
    worth = equity["equity"]
    last = worth.groupby(equity["timestamp"].dt.tz_localize(None).dt.normalize()).last()
    returns = last / last.shift(1, fill_value=float(worth.iloc[0])) - 1
    returns.index.name = "date"
    return returns.rename("returns").astype(np.float64)


def _usual_step(series: Iterable[object]) -> pd.Timedelta:
    """Return the distance of two bars, which must be one for all series."""
    steps = set()
    for bars in series:
        times = getattr(bars, "times_ns", np.empty(0, np.int64))
        if len(times) > 1:
            steps.add(int(np.median(np.diff(times))))
    if len(steps) > 1:
        raise ConfigError("timeframe", len(steps), "choose signals on bars of one length")
    return pd.Timedelta(steps.pop() if steps else 0, unit="ns")


def _label(length: pd.Timedelta) -> str:
    """Return a length of time as alphalens names its columns: 5D, 3h, 1D2h30m."""
    parts = length.components
    units = (("D", parts.days), ("h", parts.hours), ("m", parts.minutes), ("s", parts.seconds))
    return "".join(f"{number}{unit}" for unit, number in units if number) or "0D"
