"""Orders: what a portfolio made of a signal, and what became of it so far."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from capture.events import Reason, SignalStatus
    from capture.study.portfolio.verdicts import Verdict
    from capture_builtin.bus import Event
    from capture_builtin.signals import Signal

__all__ = ["Does", "Filled", "Intent", "Order", "Settled"]


class Does(Enum):
    """What an order does to a position."""

    CLOSE = "close"
    OPEN = "open"
    RESIZE = "resize"


class Intent:
    """A signal on its way to the portfolios: the payload of its event.

    Attributes:
        strategy_id: who gave it.
        symbol: of what.
        place: number of the symbol, in order of name.
        bar_index: last bar of the symbol that had closed.
        first_bar: the first bar that can fill it: none that had begun when it was given.
        step: number of the moment.
        signal: what is wanted.
        source: of a replay, what the recording knows the signal by.
        action: "new", or "cancel" of what waits.
        recorded: what a recorder knows it by.
    """

    __slots__ = (
        "action", "bar_index", "first_bar", "place", "recorded", "signal", "source", "step",
        "strategy_id", "symbol",
    )  # fmt: skip

    def __init__(
        self,
        strategy_id: str,
        symbol: str,
        signal: Signal,
        *,
        place: int,
        bar_index: int,
        first_bar: int,
        step: int,
        source: int | None = None,
    ) -> None:
        """Keep what is wanted, and when."""
        self.strategy_id = strategy_id
        self.symbol = symbol
        self.signal = signal
        self.place = place
        self.bar_index = bar_index
        self.first_bar = first_bar
        self.step = step
        self.source = source
        self.action = "new"
        self.recorded = -1

    def __repr__(self) -> str:
        return f"Intent({self.action} {self.signal.direction} {self.symbol} at {self.bar_index})"


class Order:
    """An order that waits, or waited. It is the payload of its event.

    Attributes:
        portfolio: whose it is.
        intent: the signal behind it.
        does: what it does to the position.
        units: how many, with the sign of what it opens; of a new size, without a sign.
        first_bar: the first bar that can fill it.
        last_bar: the last one, or None.
        limit: do not pay more, or take less.
        stop: wait until the price comes here.
        event: its own event.
        left: how many units a volume limit left over, with their sign; None before the first fill.
        verdict_open: whether the signal's fate is still to be told by this order.
    """

    __slots__ = (
        "does", "event", "first_bar", "intent", "last_bar", "left", "limit",
        "portfolio", "stop", "units", "verdict_open",
    )  # fmt: skip

    event: Event

    def __init__(
        self, portfolio: str, intent: Intent, does: Does, units: float, *, recorded: bool
    ) -> None:
        """Make an order of a signal, with its prices if those count."""
        signal = intent.signal
        self.portfolio = portfolio
        self.intent = intent
        self.does = does
        self.units = units
        self.first_bar = intent.first_bar
        self.limit = signal.limit if recorded else None
        self.stop = signal.stop if recorded else None
        valid = signal.valid_bars if recorded else None
        self.last_bar = None if valid is None else intent.first_bar + valid - 1
        self.left: float | None = None
        self.verdict_open = True

    def __repr__(self) -> str:
        return f"Order({self.does.value} {self.units:g} {self.intent.symbol})"

    @property
    def waits_for_price(self) -> bool:
        """Whether it is a limit or a stop."""
        return self.limit is not None or self.stop is not None


class Filled(NamedTuple):
    """A fill: the payload of its event.

    Attributes:
        portfolio: whose it is.
        order: the order; that of the entry where a protective stop left the position.
        symbol: of what.
        bar_index: the bar on which it happened.
        units: negative for what was sold.
        price: price per unit.
        commission: its cost.
        position: what is held afterwards.
        trade: number of the trade.
        effect: open, reduce or close.
        because: "order", or the protection that left: stop_loss, take_profit, trail.
    """

    portfolio: str
    order: Order
    symbol: str
    bar_index: int
    units: float
    price: float
    commission: float
    position: float
    trade: int
    effect: str
    because: str


class Settled(NamedTuple):
    """What became of a signal in a portfolio: the payload of its event.

    Attributes:
        portfolio: in which.
        intent: the signal.
        order: the order it became, if it did.
        status: how far it came.
        reason: why.
        actor: who decided.
        detail: which limit, where the reason is a limit.
        verdict: the verdict, where it is one that a replay over signals alone can come to.
    """

    portfolio: str
    intent: Intent
    order: Order | None
    status: SignalStatus
    reason: Reason
    actor: str
    detail: str | None = None
    verdict: Verdict | None = None

    @property
    def word(self) -> str:
        """What counts of it are called."""
        return self.reason.value if self.verdict is None else self.verdict.word
