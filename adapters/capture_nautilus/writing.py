"""Writes what a strategy wants as rows: the signal, and the orders that it led to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from capture.journal import NULL_INT
from capture.recorder.adapting import Words
from capture_nautilus.meaning import NOTHING, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.journal.writer import Append
    from capture_nautilus.ear import Ear, State
    from capture_nautilus.market import Series
    from capture_nautilus.meaning import Meaning
    from capture_nautilus.opening import Opened

__all__ = ["Channels", "Writer"]


class Channels(NamedTuple):
    """The channels of one strategy and one instrument."""

    intent: Append
    signal: Append
    order: Append
    fill: Append
    executed: Append
    status: Append


class Writer:
    """Writes the intents of one strategy.

    Attributes:
        words: the numbers that stand for words.
    """

    def __init__(self, ear: Ear, opened: Opened, intern: Callable[[str], int]) -> None:
        """Write for an ear."""
        self._ear = ear
        self._opened = opened
        self.words = Words(intern)
        self._flat: tuple[Any, str, int] | None = None

    def channels(self, series: Series | None) -> Channels:
        """Return the channels of an instrument."""
        return self._opened.channels(series)

    def _renew(self) -> None:
        """Declare the indicators that the strategy has registered by now."""
        self._ear.outgrown = False
        self._opened.renew()

    def intent(self, verb: str, state: State, meaning: Meaning, arguments: Any) -> tuple[int, int]:
        """Write a signal and its order as one; return their sequence numbers."""
        if self._ear.outgrown:
            self._renew()
        words = self.words
        place = (state.series, state.phase, state.callback)
        # What an earlier call of this callback closes is held no more.
        held = 0.0 if self._flat == place else state.position
        self._flat = place if not meaning.direction else None
        seq = self.channels(state.series).intent(
            state.bar,
            state.time_ns,
            meaning.direction,
            words[type_of(meaning, held)],
            state.position,
            state.capital,
            *self._opened.indicators.now(),
            *self._tail(verb, state, meaning),
        )
        if seq < 0:  # dropped
            return NULL_INT, NULL_INT
        self._opened.said[seq + 1] = (verb, arguments)
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
            *self._opened.indicators.now(),
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
        seq = self.channels(state.series).order(
            signal,
            state.bar,
            state.time_ns,
            *self._tail(verb, state, meaning),
            self.words[action],
        )
        if seq < 0:
            return NULL_INT
        self._opened.said[seq] = (verb, arguments)
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
