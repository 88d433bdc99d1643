"""The tables of a run with several symbols are what its fills add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import capture
from capture_builtin import Backtest
from tests.builtin.market import minutes
from tests.builtin.strategies import Rotation

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host


@pytest.mark.parametrize(("drop", "fill"), [(0.0, "next_open"), (0.4, "next_open"), (0.0, "close")])
def test_a_row_of_equity_names_a_bar_and_what_was_held_at_its_close(
    drop: float, fill: str, tmp_path: Path
) -> None:
    frames = {name: minutes(300, 5, seed, drop) for seed, name in enumerate("ABC")}
    own = capture.wrap(Rotation, store=tmp_path)
    results = Backtest(frames, own, cash=10_000.0, size=5.0, fill=fill).run()
    recording = capture.open(tmp_path).latest()
    fills, equity = recording.fills(), recording.equity()
    assert set(fills["symbol"]) == {"A", "B", "C"}
    assert equity["equity"].tolist() == results.equity.tolist()
    for symbol, rows in equity.groupby("symbol"):
        mine = fills[fills["symbol"] == symbol]
        before = np.searchsorted(mine["bar_index"], rows["bar_index"], side="right")
        held = np.append(0.0, np.cumsum(mine["side"] * mine["size"]))
        assert rows["position"].tolist() == held[before].tolist()
        assert rows["timestamp"].tolist() == frames[symbol].index[rows["bar_index"]].tolist()
