"""A recording on its way back: a strategy that does what was recorded, and computes nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from backtesting.backtesting import Strategy, _Broker

from capture.errors import NotReplayable
from capture.timeline import Timeline
from capture_backtesting.facts import base_table, host_settings
from capture_backtesting.objects import CapturedBroker
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

    def init(self: Any) -> None:
        _check(source, self, sys._getframe(1))
        first = source.flags.get("first_bar")
        if first is None:
            raise NotReplayable(source.run_id, "its first bar is not known", "record it again")
        if first > 1:  # the same warm-up, without what was warming up
            warm_up = np.where(np.arange(len(self.data)) < first - 1, np.nan, 0.0)
            self._warm_up = self.I(lambda: warm_up, name="replay", plot=False)
        if not isinstance(self._broker, CapturedBroker):
            self._broker.__class__ = _NumberedBroker
        self._script = _script(source, self, size)
        self._script.early()

    def step(self: Any) -> None:
        self._script.play(len(self.data) - 1)

    names = {
        "__module__": __name__,
        "__doc__": f"Replays {source.run_id}.",
        "replay_source": source,
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


class _NumberedBroker(_Broker):
    """A broker that counts its trades, as the recording does."""

    def _open_trade(self, *args: Any) -> None:
        super()._open_trade(*args)
        self.__dict__.setdefault("opened_trades", []).append(self.trades[-1])


def _script(source: ReplaySource, strategy: Any, size: float | None) -> Any:
    if source.mode == "intent":
        return _Intents(source, strategy)
    return _Targets(source, strategy, size)


def _by_bar(rows: Sequence[Any]) -> dict[int, list[Any]]:
    bars: dict[int, list[Any]] = {}
    for row in rows:
        bars.setdefault(row.bar_index, []).append(row)
    return bars


class _Intents:
    """Makes the recorded calls, with the arguments that they had."""

    def __init__(self, source: ReplaySource, strategy: Any) -> None:
        self._source = source
        self._strategy = strategy
        self._broker = strategy._broker
        self._orders: dict[str, list[Any]] = {}
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
        }

    def early(self) -> None:
        """Make the calls that the strategy made before the first bar."""
        for intent in self._early:
            self._verbs[str(intent.call)](intent)

    def play(self, bar: int) -> None:
        """Make the calls of this bar."""
        for intent in self._bars.get(bar, ()):
            if intent.action == "new" and intent.signal_seq is not None:
                position = float(self._strategy.position.size)
                self._source.reached(intent.signal_seq, bar, position)
            self._verbs[str(intent.call)](intent)

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
        order = getattr(self._strategy, str(intent.call))(**given)
        self._orders[f"o{intent.seq}"] = [order]

    def _close_position(self, intent: IntentLike) -> None:
        self._closing(intent, self._strategy.position)

    def _close_trade(self, intent: IntentLike) -> None:
        trade = self._trade(intent)
        if trade is not None:
            self._closing(intent, trade)

    def _closing(self, intent: IntentLike, what: Any) -> None:
        before = len(self._broker.orders)
        what.close(1.0 if intent.size is None else intent.size)
        made = len(self._broker.orders) - before
        self._orders[f"o{intent.seq}"] = self._broker.orders[:made]  # the host puts them first

    def _move(self, intent: IntentLike) -> None:
        trade = self._trade(intent)
        if trade is None:
            return
        if intent.call == "Trade.sl":
            trade.sl = intent.stop_loss
        else:
            trade.tp = intent.take_profit

    def _cancel(self, intent: IntentLike) -> None:
        for order in self._cancelled(intent):
            if order in self._broker.orders:
                order.cancel()
                return

    def _cancelled(self, intent: IntentLike) -> Sequence[Any]:
        """Return the orders that may be meant, the likeliest first."""
        if intent.parent_id is None or intent.parent_id.startswith("o"):
            return self._orders.get(str(intent.parent_id), ())
        trade = self._trade(intent)
        if trade is None:
            return ()
        return [trade._sl_order if intent.stop_loss is not None else trade._tp_order]

    def _trade(self, intent: IntentLike) -> Any:
        """Return the trade that an intent is about; None if this run has no such trade open."""
        if intent.parent_id is None:
            return None
        number = int(intent.parent_id.removeprefix("t"))
        if isinstance(self._broker, CapturedBroker):
            mine = (t for t in self._broker.trades if t._capture.trade == number)
            return next(mine, None)
        opened = self._broker.__dict__.get("opened_trades", ())
        trade = opened[number - 1] if number <= len(opened) else None
        return trade if trade in self._broker.trades else None


class _Targets:
    """Brings the position to what was wanted, with the sizes of this run."""

    def __init__(self, source: ReplaySource, strategy: Any, size: float | None) -> None:
        self._source = source
        self._strategy = strategy
        self._size = size
        self._bars: dict[int, list[Target]] = _by_bar(source.targets)

    def early(self) -> None:
        """Do nothing: a target is of a bar."""

    def play(self, bar: int) -> None:
        """Bring the position to the targets of this bar."""
        for target in self._bars.get(bar, ()):
            if target.signal_seq is not None:
                position = float(self._strategy.position.size)
                self._source.reached(target.signal_seq, bar, position)
            self._bring_to(target)

    def _bring_to(self, target: Target) -> None:
        strategy, wanted = self._strategy, target.direction
        held = strategy.position.size
        if target.size_kind == "portion":
            strategy.position.close(1.0 if not wanted else 1 - (target.size or 0.0))
            return
        if held and (not wanted or held * wanted < 0):
            strategy.position.close()
        if not wanted or held * wanted > 0:
            return
        size = target.size if target.size is not None else self._size
        order = strategy.buy if wanted > 0 else strategy.sell
        if size is None:
            order()
        else:
            order(size=size)
