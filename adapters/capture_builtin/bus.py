"""The event bus: events have a number and a cause, and are handed on one after the other."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from capture.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Handler = Callable[["Event"], None]

__all__ = ["Event", "EventBus", "Topic"]


class Topic(StrEnum):
    """What an event is about."""

    BAR = "bar"
    SIGNAL = "signal"
    ORDER = "order"
    FILL = "fill"
    STATUS = "status"


class Event:
    """Something that happened.

    Attributes:
        seq: its number; numbers grow, and every bar takes one as well.
        topic: what it is about.
        cause: the event that led to it; None of a bar, which the market brings.
        time_ns: when, in nanoseconds since 1970.
        bar: of a fill, the event of the bar on which it happened.
        payload: what it says.
    """

    __slots__ = ("bar", "cause", "payload", "seq", "time_ns", "topic")

    def __init__(
        self,
        seq: int,
        topic: Topic,
        cause: Event | None,
        time_ns: int,
        payload: Any,
        bar: Event | None = None,
    ) -> None:
        """Keep what happened."""
        self.seq = seq
        self.topic = topic
        self.cause = cause
        self.time_ns = time_ns
        self.payload = payload
        self.bar = bar

    def __repr__(self) -> str:
        because = "" if self.cause is None else f", because of {self.cause.seq}"
        return f"Event({self.seq}, {self.topic}{because}: {self.payload!r})"

    def chain(self) -> Iterator[Event]:
        """Yield the event, and what led to it, back to the bar that began it."""
        event: Event | None = self
        while event is not None:
            yield event
            event = event.cause


class EventBus:
    """Hands events to whoever subscribed, in the order of subscription, before anything else.

    Whoever handles an event may publish others; they are handled at once, so that all that a bar
    leads to is over before the next bar.

    Attributes:
        seq: number of the next event.
    """

    def __init__(self) -> None:
        """Begin with nobody listening."""
        self.seq = 0
        self._handlers: dict[Topic, list[Handler]] = {topic: [] for topic in Topic}

    def subscribe(
        self,
        topic: Topic | str,
        handler: Handler,
        *,
        where: Mapping[str, Any] | None = None,
        first: bool = False,
    ) -> None:
        """Let a handler hear of a topic's events.

        Args:
            topic: which events.
            handler: is called with each.
            where: attributes of the payload and the value, or the set of values, that each must
                have. Signals are only heard with such a filter: whoever hears those of every
                strategy trades what was never meant for it.
            first: hear of events before those who subscribed earlier.

        Raises:
            ConfigError: there is no such topic, or signals are asked for without a filter.
        """
        try:
            topic = Topic(topic)
        except ValueError:
            hint = did_you_mean(str(topic), list(Topic))
            raise ConfigError("topic", topic, f"choose one of {', '.join(Topic)}.{hint}") from None
        if topic is Topic.SIGNAL and not where:
            raise ConfigError(
                "where", where, 'signals are heard with a filter, such as {"strategy_id": "..."}'
            )
        heard = _filtered(handler, where) if where else handler
        self._handlers[topic].insert(0 if first else len(self._handlers[topic]), heard)

    def listeners(self, topic: Topic) -> int:
        """Return how many listen."""
        return len(self._handlers[topic])

    def hand_on(self, event: Event) -> None:
        """Hand on an event that has its number already, as bars have."""
        for handler in self._handlers[event.topic]:
            handler(event)

    def publish(
        self,
        topic: Topic,
        payload: Any,
        cause: Event | None,
        time_ns: int,
        bar: Event | None = None,
    ) -> Event:
        """Number an event and hand it on; return it when everything it leads to is done."""
        event = Event(self.seq, topic, cause, time_ns, payload, bar)
        self.seq += 1
        for handler in self._handlers[topic]:
            handler(event)
        return event


_MANY: Final = (set, frozenset, list, tuple)


def _filtered(handler: Handler, where: Mapping[str, Any]) -> Handler:
    wanted = {
        name: frozenset(value if isinstance(value, _MANY) else (value,))
        for name, value in where.items()
    }
    if len(wanted) == 1:
        [(name, values)] = wanted.items()

        def one(event: Event) -> None:
            if getattr(event.payload, name) in values:
                handler(event)

        return one

    def several(event: Event) -> None:
        if all(getattr(event.payload, name) in values for name, values in wanted.items()):
            handler(event)

    return several
