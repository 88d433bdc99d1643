"""Signals on their way into the recording: a portfolio hears of what is in the journal already."""

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
        words, state, null, portfolio = self._words, self.state, NULL_FLOAT, self._portfolio
        opens, closes = (words["entry"], words["sizer"]), (words["exit"], words["portion"])
        held: list[float] = [] if portfolio is None else portfolio.held
        prices: list[float] = [] if portfolio is None else portfolio.prices
        one = len(held) == 1
        kept, most = ((), 1) if outcomes is None else (outcomes.kept, outcomes.most)
        simple = not any(each.references or each.repeats for each in writing.values())

        def heard(event: Event) -> None:
            if intents.over:
                return
            if len(kept) >= most:
                outcomes.make_room()  # type: ignore[union-attr]
                if intents.over:
                    return
            intent: Intent = event.payload
            mine = writing[intent.strategy_id]
            channels = mine.known.get(intent.symbol) or mine.channels(intent.symbol)
            signal = intent.signal
            direction, strength, kind = signal.direction, signal.strength, signal.kind
            if one:  # `state` for one symbol, which is most often the case
                units, cash = held[0], portfolio.cash  # type: ignore[union-attr]
                equity = cash + units * prices[0] if units else cash
            else:
                units, cash, equity = state(intent.place)
            if kind is None and signal.size is None:  # and so is this
                size = null
                does, unit = opens if direction else closes
            else:
                size, said = rows.order_of(signal)
                does, unit = words[kind or ("entry" if direction else "exit")], words[said]
            row = (
                intent.bar_index, event.time_ns, direction, does,
                null if strength is None else strength, units, cash, equity, size, unit,
                intent.step,
            )  # fmt: skip
            try:
                if simple and intent.action == "new" and not rows.priced(signal):
                    intent.recorded = channels.plain(*row)
                else:
                    intents._write(intent, event.time_ns, mine, channels, row)
            except CaptureError as exc:
                intents._broken(exc)

        return heard

    def _write(
        self,
        intent: Intent,
        time_ns: int,
        mine: Writing,
        channels: Channels,
        row: tuple[Any, ...],
    ) -> None:
        """Write what is more than a direction and a size."""
        if intent.action != "new":
            arguments = json.dumps({"moment_ns": time_ns})
            channels.cancel(intent.bar_index, intent.step, arguments)
            return
        if intent.source is not None:  # before it is written: a full block asks at once
            mine.strategy.repeated[self._engine.next_seq] = intent.source
        priced = rows.priced(intent.signal)
        more = _more_of(intent.signal, self._words) if priced else ()
        seen = (mine.references_now(),) if mine.references else ()
        write = channels.priced if priced else channels.plain
        intent.recorded = write(*row, *more, *seen)

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
