"""Hears one strategy: in which callback it is, what it wants, and what it looks at."""

from __future__ import annotations

import inspect
import struct
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import backtrader as bt

from capture.errors import CaptureError, InvalidEvent
from capture.journal import NULL_INT
from capture.observers import is_let_through
from capture_backtrader.asking import by_strategy
from capture_backtrader.calls import bound
from capture_backtrader.encoding import Encoder
from capture_backtrader.outcomes import Outcomes
from capture_backtrader.steps import Steps, counts_steps
from capture_backtrader.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_backtrader.feeds import Feed
    from capture_backtrader.session import Session

__all__ = [
    "BAR",
    "IN_BAR",
    "IN_NOTIFICATIONS",
    "NOTIFY",
    "OPEN",
    "UNFIT",
    "Ear",
    "State",
]

BAR: Final = "next"
OPEN: Final = "next_open"
NOTIFY: Final = "notify"
IN_NOTIFICATIONS: Final = 2
IN_BAR: Final = 3
_OF_BAR: Final = {BAR: ("prenext", "nextstart"), OPEN: ("prenext_open", "nextstart_open")}
UNFIT: Final = (struct.error, TypeError, ValueError, OverflowError)
_TIMER: Final = tuple(inspect.signature(bt.Strategy.add_timer).parameters)[1:11]
_TOLD: Final = frozenset(
    {"notify", "notify_order", "notify_trade", "notify_cashvalue", "notify_fund"}
)


class State(NamedTuple):
    """What changes hands in the moment of a call: where the strategy is, and what it has."""

    feed: Feed | None
    bar: int
    position: float
    cash: float
    equity: float
    pending: int
    phase: str
    callback: int
    behind: bool


class Ear:
    """Stands between a strategy and the recorder.

    Attributes:
        strategy: the host's strategy.
        strategy_id: its identity in the recording.
        settings: those of the run before the strategy was made.
        acting: whether a call of the strategy is being carried out: what the host calls is none.
        phase: kind of the callback that the host is in.
        steps: knows how many steps of the host the strategy has begun.
        offset: what the number of the callback has beyond four for each of them.
        own_sizer: whether the strategy chose its sizer itself.
        reads: what the strategy looked at of its portfolio.
        quick: by verb, what records a plain call in `next`; empty where nothing is that plain.
        waiting: an order whose notification is being processed.
        replaced: where something stands of ours among the strategy's attributes: what stood there
            before, and what of ours.
        stopped: whether the strategy has stopped.
        encoder: makes JSON of arguments.
        outcomes: what became of orders.
        writer: writes what the strategy wants; None before the recording has begun.
        timers: arguments of the timers that the strategy added.
    """

    strategy_id = ""

    def __init__(self, strategy: Any, original: type) -> None:
        """Hear a strategy that is being made."""
        self.strategy = strategy
        self.original = original
        self.settings: dict[str, Any] = {}
        self.acting = False
        self.phase = "init"
        self.steps: Any = Steps()
        self.offset = 0
        self.own_sizer = False
        self.reads: set[str] = set()
        self.quick: dict[str, Callable[..., Any]] = {}
        self.waiting: Any = None
        self.replaced: dict[str, tuple[Any, Any]] = {}
        self.stopped = False
        self.session: Session | None = None
        self.outcomes = Outcomes(self)
        self.encoder = Encoder(self.outcomes.order_id, self._data_index)
        self.writer: Writer | None = None
        self.timers: list[str] = []
        self._run_stopped: list[tuple[int, str]] = []
        self._early: list[tuple[Any, ...]] = []
        self._feeds: dict[int, Feed] = {}

    def begin(self, session: Session, writer: Writer) -> None:
        """Write from now on; first what was wanted before."""
        self.session, self.writer = session, writer
        self._feeds = {id(feed.data): feed for feed in session.feeds}
        for early in self._early:
            self._write(*early)
        self._early.clear()

    # --- where the strategy is ---------------------------------------------------------------

    @property
    def callback(self) -> int:
        """Number of the callback that the host is in."""
        return 4 * int(self.steps.lencount) + self.offset

    @property
    def behind(self) -> bool:
        """Whether indicators have not yet reached the bar of this callback."""
        return self.offset not in {IN_NOTIFICATIONS, IN_BAR}

    def started(self) -> None:
        """Take note that the host begins with its steps."""
        self.phase, self.offset = BAR, IN_BAR
        if not counts_steps(self.strategy.cerebro):
            self.steps = self.strategy.lines[0]

    def enter(self, phase: str, slot: int = 0) -> tuple[str, int]:
        """Take note that the host enters a callback of a step that the strategy has not begun.

        Args:
            phase: the callback.
            slot: 0 before the broker works, 1 after it.

        Returns:
            Phase and offset before it.
        """
        before = self.phase, self.offset
        self.phase, self.offset = phase, 4 + slot
        return before

    def _phase(self) -> str:
        names = _OF_BAR.get(self.phase)
        if names is None:
            return self.phase
        left = self.strategy._minperstatus
        return self.phase if left < 0 else names[1] if left == 0 else names[0]

    def _data_index(self, data: Any) -> int | None:
        for place, other in enumerate(self.strategy.datas):
            if other is data:
                return place
        return None

    def state(self, data: Any = None) -> State:
        """Return what changes hands at this moment.

        Args:
            data: the data feed that a call is about, or its name; by default the first one.
        """
        strategy = self.strategy
        if data is None:
            data = strategy.datas[0]
        elif isinstance(data, str):
            data = strategy.getdatabyname(data)
        broker = strategy.broker
        feed = self._feeds.get(id(data))
        early = self.phase in {"init", "start"}
        if type(broker) is bt.brokers.BackBroker:
            held = broker.positions.get(data)
            cash, equity, pending = broker.cash, broker._value, len(broker.pending)
        else:
            held = broker.getposition(data)
            cash, equity, pending = broker.getcash(), broker.getvalue(), NULL_INT
        return State(
            feed,
            0 if early else max((feed.clock if feed else data.lines[0]).lencount - 1, 0),
            0.0 if held is None else held.size,
            cash,
            equity,
            pending,
            self._phase(),
            self.callback,
            self.behind,
        )

    # --- what it wants -----------------------------------------------------------------------

    def intent(
        self, verb: str, own: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Let the host carry out a call, and record it."""
        given = bound(verb, args, kwargs)
        try:
            state = self.state(given.get("data"))
        except Exception:  # the host will say what is wrong with the data
            return own(self.strategy, *args, **kwargs)
        if self.phase in _TOLD:
            self.reads.add(state.phase)
        self.acting = True
        try:
            made = own(self.strategy, *args, **kwargs)
        except Exception:
            self.acting = False
            self.carried_out(verb, given, state, None, failed=True)
            raise
        finally:
            self.acting = False
        self.carried_out(verb, given, state, made)
        return made

    def cancels(self, order: Any) -> None:
        """Record that the strategy cancels an order."""
        if getattr(order, "ref", None) is None:
            return
        state = self.state(order.data)
        if self.phase in _TOLD:
            self.reads.add(state.phase)
        self._record("cancel", order, state)

    def stops_the_run(self) -> None:
        """Take note that the strategy has the host stop after this callback."""
        state = self.state()
        if self.phase in _TOLD:
            self.reads.add(state.phase)
        self._run_stopped.append((state.callback, state.phase))

    def carried_out(
        self, verb: str, given: dict[str, Any], state: State, made: Any, *, failed: bool = False
    ) -> None:
        """Record a call that the host has carried out already, or refused with an error."""
        self._record("intent", verb, given, state, made, failed)

    def _record(self, what: str, *said: Any) -> None:
        if self.writer is None:
            if self.phase in {"init", "start"}:
                self._early.append((what, *said))
            return
        self._write(what, *said)

    def _write(self, what: str, *said: Any) -> None:
        assert self.writer is not None
        try:
            if what == "intent":
                self.writer.intent(*said)
            else:
                self.writer.cancel(*said)
        except CaptureError as exc:
            self.failed(exc)
        except UNFIT as exc:
            self.unfit(said, exc)

    def unfit(self, said: Any, exc: Exception) -> None:
        """Keep aside what cannot be packed."""
        if is_let_through(exc):
            raise exc
        if self.session is not None:
            shown = {"call": str(said[0]), "arguments": repr(said[1:2])}
            self.session.engine.quarantine("orders", shown, InvalidEvent("orders", shown, str(exc)))

    def failed(self, exc: CaptureError) -> None:
        """Stop to record, and let the run go on; unless the user chose that it halts."""
        self.writer = None
        if self.session is not None:
            self.session.broken(exc)

    @property
    def next_seq(self) -> int | None:
        """The sequence number that the next event gets, once the recording has begun."""
        return None if self.session is None else self.session.engine.next_seq

    def timer_added(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Keep how a timer was made."""
        given = {**dict(zip(_TIMER, args, strict=False)), **kwargs}
        self.timers.append(self.encoder.encode("add_timer", given))

    def facts(self) -> dict[str, Any]:
        """Return what a replay must know of the strategy."""
        strategy = self.strategy
        return {
            "minperiod": strategy._minperiod,
            "minperiods": list(getattr(strategy, "_minperiods", ())),
            "timers": list(self.timers),
            "run_stopped": list(self._run_stopped),
            "closed_loop": sorted(self.reads),
        }

    # --- what it looks at --------------------------------------------------------------------

    def read(self, name: str) -> None:
        """Take note that something looked at the portfolio, if it was the strategy."""
        if name not in self.reads and by_strategy(sys._getframe(2)) is not None:
            self.reads.add(name)
