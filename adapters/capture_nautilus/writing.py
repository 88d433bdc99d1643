"""Writes what a strategy wants as rows: the signal, and the orders that it led to."""

from __future__ import annotations

from operator import call
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from capture.journal import NULL_INT
from capture.recorder.adapting import Words
from capture_nautilus.indicators import numbers
from capture_nautilus.meaning import NOTHING, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.journal.appending import Append
    from capture.recorder.engine import SignalCaptureEngine
    from capture_nautilus.ear import Ear
    from capture_nautilus.meaning import Meaning
    from capture_nautilus.moment import State
    from capture_nautilus.opening import Opened

__all__ = ["Channels", "Take", "Writer"]

_MOST_OF_A_CALL: Final = 64
"""Rows that one call leads to, as a rule at most."""


Take: TypeAlias = "Callable[[tuple[Any, ...]], None]"
"""Takes a row of what the host tells."""


class Channels(NamedTuple):
    """The channels of one strategy and one instrument."""

    intent: Append
    signal: Append
    order: Append
    fill: Take
    executed: Take
    status: Take


class Writer:
    """Writes the intents of one strategy.

    Attributes:
        words: the numbers that stand for words.
        journal: what is written into.
        most: rows that a call leads to. No block ends within one: what the host makes of it is
            known when it is over.
        channels: returns the channels of an instrument.
    """

    def __init__(self, ear: Ear, opened: Opened, engine: SignalCaptureEngine) -> None:
        """Write for an ear."""
        self.journal = engine.journal
        self.most = min(_MOST_OF_A_CALL, engine.config.buffer_size // 4)
        self.words = Words(engine.word)
        self.channels = opened.channels
        self._ear = ear
        self._opened = opened
        self._engine = engine
        self._flat: tuple[Any, str, int] | None = None

    def hand_on(self) -> None:
        """Let a block end before the rows of a call."""
        self._engine.room_for(self.most)

    def prepare(self) -> None:
        """Declare, before the first bar, what signals will need."""
        if self._ear.outgrown:
            self._renew()
        self._opened.declare()

    def write(self) -> None:
        """Write what was told of orders and not written yet."""
        self._opened.write()

    def forget(self) -> None:
        """Declare channels again, as from now on all is written as it happens."""
        self._opened.forget()

    def _renew(self) -> None:
        """Declare the indicators that the strategy has registered by now."""
        self._ear.outgrown = False
        self._opened.renew()

    def intent(self, verb: str, state: State, meaning: Meaning, arguments: Any) -> tuple[int, int]:
        """Write a signal and its order as one; return their sequence numbers."""
        if self._ear.outgrown:
            self._renew()
        opened, words = self._opened, self.words
        series, bar, time_ns, position, capital, phase, callback = state
        direction, side, order_type, size, kind, limit, stop, trail, _ = meaning
        place = (series, phase, callback)
        # What an earlier call of this callback closes is held no more.
        held = 0.0 if self._flat == place else position
        self._flat = None if direction else place
        said = opened.saying = (verb, arguments)
        values = list(map(call, opened.indicators.readers))
        if None in values:
            values = numbers(values)
        seq = (opened.known.get(series) or opened.channels(series)).intent(
            bar,
            time_ns,
            direction,
            words["exit" if not direction else type_of(meaning, held) if held else "entry"],
            position,
            capital,
            *values,
            side,
            words[verb],
            words[order_type],
            size,
            words[kind],
            limit,
            stop,
            trail,
            words[phase],
            callback,
        )
        if seq < 0:  # dropped
            return NULL_INT, NULL_INT
        opened.said[seq + 1] = said
        return seq, seq + 1

    def signal(self, state: State, direction: int) -> int:
        """Write a signal that led to no call; return its sequence number."""
        if self._ear.outgrown:
            self._renew()
        seq = self.channels(state.series).signal(
            state.bar,
            state.time_ns,
            direction,
            self.words["entry" if direction else "exit"],
            state.position,
            state.capital,
            *numbers([read() for read in self._opened.indicators.readers]),
        )
        return seq if seq >= 0 else NULL_INT

    def order(
        self,
        signal: int,
        verb: str,
        state: State,
        meaning: Meaning = NOTHING,
        arguments: Any = None,
        action: str = "new",
    ) -> int:
        """Write an order that follows, an edit or a cancel; return its sequence number."""
        said = self._opened.saying = (verb, arguments)
        seq = self.channels(state.series).order(
            signal,
            state.bar,
            state.time_ns,
            *self._tail(verb, state, meaning),
            self.words[action],
        )
        if seq < 0:
            return NULL_INT
        self._opened.said[seq] = said
        return seq

    def _tail(self, verb: str, state: State, meaning: Meaning) -> tuple[Any, ...]:
        words = self.words
        return (
            meaning.side,
            words[verb] if verb else 0,
            words[meaning.order_type] if meaning.order_type else 0,
            meaning.size,
            words[meaning.kind] if meaning.kind else 0,
            meaning.limit,
            meaning.stop,
            meaning.trail,
            words[state.phase],
            state.callback,
        )
