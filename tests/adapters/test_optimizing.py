"""The host's own optimiser takes the wrapped class, and so does another process."""

from __future__ import annotations

import pickle  # noqa: TID251 - the host's optimiser pickles what users give it
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import capture
from capture.testing.adapter import identical
from tests.adapters import strategies as s
from tests.adapters.runs import Case, goog, recordings, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

GRID = {"fast": [5, 10, 15], "slow": [20, 40]}


def test_the_optimiser_finds_the_same(tmp_path: Path) -> None:
    case = Case(s.SmaCross, goog, {"cash": 10_000, "finalize_trades": True})
    best, heat = case.backtest().optimize(**GRID, return_heatmap=True)
    backtest = case.backtest(lambda it: capture.wrap(it, store=tmp_path))
    got_best, got_heat = backtest.optimize(**GRID, return_heatmap=True)
    assert identical(heat, got_heat)
    assert str(best._strategy) == str(got_best._strategy)
    assert identical(best._trades, got_best._trades)
    found = recordings(tmp_path)
    assert {r.state for r in found} == {"ended"}
    params = [(r.manifest["params"]["fast"], r.manifest["params"]["slow"]) for r in found]
    winner = heat.idxmax()
    # Each set that was tried is a run of its own, and the best one runs once more at the end.
    assert sorted(params) == sorted([*heat.index, winner])
    assert len(list((tmp_path / "base").iterdir())) == 1
    assert capture.open(tmp_path).latest().manifest["params"]["fast"] == winner[0]


def test_a_new_process_runs_the_pickled_class(tmp_path: Path) -> None:
    wrapped = capture.wrap(s.SmaCross, store=tmp_path / "signals", symbol="GOOG")
    pickled = tmp_path / "strategy.pickle"
    pickled.write_bytes(pickle.dumps(wrapped))
    code = (
        "import pickle, sys, warnings; warnings.simplefilter('ignore')\n"
        "from backtesting import Backtest; from backtesting.test import GOOG\n"
        "wrapped = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(Backtest(GOOG, wrapped, cash=10_000).run()['Equity Final [$]'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(pickled)], capture_output=True, text=True, check=True
    )
    here = run(Case(s.SmaCross, goog, {"cash": 10_000}).backtest())
    assert float(done.stdout) == here["Equity Final [$]"]
    recording = capture.open(tmp_path / "signals").latest()
    assert recording.state == "ended"
    assert set(recording.signals()["symbol"]) == {"GOOG"}
