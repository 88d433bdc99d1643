"""`capture demo`: the first thing a user runs."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

import capture
from capture.commands.demo import short_of
from capture.demo import made_up

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
    assert recording.manifest["host"] == "builtin"
    assert recording.state == "ended"
    assert len(recording.signals()) > 100


def test_it_shows_signals_with_their_indicators_and_their_fate(shown):
    out, folder = shown
    assert "fast_sma  slow_sma  BECAME" in out
    ends = capture.open(folder / "capture-demo").latest().signals()["disposition"].value_counts()
    assert set(ends.index) >= {"executed", "rejected", "expired", "cancelled"}
    for end, number in ends.items():
        assert f"{end}" in out
        assert number > 0


def test_it_answers_why_a_signal_did_not_trade(shown):
    assert "It did not trade; it was rejected by the broker: insufficient_cash." in shown[0]
    assert "The account was worth " in shown[0]
    assert " too little." in shown[0]
    assert "risk_limit" in shown[0]


def test_it_says_what_was_needed_and_free_also_after_a_short_sale():
    known = {"capital_available": 25_678.0, "portfolio_equity": 12_482.0, "market_close": 153.44}
    signal = {**known, "position_before": -86.0, "direction": 1}
    assert short_of(signal, {"size": 86.0}) == (
        "It wanted to hold 86 shares, which cost about 13,196 that day. The account was worth "
        "12,482 (of the 25,678 in cash 13,196 are owed for 86 shares sold short): about 714 too "
        "little."
    )
    more = {**known, "capital_available": 1_000.0, "position_before": 50.0, "direction": 1}
    assert short_of(more, {"size": 40.0}).startswith("It wanted to hold 90 shares")
    flat = {**known, "capital_available": 13_200.0, "portfolio_equity": 13_200.0,
            "position_before": 0.0, "direction": 1}  # fmt: skip
    assert short_of(flat, {"size": 86.0}).endswith(
        "13,200 (all of it cash): with costs, at the price of the fill, that was not enough."
    )


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


def test_it_is_the_same_each_time(shell, tmp_path):
    for name in ("one", "two"):
        shell("demo", "--store", tmp_path / name)
    one, two = (capture.open(tmp_path / name).latest() for name in ("one", "two"))
    assert capture.parity(one, two).exact


def test_it_reads_the_prices_of_a_file(shell, tmp_path):
    made_up(300).to_csv(tmp_path / "prices.csv")
    done = shell("demo", "--data", tmp_path / "prices.csv", "--store", tmp_path / "here")
    assert "on 300 bars (1d) of prices, recorded by one line" in done.stdout
    recording = capture.open(tmp_path / "here").latest()
    assert recording.manifest["symbols"] == ["prices"]
    assert len(recording.bars()) == 300


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("time,open,high,low\n2024-01-01,1,1,1\n", "close='bad': these bars have no such column"),
        ("open,high,low,close\n1,1,1,1\n", "the bars of bad have no such column of times"),
        ("time,open,high,low,close\n2024-01-02,1,1,1,1\n2024-01-02,1,1,1,1\n", "the same time"),
    ],
)
def test_prices_that_it_cannot_use_are_told_in_one_line(shell, tmp_path, content, problem):
    (tmp_path / "bad.csv").write_text(content)
    words = ("demo", "--data", tmp_path / "bad.csv", "--store", tmp_path / "here")
    done = shell(*words)
    assert done.returncode == 2
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "here").exists()


def test_it_needs_no_backtester_and_no_extra(tmp_path):
    blocked = ["backtesting", "backtrader", "vectorbt", "yaml", "pydantic", "scipy", "numba"]
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({blocked}))\n"
        "from capture.cli import main\n"
        "main(['demo', '--store', 'x'])\n"
    )
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
