"""Writes what the host trades, at the moment at which it does, and counts round trips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.errors import CaptureError
from capture.journal import NULL_INT
from capture.recorder.adapting import Words

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

    def traded(
        self, voice: Voice, security: Any, units: float, before: float, after: float,
        price: float | None,
    ) -> None:  # fmt: skip
        """Record that a security was traded."""
        session = self._session
        if session.problem is not None:
            return
        fee, bar = voice.execution.fee, session.bar
        side = 1 if units > 0 else -1
        expected = security._price
        if price is not None:
            paid = float(price)
        elif security._bidoffer_set:
            paid = expected + 0.5 * security._bidoffer * side
        else:
            paid = expected
        effect, trip = self._trip(voice, security, units, before, after, paid, fee)
        placed = voice.execution.placed
        try:
            self._write(
                voice, security, placed,
                bar, side, abs(units), paid, fee, after, trip.number, self._words[effect],
                expected, (paid - expected) * side, self._words[voice.label],
            )  # fmt: skip
        except CaptureError as exc:
            session.broken(exc)

    def _write(self, voice: Voice, security: Any, placed: Any, *row: Any) -> None:
        bar, rest = row[0], row[1:]
        if placed is None or placed.channels is None:
            # The host itself flattens what went bankrupt; what could not be recorded is nobody's.
            channels = self._opened.channels(str(security.name))
            channels.fill(NULL_INT, NULL_INT, bar, NULL_INT, *rest)
            return
        channels, seq = placed.channels, placed.seq
        if str(security.name) != channels.symbol:
            channels = self._opened.channels(str(security.name))
        order = seq + 1 if seq >= 0 else NULL_INT
        write = channels.fill
        if placed.single and not placed.settled:
            write, placed.settled = channels.executed, True
        placed.filled += 1
        write(seq, order, bar, placed.bar, *rest)

    def _trip(
        self, voice: Voice, security: Any, units: float, before: float, after: float,
        price: float, fee: float,
    ) -> tuple[str, Trip]:  # fmt: skip
        """Book a trade to its round trip; return what it does to it."""
        key = (voice.label, str(security.name))
        worth = units * price * security.multiplier
        trip = self._open.get(key)
        if trip is not None and before * after < 0:
            # A reversal ends one and begins another; the fee is the second's.
            share = -before / units
            self._end(key, trip, before, worth * share)
            trip, units, worth, before = None, after, worth * (1.0 - share), 0.0
        if trip is None:
            trip = self._open[key] = Trip(len(self.trips) + 1, key[1], key[0], self._session.bar)
            self.trips.append(trip)
        trip.commission += fee
        if before * units >= 0:
            trip.size += units
            trip.paid += worth
            return "open", trip
        if after == 0:
            self._end(key, trip, before, worth)
            return "close", trip
        trip.closed += units
        trip.got -= worth
        return "reduce", trip

    def _end(self, key: tuple[str, str], trip: Trip, held: float, worth: float) -> None:
        trip.exit_bar = self._session.bar
        trip.closed -= held
        trip.got -= worth
        del self._open[key]
