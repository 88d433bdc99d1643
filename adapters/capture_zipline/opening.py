"""How a run begins to be recorded: its start record, and the channels of its strategy."""

from __future__ import annotations

import functools
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from capture.recorder.adapting import slippage_of, source_of, start_record
from capture.recorder.channel import Share
from capture.recorder.facts import StrategyFacts
from capture.store.run import RunStart
from capture_zipline import rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.config import SignalCaptureConfig
    from capture.journal.appending import Append
    from capture_zipline.bars import Feed
    from capture_zipline.session import Session

__all__ = ["Channels", "Opened", "name_of", "start_of"]

_USUAL: Final = frozenset({"initialize", "handle_data", "before_trading_start", "analyze"})


def start_of(
    functions: Sequence[Any], config: SignalCaptureConfig, replayed: Any, **said: Any
) -> RunStart:
    """Return the start record of a run, or of a replay of one.

    Args:
        functions: what the strategy is made of.
        config: how it is recorded.
        replayed: of a replay, what makes the recorded calls.
        **said: parameters and settings.
    """
    if replayed is None:
        said["strategy"] = name_of(functions)
    return start_record(
        config,
        None if replayed is None else replayed.source,
        partial(_code, functions),
        host="zipline",
        host_version=version("zipline-reloaded"),
        libraries=("zipline-reloaded", "exchange-calendars", "numpy", "pandas"),
        **said,
    )


def _code(functions: Sequence[Any]) -> str | None:
    texts = [text for function in functions if (text := source_of(_plain(function))) is not None]
    return "\n\n".join(dict.fromkeys(texts)) or None


def name_of(functions: Sequence[Any]) -> str:
    """Return what a strategy is called: after a function, or else after its file.

    Args:
        functions: what it is made of.
    """
    plain = [_plain(function) for function in functions]
    for name in (getattr(function, "__name__", "") for function in plain):
        if name and name not in _USUAL and not name.startswith("<"):
            return str(name)
    module = getattr(plain[0], "__module__", None) or "algorithm"
    if module == "__main__":
        file = getattr(sys.modules["__main__"], "__file__", None)
        return Path(file).stem if file else "algorithm"
    return str(module).rpartition(".")[2]


def _plain(function: Any) -> Any:
    """Return the function in a partial one, and that of a method."""
    while isinstance(function, functools.partial):
        function = function.func
    own = getattr(function, "__func__", function)
    return own if hasattr(own, "__name__") else type(own)


class Channels(NamedTuple):
    """The channels of one asset."""

    intent: Append
    rare: Append
    signal: Append
    cancel: Append
    fill: Append
    status: Append


class Opened:
    """What the strategy of a run writes through, and what is gathered late for it.

    Attributes:
        strategy_id: the strategy.
        tracks: what it recorded, by name: the bars of the run, and the values from them on.
    """

    def __init__(self, session: Session, strategy_id: str, params: Mapping[str, Any]) -> None:
        """Declare a strategy that has been initialized."""
        self._session = session
        self.strategy_id = strategy_id
        self._params = params
        self._known: dict[str, Channels] = {}
        self.tracks: dict[str, tuple[list[int], list[float]]] = {}
        self._segment: int | None = None

    def recorded(self, name: str, bar: int, value: float) -> None:
        """Keep a value that the strategy records at a bar of the run."""
        track = self.tracks.get(name)
        if track is None:
            track = self.tracks[name] = ([], [])
            self._segment = None
            self._known.clear()
        track[0].append(bar)
        track[1].append(value)

    def channels(self, feed: Feed) -> Channels:
        """Return the channels of an asset, which are declared when they are first used."""
        known = self._known.get(feed.symbol)
        if known is None:
            known = self._known[feed.symbol] = self._declare(feed)
        return known

    def _declare(self, feed: Feed) -> Channels:
        engine = self._session.engine
        if self._segment is None:
            made = {n: {"class": "record", "lines": [n], "params": {}} for n in self.tracks}
            facts = StrategyFacts(self.strategy_id, self._params, made)
            self._segment = engine.segment(facts)
        labels = {"symbol": feed.symbol, "timeframe": feed.timeframe}
        own = {**labels, "strategy_id": self.strategy_id}
        said, new = {**own, "segment": self._segment}, {**own, "action": "new"}
        cancel = {**own, "action": "cancel", "call": "cancel_order"}
        late, channel = _Late(self, feed, self._session), engine.channel
        shares = (
            Share("signals", rows.INTENT_SIGNAL, said, late=late.of_signals),
            Share("orders", rows.INTENT_ORDER, new, late=late.of_events),
        )
        return Channels(
            engine.joint_channel(rows.INTENT, shares).append,
            engine.joint_channel(rows.RARE, shares).append,
            channel("signals", rows.SIGNAL, constants=said, late=late.of_signals).append,
            channel("orders", rows.CANCEL, constants=cancel, late=late.of_events).append,
            channel("fills", rows.FILL, constants=own, late=late.of_fills).append,
            channel("statuses", rows.STATUS, constants=own, late=late.of_events).append,
        )


class _Late:
    """Gathers by bar what is there for the whole run."""

    def __init__(self, opened: Opened, feed: Feed, session: Session) -> None:
        self._opened = opened
        self._feed = feed
        self._sources = session.source_ids
        self._self_contained = session.config.self_contained

    def of_signals(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return times, and what the strategy had recorded by the end of the signals' bars."""
        bars, feed = columns["bar_index"], self._feed
        found: dict[str, Any] = {
            "timestamp": feed.labels(bars),
            "available_time": feed.closes(bars),
        }
        moments = np.asarray(bars, np.int64) + feed.first
        for name, (at, values) in self._opened.tracks.items():
            places = np.searchsorted(at, moments, side="right") - 1
            known = np.append(values, np.nan)  # the last one is of what comes before the first
            found[f"indicator_{name}"] = known[places]
        if self._sources is not None:
            found["source_signal_id"] = pa.array(self._sources(columns["seq"]), pa.string())
        if self._self_contained:
            found |= {f"market_{name}": feed.values(name, bars) for name in feed.columns}
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
