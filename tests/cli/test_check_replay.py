"""`capture check-replay`: 0 the signals do not change, 1 they do, 2 it could not run."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.host

_SCRIPT = """
import sys
import warnings

import capture
from backtesting import Backtest, Strategy
from backtesting.lib import crossover
from backtesting.test import GOOG, SMA

warnings.simplefilter("ignore")
print("what the script prints is not shown")


class Cross(Strategy):
    def init(self):
        self.fast, self.slow = (self.I(SMA, self.data.Close, n) for n in (10, 20))

    def next(self):
        if crossover(self.fast, self.slow):
            self.position.close()
            self.buy()


class WhileThereIsMoney(Cross):
    def next(self):
        if self._broker._cash > 5_000:
            super().next()


strategy = {"cross": Cross, "money": WhileThereIsMoney}[sys.argv[1]]
strategy.__name__ = "[red]Cross[/red]"
Backtest(GOOG[:400], capture.wrap(strategy, store="mine"), cash=10_000).run()
"""


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cross.py"
    path.write_text(_SCRIPT)
    return path


@pytest.mark.slow
def test_signals_that_do_not_change_are_a_good_answer(call, script):
    result = call("check-replay", "--setting", "cash", "--setting", "commission", script, "cross")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[1].startswith("[red]Cross[/red]: ")
    assert lines[2].startswith("cash (cash 10000 -> 100000.0): the same ")
    assert lines[3].startswith("commission (commission 0.0 -> 0.01): the same ")
    assert lines[4] == "Independent: no signal changed under any of these settings."
    assert len(lines) == 5
    assert not (script.parent / "mine").exists()


@pytest.mark.slow
def test_signals_that_change_are_told_with_the_first_of_them(call, script):
    result = call("check-replay", "--setting", "little_cash", "--json", script, "money")
    assert result.exit_code == 1, result.output
    found = json.loads(result.stdout)
    assert found["independent"] is False
    first = found["first_change"]
    assert (first["perturbation"], first["perturbed"]) == ("little_cash", None)
    assert first["settings"] == ["cash 10000 -> 1000.0"]
    drawn = call("check-replay", "--setting", "little_cash", script, "money")
    assert drawn.exit_code == 1
    expected = f"Dependent: from bar {first['bar_index']} on under little_cash; a replay is valid"
    assert drawn.stdout.splitlines()[-1].startswith(expected)


def test_a_script_that_is_not_there_could_not_run(call, tmp_path):
    result = call("check-replay", tmp_path / "nothing.py")
    assert result.exit_code == 2
    assert "there is no such script" in result.stderr


def test_a_script_that_fails_is_told_with_its_last_line(call, script):
    result = call("check-replay", script, "other")
    assert result.exit_code == 2
    assert "it ended with status 1 (KeyError: 'other')" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_script_that_records_nothing_could_not_be_checked(call, tmp_path):
    path = tmp_path / "nothing.py"
    path.write_text("1 + 1\n")
    result = call("check-replay", path)
    assert result.exit_code == 2
    assert "nothing was recorded; wrap the strategy that runs" in result.stderr


def test_a_misspelt_setting_is_refused(call, script):
    result = call("check-replay", "--setting", "chas", script, "cross")
    assert result.exit_code == 2
    assert 'Did you mean "cash"?' in result.stderr
