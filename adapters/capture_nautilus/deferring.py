"""What the host tells of orders, recorded a block at a time where nobody hears of it meanwhile.

Its events stay as they are, and it keeps them itself. So they are noted by the message bus alone,
without a call of anything of ours, and read when there are many of them. Both ways go through the
same function, so that they give the same rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nautilus_trader.model.events import OrderFilled

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.journal import Following
    from capture.recorder.channel import Channel
    from capture_nautilus.ear import Ear

__all__ = ["Deferring", "Later"]

_FIRST: Final = 5
"""Priority on the message bus: after the host's own engines, before the strategy."""
_MOST: Final = 3072
"""So few events that recording them is no pause, and so many that each is recorded quickly."""


class Later:
    """Takes rows, and writes them many at once.

    Attributes:
        take: takes a row; it has no number yet.
    """

    def __init__(self, channel: Channel) -> None:
        """Write to a channel."""
        self._extend = channel.extend
        self._rows: list[tuple[Any, ...]] = []
        self.take: Callable[[tuple[Any, ...]], None] = self._rows.append

    def write(self) -> None:
        """Write what was taken."""
        columns = list(zip(*self._rows, strict=True))
        self._rows.clear()
        if columns:
            self._extend(columns)


class Deferring:
    """Hears what the host tells of one strategy's orders, and says how far it is in the journal.

    Attributes:
        noted: what was told and is not recorded yet, in order.
        most: how much of it there may be before the next signal; 0 where all is recorded at once.
        held: the units that the strategy holds, by instrument, as far as was looked.
        seen: how much of what was told was looked at.
    """

    def __init__(self, ear: Ear) -> None:
        """Hear nothing yet."""
        self._ear = ear
        self.noted: list[Any] = []
        self.most = 0
        self._following: Following | None = None
        self.held: dict[Any, int] = ear.holdings.units
        self.seen = 0
        self._handler: Callable[[Any], None] | None = None

    def listen(self, most: int) -> None:
        """Hear of events: as they happen, or of so many at once if `most` is not 0."""
        self.most = min(most, _MOST)
        self._hear(self.noted.append if most else self._ear.heard)
        if most:
            assert self._ear.session is not None
            self.held = {}
            self._following = self._ear.session.engine.fills_follow(self._ear.failed)

    def _hear(self, handler: Callable[[Any], None] | None) -> None:
        strategy, before, self._handler = self._ear.strategy, self._handler, handler
        for topic in (f"events.order.{strategy.id}", f"events.position.{strategy.id}"):
            if before is not None:
                strategy.msgbus.unsubscribe(topic, before)
            if handler is not None:
                strategy.msgbus.subscribe(topic, handler, _FIRST)

    def look(self) -> None:
        """Count what was filled since the last time."""
        noted, held = self.noted, self.held
        for event in noted[self.seen :]:
            if type(event) is OrderFilled:
                units = event.last_qty.raw if event.is_buy else -event.last_qty.raw
                held[event.instrument_id] = held.get(event.instrument_id, 0) + units
        self.seen = len(noted)

    # --- when --------------------------------------------------------------------------------

    def settle(self) -> None:
        """Record what was noted."""
        self.look()
        self._ear.outcomes.remember()  # which may note that one was refused
        told = self.noted[:]
        self.noted.clear()  # the message bus holds on to this list
        self.seen = 0
        self._ear.heard_all(told)

    def make_room(self) -> None:
        """Record what was noted, and say in the journal up to which signal all is there."""
        self.settle()
        ear = self._ear
        if self._following is not None and ear.writer is not None:
            self._following.up_to(placed.signal_seq for placed in ear.outcomes.waiting())

    def attend(self) -> None:
        """Record what was noted, and all that follows as it happens."""
        if self.most:
            self.finish()
            self.most, self.held = 0, self._ear.holdings.units
            self._hear(self._ear.heard)
            if self._ear.writer is not None:
                self._ear.writer.forget()

    def finish(self) -> None:
        """Record what is left."""
        self.settle()
        if self._following is not None and self._ear.writer is not None:
            self._following.done()

    def end(self) -> None:
        """Hear nothing more."""
        self._hear(None)
