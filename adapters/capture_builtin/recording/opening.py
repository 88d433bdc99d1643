"""How a run begins to be recorded: its start record, its base data, its channels."""

from __future__ import annotations

import inspect
import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from capture import __version__
from capture.journal import Field
from capture.recorder.adapting import slippage_of, start_record
from capture.recorder.channel import Share
from capture.recorder.engine import SignalCaptureEngine
from capture.recorder.facts import StrategyFacts
from capture.store.run import RunStart
from capture_builtin.recording import rows
from capture_builtin.strategy import declared_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.config import SignalCaptureConfig
    from capture.journal.appending import Append
    from capture_builtin.feeds import Feed
    from capture_builtin.generator import SignalGeneratorComponent, Track

__all__ = ["Channels", "Writing", "facts_of", "parameters", "start_of"]

_TIME: Final = pa.timestamp("ns", tz="UTC")
Sources = Any


def start_of(original: Any, *, config: SignalCaptureConfig, **said: Any) -> RunStart:
    """Return the start record of a run, or of a replay of one.

    Args:
        original: the strategy, or the source of signals that stands in its place.
        config: how it is recorded.
        **said: name, parameters and settings.
    """
    return start_record(
        config,
        getattr(original, "replay_source", None),
        partial(_code, original),
        host="builtin",
        host_version=__version__,
        libraries=("numpy", "pandas"),
        **said,
    )


def _code(strategy: Any) -> str | None:
    try:
        return inspect.getsource(strategy if isinstance(strategy, type) else type(strategy))
    except (OSError, TypeError):  # typed at a prompt
        return None


def parameters(strategy: Any) -> dict[str, Any]:
    """Return a strategy's parameters, as this run has them."""
    replayed = getattr(strategy, "replay_source", None)
    if replayed is not None:
        return dict(replayed.params)
    return {name: getattr(strategy, name) for name in declared_parameters(type(strategy))}


def facts_of(component: SignalGeneratorComponent) -> StrategyFacts:
    """Return what is kept once of a strategy."""
    made = {
        name: {
            **feature.record(),
            "lines": sorted(
                line for line in component.tracks if line == name or line.startswith(f"{name}_")
            ),
        }
        for name, feature in component.features.items()
    }
    return StrategyFacts(component.strategy_id, parameters(component.strategy), made)


class Channels(NamedTuple):
    """What is written through for one strategy and symbol."""

    plain: Append
    priced: Append
    signal: Append
    cancel: Append
    fill: Append
    executed: Append
    status: Append


class Writing:
    """Opens the channels of one strategy, a set per symbol.

    Attributes:
        known: those that are open, by symbol.
        references: whether signals say which bars of other series the strategy saw.
        repeats: whether signals repeat those of a recording.
        strategy: the strategy.
    """

    def __init__(
        self,
        engine: SignalCaptureEngine,
        component: SignalGeneratorComponent,
        feeds: Mapping[str, Feed],
        sources: Sources = None,
    ) -> None:
        """Declare a strategy.

        Args:
            engine: the recorder.
            component: the strategy, bound to what it needs.
            feeds: the feed of each symbol on which orders are filled.
            sources: of a replay, tells which recorded signals these signals repeat.
        """
        self._engine = engine
        self._component = component
        self._feeds = feeds
        self._sources = sources
        self.repeats = sources is not None
        self._segment = engine.segment(facts_of(component))
        self.known: dict[str, Channels] = {}
        self.references = component.references() is not None
        self.strategy: Any = component.strategy

    def references_now(self) -> str:
        """Return the last bar of each series that the strategy sees, as JSON."""
        return json.dumps(self._component.references())

    def channels(self, symbol: str) -> Channels:
        """Return the channels of a symbol."""
        if symbol not in self.known:
            self.known[symbol] = self._open(symbol, self._feeds[symbol])
        return self.known[symbol]

    def _open(self, symbol: str, feed: Feed) -> Channels:
        labels = {"symbol": symbol, "timeframe": feed.timeframe}
        own = {**labels, "strategy_id": self._component.strategy_id}
        late = _Late(feed, _tracks(self._component, symbol), self._sources,
                     self_contained=self._engine.config.self_contained)  # fmt: skip
        said = {**own, "segment": self._segment}
        new = {**own, "action": "new", "call": "signal", "phase": "generate_signal"}
        more = (rows.REFERENCES,) if self.references else ()
        channel = self._engine.channel

        def joint(fields: tuple[Field, ...], constants: Mapping[str, Any], priced: bool) -> Append:
            mine = rows.share_of_signal(references=self.references)
            return self._engine.joint_channel(
                (*fields, *more),
                (
                    Share("signals", mine, said, late=late.of_signals),
                    Share("orders", rows.share_of_order(priced=priced), constants,
                          late=late.of_events),
                ),
            ).append  # fmt: skip

        market = {**new, "order_type": "market"}
        executed = {**own, "status": "executed", "reason": "filled", "actor": "broker"}
        fills = Share("fills", {n: n for n, _ in rows.FILL}, own, late=late.of_fills)
        done = Share("statuses", rows.EXECUTED, executed, late=late.of_events)
        cancel = {**own, "action": "cancel", "call": "cancel", "phase": "generate_signal"}
        return Channels(
            joint(rows.PLAIN, market, False),
            joint(rows.PRICED, new, True),
            channel("signals", rows.SIGNAL, constants=said, late=late.of_signals).append,
            channel("orders", rows.CANCEL, constants=cancel, late=late.of_events).append,
            channel("fills", rows.FILL, constants=own, late=late.of_fills).append,
            self._engine.joint_channel(rows.FILL, (fills, done)).append,
            channel("statuses", rows.STATUS, constants=own, late=late.of_events).append,
        )


def _tracks(component: SignalGeneratorComponent, symbol: str) -> dict[str, Track]:
    """Return the features that a signal of a symbol carries: its own, and those across symbols."""
    found = {}
    for name, of in component.tracks.items():
        found[f"indicator_{name}"] = of[symbol] if symbol in of else next(iter(of.values()))
    return found


class _Late:
    """Gathers by bar and by moment what the run keeps as arrays."""

    def __init__(
        self,
        feed: Feed,
        tracks: Mapping[str, Track],
        sources: Callable[[Any], list[str | None]] | None,
        *,
        self_contained: bool,
    ) -> None:
        self._labels = feed.labels_ns
        self._close = feed.columns["close"]
        self._tracks = tracks
        self._sources = sources
        self._market = (
            {f"market_{name}": values for name, values in feed.columns.items()}
            if self_contained
            else {}
        )

    def _times(self, bars: Any) -> pa.Array:
        return pa.array(self._labels[bars]).cast(_TIME)

    def of_signals(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return times and indicators at the signals' moments."""
        at = columns["bar_index"]
        moments = np.asarray(columns["available_time"])
        if moments.dtype.kind == "M":
            moments = moments.astype("datetime64[ns]")
        moments = moments.astype(np.int64)
        found = {
            "timestamp": self._times(at),
            **{name: values[at] for name, values in self._market.items()},
            **{name: track.at(moments) for name, track in self._tracks.items()},
        }
        if self._sources is not None:
            found["source_signal_id"] = pa.array(self._sources(columns["seq"]), pa.string())
        return found

    def of_events(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return times."""
        return {"timestamp": self._times(columns["bar_index"])}

    def of_fills(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return times, and slippage against the close that the decision saw."""
        return {
            "timestamp": self._times(columns["bar_index"]),
            **slippage_of(columns, self._close.__getitem__),
        }
