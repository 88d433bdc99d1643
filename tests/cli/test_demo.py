"""`capture demo`: the first thing a user runs."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

import capture

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What the demo shows, and the folder in which it was run."""
    folder = tmp_path_factory.mktemp("demo")
    words = [sys.executable, "-m", "capture", "demo"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout, folder


def test_it_records_a_real_strategy(shown):
    recording = capture.open(shown[1] / "capture-demo").latest()
    assert recording.manifest["host"] == "backtesting"
    assert recording.state == "ended"
    assert len(recording.signals()) > 100


def test_it_shows_signals_with_their_indicators_and_their_fate(shown):
    out, folder = shown
    assert "fast_sma  slow_sma  BECAME" in out
    ends = capture.open(folder / "capture-demo").latest().signals()["disposition"].value_counts()
    assert set(ends.index) >= {"executed", "rejected", "cancelled"}
    for end, number in ends.items():
        assert f"{end}" in out
        assert number > 0


def test_it_answers_why_a_signal_did_not_trade(shown):
    assert "It did not trade; it was rejected by the broker: insufficient_margin." in shown[0]


def test_it_verifies_what_it_recorded(shown):
    assert "\nClean: 1 run, " in shown[0]


def test_what_it_says_to_do_next_works(shown):
    out, folder = shown
    lines = out.partition("What next\n")[2].partition("\n\n")[0].splitlines()
    assert len(lines) == 4
    for line in lines:
        done = subprocess.run(
            shlex.split(line), cwd=folder, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "signals.csv").exists()


def test_a_program_can_read_what_it_did(shell, tmp_path):
    done = shell("demo", "--store", tmp_path / "here", "--json")
    view = json.loads(done.stdout)
    assert view["ok"] is True
    assert view["counts"]["signals"] == len(capture.open(tmp_path / "here").latest().signals())


def test_without_the_backtester_one_line_names_the_extra(tmp_path):
    script = (
        "import sys; sys.modules['backtesting'] = None\n"
        "from capture.cli import main\n"
        "main(['demo', '--store', 'x'])\n"
    )
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "capture: capture demo needs an optional library (backtesting is not installed): "
        "pip install 'signal-capture[backtesting]'\n"
    )
    assert done.stdout == ""
