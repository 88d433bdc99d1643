"""What a replay does at which moment: the recorded calls, or the wanted positions.

A call belongs to the moment at which it was made, and moments are numbered by the host's clock
alone (see `Session`): those at bars upwards, those before sessions downwards. Between the functions
that the host calls at one moment nothing happens in it, so that a replay makes all calls of a bar
in one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from capture_zipline.calls import BATCH
from capture_zipline.encoding import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.contracts.replay import IntentLike, ReplaySource, Target
    from capture_zipline.bars import Feed

__all__ = ["Intents", "Script", "Targets"]

_RAISED: Final = ("invalid_order", "risk_limit")


class Script(ABC):
    """What a replay does, moment by moment.

    Attributes:
        moment: number of the moment.
        bars: how many bars have come.
    """

    def __init__(
        self,
        source: ReplaySource,
        feeds: Mapping[str, Feed],
        expect: Callable[[int], None],
        size: float | None,
        percent: float | None,
    ) -> None:
        """Prepare the replay of a recording by an algorithm that is being initialized."""
        self._source = source
        self._feeds = feeds
        self._expect = expect
        self._size = size
        self._percent = percent
        self.moment = self.bars = 0

    def session(self, context: Any) -> None:
        """Do what was done before a session."""
        self.moment = ~self.bars
        self.play(context, trading=False)

    def bar(self, context: Any) -> None:
        """Do what was done at a bar."""
        self.moment = self.bars = self.bars + 1
        self.play(context, trading=True)

    @abstractmethod
    def play(self, context: Any, *, trading: bool) -> None:
        """Do what was done at this moment; `trading` says whether it is that of a bar."""

    def _reach(self, context: Any, signal_seq: int | None, feed: Feed) -> None:
        """Compare the position with the one that was captured, and say what is repeated."""
        if signal_seq is not None:
            held = _held(context, feed.asset)
            self._source.reached(signal_seq, feed.bar_of(self.bars - 1), held)
            self._expect(signal_seq)

    def _feed(self, symbol: str | None) -> Feed:
        return self._feeds[str(symbol)] if symbol else next(iter(self._feeds.values()))


class Intents(Script):
    """Makes the recorded calls, with the arguments that they had."""

    def __init__(self, source: ReplaySource, feeds: Mapping[str, Feed], *rest: Any) -> None:
        """Sort the calls by moment."""
        super().__init__(source, feeds, *rest)
        self._orders: dict[str, Any] = {}
        self._calls: dict[int, list[IntentLike]] = {}
        self._flattened: set[tuple[str | None, int | None]] = set()
        for intent in source.intents:
            if intent.callback is None:  # an exit that the strategy never asked for
                self._flattened.add((intent.symbol, intent.bar_index))
            else:
                self._calls.setdefault(intent.callback, []).append(intent)
        spans = source.flags.get("looked_at_portfolio", ())
        self._looks = {moment for first, last in spans for moment in range(first, last + 1)}
        raised = source.stored("statuses", ["signal_seq", "reason"]).to_pylist()
        self._raised = {row["signal_seq"] for row in raised if row["reason"] in _RAISED}

    def play(self, context: Any, *, trading: bool) -> None:
        """Make the calls of this moment."""
        if self.moment in self._looks:
            _ = context.portfolio  # the host's figures depend on how often it reckons them
        if trading and self._flattened:
            for name, feed in self._feeds.items():
                place = self.bars - 1 - feed.first
                if (name, place) in self._flattened:
                    _cancel_all(context, feed.asset)
                    context.order_target(feed.asset, 0)
        for intent in self._calls.pop(self.moment, ()):
            if intent.action == "cancel":
                order = self._orders.get(str(intent.parent_id))
                if order is not None:
                    context.cancel_order(order)
            else:
                self._make(context, intent)

    def _make(self, context: Any, intent: IntentLike) -> None:
        feed = self._feed(intent.symbol)
        self._reach(context, intent.signal_seq, feed)
        try:
            made = self._called(context, intent, feed)
        except Exception:
            # The host refused it then, too, and the strategy went on.
            if intent.signal_seq not in self._raised:
                raise
            made = None
        self._orders[f"o{intent.seq}"] = made

    def _called(self, context: Any, intent: IntentLike, feed: Feed) -> Any:
        if intent.call == "flatten":  # of a reversal, the half that closes
            return context.order_target(feed.asset, 0)
        given = decode(
            str(intent.arguments),
            asset=lambda symbol: self._feeds[symbol].asset,
            order=self._orders.get,
        )
        if intent.call == BATCH:
            counts = pd.Series({given["asset"]: given["amount"]}, dtype="int64")
            made = context.batch_market_order(counts)
            return made[0] if len(made) else None
        return getattr(context, str(intent.call))(**given)


class Targets(Script):
    """Brings positions to what was wanted, with the sizes of this run."""

    def __init__(self, source: ReplaySource, feeds: Mapping[str, Feed], *rest: Any) -> None:
        """Sort the targets by asset and bar."""
        super().__init__(source, feeds, *rest)
        self._bars: dict[tuple[str, int | None], list[Target]] = {}
        only = next(iter(feeds))
        for target in source.targets:
            key = (target.symbol or only, target.bar_index)
            self._bars.setdefault(key, []).append(target)

    def play(self, context: Any, *, trading: bool) -> None:
        """Bring each asset to the targets of its bar."""
        if not trading:
            return
        for name, feed in self._feeds.items():
            for target in self._bars.get((name, self.bars - 1 - feed.first), ()):
                self._reach(context, target.signal_seq, feed)
                self._bring_to(context, target, feed.asset)

    def _bring_to(self, context: Any, target: Target, asset: Any) -> None:
        wanted, size = target.direction, target.size
        if target.size_kind == "target":
            context.order_target(asset, size)
        elif target.size_kind == "value":
            context.order_target_value(asset, size)
        elif target.size_kind == "target_fraction":
            context.order_target_percent(asset, size)
        elif target.size_kind == "portion" and wanted:
            context.order(asset, -_coming(context, asset) * (1 - (size or 0.0)))
        else:
            self._turn(context, target, asset)

    def _turn(self, context: Any, target: Target, asset: Any) -> None:
        """Leave what is held on the other side, and enter on the wanted one."""
        wanted, coming = target.direction, _coming(context, asset)
        units = -coming if coming and (not wanted or coming * wanted < 0) else 0.0
        if wanted and coming * wanted <= 0:
            fraction = target.size if target.size_kind == "fraction" else None
            size = self._size if target.size is None else None if fraction else target.size
            if size is not None:
                units += wanted * size
            else:
                share = self._percent if target.size is None else fraction
                context.order_target_percent(asset, wanted * (share or 0.0))
                return
        if units:
            context.order(asset, units)


def _held(context: Any, asset: Any) -> float:
    """Return the units held, without the reckoning that a look at the portfolio brings."""
    position = context.metrics_tracker.positions.get(asset)
    return 0.0 if position is None else float(position.amount)


def _coming(context: Any, asset: Any) -> float:
    """Return what will be held once the orders that wait are carried out."""
    waiting = context.blotter.open_orders.get(asset, ())
    return _held(context, asset) + float(sum(order.open_amount for order in waiting))


def _cancel_all(context: Any, asset: Any) -> None:
    for order in list(context.blotter.open_orders.get(asset, ())):
        context.cancel_order(order.id)
