"""Each benchmark runs and says what it should; what it measures is nobody's pass or fail."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from benchmarks.measuring import turns
from tests.hosts import names_one_left_out

ROOT = Path(__file__).resolve().parents[2]
TITLES = {
    "caller": ("Caller time per signal", "Capture and flush"),
    "latency": ("Caller latency",),
    "memory": ("Growth of memory",),
    "disk": ("Bytes per signal",),
    "overhead": (
        "built-in, signals on 5%",
        "built-in, signals on 100%",
        "Backtesting.py, signals on 5%",
        "Backtesting.py, signals on 100%",
        "backtrader, signals on 5%",
        "backtrader, signals on 100%",
        "bt, signals on 5%",
        "bt, signals on 100%",
        "nautilus, signals on 5%",
        "nautilus, signals on 100%",
        "pybroker, signals on 5%",
        "pybroker, signals on 100%",
        "vectorbt, signals on 5%",
        "vectorbt, signals on 100%",
        "zipline, signals on 5%",
        "zipline, signals on 100%",
        "Paid once",
    ),
    "least": (
        "The least in Backtesting.py, signals on 5%",
        "The least in Backtesting.py, signals on 100%",
        "The least in backtrader, signals on 5%",
        "The least in backtrader, signals on 100%",
    ),
    "replaying": ("Replay against the original",),
    "loading": ("Load times",),
    "analysis_speed": ("Seconds, minima of",),
    "report_page": ("The report, seconds",),
    "index": ("Signals of", "Changes of regime", "Questions to the index"),
    "delivery": ("Caller time of SignalTracker", "Items delivered"),
    "executors": ("Overhead per task", "Tasks that take their time"),
    "sweep": ("30 settings x", "What makes the sparse replay dearer"),
    "patterns": ("Frequent itemsets", "The whole search", "Patterns found"),
}


def benchmarks(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command from the repository's folder, as `make bench` does."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def cells(record: dict[str, Any]) -> list[Any]:
    return [value for table in record["tables"] for row in table["rows"] for value in row.values()]


@pytest.mark.slow
@pytest.mark.timeout(600)  # every backtester there is, eight times each
@pytest.mark.parametrize("name", TITLES)
def test_a_benchmark_runs_and_gives_its_tables_as_text_and_as_json(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "figures.json"
    done = benchmarks("--tiny", "--only", name, "--json", str(path))
    assert done.returncode == 0, done.stderr
    said = json.loads(path.read_text(encoding="utf-8"))
    found = said["benchmarks"][name]
    titles = [title for title in TITLES[name] if not names_one_left_out(title)]
    for title, table in zip(titles, found["tables"], strict=True):
        assert table["title"].startswith(title)
        assert table["title"] in done.stdout
        assert table["rows"]
    assert any(isinstance(value, float) and value > 0 for value in cells(found))
    assert list(said["benchmarks"]) == [name]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_instructions_are_counted_where_there_is_valgrind_and_else_it_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "figures.json"
    asked = ("--tiny", "--only", "instructions", "--json", str(path))
    if which("valgrind") is not None:
        done = benchmarks(*asked)
        assert done.returncode == 0, done.stderr
        [table] = json.loads(path.read_text(encoding="utf-8"))["benchmarks"]["instructions"][
            "tables"
        ]
        [row] = table["rows"]
        assert row["instructions of a bar"] > row["added to it"] > 0
    monkeypatch.setenv("PATH", str(tmp_path))
    done = benchmarks(*asked)
    assert done.returncode == 0, done.stderr
    assert "valgrind is not installed" in done.stdout


def test_the_machine_is_described_without_its_name(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    assert benchmarks("--tiny", "--only", "latency", "--json", str(path)).returncode == 0
    machine = json.loads(path.read_text(encoding="utf-8"))["machine"]
    assert machine["cores"] >= 1
    assert machine["libraries"]["pyarrow"]
    assert not {"host", "hostname", "node"} & set(machine)


def test_a_misspelt_name_is_refused_with_the_names_there_are() -> None:
    done = benchmarks("--only", "latenzy")
    assert done.returncode == 2
    assert all(name in done.stderr for name in TITLES)


@pytest.mark.parametrize("count", range(2, 8))
def test_each_variant_runs_after_every_other_one_equally_often(count: int) -> None:
    names, rounds = "ABCDEFG"[:count], count * (1 + count % 2)
    order = "".join(turns(names, rounds))
    own = [order[first : first + count] for first in range(0, len(order), count)]
    assert {"".join(sorted(each)) for each in own} == {names}
    followed = Counter(pair for each in own for pair in pairwise(each))
    assert len(followed) == count * (count - 1)
    assert len(set(followed.values())) == 1
