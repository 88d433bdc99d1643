"""A recording is all that a replay needs: the strategy's code need not be there."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.adapters import strategies as s
from tests.adapters.runs import Case, captured, eurusd, goog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.host

_REPLAY = """
import json, sys, warnings
import backtesting.test
import numpy as np
from backtesting import Backtest
import capture

store, bars, settings, columns, place = sys.argv[1:]
warnings.simplefilter("ignore")
replay = capture.replay(capture.open(store).latest()).into("backtesting")
results = Backtest(getattr(backtesting.test, bars), replay, **json.loads(settings)).run()
assert "tests" not in sys.modules
trades = {name: results._trades[name].to_numpy() for name in json.loads(columns)}
np.savez(place, equity=results._equity_curve["Equity"].to_numpy(), **trades)
"""
_COLUMNS = ["Size", "EntryBar", "ExitBar", "EntryPrice", "ExitPrice", "PnL", "SL", "TP"]

CASES: dict[str, tuple[type, Callable[[], Any], dict[str, Any]]] = {
    "SMA cross": (s.SmaCross, goog, {"cash": 10_000, "commission": 0.002, "spread": 0.0005}),
    "brackets, cancels, edits": (s.Nasty, goog, {"cash": 50_000}),
    "trailing stop": (s.Trailing, eurusd, {"cash": 10_000, "finalize_trades": True}),
    "before the first bar": (s.EarlyBird, goog, {"cash": 10_000, "finalize_trades": True}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_process_without_the_strategy_gets_the_same_bytes(name: str, tmp_path: Path) -> None:
    strategy, bars, settings = CASES[name]
    original, _ = captured(Case(strategy, bars, settings), tmp_path / "store")
    words = [tmp_path / "store", bars.__name__.upper(), json.dumps(settings), json.dumps(_COLUMNS)]
    subprocess.run(
        [sys.executable, "-c", _REPLAY, *map(str, words), str(tmp_path / "there.npz")],
        cwd=tmp_path,
        timeout=120,
        check=True,
    )
    expected = {name: original._trades[name].to_numpy() for name in _COLUMNS}
    expected["equity"] = original._equity_curve["Equity"].to_numpy()
    assert len(expected["Size"])
    with np.load(tmp_path / "there.npz", allow_pickle=True) as there:
        for column, values in expected.items():
            got = there[column]
            assert got.dtype == values.dtype, column
            assert (
                got.tobytes() == values.tobytes()
                if values.dtype != object
                else (got.tolist() == values.tolist())
            ), column
