"""Recordings of real runs, and the same again from the recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import capture
from tests.adapters import strategies as s
from tests.adapters.runs import Case, captured, goog, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

COSTLY = {"cash": 10_000, "commission": 0.002, "spread": 0.0005}


def same_trades(one: Any, other: Any) -> bool:
    """Compare what the host says of trades.

    A replay has no indicators to show beside them, and tags are recorded as text.
    """
    columns = [name for name in one.columns if name in other.columns and name != "Tag"]
    assert {"Size", "EntryBar", "ExitBar", "EntryPrice", "ExitPrice", "PnL"} <= set(columns)
    return bool(one[columns].equals(other[columns]))


@pytest.fixture
def same() -> Callable[[Any, Any], bool]:
    """Say whether two results of the host have the same trades and the same equity, with `==`."""

    def same(one: Any, other: Any) -> bool:
        equity, again = (r._equity_curve["Equity"].to_numpy() for r in (one, other))
        return np.array_equal(equity, again) and same_trades(one._trades, other._trades)

    return same


@pytest.fixture
def again() -> Callable[..., Any]:
    """Run the replay of a case, as the case ran."""

    def again(case: Case, replay: Any) -> Any:
        return run(case.backtest(lambda _: replay), **case.params)

    return again


@pytest.fixture
def sma_cross() -> Case:
    """An SMA cross on GOOG, with costs; it never looks at its portfolio."""
    return Case(s.SmaCross, goog, COSTLY)


@pytest.fixture
def recorded(sma_cross: Case, tmp_path: Path) -> tuple[Any, Recording]:
    """What the SMA cross came to, and its recording in the store `tmp_path / "store"`."""
    return captured(sma_cross, tmp_path / "store")


@pytest.fixture
def replayed(
    recorded: tuple[Any, Recording], sma_cross: Case, again: Callable[..., Any]
) -> Callable[..., Recording]:
    """Record a replay of the SMA cross into the same store, and return it."""

    def replayed(mode: str = "intent", **options: Any) -> Recording:
        _, recording = recorded
        place = recording.store.root
        again(
            sma_cross, capture.replay(recording, mode).into("backtesting", store=place, **options)
        )
        return capture.open(place).latest("replay")

    return replayed
