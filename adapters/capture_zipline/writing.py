"""Writes what a strategy wants as rows: the signal, its order, and what became of both at once."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from zipline.assets import Asset
from zipline.errors import AccountControlViolation, TradingControlViolation

from capture.errors import CaptureError, InvalidEvent
from capture.journal import NULL_INT
from capture.observers import is_let_through
from capture.recorder.adapting import Meaning, type_of
from capture_zipline.calls import BATCH, bound, meaning_of, stated
from capture_zipline.encoding import Encoder
from capture_zipline.placed import Placed
from capture_zipline.rows import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture_zipline.bars import Feed
    from capture_zipline.session import Session

__all__ = ["Writer"]

_UNFIT: Final = (struct.error, TypeError, ValueError, OverflowError)
_CONTROLS: Final = (TradingControlViolation, AccountControlViolation)


class Writer:
    """Writes the intents of one run.

    Attributes:
        encoder: makes JSON of arguments.
    """

    def __init__(self, session: Session) -> None:
        """Write for a run."""
        self._session = session
        self.encoder = Encoder(self._order_id, lambda asset: session.feed_of(asset).symbol)
        self._flat: dict[int, int] = {}
        self._outcomes: dict[str, tuple[int, ...]] = {}

    def _order_id(self, order: Any) -> str | None:
        placed = self._session.broker.placed.get(getattr(order, "id", order))
        return None if placed is None or placed.order_seq < 0 else f"o{placed.order_seq}"

    # --- intents -----------------------------------------------------------------------------

    def intent(
        self, verb: str, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Carry out a call and write it; what the host says of it stays what it is."""
        session, given = self._session, bound(verb, args, kwargs)
        made, raised = None, None
        with session.carrying_out():
            try:
                made = call(*args, **kwargs)
            except Exception as exc:
                raised = exc
                raise
            finally:
                try:
                    if verb == BATCH:
                        self._batch(given, made, raised)
                    else:
                        self._one(verb, given, made, raised)
                except CaptureError as exc:
                    session.broken(exc)
                except _UNFIT as exc:
                    self._unfit(verb, given, exc)
        return made

    def _unfit(self, call: str, said: Any, exc: Exception) -> None:
        """Keep aside what cannot be recorded."""
        if is_let_through(exc):
            raise exc
        shown = {"call": call, "arguments": repr(said)}
        wrong = InvalidEvent("orders", shown, str(exc))
        self._session.engine.quarantine("orders", shown, wrong)

    def _batch(self, given: Mapping[str, Any], made: Any, raised: Exception | None) -> None:
        """Write a call that orders several assets: a signal each."""
        counts = given.get("share_counts")
        if not isinstance(counts, pd.Series):
            return
        orders = [] if made is None else list(made)
        wanted = [(asset, int(units)) for asset, units in counts.items() if units]
        for place, (asset, units) in enumerate(wanted):
            one = {"asset": asset, "amount": units}
            number = orders[place] if place < len(orders) else None
            self._write(BATCH, asset, one, number, raised, Meaning(
                1 if units > 0 else -1, 1 if units > 0 else -1, abs(float(units)), "units"
            ))  # fmt: skip

    def _one(
        self, verb: str, given: Mapping[str, Any], made: Any, raised: Exception | None
    ) -> None:
        asset = given.get("asset")
        if not isinstance(asset, Asset):
            self.encoder.missing.add(f"{verb}.asset")
            return
        order = self._session.broker.order_of(made)
        units = 0.0 if order is None else float(order.amount)
        self._write(verb, asset, given, made, raised, meaning_of(verb, given, units))

    def _write(
        self,
        verb: str,
        asset: Any,
        given: Mapping[str, Any],
        number: Any,
        raised: Exception | None,
        meaning: Meaning,
    ) -> None:
        session, broker = self._session, self._session.broker
        feed, order = session.feed_of(asset), broker.order_of(number)
        side, direction, size, unit = meaning
        units = 0.0 if order is None else abs(float(order.amount))
        kind, limit, stop = stated(given)
        state, words = (
            self._state(feed, direction, side, units, made=order is not None),
            session.words,
        )
        bar, channels = state[0], session.channels(feed)
        arguments, often = self.encoder.encode(verb, given)
        write = channels.intent if often else channels.rare
        seq = write(
            *state, side, words[verb], words[arguments] if often else arguments, words[kind], size,
            words[unit], limit, stop, words[session.phase], session.moment,
        )  # fmt: skip
        signal, intent = (seq, seq + 1) if seq >= 0 else (NULL_INT, NULL_INT)
        if order is not None:
            placed = broker.placed[number] = Placed(feed, signal, intent, bar)
            broker.accepted(placed)
        else:
            outcome = self._nothing(asset, verb, given, raised)
            detail = None if raised is None else f"{type(raised).__name__}: {raised}"
            self.settle(feed, signal, intent, outcome, bar, detail)

    def _state(
        self, feed: Feed, direction: int, side: int, units: float, *, made: bool = False
    ) -> tuple[Any, ...]:
        """Return what a signal says of the moment in which it is given."""
        session, broker = self._session, self._session.broker
        position = broker.held(feed.asset)
        flat = self._flat.get(feed.asset.sid) == session.moment
        held = 0.0 if flat else position  # an earlier call of this moment closes it
        if not direction:
            self._flat[feed.asset.sid] = session.moment
        return (
            feed.bar_of(session.bars - 1), direction,
            session.words[type_of(direction, side, units, held)],
            position, broker.cash, session.equity(), broker.waiting - made,
        )  # fmt: skip

    def _nothing(
        self, asset: Any, verb: str, given: Mapping[str, Any], raised: Exception | None
    ) -> str:
        """Return why a call led to no order."""
        session = self._session
        if raised is not None:
            return "risk" if isinstance(raised, _CONTROLS) else "invalid"
        if verb.startswith("order_target"):
            if not given.get("target"):
                return "nothing_to_close"
            if session.broker.held(asset):
                return "in_position"
        closes = asset.auto_close_date
        if closes is not None and session.algorithm.trading_calendar.minute_to_session(
            session.algorithm.datetime
        ) > min(asset.end_date, closes):
            return "delisted"
        return "sized_to_zero"

    def refused(self, feed: Feed, side: int) -> int:
        """Write a signal that the strategy's own filter refused, and return its number."""
        with self._session.carrying_out():
            state = self._state(feed, side, side, 0.0)
        seq = self._session.channels(feed).signal(*state)
        if seq >= 0:
            self.settle(feed, seq, NULL_INT, "filtered", state[0])
        return seq if seq >= 0 else NULL_INT

    def settle(
        self, feed: Feed, signal: int, order: int, outcome: str, bar: int,
        detail: str | None = None,
    ) -> None:  # fmt: skip
        """Write what became of a signal and its order."""
        known = self._outcomes.get(outcome)
        if known is None:
            known = self._outcomes[outcome] = tuple(
                0 if text is None else self._session.words[str(text)] for text in OUTCOMES[outcome]
            )
        *said, text = known
        if detail is not None:
            text = self._session.words[detail]
        self._session.channels(feed).status(signal, order, bar, *said, text)

    # --- cancels -----------------------------------------------------------------------------

    def cancel(
        self, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Carry out a cancel and write it."""
        session = self._session
        order = args[0] if args else kwargs.get("order_param")
        number = getattr(order, "id", order)
        placed = session.broker.placed.get(str(number))
        if session.broker.order_of(number) is None:
            order = None  # of no order the host cancels nothing
        try:
            feed = placed.feed if placed else next(iter(session.market.feeds.values()), None)
            if feed is not None:
                session.channels(feed).cancel(
                    feed.bar_of(session.bars - 1), self.encoder.order(order),
                    self._order_id(order), session.words[session.phase], session.moment,
                )  # fmt: skip
        except CaptureError as exc:
            session.broken(exc)
        except _UNFIT as exc:
            self._unfit("cancel_order", str(order), exc)
        session.broker.cancelling = True
        try:
            with session.carrying_out():
                return call(*args, **kwargs)
        finally:
            session.broker.cancelling = False
