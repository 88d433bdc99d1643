"""`capture sweep` ranks settings, draws them, and goes on where it was stopped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import capture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a run of the built-in backtester; never to be changed."""
    from capture_builtin import Backtest
    from capture_builtin.strategies import SmaCross

    random = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(random.normal(0.0, 0.01, 300)))
    bars = pd.DataFrame(
        dict.fromkeys(("open", "high", "low", "close"), close),
        index=pd.date_range("2020-01-01", periods=300, freq="1D", tz="UTC"),
    )
    store = tmp_path_factory.mktemp("sweep") / "signals"
    Backtest({"GOOG": bars}, capture.wrap(SmaCross, store=store), params={"slow": 20}).run()
    return store


@pytest.fixture
def swept(
    call: Callable[..., Any], recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    monkeypatch.chdir(tmp_path)

    def swept(*words: object) -> Any:
        return call("sweep", "--store", recorded, *words)

    return swept


def test_the_best_settings_are_shown_first(swept: Callable[..., Any]) -> None:
    said = swept("--set", "size=1,2,5", "--set", "commission_rate=0,0.001", "--top", "3")
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith("6 trials, 0 failed; best sharpe")
    head, *rows = said.stdout.split("\n\n")[1].splitlines()
    assert head.split()[:3] == ["SIZE", "COMMISSION_RATE", "SHARPE"]
    assert len(rows) == 3
    ratios = [float(row.split()[2]) for row in rows]
    assert ratios == sorted(ratios, reverse=True)
    assert "the best of 6 would reach" in said.stdout


def test_a_program_gets_every_trial(swept: Callable[..., Any]) -> None:
    said = json.loads(swept("--set", "size=1,2,5", "--json").stdout)
    assert [row["setting_size"] for row in said["rows"]] == [1, 2, 5]
    best = max(said["rows"], key=lambda row: row["sharpe"])
    assert said["best"] == best["trial"]
    assert said["selection"]["trials"] == 3
    assert "returns" not in said["rows"][0]


def test_the_objective_decides_and_its_direction_is_its_own(swept: Callable[..., Any]) -> None:
    said = json.loads(swept("--set", "size=1,2,5", "--objective", "max_drawdown", "--json").stdout)
    assert said["direction"] == "minimise"
    assert said["best"] == "size_1"


@pytest.mark.parametrize("suffix", ["html", "svg"])
def test_a_heat_map_is_drawn(swept: Callable[..., Any], tmp_path: Path, suffix: str) -> None:
    said = swept(
        "--set", "size=1,2,5", "--set", "slippage_fraction=0,0.001",
        "--heat-map", f"map.{suffix}", "--x", "slippage_fraction",
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    text = (tmp_path / f"map.{suffix}").read_text()
    assert "sharpe over slippage_fraction and size" in text


def test_a_file_may_say_the_grid_and_options_add_to_it(
    swept: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "grid.yaml").write_text("size: {range: [1, 4, 1]}\nallow_short: [true, false]\n")
    said = swept("--grid", "grid.yaml", "--set", "commission_rate=0,0.001", "--json")
    assert json.loads(said.stdout)["trials"] == 16
    part = swept("--grid", "grid.yaml", "--sample", "3", "--seed", "1", "--json")
    assert json.loads(part.stdout)["trials"] == 3


def test_it_goes_on_under_its_identity(swept: Callable[..., Any]) -> None:
    words = ("--set", "size=1,2", "--id", "mine")
    first = swept(*words, "--json").stdout
    assert swept(*words).exit_code == 2
    assert swept(*words, "--resume", "--json").stdout == first


@pytest.mark.slow
def test_processes_come_to_the_same(swept: Callable[..., Any]) -> None:
    words = ("--set", "size=1,2", "--set", "stop_loss=none,0.02", "--json")
    one = json.loads(swept(*words).stdout)
    two = json.loads(swept(*words, "--executor", "processes", "--workers", "1").stdout)
    assert one["rows"] == two["rows"]
    assert one["by_events"] == ["stop_loss"]


def test_a_setting_that_needs_events_is_told(swept: Callable[..., Any]) -> None:
    assert "Event by event, for stop_loss." in swept("--set", "stop_loss=0.01,0.02").stdout


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--set", "sise=1"], 'Did you mean "size"'),
        (["--set", "size"], "--set size=1,2,5"),
        ([], "--set size=1,2,5"),
        (["--set", "size=1", "--objective", "sharp"], 'Did you mean "sharpe"'),
        (["--set", "size=1", "--executor", "dusk"], 'Did you mean "dask"'),
        (["--set", "size=1", "--resume"], "--id ID"),
        (["--set", "size=1", "--regime", "bull"], "regime"),
        (["--set", "size=1", "--heat-map", "map.svg"], "more than one value"),
        (["--set", "size=1", "--boundary", "carry"], "regime="),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    swept: Callable[..., Any], words: list[str], problem: str
) -> None:
    said = swept(*words)
    assert said.exit_code != 0
    assert problem in said.stderr, said.output
    assert said.stderr.count("\n") == 1


def test_nothing_but_the_answer_comes_out_of_a_pipe(
    shell: Callable[..., Any], recorded: Path, tmp_path: Path
) -> None:
    done = shell("sweep", "--store", recorded, "--set", "size=1,2", "--json", cwd=tmp_path)
    assert done.stderr == ""
    assert json.loads(done.stdout)["trials"] == 2


def test_a_terminal_sees_a_table(
    terminal: Callable[..., str], recorded: Path, tmp_path: Path
) -> None:
    shown = terminal(
        "sweep", "--store", recorded, "--results", tmp_path / "results", "--set", "size=1,2"
    )
    assert "SHARPE" in shown
    assert "2 trials" in shown
