"""Runs on part of the data, and their indicators at every bar: for look-ahead and warm-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from capture.contracts.perturbing import rehearsal
from capture.contracts.tracing import Trace, is_traced, keep_trace
from capture.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_bt.opening import Opened

__all__ = ["cut_data", "trace_indicators"]


def cut_data(
    backtest: Any, universe: pd.DataFrame, kwargs: dict[str, Any]
) -> tuple[pd.DataFrame, dict[str, Any], Callable[[], None]]:
    """On rehearsal, leave a run part of its bars.

    Returns:
        The bars and the further data, and what puts those of the backtest back.
    """
    wanted = rehearsal()
    data, dates, further = backtest.data, backtest.dates, backtest.additional_data

    def restore() -> None:
        backtest.data, backtest.dates, backtest.additional_data = data, dates, further

    if wanted is None or wanted.cut is None:
        return universe, kwargs, restore
    labels = Timeline.of(universe.index[1:]).labels_ns
    assert labels is not None  # the host takes nothing but dates
    kept = np.array([wanted.cut.keeps(label) for label in labels.tolist()], dtype=bool)
    first = int(np.argmax(kept)) if kept.any() else 0
    rows = np.concatenate([[True], kept])
    universe = universe.loc[rows].set_axis(_bootstrapped(universe.index, rows, first))
    for name, value in kwargs.items():
        if isinstance(value, (pd.DataFrame, pd.Series)) and value.index.equals(dates):
            kwargs = {**kwargs, name: value.loc[rows].set_axis(universe.index)}
    backtest.data, backtest.dates, backtest.additional_data = universe, universe.index, kwargs
    return universe, kwargs, restore


def _bootstrapped(index: Any, rows: Any, first: int) -> Any:
    """Return the dates that are left, the first of which comes a day before the others."""
    kept = index[rows]
    return kept[1:].insert(0, index[1 + first] - pd.DateOffset(days=1))


def trace_indicators(opened: Opened) -> None:
    """Keep every indicator at every bar, if a rehearsal wants it."""
    labels = opened.timeline.labels_ns
    if not is_traced() or labels is None:
        return
    columns = opened.frames.whole(opened.symbols)
    engine = opened.engine
    keep_trace(Trace(engine.run_id, engine.part, opened.strategy_id, labels, columns))
