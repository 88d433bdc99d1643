"""`capture patterns`: the search on the command line."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import capture
from tests.analysis.made_markets import planted
from tests.cli.conftest import STARTED

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def found_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a run in which signals do well where x0 is low in a bull market."""
    place = tmp_path_factory.mktemp("patterns") / "signals"
    material = planted(1, effect=0.05)
    (bars,) = material.bars.values()
    index = pd.date_range(STARTED, periods=len(bars), freq="D", name="timestamp")
    with capture.SignalCaptureEngine(capture.SignalCaptureConfig(storage_path=place)) as engine:
        frame = pd.DataFrame({"timestamp": index, **bars.columns})
        engine.add_base_data(frame, symbol="ACME", timeframe="1d")
        for row in material.signals.itertuples():
            engine.capture_signal(
                {"symbol": "ACME", "timeframe": "1d", "direction": row.direction}
                | {"bar_index": row.bar_index, "signal_type": row.signal_type},
                {
                    "timestamp": STARTED + timedelta(days=row.bar_index),
                    "strategy_id": "[red]Made[/red]",
                    "current_regime": row.regime,
                    "indicators": {"x0": row.indicator_x0, "x1": row.indicator_x1},
                },
            )
    return place


def test_a_pattern_is_told_as_a_sentence(call, found_in):
    shown = call("patterns", "--store", found_in)
    assert shown.exit_code == 0
    first = shown.stdout.split("\n\n")[1]
    assert first.startswith("When ")
    assert "regime is bull" in first
    assert "x0 is below -0." in first
    assert "the next 5 bars earned +" in first
    assert "\x1b" not in shown.stdout


def test_a_program_reads_all_of_it(call, found_in):
    said = json.loads(call("patterns", "--store", found_in, "--horizon", 3, "--json").stdout)
    assert said["horizon_bars"] == 3
    assert said["patterns"][0]["sentence"].startswith("When ")
    assert set(said["patterns"][0]) > {"support", "lift", "effect", "adjusted_p_value"}
    assert said["dropped_share"] < 0.01


def test_every_run_of_the_store_can_be_searched(call, found_in):
    one = json.loads(call("patterns", "--store", found_in, "--json").stdout)
    every = json.loads(call("patterns", "--store", found_in, "--every-run", "--json").stdout)
    assert (every["signals"], every["tried"]) == (one["signals"], one["tried"])


def test_no_pattern_is_an_answer_too(call, store):
    shown = call("patterns")
    assert shown.exit_code == 0
    assert "No pattern (0 tried on 0 signals" in shown.stdout


def test_a_share_that_is_none_is_refused_in_one_line(call, store):
    shown = call("patterns", "--min-support", 2)
    assert shown.exit_code == 2
    assert shown.stderr == "capture: min_support=2.0 cannot be used: give a share between 0 and 1\n"


def test_the_noise_of_numpy_stays_silent(call, store):
    with np.errstate(all="raise"):
        assert call("patterns").exit_code == 0
