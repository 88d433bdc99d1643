"""`capture lookahead`: 0 nothing changes, 1 a strategy looks ahead, 2 it could not run."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.host

SCRIPT = """
import sys
import warnings

import capture
import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover
from backtesting.test import GOOG, SMA

warnings.simplefilter("ignore")
print("what the script prints is not shown")


def ema(values, span):
    return pd.Series(values).ewm(span=span, adjust=False).mean().to_numpy()


class Cross(Strategy):
    def init(self):
        self.fast, self.slow = (self.I(SMA, self.data.Close, n) for n in (10, 20))

    def next(self):
        if crossover(self.fast, self.slow):
            self.buy(size=1)
        elif crossover(self.slow, self.fast):
            self.sell(size=1)


class Peek(Cross):
    def init(self):
        super().init()
        self.fast = self.I(lambda: pd.Series(self.data.Close).shift(-1).to_numpy(), name="peek")


class Slow(Cross):
    def init(self):
        self.fast, self.slow = (self.I(ema, self.data.Close, n) for n in (10, 50))


strategy = {"cross": Cross, "peek": Peek, "slow": Slow}[sys.argv[1]]
Backtest(GOOG, capture.wrap(strategy, store="mine"), cash=10_000).run()
"""


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cross.py"
    path.write_text(SCRIPT)
    return path


@pytest.mark.slow
def test_a_clean_strategy_is_a_good_answer(call, script):
    result = call("lookahead", "--cuts", "2", script, "cross")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Nothing changed when later bars were cut off")
    assert "what the script prints" not in result.stdout
    assert not (script.parent / "mine").exists()


@pytest.mark.slow
def test_a_peek_is_named_with_its_indicator(call, script):
    result = call("lookahead", "--cuts", "2", script, "peek")
    assert result.exit_code == 1, result.output
    assert "It looks ahead: fast" in result.stdout
    said = call("lookahead", "--cuts", "2", "--json", script, "peek")
    found = json.loads(said.stdout)
    assert found["clean"] is False
    assert [peek["indicator"] for peek in found["peeks"]] == ["fast"]


def test_a_script_that_is_not_there_could_not_run(call, tmp_path):
    result = call("lookahead", tmp_path / "nothing.py")
    assert result.exit_code == 2
    assert "there is no such script" in result.stderr


def test_a_script_that_records_nothing_could_not_run(call, tmp_path):
    path = tmp_path / "idle.py"
    path.write_text("pass\n")
    result = call("lookahead", path)
    assert result.exit_code == 2
    assert "nothing was recorded" in result.stderr
