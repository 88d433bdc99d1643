"""The ledger of a portfolio: its trades, and what it was worth at each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.study.portfolio.arithmetic import cash_after, worth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture_builtin.orders import Order

__all__ = ["Ledger", "Trade"]


class Trade:
    """A position from flat to flat.

    Attributes:
        number: which one, from 1 on.
        symbol: of what.
        strategy_id: whose signal opened it.
        entry_bar: bar of the first fill.
        entry_ns: when that bar became known.
        exit_bar: bar of the last fill; None while it is open.
        exit_ns: when that bar became known.
        bought: units that its entries traded, with their sign.
        entry_value: what they were worth at their prices.
        left: units that its exits traded, with their sign.
        exit_value: what they were worth.
        commission: costs of all its fills.
        profit: what its fills brought in, less costs; while it is open, without what is held.
    """

    __slots__ = (
        "bought", "commission", "entry_bar", "entry_ns", "entry_value", "exit_bar", "exit_ns",
        "exit_value", "left", "number", "profit", "strategy_id", "symbol",
    )  # fmt: skip

    def __init__(self, number: int, symbol: str, strategy_id: str, bar: int, time_ns: int) -> None:
        """Begin a trade."""
        self.number = number
        self.symbol = symbol
        self.strategy_id = strategy_id
        self.entry_bar, self.entry_ns = bar, time_ns
        self.exit_bar: int | None = None
        self.exit_ns: int | None = None
        self.bought = self.entry_value = self.left = self.exit_value = 0.0
        self.commission = self.profit = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the trade as a row."""
        closed = self.exit_bar is not None
        return {
            "symbol": self.symbol,
            "strategy_id": self.strategy_id,
            "trade_number": self.number,
            "size": self.bought,
            "entry_bar": self.entry_bar,
            "exit_bar": self.exit_bar,
            "entry_price": self.entry_value / self.bought,
            "exit_price": self.exit_value / self.left if closed else None,
            "commission": self.commission,
            "profit": self.profit if closed else None,
        }


class Ledger:
    """Keeps account.

    Attributes:
        equity: worth at the end of each step.
        held: units of each symbol at the end of each step at which they changed, by step.
        trades: closed ones in the order in which they were opened, and open ones.
        peak: the highest worth so far, at the end of a step.
        deepest: the deepest drawdown so far, as a fraction of the peak.
        day_before: worth at the end of the day before.
        fills: how many there were.
        costs: what they cost.
    """

    def __init__(self, symbols: Sequence[str], cash: float) -> None:
        """Begin with cash."""
        self.equity: list[float] = []
        self.cash: list[float] = []
        self.trades: list[Trade] = []
        self.held: list[tuple[int, int, float]] = []
        self.peak = cash
        self.deepest = 0.0
        self.day_before = cash
        self.fills = 0
        self.costs = 0.0
        self._symbols = tuple(symbols)
        self._last = cash
        self._open: list[Trade | None] = [None] * len(symbols)
        self._anything = 0

    def traded(
        self,
        place: int,
        bar: int,
        time_ns: int,
        units: float,
        price: float,
        cost: float,
        held: float,
        order: Order,
    ) -> tuple[int, str]:
        """Take a fill; return the number of its trade, and whether it opened, reduced or closed."""
        self.fills += 1
        self.costs += cost
        self.held.append((len(self.equity), place, held))
        trade = self._open[place]
        if trade is None:
            self._anything += 1
            strategy = order.intent.strategy_id
            trade = Trade(len(self.trades) + 1, self._symbols[place], strategy, bar, time_ns)
            self.trades.append(trade)
            self._open[place] = trade
        trade.commission += cost
        trade.profit = cash_after(trade.profit, units, price, cost)
        if trade.bought == 0.0 or units * trade.bought > 0.0:
            trade.bought += units
            trade.entry_value += units * price
            return trade.number, "open"
        trade.left += units
        trade.exit_value += units * price
        if held != 0.0:
            return trade.number, "reduce"
        trade.exit_bar, trade.exit_ns = bar, time_ns
        self._open[place] = None
        self._anything -= 1
        return trade.number, "close"

    def step(self, cash: float, held: Sequence[float], prices: Sequence[float]) -> None:
        """Take the worth at the end of a step."""
        equity = worth(cash, held, prices) if self._anything else cash
        self.equity.append(equity)
        self.cash.append(cash)
        self._last = equity
        if equity > self.peak:
            self.peak = equity
        else:
            drawdown = 1.0 - equity / self.peak
            self.deepest = max(self.deepest, drawdown)

    def new_day(self) -> None:
        """Take the worth at the end of the last step for that of the day before."""
        self.day_before = self._last
