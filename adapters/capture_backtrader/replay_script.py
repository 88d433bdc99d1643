"""What a replay does at which moment: the recorded calls, or the wanted positions.

A call belongs to the callback in which it was made. Callbacks are numbered by the clock of the
bars alone: of a step of the host, the numbers are 4n before the broker works (the open of a bar,
timers that cheat), 4n+1 after it (other timers), 4n+2 while the strategy is notified, and 4n+3 in
`next`. A plain running number would do for the very same run; but under other settings there are
more or fewer notifications, an open callback or a timer less, and every later number would be
another. These are the same whatever orders come to.

What was done on being notified of an order, a trade or the cash is done when the strategy is
notified in that step, whatever it is notified of: between two notifications of one step nothing
happens in the host. Which of them it was decides nothing, because a strategy that acts on
notifications looks at its portfolio, and its replay under other settings is refused.
"""

from __future__ import annotations

import inspect
import json
import weakref
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

import backtrader as bt

from capture_backtrader.calls import VERBS
from capture_backtrader.encoding import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.contracts.replay import IntentLike, ReplaySource, Target

    Expect = Callable[[int | None, int], None]

__all__ = ["Intents", "Script", "Targets", "is_decisive"]

_MOMENTS: Final = {
    "init": "init",
    "start": "start",
    "prenext": "bar",
    "nextstart": "bar",
    "next": "bar",
    "prenext_open": "open",
    "nextstart_open": "open",
    "next_open": "open",
    "notify_order": "event",
    "notify_trade": "event",
    "notify_cashvalue": "event",
    "notify_fund": "event",
    "notify_timer": "timer",
    "notify_store": "notice",
    "notify_data": "notice",
    "stop": "stop",
}
"""By the recorded phase, the moment at which a replay makes the calls."""


_DECISIVE: Final = frozenset(
    name for verb in VERBS for name in inspect.signature(getattr(bt.Strategy, verb)).parameters
)


def is_decisive(lost: str) -> bool:
    """Say whether an argument that could not be kept, such as "buy.price", decided anything.

    What the host's verbs do not know, the host only keeps with the order.
    """
    verb, _, name = lost.partition(".")
    return verb not in VERBS or name in _DECISIVE


class Script(ABC):
    """What a replay does, moment by moment.

    Attributes:
        number: of the host's callback that runs.
    """

    def __init__(
        self, source: ReplaySource, strategy: Any, expect: Expect, size: float | None
    ) -> None:
        """Prepare the replay of a recording by a strategy that begins."""
        self._source = source
        # The strategy holds the script, and its end is the end of a run that raised.
        self._of = weakref.ref(strategy)
        self._expect = expect
        self._size = size
        self._feeds = [symbol for symbol, _ in source.flags.get("feeds", ())]
        self._seen: dict[str, list[int]] = {}
        self.number = 0

    @property
    def _strategy(self) -> Any:
        return self._of()

    def _feed(self, symbol: str | None) -> int:
        """Return which of the feeds has this symbol."""
        return self._feeds.index(symbol) if symbol in self._feeds else 0

    def _new_bars(self, moment: str) -> Iterator[tuple[int, int]]:
        """Yield feed and bar for every bar that has come since this moment was last asked for."""
        lengths = self._strategy.bars_so_far()
        before = self._seen.get(moment) or [0] * len(lengths)
        self._seen[moment] = lengths
        for feed, (was, now) in enumerate(zip(before, lengths, strict=True)):
            for bar in range(was, now):
                yield feed, bar

    def before_the_broker(self) -> None:
        """Go on to the open of the step, unless it is reached."""
        self.number = (self.number + 1) & ~3

    def after_the_broker(self) -> None:
        """Go on to where the broker has worked, unless it is reached."""
        self.number = ((self.number + 1) & ~3) + 1

    def notified(self) -> None:
        """Go on to the notifications of the step, and do what was done on them."""
        self.after_the_broker()  # where the host notifies at once, orders were given there
        self.play("event")
        self.number += 1
        self.play("event")

    @abstractmethod
    def play(self, moment: str) -> None:
        """Do what the strategy did at this moment of this callback."""

    def _reach(self, signal_seq: int | None, data: Any) -> None:
        """Compare the position with the one that was captured, and say what is repeated."""
        if signal_seq is not None:
            count = self._strategy.bars_so_far(data)[0]
            self._source.reached(signal_seq, count - 1, float(self._held(data)))
            self._repeat(signal_seq)

    def _repeat(self, signal_seq: int) -> None:
        ear = self._strategy.__dict__.get("_capture")
        self._expect(None if ear is None else ear.next_seq, signal_seq)

    def _held(self, data: Any) -> Any:
        # `getposition` would make one for a feed without a bar, which the broker cannot value.
        position = self._strategy.broker.positions.get(data)
        return 0.0 if position is None else position.size


class Intents(Script):
    """Makes the recorded calls, with the arguments that they had."""

    def __init__(
        self, source: ReplaySource, strategy: Any, expect: Expect, size: float | None
    ) -> None:
        """Sort the calls by callback and moment."""
        super().__init__(source, strategy, expect, size)
        self._orders: dict[str, Any] = {}
        self._calls: dict[tuple[int | None, str], list[IntentLike]] = {}
        self._children: dict[str | None, list[str]] = {}
        self._flattened: set[tuple[int, int | None]] = set()
        self._summed: list[int] = list(source.flags.get("positions", ()))
        stopped = strategy.recorded_facts.get("run_stopped", ())
        self._stops = {(at, _MOMENTS[phase]) for at, phase in stopped}
        for intent in source.intents:
            if intent.callback is None:  # an exit that the strategy never asked for
                self._flattened.add((self._feed(intent.symbol), intent.bar_index))
            elif intent.call is None:  # the stop or the limit of a bracket, which the host makes
                self._children.setdefault(intent.parent_id, []).append(f"o{intent.seq}")
            else:
                key = (intent.callback, _MOMENTS[str(intent.phase)])
                self._calls.setdefault(key, []).append(intent)

    def play(self, moment: str) -> None:
        """Make the calls of this moment."""
        if moment == "bar" and self._flattened:
            for feed, bar in self._new_bars(moment):
                if (feed, bar) in self._flattened:
                    self._flatten(self._strategy.datas[feed])
        for intent in self._calls.pop((self.number, moment), ()):
            if intent.action == "cancel":
                self._cancel(intent)
            else:
                self._make(intent)
        if (self.number, moment) in self._stops:
            self._strategy.cerebro.runstop()

    def _flatten(self, data: Any) -> None:
        """Close what is held of a feed, and cancel what waits."""
        strategy = self._strategy
        for order in self._orders.values():
            if order is not None and order.data is data and order.alive():
                strategy.cancel(order)
        if self._held(data):
            strategy.close(data)

    def _make(self, intent: IntentLike) -> None:
        strategy = self._strategy
        if intent.call == "flatten":  # of a reversal, the half that closes
            data = strategy.datas[self._feed(intent.symbol)]
            self._reach(intent.signal_seq, data)
            self._remember(f"o{intent.seq}", strategy.close(data) if self._held(data) else None)
            return
        text = _without_lost(str(intent.arguments))
        said = decode(text, order=self._order, datas=strategy.datas)
        if said.get("parent") is _ABSENT:
            return  # it would stand alone
        if said.get("oco") is _ABSENT:
            del said["oco"]
        data = said.get("data")
        if isinstance(data, str):
            data = strategy.getdatabyname(data)
        data = strategy.data if data is None else data
        self._sum_after_others(data)
        self._reach(intent.signal_seq, data)
        try:
            made = getattr(strategy, str(intent.call))(**said)
        except Exception:
            # The host refused it then, too, and the strategy went on.
            if intent.signal_seq not in self._source.refused:
                raise
            made = None
        self._remember(f"o{intent.seq}", made)

    def _sum_after_others(self, data: Any) -> None:
        """Let the broker sum up what is held in the order in which it did when it was recorded.

        Where the strategy asked for a position before there was one, the broker made one.
        """
        if not self._summed:
            return
        datas, positions = self._strategy.datas, self._strategy.broker.positions
        places = [place for place, feed in enumerate(self._summed) if datas[feed] is data]
        for feed in self._summed[: places[0]] if places else ():
            if len(datas[feed]):  # the broker cannot value one without a bar
                positions[datas[feed]]
        del self._summed[: places[0] + 1 if places else 0]

    def _remember(self, order_id: str, made: Any) -> None:
        """Know the orders of a call by the recorded ones; of a bracket there are several."""
        main, *others = made if isinstance(made, list) else [made]
        self._orders[order_id] = main
        mine = (order for order in others if order is not None)
        self._orders.update(zip(self._children.get(order_id, ()), mine, strict=False))

    def _cancel(self, intent: IntentLike) -> None:
        order = self._order(str(intent.parent_id))
        if order is not None and order is not _ABSENT:
            self._strategy.cancel(order)

    def _order(self, order_id: str) -> Any:
        """Return the order of this run that stands for a recorded one.

        There is None where the sizer of this run allowed none, and nothing where a filter left
        the recorded one out.
        """
        return self._orders.get(order_id, _ABSENT)


_ABSENT: Final = object()


def _without_lost(arguments: str) -> str:
    """Return arguments without those that could not be kept and decided nothing."""
    if '"missing"' not in arguments:
        return arguments
    said = json.loads(arguments)
    return json.dumps({k: v for k, v in said.items() if not _is_lost(v)})


def _is_lost(value: Any) -> bool:
    return isinstance(value, dict) and "missing" in value


class Targets(Script):
    """Brings positions to what was wanted, with the sizes of this run."""

    def __init__(
        self, source: ReplaySource, strategy: Any, expect: Expect, size: float | None
    ) -> None:
        """Sort the targets by feed and bar."""
        super().__init__(source, strategy, expect, size)
        phases = {intent.callback: intent.phase for intent in source.intents}
        self._waiting: list[Any] = []
        self._bars: dict[tuple[str, int, int | None], list[Target]] = {}
        for target in source.targets:
            feed = self._feed(target.symbol)
            moment = _MOMENTS.get(str(phases.get(target.callback)), "bar")
            key = ("open" if moment == "open" else "bar", feed, target.bar_index)
            self._bars.setdefault(key, []).append(target)

    def play(self, moment: str) -> None:
        """Bring each feed that has a new bar to the targets of that bar."""
        if moment not in {"bar", "open"}:
            return
        for feed, bar in self._new_bars(moment):
            for target in self._bars.get((moment, feed, bar), ()):
                data = self._strategy.datas[feed]
                self._reach(target.signal_seq, data)
                self._bring_to(target, data)

    def _bring_to(self, target: Target, data: Any) -> None:
        strategy, wanted = self._strategy, target.direction
        if target.size_kind == "target":
            self._wait_for(strategy.order_target_size(data, target.size))
        elif target.size_kind == "value":
            self._wait_for(strategy.order_target_value(data, target.size))
        elif target.size_kind == "target_fraction":
            self._wait_for(strategy.order_target_percent(data, target.size))
        elif target.size_kind == "portion" and wanted:
            part = abs(self._coming(data)) * (1 - (target.size or 0.0))
            self._wait_for(strategy.close(data, part))
        else:
            self._turn(target, data)

    def _turn(self, target: Target, data: Any) -> None:
        """Leave what is held on the other side, and enter on the wanted one."""
        strategy, wanted = self._strategy, target.direction
        coming = self._coming(data)
        if coming and (not wanted or coming * wanted < 0):
            leave = strategy.sell if coming > 0 else strategy.buy
            self._wait_for(leave(data, abs(coming)))
        if not wanted or coming * wanted > 0:
            return
        size = target.size if target.size is not None else self._size
        if target.signal_seq is not None:
            self._repeat(target.signal_seq)
        if target.size_kind == "fraction" and size is not None:
            # Not `order_target_percent`: it counts from what is held, and that is being left.
            size = self._units_of(size, data)
        if size != 0:
            self._wait_for((strategy.buy if wanted > 0 else strategy.sell)(data, size))

    def _units_of(self, fraction: float, data: Any) -> Any:
        """Return how many units a part of the account is, as the host itself counts them."""
        broker, price = self._strategy.broker, data.close[0]
        return broker.getcommissioninfo(data).getsize(price, fraction * broker.getvalue())

    def _wait_for(self, order: Any) -> None:
        if order is not None:
            self._waiting.append(order)

    def _coming(self, data: Any) -> Any:
        """Return what will be held once the orders that wait are carried out."""
        self._waiting = [order for order in self._waiting if order.alive()]
        mine = (order for order in self._waiting if order.data is data)
        return self._held(data) + sum(order.executed.remsize for order in mine)
