"""What a portfolio does about a signal: the order that it becomes, or why it becomes none.

What is decided, and in which order, is line for line what the sparse replay does
(`capture.study.portfolio`); both call the same arithmetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.events import Reason
from capture.study.portfolio.arithmetic import worth
from capture.study.portfolio.verdicts import Verdict
from capture_builtin.orders import Does, Intent
from capture_builtin.risk import Proposal, Refusal, built_in_sizer, built_in_validators

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture_builtin.bus import Event
    from capture_builtin.portfolio import Portfolio
    from capture_builtin.risk import Sizer, Validator

__all__ = ["Decisions"]


class Decisions:
    """Decides for one portfolio: in which direction, how much, and whether within its limits."""

    def __init__(
        self, portfolio: Portfolio, sizer: Sizer | None, validators: Sequence[Validator]
    ) -> None:
        """Decide as the portfolio's settings say.

        Args:
            portfolio: what is held and wanted, and where orders are given.
            sizer: instead of the one that the settings name.
            validators: asked after those that the settings name.
        """
        self._portfolio = portfolio
        self._settings = settings = portfolio.settings
        self._recorded = settings.orders == "recorded"
        self._on_close = settings.fill == "close"
        self._size = sizer or built_in_sizer(settings)
        self._validators = [*built_in_validators(settings), *validators]

    def on_signal(self, event: Event) -> None:
        """Turn a signal into an order, or refuse it."""
        intent: Intent = event.payload
        if intent.action == "cancel":
            self._portfolio.cancel(event, Reason.CANCELLED_BY_STRATEGY, "strategy")
            return
        signal, place = intent.signal, intent.place
        if not self._on_close and intent.first_bar >= self._portfolio.bars[place]:
            self._portfolio.settle(event, intent, None, Verdict.END_OF_DATA)
            return
        if self._portfolio.waiting[place]:
            self._portfolio.supersede(event)
        direction, wanted = float(signal.direction), self._portfolio.wanted[place]
        entries = self._portfolio.entries_wanted[place]
        kind = signal.signal_type
        if kind == "exit":
            self._close(event, Verdict.NOTHING_TO_CLOSE)
        elif kind == "adjustment":
            if wanted * direction > 0.0:
                self._resize(event)
            else:
                self._close(event, Verdict.NOTHING_TO_CLOSE)
        elif direction < 0.0 and not self._settings.allow_short:
            if wanted > 0.0:
                self._close(event, Verdict.NOTHING_TO_CLOSE)
            else:
                self._portfolio.settle(event, intent, None, Verdict.NOTHING_TO_CLOSE)
        elif wanted * direction > 0.0 and entries >= self._settings.pyramiding:
            self._portfolio.settle(event, intent, None, Verdict.ALREADY_IN_POSITION)
        else:
            self._enter(event)

    def _close(self, event: Event, otherwise: Verdict) -> None:
        """Order that nothing be held; with nothing to close, that is the verdict."""
        intent: Intent = event.payload
        if self._portfolio.wanted[intent.place] == 0.0:
            self._portfolio.settle(event, intent, None, otherwise)
            return
        self._portfolio.order(event, Does.CLOSE, 0.0, 0.0, 0.0)

    def _proposal(self, event: Event, equity: float, units: float) -> Proposal:
        intent: Intent = event.payload
        return Proposal(
            intent.signal,
            intent.symbol,
            intent.place,
            units,
            self._portfolio.prices[intent.place],
            equity,
            self._portfolio.ledger.peak,
            self._portfolio.ledger.day_before,
            self._portfolio.today,
            self._portfolio.wanted,
            self._portfolio.prices,
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
        equity = worth(self._portfolio.cash, self._portfolio.held, self._portfolio.prices)
        units = self._sized(event, equity)
        now = abs(self._portfolio.wanted[place])
        refusal: Refusal | None = None
        if units == 0.0:
            refusal = Refusal(Verdict.SIZED_TO_ZERO, "")
        elif units == now:
            refusal = Refusal(Verdict.ALREADY_IN_POSITION, "")
        elif units > now:
            refusal = self._checked(event, equity, units)
        if refusal is not None:
            self._portfolio.settle(event, intent, None, refusal.verdict, refusal.detail)
            return
        if units > now:
            self._portfolio.today += 1.0
        self._portfolio.order(
            event,
            Does.RESIZE,
            units,
            units * intent.signal.direction,
            self._portfolio.entries_wanted[place],
        )

    def _enter(self, event: Event) -> None:
        """Order a position, or more of one; of a reversal that is refused, the closing half."""
        intent: Intent = event.payload
        place, direction = intent.place, float(intent.signal.direction)
        wanted = self._portfolio.wanted[place]
        equity = worth(self._portfolio.cash, self._portfolio.held, self._portfolio.prices)
        units = self._sized(event, equity)
        more = wanted * direction > 0.0
        refusal: Refusal | None = Refusal(Verdict.SIZED_TO_ZERO, "")
        if units > 0.0:
            after = abs(wanted) + units if more else units
            refusal = self._checked(event, equity, after)
        if refusal is not None:
            self._portfolio.settle(event, intent, None, refusal.verdict, refusal.detail)
            if wanted * direction < 0.0:
                self._portfolio.order(event, Does.CLOSE, 0.0, 0.0, 0.0, settled=True)
            return
        self._portfolio.today += 1.0
        entries = self._portfolio.entries_wanted[place] if more else 0.0
        self._portfolio.order(
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
