"""Signals on their way into the recording: each is in the journal before a portfolio hears of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureError
from capture.journal import NULL_FLOAT
from capture.study.portfolio.arithmetic import worth
from capture_builtin.bus import Topic
from capture_builtin.recording import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.recorder.engine import SignalCaptureEngine
    from capture_builtin.bus import Event
    from capture_builtin.engine import Engine
    from capture_builtin.orders import Intent
    from capture_builtin.portfolio import Portfolio
    from capture_builtin.recording.opening import Channels, Writing
    from capture_builtin.recording.outcomes import Outcomes
    from capture_builtin.signals import Signal

__all__ = ["Intents"]

_WORDS: Final = (
    "entry", "exit", "adjustment", "sizer", "units", "portion", "target",
    "market", "limit", "stop", "stop_limit",
)  # fmt: skip


class Intents:
    """Records what strategies want, and what they take back.

    Attributes:
        over: whether recording stopped.
    """

    def __init__(
        self,
        engine: SignalCaptureEngine,
        host: Engine,
        writing: Mapping[str, Writing],
        outcomes: Outcomes | None,
        broken: Callable[[CaptureError], None],
    ) -> None:
        """Listen to strategies.

        Args:
            engine: the recorder.
            host: what runs.
            writing: what each strategy is written through.
            outcomes: what becomes of signals; None where there is no portfolio.
            broken: is told why recording stops.
        """
        self.over = False
        self._engine = engine
        self._writing = writing
        self._outcomes = outcomes
        self._broken = broken
        self._portfolio: Portfolio | None = None if outcomes is None else outcomes.portfolio
        self._words = {text: engine.word(text) for text in _WORDS}
        # The recorder hears a signal before a portfolio does: what becomes of it comes after it.
        where = {"strategy_id": list(writing)}
        host.bus.subscribe(Topic.SIGNAL, self._hearing(), where=where, first=True)

    def _hearing(self) -> Callable[[Event], None]:
        """Return what records a signal and its order; what it needs is looked up but once."""
        intents, writing, outcomes = self, self._writing, self._outcomes
        words, state, null = self._words, self.state, NULL_FLOAT
        order_of, priced, more_of = rows.order_of, rows.priced, _more_of
        kept, most = ((), 1) if outcomes is None else (outcomes.kept, outcomes.most)

        def heard(event: Event) -> None:
            if intents.over:
                return
            if len(kept) >= most:
                outcomes.make_room()  # type: ignore[union-attr]
            intent: Intent = event.payload
            mine = writing[intent.strategy_id]
            channels = mine.known.get(intent.symbol) or mine.channels(intent.symbol)
            signal = intent.signal
            direction, strength = signal.direction, signal.strength
            size, kind = order_of(signal)
            held, cash, equity = state(intent.place)
            row = (
                intent.bar_index, event.time_ns, direction,
                words[signal.kind or ("entry" if direction else "exit")],
                null if strength is None else strength, held, cash, equity,
                size, words[kind], intent.step,
            )  # fmt: skip
            try:
                if intent.action != "new":
                    intents._cancel(intent, event.time_ns, channels)
                    return
                if intent.source is not None:  # before it is written: a full block asks at once
                    mine.strategy.repeated[intents._engine.next_seq] = intent.source
                if priced(signal):
                    more = more_of(signal, words)
                    write = channels.priced
                elif not mine.references:
                    intent.recorded = channels.plain(*row)
                    return
                else:
                    more, write = (), channels.plain
                seen = (mine.references_now(),) if mine.references else ()
                intent.recorded = write(*row, *more, *seen)
            except CaptureError as exc:
                intents._broken(exc)

        return heard

    @staticmethod
    def _cancel(intent: Intent, time_ns: int, channels: Channels) -> None:
        arguments = json.dumps({"moment_ns": time_ns})
        channels.cancel(intent.bar_index, intent.step, arguments)

    def state(self, place: int) -> tuple[float, float, float]:
        """Return position, cash and equity at this moment; null where there is no portfolio."""
        portfolio = self._portfolio
        if portfolio is None:
            return NULL_FLOAT, NULL_FLOAT, NULL_FLOAT
        held, cash = portfolio.held, portfolio.cash
        if len(held) == 1:
            units = held[0]
            return units, cash, cash + units * portfolio.prices[0] if units else cash
        return held[place], cash, worth(cash, held, portfolio.prices)


def _more_of(signal: Signal, words: Mapping[str, int]) -> tuple[Any, ...]:
    """Return what few signals have: prices, how long they wait, a tag."""
    prices = (signal.limit, signal.stop, signal.stop_loss, signal.take_profit, signal.trail)
    valid = None if signal.valid_bars is None else str(signal.valid_bars)
    return (words[signal.order_type], *map(rows.nullable, prices), valid, signal.tag)
