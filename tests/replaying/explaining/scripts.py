"""Runs of the built-in backtester that do what a test says on which bar, and their replays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

import capture
from capture.replaying.slices import Slice
from capture_builtin import Backtest, Needs, Strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from capture.store.recording import Recording


def wandering(bars: int = 60, seed: int = 7) -> pd.DataFrame:
    """Return bars whose opens are not the closes before them."""
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0, 0.01, bars)))
    opened = close * (1.0 + random.normal(0, 0.003, bars))
    frame = {
        "Open": opened,
        "High": np.maximum(opened, close) * 1.002,
        "Low": np.minimum(opened, close) * 0.998,
        "Close": close,
    }
    index = pd.date_range("2020-01-01", periods=bars, freq="D", name="Date")
    return pd.DataFrame(frame, index=index)


class Scripted(Strategy):
    """Does on each bar what it was told."""

    steps: Mapping[int, Callable[[Any, float], Any]] = {}

    def needs(self) -> Needs:
        return Needs()

    def generate_signal(self, market: Any) -> None:
        step = self.steps.get(market[market.symbols[0]].index)
        if step is not None:
            step(self, market.close)


def scripted(steps: Mapping[int, Callable[[Any, float], Any]]) -> type[Scripted]:
    """Return a strategy that does this."""
    return type("Scripted", (Scripted,), {"steps": dict(steps), "__module__": __name__})


def up_and_down(*bars: int, **words: Any) -> dict[int, Callable[[Any, float], Any]]:
    """Return steps that enter, leave and enter the other side, by turns."""
    turns = (lambda s, _c: s.buy(**words), lambda s, _c: s.close(), lambda s, _c: s.sell(**words))
    return {bar: turns[number % 3] for number, bar in enumerate(bars)}


def recorded(
    store: Path, steps: Mapping[int, Any], bars: pd.DataFrame | None = None, **settings: Any
) -> Recording:
    """Record a run."""
    strategy = capture.wrap(scripted(steps), store=store)
    data = wandering() if bars is None else bars
    Backtest(data, strategy, symbol="ACME", **{"cash": 10_000.0, **settings}).run()
    return capture.open(store).latest()


def replayed(
    recording: Recording,
    bars: pd.DataFrame | None = None,
    words: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Recording:
    """Record a replay under other settings."""
    store = recording.store.root
    strategy = capture.replay(recording, **{"mode": "target", **(words or {})}).into(
        "builtin", store=store, force=True
    )
    data = wandering() if bars is None else bars
    Backtest(data, strategy, symbol="ACME", **{"cash": 10_000.0, **settings}).run()
    return capture.open(store).latest("replay")


@dataclass(frozen=True)
class Tampered(Slice):
    """A run of which one value of one fill is another one."""

    row: int = 0
    column: str = "price"
    value: Any = None

    def table(self, name: str, columns: Sequence[str]) -> pa.Table:
        rows = super().table(name, columns)
        if name != "fills" or self.column not in rows.column_names:
            return rows
        values = rows.column(self.column).to_pylist()
        values[self.row] = self.value
        place = rows.schema.get_field_index(self.column)
        changed = pa.array(values, rows.schema.field(place).type)
        return rows.set_column(place, self.column, changed)
