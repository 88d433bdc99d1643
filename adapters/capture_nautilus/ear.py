"""Hears one strategy: in which callback it is, what it wants, and what it looks at."""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final

from nautilus_trader.accounting.error import AccountError
from nautilus_trader.model.enums import PositionSide, TimeInForce
from nautilus_trader.model.orders import Order
from nautilus_trader.trading.strategy import Strategy

from capture.errors import CaptureError, InvalidEvent
from capture.events import Reason
from capture.journal import NULL_FLOAT, NULL_INT
from capture.observers import is_let_through
from capture.recorder.ending import why_stopped
from capture_nautilus.amounts import SCALE
from capture_nautilus.arguments import NAMES
from capture_nautilus.holdings import Holdings
from capture_nautilus.meaning import CLOSING, NOTHING, editing, of_order
from capture_nautilus.moment import State, state_of
from capture_nautilus.outcomes import Outcomes
from capture_nautilus.placed import Placed
from capture_nautilus.reading import CacheReads, PortfolioReads, Ticking, looks_of_orders
from capture_nautilus.setting_up import timers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture_nautilus.market import Series
    from capture_nautilus.session import Session
    from capture_nautilus.writing import Writer

    Account = tuple[Callable[[Any], Any], Any]
    """What tells its free balance of a currency, and the currency."""
    Asked = tuple[tuple[Any, Series | None, int, int, int, bool], int]
    """What to remember of an order of a recorded call, and when it was."""
    _Place = tuple[Series | None, Sequence[int], Callable[[Any], Any], Any]

__all__ = ["OUTSIDE", "Ear"]

OUTSIDE: Final = ""
"""The phase outside of the strategy's callbacks: the host itself is at work."""

_UNFIT: Final = (struct.error, TypeError, ValueError, OverflowError, AttributeError, KeyError)
_CLOSED_BY: Final = {PositionSide.LONG: -1, PositionSide.SHORT: 1}
_CLOSES: Final = frozenset({"close_position", "close_all_positions"})
_OF_HOST: Final = frozenset({"cancel_order", "modify_order"})


def _no_account(_currency: Any) -> None:
    return None


class Ear:
    """Stands between a strategy and the recorder.

    Attributes:
        strategy: the host's strategy.
        original: the user's class.
        strategy_id: its identity in the recording.
        acting: whether a call of the strategy is being carried out: what the host calls is none.
        phase: the callback that the host is in.
        number: which call of that callback it is.
        bars: number of the last call of `on_bar`, by far the most frequent callback.
        counts: how often each of the others was called.
        observe: tells observers of a bar; None if nobody listens.
        reads: what the strategy looked at of its portfolio.
        missing: what could not be kept.
        holdings: what it holds.
        outcomes: what became of its orders.
        deferring: knows whether that is recorded as it happens.
        writer: writes what it wants; None if nothing is recorded any more.
        session: the run.
        setup: what it subscribed to, and its timers.
        outgrown: whether it registered indicators that are not declared yet.
    """

    def __init__(self, strategy: Any, original: Any) -> None:
        """Hear a strategy that is about to start."""
        self.strategy = strategy
        self.original = original
        self.strategy_id: str = strategy.id.value
        self.acting = False
        self.phase, self.number = OUTSIDE, 0
        self.bars = -1
        self.counts: dict[str, int] = {}
        self.observe: Callable[[Any], None] | None = None
        self.reads: set[str] = set()
        self.missing: set[str] = set()
        self.holdings = Holdings()
        self.outcomes = Outcomes(self)
        self.deferring = self.outcomes.deferring
        self.writer: Writer | None = None
        self.session: Session | None = None
        self.outgrown = False
        self.setup: list[dict[str, Any]] = []
        self.clock: Any = Strategy.clock.__get__(strategy)
        real: Any = Strategy.cache.__get__(strategy)
        self.cache = real
        self.portfolio: Any = Strategy.portfolio.__get__(strategy)
        self.cache_seen = CacheReads(real, self.read)
        self.portfolio_seen = PortfolioReads(self.portfolio, self.read)
        self.clock_seen = Ticking(self.clock, timers(self))
        self._places: dict[Any, _Place] = {}
        self._involved: list[Asked] = []
        self._submits = original.submit_order is not Strategy.submit_order
        self._closes: tuple[State, int, int, dict[str, Any]] | None = None
        self._closing = 0
        self._replays = getattr(original, "replay_source", None)
        if self._replays is None:
            self.reads.update(looks_of_orders(original))
        else:  # it looks at nothing; what the strategy looked at binds it all the same
            flags = self._replays.flags
            self.reads.update(flags.get("closed_loop", ()))

    def read(self, name: str) -> None:
        """Take note that the strategy looked at its portfolio."""
        if self._replays is None:
            self.reads.add(name)

    def ready(self) -> None:
        """Prepare for the first bar, now that the strategy has started."""
        if self.writer is not None:
            try:
                self.writer.prepare()
            except CaptureError as exc:
                self.failed(exc)

    # --- where the strategy is ---------------------------------------------------------------

    def enter(self, phase: str) -> tuple[str, int, bool]:
        """Take note that the host enters a callback; return what was before it."""
        before = (self.phase, self.number, self.acting)
        if phase == "on_bar":
            number = self.bars = self.bars + 1
        else:
            number = self.counts.get(phase, 0)
            self.counts[phase] = number + 1
        self.phase, self.number, self.acting = phase, number, False
        return before

    def state(self, instrument_id: Any) -> State:
        """Return what changes hands at this moment."""
        time_ns: int = self.clock.timestamp_ns()
        place = self._places.get(instrument_id) or self._look_up(instrument_id)
        series, known, balance_of, currency = place
        bar, balance = bisect_right(known, time_ns) - 1, balance_of(currency)
        deferring = self.deferring
        if len(deferring.noted) > deferring.seen:
            deferring.look()
        return state_of(
            (
                series,
                NULL_INT if series is None else bar if bar > 0 else 0,
                time_ns,
                deferring.held.get(instrument_id, 0) / SCALE,
                NULL_FLOAT if balance is None else balance.raw / SCALE,
                self.phase or "outside",
                self.number,
            )
        )

    def _look_up(self, instrument_id: Any) -> _Place:
        """Return what is needed of an instrument at each call; it is kept once it is complete."""
        if self.session is None:
            return None, (), _no_account, None
        series = self.session.market.of(instrument_id)
        account = self.session.account(instrument_id)
        known = () if series is None else series.known_ns
        place = (series, known, *(account or (_no_account, None)))
        if account is not None:
            self._places[instrument_id] = place
        return place

    # --- what it wants -----------------------------------------------------------------------

    def call(
        self, verb: str, own: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Let the host carry out a call of the strategy, and record it."""
        if self.phase == OUTSIDE:
            if self._is_of_host(verb, args):
                return own(self.strategy, *args, **kwargs)
            self.missing.add(f"{verb} outside of the strategy's callbacks")
        if self._submits and verb in _CLOSES:
            # What of it reaches the host is up to the strategy, and recorded when it does.
            self.read(f"{verb} through a submit_order of its own")
            return own(self.strategy, *args, **kwargs)
        # This one may be made in a callback, which the host calls while another goes on.
        around = self._involved, self._closes
        self._involved, self._closes = [], None
        if self.writer is not None:
            self._record(verb, args, kwargs)
        self.acting = True
        try:
            return own(self.strategy, *args, **kwargs)
        except Exception as exc:
            self._raised(exc)
            raise
        finally:
            self.acting = False
            if self._closes is not None:
                self._closed()
            self._involved, self._closes = around

    def _raised(self, exc: Exception) -> None:
        """Take note that the host refused a call, unless it carried it out to the account's end."""
        if isinstance(exc, AccountError):
            return
        self.deferring.settle()
        for (order, _, _, seq, *_), _ in self._involved:
            placed = self.outcomes.placed[order.client_order_id]
            if placed.order_seq == seq and not placed.settled:  # not an earlier one of that name
                self.outcomes.refused(
                    placed, Reason.INVALID_ORDER, str(exc), self.clock.timestamp_ns()
                )

    def _is_of_host(self, verb: str, args: tuple[Any, ...]) -> bool:
        """Say whether the host cancels or edits: it manages expiry and contingent orders."""
        config = self.strategy.config
        manages = config.manage_gtd_expiry or config.manage_contingent_orders
        if verb not in _OF_HOST or not manages or not args:
            return False
        order: Any = args[0]
        placed = self.outcomes.placed.get(order.client_order_id)
        if placed is not None and order.time_in_force == TimeInForce.GTD:
            expires = getattr(order, "expire_time_ns", 0)
            placed.expiring = bool(expires) and self.clock.timestamp_ns() >= expires
        return True

    def _record(self, verb: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = dict(zip(NAMES[verb], args, strict=False))
        if kwargs:
            given.update(kwargs)
        deferring, writer = self.deferring, self.writer
        assert writer is not None
        try:
            if len(deferring.noted) >= deferring.most > 0:
                deferring.make_room()
            if writer.journal.left < writer.most and not self._closing:
                writer.hand_on()
            _WRITES[verb](self, given)
        except CaptureError as exc:
            self.failed(exc)
        except _UNFIT as exc:  # the host will say what is wrong with it
            self._unfit(verb, given, exc)

    def _unfit(self, verb: str, given: dict[str, Any], exc: Exception) -> None:
        if is_let_through(exc):
            raise exc
        if self.session is not None:
            shown = {"call": verb, "arguments": repr(given)}
            error = InvalidEvent("orders", shown, str(exc))
            self.session.engine.quarantine("orders", shown, error)

    def _submit_order(self, given: dict[str, Any]) -> None:
        order = given["order"]
        state = self.state(order.instrument_id)
        meaning = of_order(order, state.position)
        assert self.writer is not None
        signal, seq = self.writer.intent("submit_order", state, meaning, given)
        self._place(order, state, signal, seq)

    def _place(
        self, order: Any, state: State, signal: int, seq: int, *, leads: bool = True
    ) -> None:
        """Take down an order of this call, which is remembered by name when that is needed."""
        asked = (order, state.series, signal, seq, state.bar, leads), state.time_ns
        self._involved.append(asked)
        self.outcomes.asked.append(asked)

    def _submit_order_list(self, given: dict[str, Any]) -> None:
        first, *others = given["order_list"].orders
        state = self.state(first.instrument_id)
        assert self.writer is not None
        meaning = of_order(first, state.position)
        signal, seq = self.writer.intent("submit_order_list", state, meaning, given)
        self._place(first, state, signal, seq)
        for order in others:
            mine = of_order(order, state.position)
            follows = self.writer.order(signal, "", state, mine, {"order": order})
            self._place(order, state, signal, follows, leads=False)

    def _modify_order(self, given: dict[str, Any]) -> None:
        order = given["order"]
        meaning = editing(given.get("quantity"), given.get("price"), given.get("trigger_price"))
        self._change("modify_order", order, given, meaning, "edit")

    def _cancel_order(self, given: dict[str, Any]) -> None:
        order = given["order"]
        self._cancelling(order)
        self._change("cancel_order", order, given, NOTHING, "cancel")

    def _cancel_orders(self, given: dict[str, Any]) -> None:
        orders = given["orders"]
        for order in orders:
            self._cancelling(order)
        self._change("cancel_orders", orders[0], given, NOTHING, "cancel")

    def _cancel_all_orders(self, given: dict[str, Any]) -> None:
        instrument_id = given["instrument_id"]
        for placed in self.outcomes.waiting():
            if placed.order.instrument_id == instrument_id:
                self.outcomes.cancels(placed)
        assert self.writer is not None
        state = self.state(instrument_id)
        self.writer.order(NULL_INT, "cancel_all_orders", state, NOTHING, given, "cancel")

    def _cancelling(self, order: Any) -> None:
        placed = self.outcomes.placed.get(order.client_order_id)
        if placed is not None:
            self.outcomes.cancels(placed)

    def _change(self, verb: str, order: Any, given: Any, meaning: Any, action: str) -> None:
        placed = self.outcomes.placed.get(order.client_order_id)
        signal = NULL_INT if placed is None else placed.signal_seq
        assert self.writer is not None
        state = self.state(order.instrument_id)
        self.writer.order(signal, verb, state, meaning, given, action)

    def _close(self, given: dict[str, Any]) -> None:
        """Write that positions are closed; the orders that the host makes of it follow."""
        assert self.writer is not None
        given["count"] = self.strategy.order_factory.get_client_order_id_count()
        position, verb = given.get("position"), "close_position"
        if position is None:
            verb = "close_all_positions"
            state = self.state(given["instrument_id"])
            side = (state.position < 0) - (state.position > 0)
        else:
            state = self.state(position.instrument_id)
            side = _CLOSED_BY.get(position.side, 0) or (state.position < 0) - (state.position > 0)
        signal, seq = self.writer.intent(verb, state, CLOSING[side], given)
        self._closes = (state, signal, seq, given)
        self._closing += 1

    def _closed(self) -> None:
        """Take note of how many orders the host made to close positions; there may be none."""
        assert self._closes is not None
        (state, signal, seq, given), self._closes = self._closes, None
        self._closing -= 1
        given["made"] = len(self._involved)
        if not self._involved and signal >= 0:
            nothing = Placed(None, state.series, signal, seq, state.bar)
            self.outcomes.refused(
                nothing, Reason.NOTHING_TO_CLOSE, "no open position", state.time_ns
            )

    def submitted(self, order: Any) -> None:
        """Take note of an order that the host makes to carry out a call: to close a position."""
        if self._closes is None or self.writer is None:
            return
        state, signal, seq, _ = self._closes
        if not self._involved:
            self._place(order, state, signal, seq)
            return
        try:
            mine = of_order(order, state.position)
            follows = self.writer.order(signal, "", state, mine, {"order": order})
            self._place(order, state, signal, follows, leads=False)
        except CaptureError as exc:
            self.failed(exc)

    # --- what it is told ---------------------------------------------------------------------

    def heard(self, event: Any) -> None:
        """Record what the host tells of an order or a position."""
        self.heard_all((event,))

    def heard_all(self, events: Sequence[Any]) -> None:
        """Record what the host told."""
        if self.writer is None:
            return
        try:
            self.outcomes.heard(events)
            self.writer.write()
        except Exception as exc:
            assert self.session is not None
            self.failed(why_stopped(exc, self.session.config))

    def failed(self, exc: CaptureError) -> None:
        """Stop to record, and let the run go on; unless the user chose that it halts."""
        self.writer = None
        if self.session is not None:
            self.session.broken(exc)

    def is_placed(self, order: Any) -> bool:
        """Say whether an order was recorded before as a new one."""
        return isinstance(order, Order) and order.client_order_id in self.outcomes.placed


_WRITES: Final = {
    "submit_order": Ear._submit_order,
    "submit_order_list": Ear._submit_order_list,
    "modify_order": Ear._modify_order,
    "cancel_order": Ear._cancel_order,
    "cancel_orders": Ear._cancel_orders,
    "cancel_all_orders": Ear._cancel_all_orders,
    "close_position": Ear._close,
    "close_all_positions": Ear._close,
}
