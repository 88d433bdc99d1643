"""Writes what the host trades, a block at a time, and counts round trips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.journal import NULL_INT
from capture.recorder.adapting import Words
from capture.recorder.ending import why_stopped

if TYPE_CHECKING:
    from capture_bt.execution import Voice
    from capture_bt.opening import Opened
    from capture_bt.session import Session

__all__ = ["Fills", "Trip"]


class Trip:
    """A position from the first unit to the last; the host itself keeps no trades.

    Attributes:
        number: its number.
        symbol: instrument.
        node: full name of the strategy that held it.
        size: units that were opened; negative of a short position.
        entry_bar: bar of the first fill.
        exit_bar: bar of the last; None while it is open.
        paid: what the opening fills came to.
        got: what the closing fills came to.
        closed: units that were closed.
        commission: of all fills.
    """

    def __init__(self, number: int, symbol: str, node: str, bar: int) -> None:
        """Begin with nothing held."""
        self.number = number
        self.symbol = symbol
        self.node = node
        self.entry_bar = bar
        self.exit_bar: int | None = None
        self.size = self.paid = self.got = self.closed = self.commission = 0.0


class Fills:
    """Hears every trade of the tree; those on paper are none.

    What it hears is kept until there is a block of it, and recorded at once; where somebody hears
    of fills or statuses, each when it happens.

    Attributes:
        trips: round trips, in order of their beginning.
    """

    def __init__(self, session: Session, opened: Opened) -> None:
        """Write through what was opened."""
        self._session = session
        self._opened = opened
        self._words = Words(opened.engine.word)
        self._open: dict[tuple[str, str], Trip] = {}
        self.trips: list[Trip] = []
        self._kept: list[tuple[Any, ...]] = []
        engine = opened.engine
        self._following = engine.fills_follow(session.broken) if engine.fills_may_follow else None
        self._most = 0 if self._following is None else max(1, session.config.buffer_size // 2)

    # --- what is heard -----------------------------------------------------------------------

    def traded(
        self, voice: Voice, security: Any, units: float, before: float, after: float,
        price: float | None,
    ) -> None:  # fmt: skip
        """Take note that a security was traded."""
        session, execution = self._session, voice.execution
        if session.problem is not None:
            return
        expected = paid = security._price
        if price is not None:
            paid = float(price)
        elif security._bidoffer_set:
            paid = expected + 0.5 * security._bidoffer * (1 if units > 0 else -1)
        placed, symbol = execution.placed, str(security.name)
        channels, seq, decided, whole = None, NULL_INT, NULL_INT, False
        if placed is not None and placed.channels is not None:
            channels, seq, decided = placed.channels, placed.seq, placed.bar
            whole = placed.single and not placed.settled
            placed.settled |= whole
            placed.filled += 1
        self._kept.append(
            (channels, symbol, whole, seq, session.bar, decided, units, paid, execution.fee, after,
             expected, voice.label, before, security.multiplier)
        )  # fmt: skip
        if len(self._kept) > self._most:
            self.settle(waiting=seq)  # the present call may come to further fills

    # --- what is recorded --------------------------------------------------------------------

    def settle(self, *, waiting: int = NULL_INT) -> None:
        """Record the trades since the last time.

        Args:
            waiting: the signal that may have further ones.
        """
        kept, self._kept = self._kept, []
        if self._session.problem is not None:
            return
        try:
            for each in kept:
                self._write(each)
        except Exception as exc:
            self._session.broken(why_stopped(exc, self._session.config))
            return
        if self._following is not None:
            self._following.up_to([waiting])

    def finish(self) -> None:
        """Record the trades that are left."""
        self.settle()
        if self._following is not None and self._session.problem is None:
            self._following.done()

    def _write(self, kept: tuple[Any, ...]) -> None:
        """Record a trade; without channels it is nobody's.

        The host itself flattens what went bankrupt, and what could not be recorded is nobody's.
        """
        (channels, symbol, whole, seq, bar, decided, units, paid, fee, after, expected, label,
         before, multiplier) = kept  # fmt: skip
        effect, trip = self._trip(
            (label, symbol), bar, units, before, after, units * paid * multiplier, fee
        )
        if channels is None or channels.symbol != symbol:
            channels = self._opened.channels(symbol)
        side, words = 1 if units > 0 else -1, self._words
        write = channels.executed if whole else channels.fill
        write(
            seq, seq + 1 if seq >= 0 else NULL_INT, bar, decided, side, abs(units), paid, fee,
            after, trip.number, words[effect], expected, (paid - expected) * side, words[label],
        )  # fmt: skip

    def _trip(
        self, key: tuple[str, str], bar: int, units: float, before: float, after: float,
        worth: float, fee: float,
    ) -> tuple[str, Trip]:  # fmt: skip
        """Book a trade to its round trip; return what it does to it."""
        trip = self._open.get(key)
        if trip is not None and before * after < 0:
            # A reversal ends one and begins another; the fee is the second's.
            share = -before / units
            self._end(key, trip, bar, before, worth * share)
            trip, units, worth, before = None, after, worth * (1.0 - share), 0.0
        if trip is None:
            trip = self._open[key] = Trip(len(self.trips) + 1, key[1], key[0], bar)
            self.trips.append(trip)
        trip.commission += fee
        if before * units >= 0:
            trip.size += units
            trip.paid += worth
            return "open", trip
        if after == 0:
            self._end(key, trip, bar, before, worth)
            return "close", trip
        trip.closed += units
        trip.got -= worth
        return "reduce", trip

    def _end(self, key: tuple[str, str], trip: Trip, bar: int, held: float, worth: float) -> None:
        trip.exit_bar = bar
        trip.closed -= held
        trip.got -= worth
        del self._open[key]
