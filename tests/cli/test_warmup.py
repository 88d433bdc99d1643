"""`capture warmup`: 0 no signal is wrong, 1 some are until it is warm, 2 it could not run."""

from __future__ import annotations

import json

import pytest

from tests.cli.test_lookahead import SCRIPT

pytestmark = pytest.mark.host


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cross.py"
    path.write_text(SCRIPT)
    return path


def test_a_strategy_that_waits_is_a_good_answer(call, script):
    result = call("warmup", "--cuts", "1", script, "cross")
    assert result.exit_code == 0, result.output
    assert "Its signals agree" in result.stdout


@pytest.mark.slow
def test_a_short_warm_up_is_told_with_its_length(call, script):
    result = call("warmup", "--json", script, "slow")
    assert result.exit_code == 1, result.output
    found = json.loads(result.stdout)
    assert found["enough"] is False
    assert found["begins"] < found["signal_bars"] <= found["bars"]
    assert found["indicator_bars"]["slow"] > found["indicator_bars"]["fast"] > 0


def test_a_script_that_is_not_there_could_not_run(call, tmp_path):
    assert call("warmup", tmp_path / "nothing.py").exit_code == 2
