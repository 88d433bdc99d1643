"""How a strategy begins to be recorded: the run's start record, and the strategy's channels."""

from __future__ import annotations

import json
from array import array
from functools import partial
from typing import TYPE_CHECKING, Any

import backtrader as bt
import numpy as np
import pyarrow as pa

from capture.recorder.adapting import slippage_of, source_of, start_record
from capture.recorder.channel import Share
from capture.recorder.facts import StrategyFacts
from capture.store.run import RunStart
from capture_backtrader import rows
from capture_backtrader.facts import parameters
from capture_backtrader.indicators import Indicators
from capture_backtrader.writing import Channels, Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.config import SignalCaptureConfig
    from capture.journal.appending import Append
    from capture_backtrader.ear import Ear
    from capture_backtrader.feeds import Feed
    from capture_backtrader.session import Session

__all__ = ["Opened", "start_of"]


def start_of(original: Any, config: SignalCaptureConfig, **said: Any) -> RunStart:
    """Return the start record of a run, or of a replay of one.

    Args:
        original: the user's strategy.
        config: how it is recorded.
        **said: parameters and settings, where they are known.
    """
    return start_record(
        config,
        getattr(original, "replay_source", None),
        partial(source_of, original),
        host="backtrader",
        host_version=bt.__version__,
        strategy=original.__name__,
        libraries=("backtrader", "numpy", "pandas"),
        **said,
    )


class Opened:
    """What one strategy of a run writes through, and what is gathered late for it.

    Attributes:
        indicators: the strategy's.
        deferred: how much is noted of orders before their fills are recorded; 0 if each is at once.
    """

    def __init__(self, session: Session, ear: Ear) -> None:
        """Declare a strategy whose indicators are all there."""
        self._session = session
        self._ear = ear
        self._by_feed: dict[int, Channels] = {}
        strategy = ear.strategy
        self.indicators = Indicators(strategy)
        self._facts = StrategyFacts(ear.strategy_id, parameters(strategy), self.indicators.metadata)
        self._segment: int | None = None
        self._sources = getattr(ear.original, "source_ids", None)
        one = len(session.feeds) == 1
        growing = any(feed.grows for feed in session.feeds)
        self._snapshots = growing or bool(strategy.cerebro._exactbars)
        # With one feed, and lines that grow with it, a bar's number says where every value is.
        self._simple = one and not self._snapshots
        self._seen: dict[int, tuple[Any, ...]] = {}
        ear.outcomes.told = session.engine.observer("statuses") is not None
        # An order is mostly told of twice, in three numbers each, and is two rows itself.
        self.deferred = 3 * session.config.buffer_size if self._fills_may_follow() else 0

    def _fills_may_follow(self) -> bool:
        """Whether nothing in the run asks for fills as they happen, and all can be read later."""
        session, strategy, broker = self._session, self._ear.strategy, self._ear.strategy.broker
        return (
            session.engine.fills_may_follow
            and len(strategy.cerebro.runningstrats) == 1
            and session.step_is_bar
            and not strategy.cerebro._exactbars
            and type(broker) is bt.brokers.BackBroker
            and broker.p.filler is None
            and getattr(self._ear.original, "replay_source", None) is None
        )

    def writer(self) -> Writer:
        """Return what writes the strategy's intents."""
        self.channels(self._session.feeds[0])  # also a run without a signal has its parameters
        intern, simple = self._session.engine.word, self._simple
        return Writer(self._ear, self.channels, intern, self._note_places, simple=simple)

    def _note_places(self) -> None:
        """Take down where every line stands for the signal that comes next."""
        lines = self.indicators.lines
        values: Any = (
            array("d", self.indicators.now())
            if self._snapshots
            else array("q", [line.lencount for line in lines])
        )
        bars = tuple(feed.clock.lencount - 1 for feed in self._session.feeds)
        self._seen[self._session.engine.next_seq] = (values, bars)

    # --- channels ----------------------------------------------------------------------------

    def channels(self, feed: Feed) -> Channels:
        """Return the channels for a data feed, which are declared when they are first used."""
        known = self._by_feed.get(feed.index)
        if known is None:
            known = self._by_feed[feed.index] = self._declare(feed)
        return known

    def _declare(self, feed: Feed) -> Channels:
        labels = {"symbol": feed.symbol, "timeframe": feed.timeframe}
        own = {**labels, "strategy_id": self._ear.strategy_id}
        channel, late = self._session.engine.channel, _Late(self, feed)
        if self._segment is None:
            self._segment = self._session.engine.segment(self._facts)
        said = {**own, "segment": self._segment}
        placed = {**own, "extra_data": feed.index}
        plain = {**placed, "action": "new", "phase": "next", "order_type": "market"}
        joint = self._session.engine.joint_channel

        def ordering(call: str, side: int) -> Append:
            """Return what writes buys, or sells, that say no more than a size."""
            signal = Share("signals", rows.INTENT_SIGNAL, {**said, "direction": side}, late=signals)
            order = Share(
                "orders", rows.INTENT_ORDER, {**plain, "call": call, "side": side}, late=events
            )
            return joint(rows.INTENT, (signal, order)).append

        signals, events = late.of_signals, late.of_events
        flat = {**said, "direction": 0, "signal_type": "exit"}
        closing = {**plain, "call": "close", "arguments": "{}", "size_kind": "portion"}
        return Channels(
            ordering("buy", 1),
            ordering("sell", -1),
            joint(
                rows.CLOSE,
                (
                    Share("signals", rows.CLOSE_SIGNAL, flat, late=signals),
                    Share("orders", rows.CLOSE_ORDER, closing, late=events),
                ),
            ).append,
            channel("signals", rows.SIGNAL, constants=said, late=late.of_signals).append,
            channel(
                "orders", rows.ORDER, constants={**placed, "action": "new"}, late=late.of_events
            ).append,
            channel("orders", rows.SPECIAL, constants=placed, late=late.of_events).append,
            channel("fills", rows.FILL, constants=own, late=late.of_fills),
            channel("statuses", rows.STATUS, constants=own, late=late.of_events).append
            if self._ear.outcomes.told
            else None,
        )

    # --- what is gathered late ---------------------------------------------------------------

    def indicators_at(self, seqs: Any, bars: Any) -> dict[str, Any]:
        """Return the indicators' values that these signals saw."""
        found = [self._seen.get(seq) for seq in seqs.tolist()]
        lines = self.indicators
        if self._snapshots:
            values = np.array([seen[0] for seen in found if seen]).reshape(len(found), -1)
            return {name: values[:, place] for place, name in enumerate(lines.columns)}
        if not any(found):
            return lines.at([bars] * len(lines.columns))
        places = np.repeat(bars[:, None], len(lines.columns), axis=1)
        for row, seen in enumerate(found):
            if seen is not None:
                places[row] = np.array(seen[0], dtype=np.int64) - 1
        return lines.at(list(places.T))

    def references(self, seqs: Any, feed: Feed) -> list[str | None]:
        """Return where the other feeds stood when these signals were given."""
        feeds = self._session.feeds
        texts = []
        for seq in seqs.tolist():
            seen = self._seen.get(seq)
            others = [
                [other.symbol, other.timeframe, bar]
                for other, bar in zip(feeds, seen[1] if seen else (), strict=bool(seen))
                if other is not feed and bar >= 0
            ]
            texts.append(json.dumps(others) if others else None)
        return texts

    def repeated(self, seqs: Any) -> dict[str, Any]:
        """Return, of a replay, which recorded signals these signals repeat."""
        if self._sources is None:
            return {}
        return {"source_signal_id": pa.array(self._sources(seqs), pa.string())}

    @property
    def several(self) -> bool:
        """Whether there are several feeds."""
        return len(self._session.feeds) > 1

    @property
    def self_contained(self) -> bool:
        """Whether signals carry their market data themselves."""
        return self._session.config.self_contained


class _Late:
    """Gathers by bar what the host keeps as lines for the whole run."""

    def __init__(self, opened: Opened, feed: Feed) -> None:
        self._opened = opened
        self._feed = feed

    def of_signals(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return times and indicators at the signals' bars."""
        at, seqs, feed, opened = columns["bar_index"], columns["seq"], self._feed, self._opened
        found: dict[str, Any] = {
            "timestamp": feed.labels(at),
            "available_time": feed.closes(at),
            **opened.indicators_at(seqs, at),
            **opened.repeated(seqs),
        }
        if opened.several:
            found["references"] = pa.array(opened.references(seqs, feed), pa.string())
        if opened.self_contained:
            found |= {f"market_{name}": feed.values(name, at) for name in feed.prices}
        return found

    def of_events(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return times."""
        return {"timestamp": self._feed.labels(columns["bar_index"])}

    def of_fills(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return times, and slippage against the close that the decision saw."""
        return {
            "timestamp": self._feed.labels(columns["bar_index"]),
            **slippage_of(columns, partial(self._feed.values, "close")),
        }
