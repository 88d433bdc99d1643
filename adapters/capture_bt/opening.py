"""How a run begins to be recorded: its start record, its base data, its channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa

from capture.recorder.adapting import same_columns, start_record
from capture.recorder.channel import Share
from capture.recorder.engine import SignalCaptureEngine
from capture.recorder.facts import StrategyFacts
from capture.store.run import RunStart
from capture.timeline import Timeline
from capture_bt import rows
from capture_bt.classes import original
from capture_bt.facts import base_table, code_of, host_settings, parameters, version
from capture_bt.indicators import Frames, Temps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.journal.appending import Append
    from capture_bt.session import Session

__all__ = ["Channels", "Opened"]


class Channels(NamedTuple):
    """What is written through for one symbol."""

    symbol: str
    intent: Append
    signal: Append
    fill: Append
    executed: Append
    status: Append


class Opened:
    """What a session writes through once it has begun.

    Attributes:
        engine: the recorder.
        timeline: times of the bars.
        strategy_id: name of the strategy.
        symbols: the columns of the data, which are the symbols that have bars.
        temps: what the algos left for one another at each signal.
        frames: what the algos know of each bar.
    """

    def __init__(self, session: Session, universe: Any, kwargs: Mapping[str, Any]) -> None:
        """Begin the recording of a strategy that is set up."""
        root, config = session.root, session.config
        own = getattr(root, "replay_source", None)
        self.symbols = [str(name) for name in universe.columns]
        one = config.symbol if len(self.symbols) == 1 else None
        self._called = {} if one is None else {self.symbols[0]: one}
        self.timeline = timeline = Timeline.of(universe.index[1:], config.timeframe)
        self.strategy_id = root.name if own is None else own.strategy_id or own.strategy
        params = parameters(root) if own is None else dict(own.params)
        self.engine = engine = SignalCaptureEngine(
            config, run=_start(session, params, host_settings(session.backtest))
        )
        self.frames = Frames(root, kwargs, universe.index[1:])
        self.temps = Temps(engine)
        self._self_contained = config.self_contained
        self._sources: Callable[[Any], list[str | None]] | None
        self._sources = getattr(root, "source_ids", None)
        self._closes: dict[str, Any] = {}
        for name in universe.columns:
            bars = base_table(universe[name].iloc[1:], timeline)
            engine.add_base_data(bars, symbol=self.called(str(name)), timeframe=timeline.timeframe)
            if self._self_contained:
                self._closes[str(name)] = bars.column("close").to_numpy()
        facts = StrategyFacts(self.strategy_id, params, self.frames.metadata)
        self._segment = engine.segment(facts)
        self._known: dict[str, Channels] = {}
        self.channels(self.symbols[0] if self.symbols else self.strategy_id)

    def channels(self, symbol: str) -> Channels:
        """Return the channels of a symbol, or of a nested strategy by its name."""
        found = self._known.get(symbol)
        if found is None:
            found = self._known[symbol] = self._open(symbol)
        return found

    def called(self, symbol: str) -> str:
        """Return what a column is called in the recording; the user may name the only one."""
        return self._called.get(symbol, symbol)

    @property
    def labels(self) -> dict[str, str]:
        """What every event says."""
        return {"timeframe": self.timeline.timeframe, "strategy_id": self.strategy_id}

    def call(self) -> Append:
        """Return what writes calls that are no signals."""
        own = {**self.labels, "action": "edit"}
        return self.engine.channel("orders", rows.CALL, constants=own, late=self._of_events).append

    def _open(self, symbol: str) -> Channels:
        own = {**self.labels, "symbol": self.called(symbol)}
        new = {**own, "action": "new", "phase": "run", "order_type": "market"}
        said = {**own, "segment": self._segment}
        status, reason, actor = rows.OUTCOMES[rows.FILLED]
        executed = {**own, "status": str(status), "reason": str(reason), "actor": actor}
        channel, joint, events = self.engine.channel, self.engine.joint_channel, self._of_events
        late = self._signals_of(symbol)
        signal = Share("signals", rows.INTENT_SIGNAL, said, late=late)
        order = Share("orders", rows.INTENT_ORDER, new, late=events)
        fill = Share("fills", same_columns(rows.FILL), own, late=events)
        done = Share("statuses", rows.EXECUTED, executed, late=events)
        return Channels(
            symbol,
            joint(rows.INTENT, (signal, order)).append,
            channel("signals", rows.SIGNAL, constants=said, late=late).append,
            channel("fills", rows.FILL, constants=own, late=events).append,
            joint(rows.FILL, (fill, done)).append,
            channel("statuses", rows.STATUS, constants=own, late=events).append,
        )

    def _of_events(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return times."""
        return {"timestamp": self.timeline.labels(columns["bar_index"])}

    def _signals_of(self, symbol: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        """Return what gathers times and what algos knew, for the signals of a symbol."""

        def late(columns: Mapping[str, Any]) -> dict[str, Any]:
            at, seqs = columns["bar_index"], columns["seq"]
            close = self._closes.get(symbol)
            found = {
                "timestamp": self.timeline.labels(at),
                "available_time": self.timeline.closes(at),
                **({} if close is None else {"market_close": close[at]}),
                **self.frames.at(symbol, at),
                **self.temps.at(seqs),
            }
            if self._sources is not None:
                found["source_signal_id"] = pa.array(self._sources(seqs), pa.string())
            return found

        return late


_LIBRARIES: Final = ("bt", "ffn", "numpy", "pandas")


def _start(session: Session, params: Mapping[str, Any], settings: Mapping[str, Any]) -> RunStart:
    """Return the start record of a run, or of a replay of one."""
    root, config = session.root, session.config
    return start_record(
        config,
        getattr(root, "replay_source", None),
        lambda: code_of(original(root), root),
        host="bt",
        host_version=version(),
        strategy=root.name,
        params=params,
        settings=settings,
        libraries=_LIBRARIES,
    )
