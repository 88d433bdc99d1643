"""`capture run workflow.yaml` runs its phases, and says what they came to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

WORKFLOW = """
workflow: study
results: {store: results, retention: {events: 7d}}
phases:
  generate:
    topology: signal_generation
    data: [{symbol: AAA, file: AAA.csv}]
    strategies:
      cross: {use: sma_cross, grid: {fast: [5, 8], slow: [20]}}
  replay:
    topology: signal_replay
    recording: {from: generate}
    grid: {size: [1, 2], commission_rate: [0, 0.001]}
  best:
    select: {from: replay, objective: sharpe}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0.0, 0.01, 300)))
    index = pd.date_range("2020-01-01", periods=300, freq="1D", tz="UTC", name="time")
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    pd.DataFrame(prices, index=index).to_csv(tmp_path / "AAA.csv")
    (tmp_path / "workflow.yaml").write_text(WORKFLOW)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_workflow_is_run_and_its_phases_are_listed(
    call: Callable[..., Any], folder: Path
) -> None:
    said = call("run", "--store", "mine", "workflow.yaml")
    assert said.exit_code == 0, said.output
    lines = [line.split() for line in said.stdout.splitlines()]
    assert ["replay", "8", "0"] in [line[:3] for line in lines]
    assert ["best", "1", "0"] in [line[:3] for line in lines]
    assert "the best of 8 trials: above luck with" in said.stdout
    assert (folder / "mine" / "runs").is_dir()


def test_a_program_gets_the_records_of_the_phases(call: Callable[..., Any], folder: Path) -> None:
    said = json.loads(call("run", "--json", "--id", "mine", "workflow.yaml").stdout)
    assert said["workflow_id"] == "mine"
    assert said["phases"]["replay"]["trials"] == 8
    assert said["phases"]["best"]["selection"]["trials"] == 8
    assert said["failed"] == 0
    assert (folder / "results" / "mine" / "summary.json").exists()


def test_it_goes_on_under_its_identity(call: Callable[..., Any], folder: Path) -> None:
    first = json.loads(call("run", "--json", "--id", "mine", "workflow.yaml").stdout)
    shutil.rmtree(folder / "results" / "mine" / "phases" / "best")
    again = call("run", "--json", "--id", "mine", "--resume", "workflow.yaml")
    said = json.loads(again.stdout)
    assert said["phases"]["generate"]["run"] == first["phases"]["generate"]["run"]
    assert said["phases"]["best"]["trials"] == 1


@pytest.mark.slow
def test_the_executor_may_be_another_one(call: Callable[..., Any], folder: Path) -> None:
    words = ("--executor", "processes", "--workers", "1")
    said = call("run", *words, "--results", "other", "--json", "workflow.yaml")
    assert json.loads(said.stdout)["phases"]["replay"]["failed"] == 0
    assert (folder / "other").is_dir()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["nowhere.yaml"], "nowhere.yaml"),
        (["--resume", "workflow.yaml"], "--id ID"),
        (["--executor", "dusk", "workflow.yaml"], 'Did you mean "dask"'),
        (["--id", "x", "script.py"], "--id is for workflows"),
        (["workflow.yaml", "word"], "takes no arguments"),
    ],
)
def test_what_cannot_be_is_told(
    call: Callable[..., Any], folder: Path, words: list[str], problem: str
) -> None:
    said = call("run", *words)
    assert said.exit_code == 2
    assert problem in said.stderr


def test_a_mistake_is_told_with_its_place(call: Callable[..., Any], folder: Path) -> None:
    Path("workflow.yaml").write_text(WORKFLOW.replace("sma_cross", "sma_cros"))
    said = call("run", "workflow.yaml")
    assert said.exit_code == 2
    assert said.stderr.startswith("capture: workflow.yaml:9:")
    assert 'Did you mean "sma_cross"' in said.stderr
    assert not (folder / "results").exists()
