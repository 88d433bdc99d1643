"""The account of one portfolio, rebuilt from its fills: equity at every step, and trades."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.study.portfolio.arithmetic import cash_after

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from capture.study.objectives.observing import Calendar, Objective
    from capture.study.portfolio.market import Market
    from capture.study.portfolio.settings import PortfolioSettings
    from capture.study.portfolio.sparse import SparseReplay

__all__ = ["Account", "account_of"]

_TIMES: Final = ("time", "entry_time", "exit_time")
_FILLS: Final = (
    "seq", "symbol", "bar_index", "time", "units", "price", "commission", "position_after",
)  # fmt: skip
_TRADES: Final = (
    "symbol", "trade_number", "size", "entry_bar", "exit_bar", "entry_time", "exit_time",
    "entry_price", "exit_price", "commission", "profit",
)  # fmt: skip


@dataclass(frozen=True)
class _Fill:
    """A fill, in the order of the replay."""

    seq: int
    step: int
    place: int
    units: float
    price: float
    cost: float
    held: float


@dataclass(frozen=True, eq=False)
class Account:
    """What one portfolio did.

    Attributes:
        settings: how it traded.
        market: the bars.
    """

    settings: PortfolioSettings
    market: Market
    _fills: tuple[_Fill, ...]

    @cached_property
    def equity_values(self) -> NDArray[np.float64]:
        """What it was worth at each step."""
        cash, held = self._cash_and_held()
        total = cash
        for place in range(held.shape[1]):
            mine = held[:, place]
            total = np.where(mine != 0.0, total + mine * self.market.last[:, place], total)
        return total

    def _cash_and_held(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return cash, and what is held of each symbol, after each step."""
        steps, symbols = self.market.last.shape
        cash, units = [self.settings.cash], [[0.0] for _ in range(symbols)]
        when: list[list[int]] = [[] for _ in range(symbols)]
        for fill in self._fills:
            cash.append(cash_after(cash[-1], fill.units, fill.price, fill.cost))
            units[fill.place].append(fill.held)
            when[fill.place].append(fill.step)
        every = np.arange(steps)
        money = np.array(cash)[_done([fill.step for fill in self._fills], every)]
        held = [np.array(units[place])[_done(when[place], every)] for place in range(symbols)]
        return money, np.stack(held, axis=1)

    def equity(self) -> pd.Series[float]:
        """Return what it was worth at each step, by time."""
        import pandas as pd

        times = self.market.times_ns
        index = None if times is None else pd.DatetimeIndex(times, tz="UTC", name="time")
        return pd.Series(self.equity_values, index=index, name="equity")

    def fills(self) -> pd.DataFrame:
        """Return a row per fill; `seq` is that of its signal."""
        rows = [
            {
                "seq": fill.seq,
                **self._place(fill, ""),
                "units": fill.units,
                "price": fill.price,
                "commission": fill.cost,
                "position_after": fill.held,
            }
            for fill in self._fills
        ]
        return _frame(rows, _FILLS)

    def trades(self) -> pd.DataFrame:
        """Return a row per trade, from flat to flat, in order of entry; open ones have no exit."""
        rows: list[dict[str, Any]] = []
        present: dict[int, dict[str, Any]] = {}
        for fill in self._fills:
            trade = present.get(fill.place)
            if trade is None:
                trade = present[fill.place] = _begun(len(rows) + 1, self._place(fill, "entry_"))
                rows.append(trade)
            _add(trade, fill)
            if fill.held == 0.0:
                ended = self._place(fill, "exit_")
                ended.pop("symbol")
                trade.update(ended, profit=trade["_brought"])
                present.pop(fill.place)
        for trade in rows:
            trade["entry_price"] = trade["_paid"] / trade["size"]
            if trade["exit_bar"] is not None:
                trade["exit_price"] = trade["_got"] / trade["_left"]
        return _frame(rows, _TRADES)

    def _place(self, fill: _Fill, prefix: str) -> dict[str, Any]:
        times = self.market.times_ns
        bar_column = f"{prefix}bar" if prefix else "bar_index"
        return {
            "symbol": self.market.symbols[fill.place],
            bar_column: int(np.searchsorted(self.market.steps[fill.place], fill.step)),
            f"{prefix}time": None if times is None else int(times[fill.step]),
        }

    def play(self, objective: Objective, calendar: Calendar) -> float:
        """Tell an observer of everything that happened, in order, and return what it says."""
        objective.on_start(self.settings.cash, calendar)
        times = self.market.times_ns
        waiting = list(reversed(self._fills))
        brought: dict[int, float] = {}
        for step, equity in enumerate(self.equity_values.tolist()):
            while waiting and waiting[-1].step == step:
                fill = waiting.pop()
                symbol = self.market.symbols[fill.place]
                objective.on_fill(symbol, fill.units, fill.price, fill.cost)
                profit = cash_after(brought.pop(fill.place, 0.0), fill.units, fill.price, fill.cost)
                if fill.held == 0.0:
                    objective.on_trade(symbol, profit)
                else:
                    brought[fill.place] = profit
            objective.on_step(None if times is None else int(times[step]), equity)
        return float(objective.value())


def _done(fills: list[int], steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of these fills are done at the end of each step."""
    return np.searchsorted(np.array(fills, np.int64), steps, side="right")


def account_of(replay: SparseReplay, settings: PortfolioSettings) -> Account:
    """Let one portfolio trade once more, and keep account of it."""
    seqs = replay.signals.seqs
    fills = tuple(
        _Fill(int(seqs[int(signal)]), int(step), int(place), units, price, cost, held)
        for signal, step, place, units, price, cost, held in replay.log(settings).tolist()
    )
    return Account(settings, replay.market, fills)


def _begun(number: int, entry: dict[str, Any]) -> dict[str, Any]:
    trade: dict[str, Any] = dict.fromkeys(_TRADES)
    trade.update(entry, trade_number=number, size=0.0, commission=0.0)
    return {**trade, "_paid": 0.0, "_left": 0.0, "_got": 0.0, "_brought": 0.0}


def _add(trade: dict[str, Any], fill: _Fill) -> None:
    trade["commission"] += fill.cost
    trade["_brought"] = cash_after(trade["_brought"], fill.units, fill.price, fill.cost)
    if trade["size"] == 0.0 or fill.units * trade["size"] > 0.0:
        trade["size"] += fill.units
        trade["_paid"] += fill.units * fill.price
    else:
        trade["_left"] += fill.units
        trade["_got"] += fill.units * fill.price


def _frame(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame([{name: row[name] for name in columns} for row in rows], columns=columns)
    for name in columns:
        if name in _TIMES:
            frame[name] = pd.to_datetime(frame[name].astype("Int64"), utc=True, unit="ns")
        elif name.endswith("_bar") or name == "bar_index":
            frame[name] = frame[name].astype("Int64")
        elif name not in ("symbol", "seq", "trade_number"):
            frame[name] = frame[name].astype(float)
    return frame
