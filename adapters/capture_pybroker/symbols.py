"""The symbols of a run: their bars and indicators, who trades them, and what is written through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from capture.events import Bar
from capture.recorder.facts import StrategyFacts
from capture.timeline import Timeline
from capture_pybroker.facts import base_table, indicator_facts
from capture_pybroker.opening import Channels, Lines, open_channels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from capture.recorder.engine import SignalCaptureEngine
    from capture_pybroker.intents import Ear
    from capture_pybroker.window import Window

__all__ = ["Since", "Symbols"]


class Since:
    """The items of a list from one on, as many as there are when they are asked for."""

    def __init__(self, items: list[Any], first: int) -> None:
        """Begin with this item."""
        self._items = items
        self._first = first

    def __iter__(self) -> Iterator[Any]:
        """Yield those there are now."""
        return iter(self._items[self._first :])


class Symbols:
    """What is known of each symbol.

    Attributes:
        lines: the series of all symbols of the data.
        labels: the dates of the bars of those that a captured execution trades.
        channels: what their rows are written through.
        executions: by strategy id, its symbols and parameters.
    """

    def __init__(self, engine: SignalCaptureEngine) -> None:
        """Begin with none."""
        self.lines: dict[str, Lines] = {}
        self.labels: dict[str, NDArray[Any]] = {}
        self.channels: dict[str, Channels] = {}
        self.executions: dict[str, dict[str, Any]] = {}
        self._engine = engine
        self._bars: dict[str, Mapping[str, NDArray[Any]]] = {}
        self._segments: dict[Any, int] = {}
        self._segment_of: dict[str, Any] = {}

    def add(self, symbol: str, columns: Mapping[str, NDArray[Any]]) -> None:
        """Store the bars of a symbol."""
        config, dates = self._engine.config, columns["date"]
        timeline = Timeline.of(pd.DatetimeIndex(dates), config.timeframe)
        bars = base_table(columns, timeline)
        self._engine.add_base_data(bars, symbol=symbol, timeframe=timeline.timeframe)
        lines = Lines(timeline, bars, dates, self_contained=config.self_contained)
        self.lines[symbol], self._bars[symbol] = lines, columns

    def declare(
        self, window: Window, symbol: str, strategy_id: str, params: Mapping[str, Any]
    ) -> Channels:
        """Say who trades a symbol from a window on, with which parameters."""
        key = (strategy_id, tuple(sorted((name, str(value)) for name, value in params.items())))
        if self._segment_of.get(symbol) != key:
            self._segment_of[symbol] = key
            if key not in self._segments:
                facts = self._indicators(window, symbol)
                self._segments[key] = self._engine.segment(
                    StrategyFacts(strategy_id, params, facts)
                )
            self.labels[symbol] = self.lines[symbol].dates
            self.channels[symbol] = open_channels(
                self._engine, symbol, strategy_id, self._segments[key], self.lines[symbol]
            )
        own = self.executions.setdefault(strategy_id, {"symbols": [], "params": dict(params)})
        own["symbols"] = sorted({*own["symbols"], symbol})
        return self.channels[symbol]

    def _indicators(self, window: Window, symbol: str) -> dict[str, Any]:
        tried = window.host["run_hyperparams"] or {}
        names = sorted({name for name, of in window.host["indicator_data"] if of == symbol})
        return {name: {**indicator_facts(name, tried), "lines": [name]} for name in names}

    def put_indicators(self, window: Window) -> None:
        """Take down the indicators of a window."""
        for symbol in window.offsets.keys() & self.lines.keys():
            for name, values in window.indicators(symbol).items():
                self.lines[symbol].put(f"indicator_{name}", window.offsets[symbol], values)

    def put_prediction(self, symbol: str, bar: int, model: str, values: Any) -> None:
        """Take down what a model said for a bar; several outputs are lines of their own."""
        last = np.asarray(values)[-1:].reshape(-1).tolist()
        for place, value in enumerate(last):
            name = f"indicator_{model}_pred" + (f"_{place}" if len(last) > 1 else "")
            if isinstance(value, (int, float)):
                self.lines[symbol].put(name, bar, np.array([value], dtype=np.float64))

    def telling(self, ear: Ear, observe: Callable[[Any], None]) -> Callable[[], None]:
        """Return what tells observers of the present bar."""
        lines, make = self.lines[ear.symbol], Bar.lazy
        labels = {"symbol": ear.symbol, "timeframe": lines.timeline.timeframe}
        columns = {n: values for n, values in self._bars[ear.symbol].items() if n != "date"}

        def read(bar: int) -> dict[str, Any]:
            values = {name: column[bar] for name, column in columns.items()}
            return {**labels, **values, "timestamp": pd.Timestamp(lines.dates[bar], tz="UTC")}

        def tell() -> None:
            bar = ear.bar
            observe(make({"bar_index": bar, "symbol": ear.symbol}, lambda: read(bar)))

        return tell
