"""What the accounts of a run were worth at each bar, from what the host wrote down of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from nautilus_trader.model.enums import AccountType, OrderSide
from nautilus_trader.model.events import OrderFilled

from capture_nautilus.amounts import real

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture_nautilus.session import Session

    Reals = NDArray[np.float64]

__all__ = ["Worth"]


class Worth:
    """Balances and positions of all accounts, at given moments.

    The host keeps each change of a balance, and each fill. In between, a position is worth what the
    last close says, as the host itself would say if it was asked then.
    """

    def __init__(self, session: Session, times: NDArray[np.int64]) -> None:
        """Read accounts and fills once.

        Args:
            session: the run.
            times: the moments.
        """
        self._times = times
        self._market = session.market
        cache = session.ears[0].cache
        self._cache = cache
        self._accounts = cache.accounts()
        fills = [
            event
            for order in cache.orders()
            for event in order.events
            if type(event) is OrderFilled
        ]
        fills.sort(key=lambda event: (event.ts_event, event.ts_init))
        self._fills: dict[Any, list[Any]] = {}
        for event in fills:
            self._fills.setdefault(event.instrument_id, []).append(event)
        mine = {ear.strategy.id for ear in session.ears}
        self._mine = {id(e) for e in fills if e.strategy_id in mine}

    def cash(self) -> Reals:
        """Return the balances' sum; NaN where it is of several currencies."""
        total = np.zeros(len(self._times))
        for account in self._accounts:
            total = total + self._balance(account)
        return total if len(self._currencies()) == 1 else np.full(len(self._times), np.nan)

    def _currencies(self) -> set[str]:
        return {
            balance.currency.code
            for account in self._accounts
            for event in account.events
            for balance in event.balances
        }

    def _balance(self, account: Any) -> Reals:
        moments, totals = [], []
        for event in account.events:
            moments.append(event.ts_event)
            totals.append(sum(real(balance.total) for balance in event.balances))
        last = np.searchsorted(np.array(moments, dtype=np.int64), self._times, side="right") - 1
        found: Reals = np.array([0.0, *totals])[last + 1]
        return found

    def held(self, instrument_id: Any) -> Reals:
        """Return what the captured strategies held of an instrument."""
        fills = [e for e in self._fills.get(instrument_id, ()) if id(e) in self._mine]
        return self._steps(fills)[0]

    def equity(self) -> Reals:
        """Return the balances, and what open positions have gained or are worth."""
        worth = self.cash()
        for instrument_id, fills in self._fills.items():
            worth = worth + self._open(instrument_id, fills)
        return worth

    def _open(self, instrument_id: Any, fills: list[Any]) -> Reals:
        instrument, series = self._cache.instrument(instrument_id), self._market.of(instrument_id)
        if instrument is None or series is None or instrument.is_inverse:
            return np.full(len(self._times), np.nan)
        account = self._cache.account_for_venue(instrument_id.venue)
        by_position: dict[Any, list[Any]] = {}
        for event in fills:
            by_position.setdefault(event.position_id, []).append(event)
        at = np.searchsorted(np.array(series.known_ns), self._times, side="right") - 1
        close = series.columns["close"][np.maximum(at, 0)]
        gained = np.zeros(len(self._times))
        margin = account.type == AccountType.MARGIN
        for mine in by_position.values():
            units, entry = self._steps(mine)
            gained = gained + units * ((close - entry) if margin else close)
        return gained * real(instrument.multiplier)

    def _steps(self, fills: list[Any]) -> tuple[Reals, Reals]:
        """Return units and average price of entry after these fills, at each moment."""
        moments: list[int] = []
        states: list[tuple[float, float]] = [(0.0, 0.0)]
        units, entry = 0.0, 0.0
        for event in fills:
            size, price = real(event.last_qty), real(event.last_px)
            change = size if event.order_side == OrderSide.BUY else -size
            after = units + change
            if units * change >= 0.0:
                entry = (entry * abs(units) + price * size) / abs(after)
            elif units * after < 0.0:  # turned round
                entry = price
            units = after
            moments.append(event.ts_event)
            states.append((units, entry))
        last = np.searchsorted(np.array(moments, dtype=np.int64), self._times, side="right")
        found = np.array(states)[last]
        return found[:, 0], found[:, 1]
