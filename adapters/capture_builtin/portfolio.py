"""The portfolio stage: keeps orders that wait, carries them out, and keeps account of fills.

What is decided, and in which order, is line for line what the sparse replay does
(`capture.study.portfolio`); both call the same arithmetic, so that trades and equity are equal to
the last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from capture.events import Reason, SignalStatus
from capture.study.portfolio.arithmetic import (
    cash_after,
    gross_with,
    unaffordable,
    worth_with,
)
from capture.study.portfolio.verdicts import Verdict
from capture_builtin.bus import Topic
from capture_builtin.costs import built_in_commission, built_in_slippage
from capture_builtin.deciding import Decisions
from capture_builtin.ledger import Ledger
from capture_builtin.orders import Does, Filled, Intent, Order, Settled
from capture_builtin.protecting import Protections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.study.portfolio.settings import PortfolioSettings
    from capture_builtin.bus import Event, EventBus
    from capture_builtin.costs import Commission, Slippage
    from capture_builtin.risk import Sizer, Validator

__all__ = ["Portfolio"]

_ACTORS: Final = {
    Verdict.ALREADY_IN_POSITION: "sizer",
    Verdict.NOTHING_TO_CLOSE: "sizer",
    Verdict.SIZED_TO_ZERO: "sizer",
    Verdict.INSUFFICIENT_CASH: "broker",
    Verdict.FILLED: "broker",
    Verdict.END_OF_DATA: "broker",
}
"""Who decided; of a limit it is risk."""


class Portfolio:
    """One portfolio: its cash, what it holds, and what it wants to hold.

    Attributes:
        name: what it is called.
        settings: how it trades.
        cash: what is left.
        held: units held of each symbol, in order of name.
        wanted: the same once the orders that wait are filled.
        waiting: orders that wait, by symbol.
        ledger: trades, and equity by step.
        protections: where positions are left without a signal.
        prices: last close of each symbol.
        bars: how many bars each has.
        entries_wanted: how many entries make up what is wanted of each.
        today: entries of this day.
        on_signal: turns a signal into an order, or refuses it.
    """

    def __init__(  # noqa: PLR0913 - each stage is one that a user may bring
        self,
        name: str,
        settings: PortfolioSettings,
        bars: Mapping[str, int],
        prices: list[float],
        bus: EventBus,
        *,
        sizer: Sizer | None = None,
        validators: Sequence[Validator] = (),
        slippage: Slippage | None = None,
        commission: Commission | None = None,
    ) -> None:
        """Begin with cash and nothing else.

        Args:
            name: what it is called.
            settings: how it trades.
            bars: the symbols in order of name, and how many bars each has.
            prices: last close of each, as the engine keeps them.
            bus: where its orders, fills and verdicts are published.
            sizer: instead of the one that the settings name.
            validators: asked after those that the settings name.
            slippage: instead of the settings' own.
            commission: instead of the settings' own.
        """
        symbols = tuple(bars)
        self.name = name
        self.settings = settings
        self.cash = settings.cash
        self.held = [0.0] * len(symbols)
        self.wanted = [0.0] * len(symbols)
        self.waiting: list[list[Order]] = [[] for _ in symbols]
        self.ledger = Ledger(symbols, settings.cash)
        self.protections = Protections(settings, len(symbols))
        self.prices = prices
        self._symbols = symbols
        self.bars = tuple(bars.values())
        self._bus = bus
        self._entries = [0.0] * len(symbols)
        self.entries_wanted = [0.0] * len(symbols)
        self.today = 0.0
        self._recorded = settings.orders == "recorded"
        self._slip = slippage or built_in_slippage(settings)
        self._charge = commission or built_in_commission(settings)
        self.on_signal = Decisions(self, sizer, validators).on_signal

    # --- orders ------------------------------------------------------------------------------

    def order(
        self,
        event: Event,
        does: Does,
        units: float,
        wanted: float,
        entries: float,
        *,
        settled: bool = False,
    ) -> None:
        """Let an order wait for its bar.

        Args:
            event: the signal.
            does: what the order does to the position.
            units: how much it trades, or comes to.
            wanted: what is held once it is filled.
            entries: how many entries make that up.
            settled: whether it is told already what became of the signal.
        """
        intent: Intent = event.payload
        order = Order(self.name, intent, does, units, recorded=self._recorded)
        order.verdict_open = not settled
        place = intent.place
        if not order.waits_for_price:
            # Whether and when a price comes nobody knows; what waits for one is not wanted yet.
            self.wanted[place] = wanted
            self.entries_wanted[place] = entries
        self.waiting[place].append(order)
        self._bus.publish(Topic.ORDER, order, event, event.time_ns)

    # --- what waits --------------------------------------------------------------------------

    def supersede(self, event: Event) -> None:
        """Take back what a new signal replaces: what waits for a price, and what is left over."""
        intent: Intent = event.payload
        direction = intent.signal.direction
        for order in list(self.waiting[intent.place]):
            rest = order.left is not None and order.does is not Does.CLOSE
            against = order.intent.signal.direction * direction <= 0
            if order.waits_for_price or (rest and against):
                self._drop(event, order, SignalStatus.CANCELLED, Reason.SUPERSEDED, "broker")

    def cancel(self, event: Event, reason: Reason, actor: str) -> None:
        """Take back what waits for a price, of one strategy."""
        intent: Intent = event.payload
        for order in list(self.waiting[intent.place]):
            if order.waits_for_price and order.intent.strategy_id == intent.strategy_id:
                self._drop(event, order, SignalStatus.CANCELLED, reason, actor)

    def _drop(
        self, event: Event, order: Order, status: SignalStatus, reason: Reason, actor: str
    ) -> None:
        place = order.intent.place
        self.waiting[place].remove(order)
        if order.left is not None:
            status = SignalStatus.PARTIALLY_FILLED
        self._align_wanted(place)
        if order.verdict_open:
            self._tell(event, order.intent, order, status, reason, actor)

    def expire(self, event: Event, order: Order) -> None:
        """Take back an order whose time is over."""
        self._drop(event, order, SignalStatus.EXPIRED, Reason.EXPIRED, "broker")

    def end_of_data(self, event: Event) -> None:
        """Say of everything that still waits that its bar never came."""
        for orders in self.waiting:
            for order in list(orders):
                self._drop(event, order, SignalStatus.EXPIRED, Reason.END_OF_DATA, "broker")

    def _align_wanted(self, place: int) -> None:
        self.wanted[place] = self.held[place]
        self.entries_wanted[place] = self._entries[place]

    # --- fills -------------------------------------------------------------------------------

    def fill(self, order: Order, bar: Event, index: int, price: float, most: float) -> float:
        """Carry out an order at a price, or as much of it as a volume allows.

        Args:
            order: an order that waits.
            bar: the bar on which it happens.
            index: its number.
            price: what the market says.
            most: units that may be traded at most.

        Returns:
            How many units were traded, without a sign.
        """
        place = order.intent.place
        held, before = self.held[place], most
        if order.does is Does.CLOSE:
            wanted = -held
        elif order.does is Does.RESIZE:
            change = order.units - abs(held)
            wanted = change if held > 0.0 else -change
        else:
            wanted = order.units if order.left is None else order.left
        if held == 0.0 and order.does is not Does.OPEN:
            self._done(order, bar, Verdict.NOTHING_TO_CLOSE)
            return 0.0
        if order.does is Does.OPEN and held * wanted < 0.0:
            part = _part(-held, most)
            if part != 0.0:
                self._exchange(order, bar, index, part, price)
                most -= abs(part)
            if self.held[place] != 0.0:
                order.left = wanted
                self._partly(order, bar)
                return before - most
        self._trade(order, bar, index, wanted, price, most)
        return before - most

    def _trade(
        self, order: Order, bar: Event, index: int, wanted: float, price: float, most: float
    ) -> None:
        place = order.intent.place
        part = _part(wanted, most)
        if part == 0.0 and wanted != 0.0:
            return  # there is no volume; it waits
        grows = order.does is Does.OPEN or (
            order.does is Does.RESIZE and part * self.held[place] > 0.0
        )
        if grows and not self._carried(order, place, part, price):
            self._done(order, bar, Verdict.INSUFFICIENT_CASH)
            return
        if part != 0.0:
            self._exchange(order, bar, index, part, price)
        if part != wanted:
            order.left = wanted - part
            self._partly(order, bar)
            return
        if order.does is Does.OPEN:
            self._entries[place] += 1.0
        self._done(order, bar, Verdict.FILLED)

    def paid(self, order: Order | None, units: float, price: float) -> float:
        """Return what a fill pays; a limit is never passed."""
        side = 1.0 if units > 0.0 else -1.0
        paid = self._slip(price, side)
        if order is not None and order.limit is not None:
            paid = min(paid, order.limit) if side > 0.0 else max(paid, order.limit)
        return paid

    def _carried(self, order: Order, place: int, units: float, price: float) -> bool:
        """Say whether equity carries what would be held after a fill."""
        paid = self.paid(order, units, price)
        cash = self.cash - self._charge(abs(units), paid)
        equity = worth_with(cash, self.held, self.prices, place, paid)
        gross = gross_with(self.held, self.prices, place, abs(self.held[place] + units), paid)
        return not unaffordable(gross, equity, self.settings.leverage)

    def _exchange(self, order: Order, bar: Event, index: int, units: float, price: float) -> None:
        self.exchange(order, bar, index, units, self.paid(order, units, price), "order")

    def exchange(
        self, order: Order, bar: Event, index: int, units: float, paid: float, because: str
    ) -> None:
        """Buy or sell at what is paid, and keep account of the trade."""
        place = order.intent.place
        cost = self._charge(abs(units), paid)
        self.cash = cash_after(self.cash, units, paid, cost)
        before = self.held[place]
        held = self.held[place] = before + units
        number, effect = self.ledger.traded(
            place, index, bar.time_ns, units, paid, cost, held, order
        )
        if held == 0.0:
            self._entries[place] = 0.0
        self.protections.traded(place, before, units, paid, held, order if self._recorded else None)
        fill = Filled(
            self.name, order, self._symbols[place], index, units, paid, cost, held, number,
            effect, because,
        )  # fmt: skip
        self._bus.publish(Topic.FILL, fill, order.event, bar.time_ns, bar)
        self.protections.entered(place, order, held)

    def leave(self, place: int, bar: Event, index: int, price: float, because: str) -> None:
        """Close a position that a protection leaves; a take-profit is a limit, and slips not."""
        units = -self.held[place]
        paid = price if because == "take_profit" else self.paid(None, units, price)
        self.exchange(self.protections.order(place), bar, index, units, paid, because)
        self._align_wanted(place)

    # --- verdicts ----------------------------------------------------------------------------

    def _done(self, order: Order, bar: Event, verdict: Verdict) -> None:
        place = order.intent.place
        self.waiting[place].remove(order)
        self._align_wanted(place)
        if not order.verdict_open:
            return
        order.verdict_open = False
        if verdict is Verdict.INSUFFICIENT_CASH and order.left is not None:
            self._tell(bar, order.intent, order, SignalStatus.PARTIALLY_FILLED, verdict.reason,
                       "broker")  # fmt: skip
            return
        self.settle(bar, order.intent, order, verdict)

    def _partly(self, order: Order, bar: Event) -> None:
        if order.verdict_open:
            status, reason = SignalStatus.PARTIALLY_FILLED, Reason.PARTIALLY_FILLED
            self._tell(bar, order.intent, order, status, reason, "broker")

    def settle(
        self,
        cause: Event,
        intent: Intent,
        order: Order | None,
        verdict: Verdict,
        detail: str = "",
    ) -> None:
        """Tell what became of a signal, and who decided."""
        said = verdict.word if verdict.reason is Reason.RISK_LIMIT else ""
        told = ": ".join(filter(None, (said, detail))) or None
        actor = _ACTORS.get(verdict, "risk")
        self._tell(cause, intent, order, verdict.status, verdict.reason, actor, told, verdict)

    def _tell(
        self,
        cause: Event,
        intent: Intent,
        order: Order | None,
        status: SignalStatus,
        reason: Reason,
        actor: str,
        detail: str | None = None,
        verdict: Verdict | None = None,
    ) -> None:
        said = Settled(self.name, intent, order, status, reason, actor, detail, verdict)
        self._bus.publish(Topic.STATUS, said, cause, cause.time_ns)

    # --- time --------------------------------------------------------------------------------

    def end_step(self) -> None:
        """Keep equity at the end of a step."""
        self.ledger.step(self.cash, self.held, self.prices)

    def new_day(self) -> None:
        """Count the entries of a day anew."""
        self.ledger.new_day()
        self.today = 0.0


def _part(units: float, most: float) -> float:
    """Return as many units as may be traded, with their sign."""
    if abs(units) <= most:
        return units
    return most if units > 0.0 else -most
