"""What becomes of signals: fills and verdicts, recorded as they happen or those of many at once.

The engine says both in events, which stay as they are. Where nobody hears of them while the run
goes on, they are kept, and written when there is a block of them; else each is written as it comes.
Both ways go through the same function, so that they give the same rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.errors import CaptureError
from capture.events import SignalStatus
from capture.journal import NULL_INT
from capture_builtin.bus import Topic
from capture_builtin.orders import Filled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.recorder.engine import SignalCaptureEngine
    from capture_builtin.bus import Event
    from capture_builtin.engine import Engine
    from capture_builtin.orders import Intent, Settled
    from capture_builtin.portfolio import Portfolio
    from capture_builtin.recording.opening import Writing

__all__ = ["Outcomes"]

_WORDS: Final = ("open", "reduce", "close", "order", "stop_loss", "take_profit", "trail")
_MOST: Final = 512
"""So few events that they are still in the processor's cache when they are recorded."""


class Outcomes:
    """Records the fills and verdicts of one portfolio.

    Attributes:
        kept: events that wait to be recorded, in order.
        most: how many are kept at most; 0 where each is recorded as it happens.
        portfolio: whose fills and verdicts they are.
    """

    def __init__(
        self,
        engine: SignalCaptureEngine,
        host: Engine,
        portfolio: Portfolio,
        writing: Mapping[str, Writing],
        broken: Callable[[CaptureError], None],
    ) -> None:
        """Listen to a portfolio.

        Args:
            engine: the recorder.
            host: what runs.
            portfolio: whose fills and verdicts.
            writing: what each strategy is written through.
            broken: is told why recording stops.
        """
        self.kept: list[Event] = []
        self._engine = engine
        self._feeds = host.feeds
        self.portfolio = portfolio
        self._writing = writing
        self._broken = broken
        self._tell, self._flush = self._telling()
        self._over = False
        self._following = engine.fills_follow(broken) if engine.fills_may_follow else None
        # Of an intent there are two rows to begin with, and mostly a fill and a verdict later.
        most = max(min(engine.config.buffer_size, _MOST), 2)
        self.most = 0 if self._following is None else most
        where = {"portfolio": portfolio.name} if len(host.portfolios) > 1 else None
        for topic in (Topic.FILL, Topic.STATUS):
            host.bus.subscribe(topic, self.kept.append if self.most else self._tell, where=where)

    # --- when --------------------------------------------------------------------------------

    def settle(self) -> None:
        """Record what was kept; nothing may be held back when the next signal is written."""
        if self._over:
            return
        tell = self._tell
        for event in self.kept:
            tell(event)
        self._flush()
        self.kept.clear()

    def make_room(self) -> None:
        """Record what was kept before another signal; say in the journal how far that goes."""
        self.settle()
        if self._following is not None and not self._over:
            self._following.up_to(self._open())

    def _open(self) -> list[int]:
        """Return the signals that may have fills and verdicts yet."""
        portfolio = self.portfolio
        orders = [order for waiting in portfolio.waiting for order in waiting]
        for place in range(len(portfolio.held)):
            if portfolio.protections.active(place):
                orders.append(portfolio.protections.order(place))
        return [order.intent.recorded for order in orders]

    def end(self) -> None:
        """Record the rest: nothing follows."""
        self.settle()
        if self._following is not None and not self._over:
            self._following.done()

    def lose(self) -> None:
        """Record no more."""
        self._over = True
        self.kept.clear()

    # --- what --------------------------------------------------------------------------------

    def _telling(self) -> tuple[Callable[[Event], None], Callable[[], None]]:
        """Return what records an event, and what records the fill that still waits.

        A fill waits for the next event, which mostly says that its order is done: the two are one
        record.
        """
        outcomes, write, status = self, self._writing_fills(), self._status
        kind, done = Filled, SignalStatus.EXECUTED
        last: Filled | None = None

        def tell(event: Event) -> None:
            nonlocal last
            said = event.payload
            if outcomes._over:
                return
            fill, last = last, None
            if said.__class__ is kind:
                if fill is not None:
                    write(fill, False)
                last = said
            elif fill is None:
                status(said, event)
            elif said.status is done and fill.order is said.order:
                write(fill, True)
            else:
                write(fill, False)
                status(said, event)

        def flush() -> None:
            nonlocal last
            fill, last = last, None
            if fill is not None:
                write(fill, False)

        return tell, flush

    def _writing_fills(self) -> Callable[[Filled, bool], None]:
        """Return what writes a fill; what each of them needs is looked up but once."""
        writing, broken, null = self._writing, self._broken, NULL_INT
        words = {text: self._engine.word(text) for text in _WORDS}

        def write(fill: Filled, executed: bool) -> None:
            _, order, symbol, bar, units, price, cost, held, trade, effect, because = fill
            intent = order.intent
            channels, seq = writing[intent.strategy_id].known[symbol], intent.recorded
            seq, number = (
                (seq, seq + 1) if seq >= 0 else (null, null)
            )  # dropped, as the policy says
            side = 1
            if units < 0.0:
                side, units = -1, -units
            append = channels.executed if executed else channels.fill
            try:
                append(
                    seq, number, bar, intent.bar_index if because == "order" else null, side,
                    units, price, cost, held, trade, words[effect], words[because],
                )  # fmt: skip
            except CaptureError as exc:
                broken(exc)

        return write

    def _status(self, said: Settled, event: Event) -> None:
        intent, seq = said.intent, said.intent.recorded
        if seq < 0:
            return
        channels, word = self._writing[intent.strategy_id].known[intent.symbol], self._engine.word
        try:
            channels.status(
                seq, NULL_INT if said.order is None else seq + 1, self._bar(intent, event),
                word(said.status.value), word(said.reason.value), word(said.actor),
                word(said.detail),
            )  # fmt: skip
        except CaptureError as exc:
            self._broken(exc)

    def _bar(self, intent: Intent, event: Event) -> int:
        """Return the symbol's last bar at the time of an event."""
        decided = intent.bar_index
        if event.cause is not None and event.cause.payload is intent:
            return decided
        known = self._feeds[intent.place].available_ns
        return int(np.searchsorted(known, event.time_ns, side="right")) - 1
