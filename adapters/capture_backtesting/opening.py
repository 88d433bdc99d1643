"""How a run begins to be recorded: its start record, its base data, its channels."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import backtesting
import pyarrow as pa
from backtesting._util import _indicator_warmup_nbars

from capture.journal import Derived
from capture.recorder.adapting import same_columns, slippage_of, source_of, start_record
from capture.recorder.channel import Share
from capture.recorder.engine import SignalCaptureEngine
from capture.recorder.facts import StrategyFacts
from capture.recorder.grids import set_name
from capture.store.run import RunStart
from capture.timeline import Timeline
from capture_backtesting import rows
from capture_backtesting.facts import Indicators, base_table, parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.config import SignalCaptureConfig
    from capture.journal.appending import Append
    from capture.journal.many import Extend
    from capture.recorder.grids import Trial

__all__ = ["Opened", "begin", "start_of"]

_UNNAMED: Final = "data"


class Opened(NamedTuple):
    """What a session writes through once it has begun."""

    engine: SignalCaptureEngine
    timeline: Timeline
    strategy_id: str
    labels: Mapping[str, str]
    buy: Append
    sell: Append
    close: Append
    intent: Append
    signal: Append
    order: Append
    edit: Append
    fill: Append
    executed: Append
    all_executed: Extend
    status: Append


def begin(
    config: SignalCaptureConfig,
    strategy: Any,
    original: type,
    settings: Mapping[str, Any],
    indicators: Indicators,
    trial: Trial | None = None,
) -> Opened:
    """Begin the recording of a run whose strategy has been initialised."""
    broker, frame = strategy._broker, strategy._data.df
    timeline = Timeline.of(frame.index, config.timeframe)
    symbol = config.symbol or str(frame.attrs.get("symbol") or _UNNAMED)
    indicators.gather(strategy)
    params = parameters(strategy)
    run = start_of(original, params=params, settings=settings, config=config)
    engine = SignalCaptureEngine(config, run=run) if trial is None else trial.begin(config, run)
    joined = trial is not None and engine.run_id == trial.folder.run_id
    strategy_id = set_name(original.__name__, strategy._params) if joined else original.__name__
    bars = base_table(frame, timeline)
    engine.add_base_data(bars, symbol=symbol, timeframe=timeline.timeframe)
    if timeline.naive:
        engine.flag("naive_timestamps_taken_for_utc")
    engine.flag("first_bar", 1 + int(_indicator_warmup_nbars(strategy)))
    facts = StrategyFacts(strategy_id, params, indicators.metadata)
    labels = {"symbol": symbol, "timeframe": timeline.timeframe}
    late = _Late(timeline, indicators, broker, bars, self_contained=config.self_contained)
    late.sources = getattr(original, "source_ids", None)
    return Opened(
        engine, timeline, facts.strategy_id, labels, *_channels(engine, facts, labels, late)
    )


def start_of(original: Any, *, config: SignalCaptureConfig, **said: Any) -> RunStart:
    """Return the start record of a run, or of a replay of one."""
    return start_record(
        config,
        getattr(original, "replay_source", None),
        partial(source_of, original),
        host="backtesting",
        host_version=backtesting.__version__,
        strategy=original.__name__,
        libraries=("backtesting", "numpy", "pandas"),
        **said,
    )


def _channels(
    engine: SignalCaptureEngine, facts: StrategyFacts, labels: Mapping[str, str], late: _Late
) -> tuple[Any, ...]:
    own = {**labels, "strategy_id": facts.strategy_id}
    new = {**own, "action": "new", "phase": "next"}
    channel, joint, of_events = engine.channel, engine.joint_channel, late.of_events
    said = {**own, "segment": engine.segment(facts)}
    status, reason, actor = rows.OUTCOMES[rows.FILLED]
    executed = {**own, "status": str(status), "reason": str(reason), "actor": actor}
    signal = Share("signals", rows.INTENT_SIGNAL, said, late=late.of_signals)
    market = {**new, "order_type": "market"}
    closes = (Derived("parent_id", "t", "trade"),)
    order = Share("orders", rows.INTENT_ORDER, market, closes, of_events)
    fill = Share("fills", same_columns(rows.FILL), own, late=late.of_fills)
    done = Share("statuses", rows.EXECUTED, executed, late=of_events)
    filled = joint(rows.FILL, (fill, done))
    flat = {**said, "direction": 0, "signal_type": "exit"}
    alone = {"portfolio_open_trades": 1, "portfolio_pending_orders": 0}
    close = {**market, "call": "Position.close", "size": 1.0, "size_kind": "portion"}

    def plain(call: str, side: int) -> Append:
        entry = {**said, "direction": side, "signal_type": "entry"}
        bought = {**market, "call": call, "side": side}
        shares = (
            Share("signals", rows.PLAIN_SIGNAL, entry, late=late.of_signals),
            Share("orders", rows.PLAIN_ORDER, bought, late=of_events),
        )
        return joint(rows.PLAIN, shares).append

    closing = (
        Share("signals", rows.CLOSE_SIGNAL, {**flat, **alone}, late=late.of_signals),
        Share("orders", rows.CLOSE_ORDER, close, late=of_events),
    )
    return (
        plain("buy", 1),
        plain("sell", -1),
        joint(rows.CLOSE, closing).append,
        joint(rows.INTENT, (signal, order)).append,
        channel("signals", rows.SIGNAL, constants=said, late=late.of_signals).append,
        channel("orders", rows.ORDER, constants=new, late=of_events).append,
        channel("orders", rows.EDIT, constants=own, late=of_events).append,
        channel("fills", rows.FILL, constants=own, late=late.of_fills).append,
        filled.append,
        filled.extend,
        channel("statuses", rows.STATUS, constants=own, late=of_events).append,
    )


class _Late:
    """Gathers by bar what the host keeps as arrays for the whole run."""

    def __init__(
        self,
        timeline: Timeline,
        indicators: Indicators,
        broker: Any,
        bars: pa.Table,
        *,
        self_contained: bool,
    ) -> None:
        self.sources: Callable[[Any], list[str | None]] | None = None
        """Of a replay: tells which recorded signals these signals repeat."""
        self._timeline = timeline
        self._indicators = indicators.columns
        self._equity = broker._equity
        self._close = bars.column("close").to_numpy()
        self._market = (
            {
                f"market_{name}": bars.column(name).to_numpy()
                for name in bars.column_names
                if name not in {"timestamp", "available_time"}
            }
            if self_contained
            else {}
        )

    def of_signals(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return times, indicators and equity at the signals' bars."""
        at = columns["bar_index"]
        return {
            "timestamp": self._timeline.labels(at),
            "available_time": self._timeline.closes(at),
            **{name: values[at] for name, values in self._market.items()},
            **{name: values[at] for name, values in self._indicators.items()},
            "portfolio_equity": self._equity[at],
            **({} if self.sources is None else self._repeated(columns["seq"])),
        }

    def _repeated(self, seqs: Any) -> dict[str, Any]:
        assert self.sources is not None
        return {"source_signal_id": pa.array(self.sources(seqs), pa.string())}

    def of_events(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return times."""
        return {"timestamp": self._timeline.labels(columns["bar_index"])}

    def of_fills(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return times, and slippage against the close that the decision saw."""
        return {
            "timestamp": self._timeline.labels(columns["bar_index"]),
            **slippage_of(columns, self._close.__getitem__),
        }
