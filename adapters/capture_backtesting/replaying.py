"""A recording on its way back: a strategy that does what was recorded, and computes nothing."""

from __future__ import annotations

import sys
import weakref
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from backtesting.backtesting import Strategy, _Broker

from capture.errors import NotReplayable
from capture.timeline import Timeline
from capture_backtesting.facts import base_table, host_settings
from capture_backtesting.running import backtest_that_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from capture.contracts.replay import IntentLike, ReplaySource, Target

__all__ = ["replayed"]


def replayed(source: ReplaySource, size: float | None = None) -> type[Strategy]:
    """Return a strategy class that makes the recorded calls on the recorded bars.

    Args:
        source: the recording.
        size: in the modes "target" and "signal", the size of every order that has none recorded.
    """
    repeated: dict[int, int] = {}  # the signals of a recorded replay, and what they repeat
    # Orders of before the first bar are recorded when the recording begins: first of all.
    early = [i.signal_seq for i in source.intents if i.phase == "init" and i.action == "new"]
    unseen = deque[int | None]()

    def source_ids(seqs: Any) -> list[str | None]:
        return [
            source.source_id(repeated[s] if s in repeated else unseen.popleft() if unseen else None)
            for s in seqs.tolist()
        ]

    def init(self: Any) -> None:
        _check(source, self, sys._getframe(1))
        # What was recorded elsewhere has no warm-up, and its targets and signals need none.
        first = source.flags.get("first_bar", None if source.mode == "intent" else 1)
        if first is None:
            raise NotReplayable(source.run_id, "its first bar is not known", "record it again")
        if first > 1:  # the same warm-up, without what was warming up
            warm_up = np.where(np.arange(len(self.data)) < first - 1, np.nan, 0.0)
            self._warm_up = self.I(lambda: warm_up, name="replay", plot=False)
        if "_capture" not in self.__dict__:  # what is recorded remembers for itself
            self._broker.__class__ = _RememberingBroker
        repeated.clear()
        unseen.clear()
        unseen.extend(early)
        self._script = _script(source, self, size, repeated)
        self._script.early()

    def step(self: Any) -> None:
        self._script.play(len(self.data) - 1)

    names = {
        "__module__": __name__,
        "__doc__": f"Replays {source.run_id}.",
        "replay_source": source,
        "source_ids": staticmethod(source_ids),
        **{name: value for name, value in source.params.items() if name.isidentifier()},
        "init": init,
        "next": step,
    }
    return type(source.strategy, (Strategy,), names)


def _check(source: ReplaySource, strategy: Any, frame: Any) -> None:
    """Refuse other data, and other settings where the strategy looked at its portfolio."""
    bars = strategy._data.df
    source.check_bars(base_table(bars, Timeline.of(bars.index)))
    backtest = backtest_that_runs(frame)
    if backtest is not None:
        source.check_settings(host_settings(backtest))


class _RememberingBroker(_Broker):
    """A broker that knows which trade an order opened."""

    def _open_trade(self, *args: Any) -> None:
        orders = self.orders
        order = orders[0] if len(orders) == 1 else sys._getframe(1).f_locals.get("order")
        super()._open_trade(*args)
        self.__dict__.setdefault("opened_by", {})[order] = self.trades[-1]


def _script(
    source: ReplaySource, strategy: Any, size: float | None, repeated: dict[int, int]
) -> _Script:
    if source.mode == "intent":
        return _Intents(source, strategy, repeated)
    return _Targets(source, strategy, repeated, size)


def _by_bar(rows: Sequence[Any]) -> dict[int, list[Any]]:
    bars: dict[int, list[Any]] = {}
    for row in rows:
        bars.setdefault(row.bar_index, []).append(row)
    return bars


class _Script(ABC):
    """What a replay does, bar by bar."""

    def __init__(self, source: ReplaySource, strategy: Any, repeated: dict[int, int]) -> None:
        self._source = source
        # The strategy holds the script, and its end is the end of a run that raised.
        self._of = weakref.ref(strategy)
        self._broker = strategy._broker
        self._repeated = repeated

    @property
    def _strategy(self) -> Any:
        return self._of()

    @abstractmethod
    def early(self) -> None:
        """Do what the strategy did before the first bar."""

    @abstractmethod
    def play(self, bar: int) -> None:
        """Do what the strategy did on this bar."""

    def _reach(self, signal_seq: int | None, bar: int) -> None:
        """Compare the position with the one that was captured."""
        if signal_seq is not None:
            self._source.reached(signal_seq, bar, float(self._broker._position_size))

    def _repeat(self, signal_seq: int | None) -> None:
        """Note which recorded signal the next call repeats."""
        session = self._strategy.__dict__.get("_capture")
        coming = None if session is None else session.next_seq
        if coming is not None and signal_seq is not None:
            self._repeated[coming] = signal_seq


class _Intents(_Script):
    """Makes the recorded calls, with the arguments that they had."""

    def __init__(self, source: ReplaySource, strategy: Any, repeated: dict[int, int]) -> None:
        super().__init__(source, strategy, repeated)
        self._orders: dict[str, list[Any]] = {}
        self._openers: dict[str, Any] = {}
        late = [intent for intent in source.intents if intent.phase != "init"]
        self._early = [intent for intent in source.intents if intent.phase == "init"]
        self._bars: dict[int, list[IntentLike]] = _by_bar(late)
        self._verbs: Mapping[str, Callable[[IntentLike], None]] = {
            "buy": self._place,
            "sell": self._place,
            "Position.close": self._close_position,
            "Trade.close": self._close_trade,
            "Trade.sl": self._move,
            "Trade.tp": self._move,
            "Order.cancel": self._cancel,
            "flatten": self._flatten,
        }

    def early(self) -> None:
        """Make the calls that the strategy made before the first bar."""
        for intent in self._early:
            self._make(intent)

    def play(self, bar: int) -> None:
        """Make the calls of this bar."""
        for intent in self._bars.get(bar, ()):
            if intent.action == "new":
                self._reach(intent.signal_seq, bar)
                self._repeat(intent.signal_seq)
            self._make(intent)

    def _make(self, intent: IntentLike) -> None:
        try:
            self._verbs[str(intent.call)](intent)
        except (AssertionError, ValueError) as exc:
            # The host refused it then, too, and the strategy went on.
            if intent.signal_seq not in self._source.refused:
                raise NotReplayable(
                    self._source.run_id,
                    f"at bar {intent.bar_index} the host refuses {intent.call} ({exc}), which it "
                    "did not when it was recorded",
                    "what the strategy does then is not in it: record a run under these settings",
                ) from exc

    def _place(self, intent: IntentLike) -> None:
        said = {
            "size": intent.size,
            "limit": intent.limit_price,
            "stop": intent.stop_price,
            "sl": intent.stop_loss,
            "tp": intent.take_profit,
            "tag": intent.tag,
        }
        given = {name: value for name, value in said.items() if value is not None}
        place, before = getattr(self._strategy, str(intent.call)), set(self._broker.orders)
        self._openers[f"o{intent.seq}"] = place(**given)
        self._made(intent, before)

    def _close_position(self, intent: IntentLike) -> None:
        self._closing(intent, self._strategy.position)

    def _flatten(self, intent: IntentLike) -> None:
        """Close what is held; an exit that the replay adds also cancels what still waits."""
        if intent.signal_seq is None:
            for order in [order for order in self._broker.orders if not order.is_contingent]:
                order.cancel()
        if self._broker.trades:
            self._closing(intent, self._strategy.position)

    def _close_trade(self, intent: IntentLike) -> None:
        trade = self._trade(intent)
        if trade is not None:
            self._closing(intent, trade)

    def _closing(self, intent: IntentLike, what: Any) -> None:
        before = set(self._broker.orders)
        what.close(1.0 if intent.size is None else intent.size)
        self._made(intent, before)

    def _made(self, intent: IntentLike, before: set[Any]) -> None:
        """Remember the orders that a call led to, in the order in which the host has them."""
        self._orders[f"o{intent.seq}"] = [o for o in self._broker.orders if o not in before]

    def _move(self, intent: IntentLike) -> None:
        trade = self._trade(intent)
        if trade is None:
            return
        if intent.call == "Trade.sl":
            trade.sl = intent.stop_loss
        else:
            trade.tp = intent.take_profit

    def _cancel(self, intent: IntentLike) -> None:
        call, _, place = str(intent.parent_id).partition(".")
        waiting = [o for o in self._cancelled(intent, call) if o in self._broker.orders]
        if len(waiting) > int(place or 0):
            waiting[int(place or 0)].cancel()

    def _cancelled(self, intent: IntentLike, call: str) -> Sequence[Any]:
        """Return the orders among which the cancelled one is."""
        if intent.parent_id is None or call.startswith("o"):
            return self._orders.get(call, ())
        trade = self._trade(intent)
        if trade is None:
            return ()
        return [trade._sl_order if intent.stop_loss is not None else trade._tp_order]

    def _trade(self, intent: IntentLike) -> Any:
        """Return the trade that an intent is about; None if this run has no such trade open."""
        if intent.parent_id is None:
            return None
        number, _, place = intent.parent_id.removeprefix("t").partition(".")
        if place:
            return self._closed(int(place))
        # Not by its number: under a filter or other settings, other trades may come before it.
        order = self._openers.get(f"o{self._source.openers.get(int(number))}")
        if order is None:
            return None
        if "capture" in self._broker.__dict__:
            placed = getattr(order, "_capture", None)
            mine = (t for t in self._broker.trades if t._capture is placed)
            return next(mine, None)
        trade = self._broker.__dict__.get("opened_by", {}).get(order)
        return trade if trade in self._broker.trades else None

    def _closed(self, place: int) -> Any:
        """Return a trade that is closed by now; who has it in hand looked at its portfolio."""
        closed = self._broker.closed_trades
        return closed[place] if place < len(closed) else None


class _Targets(_Script):
    """Brings the position to what was wanted, with the sizes of this run."""

    def __init__(
        self,
        source: ReplaySource,
        strategy: Any,
        repeated: dict[int, int],
        size: float | None,
    ) -> None:
        super().__init__(source, strategy, repeated)
        self._size = size
        self._bars: dict[int, list[Target]] = _by_bar(source.targets)

    def early(self) -> None:
        """Do nothing: a target is of a bar."""

    def play(self, bar: int) -> None:
        """Bring the position to the targets of this bar."""
        for target in self._bars.get(bar, ()):
            self._reach(target.signal_seq, bar)
            self._bring_to(target)

    def _bring_to(self, target: Target) -> None:
        strategy, wanted = self._strategy, target.direction
        held = self._broker._position_size
        self._repeat(target.signal_seq)
        if target.size_kind == "portion":
            strategy.position.close(1.0 if not wanted else 1 - (target.size or 0.0))
            return
        if held and (not wanted or held * wanted < 0):
            strategy.position.close()
            held = 0
        if not wanted:
            return
        size = self._size_of(target, abs(held))
        if size == 0 or (held and size is None):
            return
        order = strategy.buy if wanted > 0 else strategy.sell
        self._repeat(target.signal_seq)
        if size is None:
            order()
        elif size < 0:  # less of the same side
            strategy.position.close(min(1.0, -size / abs(held)))
        else:
            order(size=size)

    def _size_of(self, target: Target, held: float) -> float | None:
        """Return what is to be traded: whole units, as this host has them, or a fraction.

        Args:
            target: what is wanted.
            held: units that are held on the wanted side.
        """
        size = None if target.size is None else abs(target.size)
        if size is None or target.size_kind not in _SIZED:
            return self._size
        if target.size_kind in {"units", "fraction"} and held:
            return None  # it is there already
        if target.size_kind == "fraction" or (target.size_kind == "target_fraction" and not held):
            return size if size < 1 else None
        if target.size_kind == "value":
            size /= self._broker.last_price
        elif target.size_kind == "target_fraction":
            size *= self._broker.equity / self._broker.last_price
        return float(int(size) - held)


_SIZED: Final = frozenset({"units", "fraction", "target", "target_fraction", "value"})
