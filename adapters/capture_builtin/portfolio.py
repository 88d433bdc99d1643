"""The portfolio stage: turns signals into orders, within limits, and keeps account of fills.

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
    worth,
    worth_with,
)
from capture.study.portfolio.verdicts import Verdict
from capture_builtin.bus import Topic
from capture_builtin.costs import built_in_commission, built_in_slippage
from capture_builtin.ledger import Ledger
from capture_builtin.orders import Does, Filled, Intent, Order, Settled
from capture_builtin.protecting import Protections
from capture_builtin.risk import Proposal, Refusal, built_in_sizer, built_in_validators

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
        self._bars = tuple(bars.values())
        self._bus = bus
        self._entries = [0.0] * len(symbols)
        self._entries_wanted = [0.0] * len(symbols)
        self._today = 0.0
        self._recorded = settings.orders == "recorded"
        self._on_close = settings.fill == "close"
        self._size = sizer or built_in_sizer(settings)
        self._validators = [*built_in_validators(settings), *validators]
        self._slip = slippage or built_in_slippage(settings)
        self._charge = commission or built_in_commission(settings)

    # --- decisions ---------------------------------------------------------------------------

    def on_signal(self, event: Event) -> None:
        """Turn a signal into an order, or refuse it."""
        intent: Intent = event.payload
        if intent.action == "cancel":
            self._cancel(event, Reason.CANCELLED_BY_STRATEGY, "strategy")
            return
        signal, place = intent.signal, intent.place
        if not self._on_close and intent.first_bar >= self._bars[place]:
            self._settle(event, intent, None, Verdict.END_OF_DATA)
            return
        if self.waiting[place]:
            self._supersede(event)
        direction, wanted = float(signal.direction), self.wanted[place]
        kind = signal.signal_type
        if kind == "exit":
            self._close(event, Verdict.NOTHING_TO_CLOSE)
        elif kind == "adjustment":
            if wanted * direction > 0.0:
                self._resize(event)
            else:
                self._close(event, Verdict.NOTHING_TO_CLOSE)
        elif direction < 0.0 and not self.settings.allow_short:
            if wanted > 0.0:
                self._close(event, Verdict.NOTHING_TO_CLOSE)
            else:
                self._settle(event, intent, None, Verdict.NOTHING_TO_CLOSE)
        elif wanted * direction > 0.0 and self._entries_wanted[place] >= self.settings.pyramiding:
            self._settle(event, intent, None, Verdict.ALREADY_IN_POSITION)
        else:
            self._enter(event)

    def _close(self, event: Event, otherwise: Verdict) -> None:
        """Order that nothing be held; with nothing to close, that is the verdict."""
        intent: Intent = event.payload
        if self.wanted[intent.place] == 0.0:
            self._settle(event, intent, None, otherwise)
            return
        self._order(event, Does.CLOSE, 0.0, 0.0, 0.0)

    def _proposal(self, event: Event, equity: float, units: float) -> Proposal:
        intent: Intent = event.payload
        return Proposal(
            intent.signal,
            intent.symbol,
            intent.place,
            units,
            self.prices[intent.place],
            equity,
            self.ledger.peak,
            self.ledger.day_before,
            self._today,
            self.wanted,
            self.prices,
            event.time_ns,
        )

    def _sized(self, event: Event, equity: float) -> float:
        signal = event.payload.signal
        if self._recorded and signal.size is not None:
            return float(signal.size)
        units = self._size(self._proposal(event, equity, 0.0))
        return units if units > 0.0 else 0.0

    def _resize(self, event: Event) -> None:
        """Order another size of what is held; only a larger one is checked."""
        intent: Intent = event.payload
        place = intent.place
        equity = worth(self.cash, self.held, self.prices)
        units = self._sized(event, equity)
        now = abs(self.wanted[place])
        refusal: Refusal | None = None
        if units == 0.0:
            refusal = Refusal(Verdict.SIZED_TO_ZERO, "")
        elif units == now:
            refusal = Refusal(Verdict.ALREADY_IN_POSITION, "")
        elif units > now:
            refusal = self._checked(event, equity, units)
        if refusal is not None:
            self._settle(event, intent, None, refusal.verdict, refusal.detail)
            return
        if units > now:
            self._today += 1.0
        self._order(
            event, Does.RESIZE, units, units * intent.signal.direction, self._entries_wanted[place]
        )

    def _enter(self, event: Event) -> None:
        """Order a position, or more of one; of a reversal that is refused, the closing half."""
        intent: Intent = event.payload
        place, direction = intent.place, float(intent.signal.direction)
        wanted = self.wanted[place]
        equity = worth(self.cash, self.held, self.prices)
        units = self._sized(event, equity)
        more = wanted * direction > 0.0
        refusal: Refusal | None = Refusal(Verdict.SIZED_TO_ZERO, "")
        if units > 0.0:
            after = abs(wanted) + units if more else units
            refusal = self._checked(event, equity, after)
        if refusal is not None:
            self._settle(event, intent, None, refusal.verdict, refusal.detail)
            if wanted * direction < 0.0:
                self._order(event, Does.CLOSE, 0.0, 0.0, 0.0, settled=True)
            return
        self._today += 1.0
        entries = self._entries_wanted[place] if more else 0.0
        self._order(
            event,
            Does.OPEN,
            units * direction,
            (wanted if more else 0.0) + units * direction,
            entries + 1.0,
        )

    def _checked(self, event: Event, equity: float, units: float) -> Refusal | None:
        """Return the first limit that a position of so many units is beyond."""
        if not self._validators:
            return None
        proposal = self._proposal(event, equity, units)
        for validate in self._validators:
            said = validate(proposal)
            if said is not None:
                return said if isinstance(said, Refusal) else Refusal(Verdict.MAX_POSITION, said)
        return None

    def _order(
        self,
        event: Event,
        does: Does,
        units: float,
        wanted: float,
        entries: float,
        *,
        settled: bool = False,
    ) -> None:
        intent: Intent = event.payload
        order = Order(self.name, intent, does, units, recorded=self._recorded)
        order.verdict_open = not settled
        place = intent.place
        if not order.waits_for_price:
            # Whether and when a price comes nobody knows; what waits for one is not wanted yet.
            self.wanted[place] = wanted
            self._entries_wanted[place] = entries
        self.waiting[place].append(order)
        self._bus.publish(Topic.ORDER, order, event, event.time_ns)

    # --- what waits --------------------------------------------------------------------------

    def _supersede(self, event: Event) -> None:
        """Take back what a new signal replaces: what waits for a price, and what is left over."""
        intent: Intent = event.payload
        direction = intent.signal.direction
        for order in list(self.waiting[intent.place]):
            rest = order.left is not None and order.does is not Does.CLOSE
            against = order.intent.signal.direction * direction <= 0
            if order.waits_for_price or (rest and against):
                self._drop(event, order, SignalStatus.CANCELLED, Reason.SUPERSEDED, "broker")

    def _cancel(self, event: Event, reason: Reason, actor: str) -> None:
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
        self._entries_wanted[place] = self._entries[place]

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
        self._settle(bar, order.intent, order, verdict)

    def _partly(self, order: Order, bar: Event) -> None:
        if order.verdict_open:
            status, reason = SignalStatus.PARTIALLY_FILLED, Reason.PARTIALLY_FILLED
            self._tell(bar, order.intent, order, status, reason, "broker")

    def _settle(
        self,
        cause: Event,
        intent: Intent,
        order: Order | None,
        verdict: Verdict,
        detail: str = "",
    ) -> None:
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
        self._today = 0.0


def _part(units: float, most: float) -> float:
    """Return as many units as may be traded, with their sign."""
    if abs(units) <= most:
        return units
    return most if units > 0.0 else -most
