"""Strategies of backtrader that do at each moment what their plan says."""

from __future__ import annotations

import datetime
from typing import Any

import backtrader as bt

import capture

__all__ = ["Act", "Looking", "Planned", "Polling", "Reacting"]

Act = tuple[str, dict[str, Any]]


class Planned(bt.Strategy):
    """Does at each moment what its plan says, and never looks at its portfolio."""

    params: Any = (("plan", {}), ("period", 1), ("timers", False))

    def __init__(self) -> None:
        """Remember what is ordered, and wait for as many bars as an indicator needs."""
        self.placed: list[Any] = []
        # Without those that close what is held: whether there is such an order, the portfolio says.
        self.asked: list[Any] = []
        self.left = dict(self.p.plan)
        if self.p.period > 1:
            self.average = bt.ind.SMA(self.data, period=self.p.period)
        if self.p.timers:
            self.add_timer(bt.timer.SESSION_START, cheat=True)
            self.add_timer(bt.timer.SESSION_END, weekdays=[1, 3], weekcarry=True)

    def start(self) -> None:
        """Do what is planned before the first bar."""
        self.act("start", 0)

    def next_open(self) -> None:
        """Do what is planned before the broker sees the bar."""
        self.act("open", len(self))

    prenext_open = nextstart_open = next_open

    def next(self) -> None:
        """Do what is planned."""
        self.act("bar", len(self))

    prenext = nextstart = next

    def notify_timer(self, *_: Any, **__: Any) -> None:
        """Do what is planned when a timer rings."""
        self.act("timer", len(self))

    def stop(self) -> None:
        """Do what is planned after the last bar."""
        self.act("stop", 0)

    def act(self, moment: str, bar: int) -> None:
        """Do it once: a notification comes as often as orders give cause for one."""
        for name, words in self.left.pop((moment, bar), ()):
            getattr(self, f"do_{name}")(**words)

    def do_order(
        self,
        side: str,
        feed: int,
        prices: dict[str, float],
        oco: int | None = None,
        parent: int | None = None,
        named: bool = False,
        **words: Any,
    ) -> None:
        """Order, perhaps in a group with an earlier order, or hung on one."""
        data = self._feed(feed)
        if data is not None:
            for name, other in (("oco", oco), ("parent", parent)):
                if other is not None:
                    words[name] = self.asked[-1 - other % len(self.asked)] if self.asked else None
            given = data._name if named and data._name else data
            made = getattr(self, side)(data=given, **_valid(data, words), **_priced(data, prices))
            self.placed.append(made)
            self.asked.append(made)

    def do_bracket(self, verb: str, feed: int, prices: dict[str, float], **words: Any) -> None:
        """Order with both exits, or one of them."""
        data = self._feed(feed)
        if data is not None:
            self.placed.extend(
                getattr(self, verb)(data=data, **_valid(data, words), **_priced(data, prices))
            )

    def do_chain(self, side: str, feed: int, kinds: list[int], sent: bool) -> None:
        """Order what further orders hang on, by hand."""
        data = self._feed(feed)
        if data is None:
            return
        price, other = _price(data), "sell" if side == "buy" else "buy"
        main = getattr(self, side)(data=data, size=2, transmit=False)
        self.placed.append(main)
        for place, kind in enumerate(kinds):
            last = sent and place == len(kinds) - 1
            child = getattr(self, other)(
                data=data,
                size=2,
                price=price * (0.98, 1.02)[(kind == bt.Order.Limit) == (other == "sell")],
                exectype=kind,
                parent=main,
                transmit=last,
            )
            self.placed.append(child)

    def do_close(self, feed: int, **words: Any) -> None:
        """Close a position, or a part of it."""
        data = self._feed(feed)
        if data is not None:
            self.placed.append(self.close(data, **words))

    def do_target(self, verb: str, feed: int, target: float, **words: Any) -> None:
        """Say what is to be held."""
        data = self._feed(feed)
        if data is not None:
            self.placed.append(getattr(self, verb)(data, target, **words))

    def do_cancel(self, which: int) -> None:
        """Cancel an order, whether it stands or not."""
        if self.placed:
            self.cancel(self._earlier(which))

    def do_cancel_at_broker(self, which: int) -> None:
        """Cancel an order past the strategy's own verb."""
        self.broker.cancel(self._earlier(which))

    def do_note(self, refused: bool) -> None:
        """Note something, of the last order or of one that is not given."""
        if refused:
            capture.note("mood", "bad", direction=1, reason="too wide")
        elif self.placed and self.placed[-1] is not None:
            capture.note("mood", 0.5, signal=self.placed[-1])

    def _earlier(self, which: int) -> Any:
        return self.placed[-1 - which % len(self.placed)] if self.placed else None

    def _feed(self, number: int) -> Any:
        """Return a feed that has a bar, or about to have one."""
        data = self.datas[number % len(self.datas)]
        return data if len(data) or data is self.data else None


class Looking(Planned):
    """Also does what depends on what it holds, or on what is left of its money."""

    def do_if(self, sees: str, then: Act) -> None:
        """Do something if there is something to be seen."""
        if getattr(self, f"sees_{sees}")():
            name, words = then
            getattr(self, f"do_{name}")(**words)

    def sees_position(self) -> bool:
        """Look by the property."""
        return bool(self.position)

    def sees_any_position(self) -> bool:
        """Look at each feed's."""
        return any(self.getposition(data).size for data in self.datas if len(data))

    def sees_by_name(self) -> bool:
        """Look by the name of the feed."""
        return bool(self.getpositionbyname(self.data._name))

    def sees_cash(self) -> bool:
        """Ask the broker what is left."""
        return bool(self.broker.getcash() > 5_000)

    def sees_value(self) -> bool:
        """Ask the broker what all is worth."""
        return bool(self.broker.get_value() > 10_000)


class Reacting(Looking):
    """Also acts on being notified."""

    def notify_order(self, order: Any) -> None:
        """Do what is planned on being told of an order."""
        self.act("order", len(self))

    def notify_trade(self, trade: Any) -> None:
        """Do what is planned on being told of a trade."""
        self.act("trade", len(self))

    def notify_cashvalue(self, cash: float, value: float) -> None:
        """Do what is planned on being told of the account."""
        self.act("cash", len(self))


class Polling(Reacting):
    """Also looks at what became of its orders."""

    def sees_order(self) -> bool:
        """Ask whether the last order still stands."""
        order = self._earlier(0)
        return order is not None and bool(order.alive())

    def sees_fill(self) -> bool:
        """Look at how an order was filled."""
        order = self._earlier(1)
        return order is not None and bool(order.executed.size)


def _price(data: Any) -> float:
    return float(data.close[0]) if len(data) else 100.0


def _priced(data: Any, shares: dict[str, float]) -> dict[str, float]:
    return {name: _price(data) * share for name, share in shares.items()}


def _valid(data: Any, words: dict[str, Any]) -> dict[str, Any]:
    """Return words with the time until when the order is valid, if a date is what was drawn."""
    how = words.pop("until", None)
    if how is None or not len(data):
        return words
    until = data.datetime.datetime() + datetime.timedelta(days=4)
    return {**words, "valid": until if how == "time" else until.date()}


# --- what is drawn -------------------------------------------------------------------------------
