"""How often signals come, and how much was traded on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from capture.analysis.quality_counts import Activity, ActivityRow, Frequency, FrequencyRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from capture.analysis.material import Bars, Material

    Wholes = NDArray[np.int64]

__all__ = ["activity_of", "frequency_of"]

_DAY_NS: Final = 86_400 * 10**9
_STRATEGY: Final = ["run_id", "part", "strategy_id"]


def frequency_of(material: Material) -> tuple[Frequency, float]:
    """Return how often signals come, by symbol, and the number of signals per day over all."""
    signals = material.signals
    symbols = signals["symbol"] if "symbol" in signals else pd.Series("", index=signals.index)
    symbols = symbols.fillna("").astype(str)
    series: dict[str, list[Bars]] = {}
    for key, bars in material.bars.items():
        series.setdefault(key.symbol, []).append(bars)
    counts, every = symbols.value_counts(), []
    rows = []
    for symbol in sorted(counts.index):
        days, bars_seen = _days_of(_unique(series.get(symbol, ())), material.asked)
        if not len(days):
            days = _days_between(signals[(symbols == symbol).to_numpy()])
        every.append(days)
        number = int(counts[symbol])
        per_bar = number / bars_seen if bars_seen else np.nan
        rows.append(
            FrequencyRow(symbol, number, bars_seen, len(days), _over(number, len(days)), per_bar)
        )
    whole = np.unique(np.concatenate(every)) if every else np.empty(0, np.int64)
    return Frequency(tuple(rows)), _over(len(signals), len(whole), 0.0)


def activity_of(material: Material) -> Activity:
    """Return turnover and time in the market of each account, from its equity and its fills."""
    if not material.recordings:
        return Activity(())
    columns = ["part", "strategy_id", "symbol", "timestamp", "equity", "position"]
    equity = material.table("equity", columns)
    if equity.empty:
        return Activity(())
    every: list[tuple[Any, pd.DataFrame]] = list(
        equity.groupby([*_STRATEGY, "symbol"], sort=True, dropna=False)
    )
    traded = _Traded(material.table("fills", ["part", "strategy_id", "symbol", "size", "price"]))
    symbols: dict[tuple[Any, ...], set[str]] = {}
    for account, _ in every:
        symbols.setdefault(account[:3], set()).add(account[3])
    return Activity(
        tuple(
            _activity(account, mine, traded.of(account, symbols[account[:3]]))
            for account, mine in every
        )
    )


class _Traded:
    """How many fills there are, and what they were worth, by strategy and by symbol."""

    def __init__(self, fills: pd.DataFrame) -> None:
        self._found: dict[Any, tuple[int, float]] = {}
        self._symbols: dict[Any, set[str]] = {}
        if fills.empty:
            return
        value = fills["size"].abs() * fills["price"]
        for names in (_STRATEGY, [*_STRATEGY, "symbol"]):
            grouped = value.groupby([fills[name] for name in names], dropna=False)
            for key, mine in grouped.agg(["size", "sum"]).iterrows():
                self._found[key] = int(mine["size"]), float(mine["sum"])
        for *strategy, symbol in (key for key in self._found if len(key) > len(_STRATEGY)):
            self._symbols.setdefault(tuple(strategy), set()).add(symbol)

    def of(self, account: tuple[Any, ...], accounts: set[str]) -> tuple[int, float]:
        """Return those of an account: of its strategy, if that has no other, else of its symbol.

        They are not known where accounts hold several symbols each, under names of their own.
        """
        strategy = account[:3]
        if len(accounts) == 1:
            return self._found.get(strategy, (0, 0.0))
        if not self._symbols.get(strategy, set()) <= accounts:
            return 0, np.nan
        return self._found.get(account, (0, 0.0))


def _activity(
    account: tuple[Any, ...], equity: pd.DataFrame, traded: tuple[int, float]
) -> ActivityRow:
    position = equity["position"].to_numpy(np.float64, na_value=np.nan)
    position = position[np.isfinite(position)]
    some = len(position) > 0
    fills, value = traded
    worth = float(equity["equity"].to_numpy(np.float64, na_value=np.nan).mean())
    turnover = value / worth if worth > 0 else np.nan
    days = equity["timestamp"].dropna().dt.floor("D").nunique()
    return ActivityRow(
        run_id=str(account[0]),
        part=int(account[1]),
        strategy_id=str(account[2]),
        symbol=str(account[3]),
        bars=len(equity),
        time_in_market=float((position != 0).mean()) if some else np.nan,
        long_share=float((position > 0).mean()) if some else np.nan,
        short_share=float((position < 0).mean()) if some else np.nan,
        fills=fills,
        traded_value=value,
        turnover=turnover,
        turnover_per_day=_over(turnover, days),
    )


def _unique(series: Iterable[Bars]) -> list[Bars]:
    return list({id(one): one for one in series}.values())


def _days_of(series: list[Bars], asked: Mapping[str, Any]) -> tuple[Wholes, int]:
    """Return the days on which there are bars in the time that was asked for, and their number."""
    first, last = _bound(asked.get("start")), _bound(asked.get("end"))
    pieces, count = [np.empty(0, np.int64)], 0
    for bars in series:
        times = bars.times_ns
        if not len(times):
            count += len(bars)
            continue
        if first is not None:
            times = times[times >= first]
        if last is not None:
            times = times[times <= last]
        days = times // _DAY_NS
        new = np.concatenate(([True], days[1:] != days[:-1])) if len(days) else np.empty(0, bool)
        pieces.append(days[new])
        count += len(times)
    return np.unique(np.concatenate(pieces)), count


def _days_between(signals: pd.DataFrame) -> Wholes:
    if "timestamp" not in signals:
        return np.empty(0, np.int64)
    times = pd.to_datetime(signals["timestamp"].dropna(), utc=True)
    if times.empty:
        return np.empty(0, np.int64)
    first, last = (one.value // _DAY_NS for one in (times.min(), times.max()))
    return np.arange(first, last + 1)


def _bound(moment: Any) -> int | None:
    if moment is None:
        return None
    found = pd.Timestamp(moment)
    aware = found.tz_localize("UTC") if found.tzinfo is None else found.tz_convert("UTC")
    return int(aware.as_unit("ns").value)


def _over(number: float, days: int, without: float = np.nan) -> float:
    return number / days if days else without
