"""Writes what a strategy wants as rows: the signal, and the orders that it led to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from capture.journal import NULL_FLOAT, NULL_INT
from capture.recorder.adapting import Words, price_of, type_of
from capture_backtrader.calls import meaning_of, stated
from capture_backtrader.placed import Placed
from capture_backtrader.rows import PLACES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.journal.appending import Append
    from capture.recorder.channel import Channel
    from capture_backtrader.ear import Ear, State
    from capture_backtrader.feeds import Feed

__all__ = ["Channels", "Writer"]

_SIMPLE: Final = frozenset({"data", "size"})
_MOST_TEXTS: Final = 1024
"""Arguments that are interned; beyond that, each row brings its own."""


class Channels(NamedTuple):
    """The channels of one strategy and one data feed; the first three are of plain calls."""

    buy: Append
    sell: Append
    close: Append
    signal: Append
    order: Append
    special: Append
    fill: Channel
    status: Append | None


class Writer:
    """Writes the intents of one strategy.

    Attributes:
        words: the numbers that stand for words.
        effects: those of what a fill does to a trade: opens, reduces, closes it.
        seen: as it was given.
        simple: as it was given.
        flat: by feed, the step of the host in which the position was closed last.
    """

    def __init__(
        self,
        ear: Ear,
        channels: Callable[[Feed], Channels],
        intern: Callable[[str], int],
        seen: Callable[[], None],
        *,
        simple: bool,
    ) -> None:
        """Write for an ear.

        Args:
            ear: hears the strategy.
            channels: returns the channels of a data feed.
            intern: returns the number that stands for a word.
            seen: takes down where indicators and other feeds stand when a signal is given.
            simple: whether a signal's bar says that, once indicators have come to it.
        """
        self._ear = ear
        self._outcomes = ear.outcomes
        self._declare = channels
        self._by_feed: dict[int, Channels] = {}
        self.seen = seen
        self.simple = simple
        self.words = Words(intern)
        self.effects = (intern("open"), intern("reduce"), intern("close"))
        self._texts: dict[str, int] = {}
        self.flat: dict[int, int] = {}
        self._no_arguments = intern("{}")

    def channels(self, feed: Feed) -> Channels:
        """Return the channels of a data feed."""
        known = self._by_feed.get(feed.index)
        if known is None:
            known = self._by_feed[feed.index] = self._declare(feed)
        return known

    # --- intents -----------------------------------------------------------------------------

    def intent(
        self, verb: str, given: Mapping[str, Any], state: State, made: Any, failed: bool
    ) -> None:
        """Write a call, and remember the orders that it led to."""
        ear = self._ear
        first, *others = made if type(made) is list else (made,)
        if given.get("size") is None and first is not None and ear.own_sizer:
            given = {**given, "size": abs(first.size)}
        if given.get("tradeid"):
            self._outcomes.deferring.attend()
        feed = state.feed or self._first_feed()
        side, direction, size, kind = meaning_of(verb, given, first, state.position)
        units = 0.0 if first is None else abs(first.created.size)  # the host looks `size` up slowly
        signal = self.signal(feed, state, direction, side, units)
        write = self._plain if not given or given.keys() <= _SIMPLE else self._special
        order = write(feed, signal, verb, given, state, (side, size, kind), first)
        if failed:
            self._outcomes.settle_at(feed, signal, order, state.bar, PLACES["invalid"])
        elif first is None:
            place = _nothing(verb, given)
            self._outcomes.settle_at(feed, signal, order, state.bar, PLACES[place])
        else:
            placed = Placed(first, feed, signal, order, state.bar)
            self._outcomes.place(placed, oco=given.get("oco"), parent=given.get("parent"))
            for other in others:
                if other is not None:
                    self._child(feed, placed, other, state)

    def _first_feed(self) -> Feed:
        assert self._ear.session is not None
        return self._ear.session.feeds[0]

    def signal(self, feed: Feed, state: State, direction: int, side: int, units: float) -> int:
        """Write a signal and return its sequence number."""
        held, step = state.position, state.callback >> 2
        if held and self.flat.get(feed.index) == step:
            held = 0.0  # an earlier call of this step closes it
        kind = type_of(direction, side, units, held)
        if not direction:
            self.flat[feed.index] = step
        if state.behind or not self.simple:
            self.seen()
        seq = self.channels(feed).signal(
            state.bar,
            direction,
            self.words[kind],
            state.position,
            state.cash,
            state.equity,
            state.pending,
        )
        return seq if seq >= 0 else NULL_INT

    def _row(
        self,
        signal: int,
        verb: str | None,
        arguments: Any,
        kind: str | None,
        state: State,
        meaning: tuple[int, float, str | None],
    ) -> tuple[Any, ...]:
        words = self.words
        side, size, unit = meaning
        return (
            signal,
            state.bar,
            side,
            words[verb] if verb else 0,
            arguments,
            words[kind] if kind else 0,
            size,
            words[unit] if unit else 0,
            words[state.phase],
            state.callback,
        )

    def number_of(self, verb: str, given: Mapping[str, Any]) -> int:
        """Return the number that stands for arguments; 0 where there are too many of them."""
        text = self._ear.encoder.encode(verb, given)
        number = self._texts.get(text, 0)
        if not number and len(self._texts) < _MOST_TEXTS:
            number = self._texts[text] = self.words[text]
        return number

    def _plain(
        self,
        feed: Feed,
        signal: int,
        verb: str,
        given: Mapping[str, Any],
        state: State,
        meaning: tuple[int, float, str],
        made: Any,
    ) -> int:
        if given:
            number = self.number_of(verb, given)
            if not number:
                return self._special(feed, signal, verb, given, state, meaning, made)
        else:
            number = self._no_arguments
        kind = "limit" if verb.endswith("bracket") else "market"
        return self.channels(feed).order(*self._row(signal, verb, number, kind, state, meaning))

    def _special(
        self,
        feed: Feed,
        signal: int,
        verb: str,
        given: Mapping[str, Any],
        state: State,
        meaning: tuple[int, float, str],
        made: Any,
    ) -> int:
        """Write an order that is more than a market order."""
        exectype = made.exectype if made is not None else given.get("exectype")
        kind, limit, stop, trail = stated(exectype, given)
        bracket = (
            (price_of(given.get("stopprice")), price_of(given.get("limitprice")))
            if verb.endswith("bracket")
            else (NULL_FLOAT, NULL_FLOAT)
        )
        valid = given.get("valid")
        return self.channels(feed).special(
            *self._row(signal, verb, self._ear.encoder.encode(verb, given), kind, state, meaning),
            self.words["new"],
            limit,
            stop,
            trail,
            *bracket,
            None if valid is None else str(valid),
            self._outcomes.order_id(given.get("parent")),
            self._outcomes.order_id(given.get("oco")),
        )

    def _child(self, feed: Feed, leader: Placed, made: Any, state: State) -> None:
        """Write an order that the host made to carry out a call: a bracket's stop, or its limit."""
        given = {"price": made.price, "plimit": made.pricelimit}
        kind, limit, stop, trail = stated(made.exectype, given)
        side = 1 if made.size > 0 else -1
        order = self.channels(feed).special(
            *self._row(
                leader.signal_seq,
                None,
                None,
                kind,
                state,
                (side, abs(float(made.size)), "units"),
            ),
            self.words["new"],
            limit,
            stop,
            trail,
            NULL_FLOAT,
            NULL_FLOAT,
            None,
            f"o{leader.order_seq}" if leader.order_seq >= 0 else None,
            None,
        )
        placed = Placed(made, feed, leader.signal_seq, order, state.bar, leads=False)
        self._outcomes.place(placed, parent=leader.order)

    # --- cancels -----------------------------------------------------------------------------

    def cancel(self, order: Any, state: State) -> None:
        """Write that an order is cancelled."""
        placed = self._outcomes.placed.get(order.ref)
        if placed is not None:
            self._outcomes.cancels(placed)
        self.channels(state.feed or self._first_feed()).special(
            *self._row(
                NULL_INT if placed is None else placed.signal_seq,
                "cancel",
                self._ear.encoder.encode("cancel", {"order": order}),
                None,
                state,
                (0, NULL_FLOAT, None),
            ),
            self.words["cancel"],
            *(NULL_FLOAT,) * 5,
            None,
            self._outcomes.order_id(order),
            None,
        )


def _nothing(verb: str, given: Mapping[str, Any]) -> str:
    """Return why a call led to no order."""
    if verb == "close" or (verb.startswith("order_target") and not given.get("target", 0)):
        return "nothing_to_close"
    return "sized_to_zero"
