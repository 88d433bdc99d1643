"""A plugin in a distribution of its own is installed, found and used like a built-in one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.third_party.conftest import Environment

README = Path(__file__).parents[2] / "examples" / "third_party_plugin" / "README.md"
REPORTS = """
import json
from dataclasses import asdict
from capture.host import Host
print(json.dumps({report.name: asdict(report) for report in Host().reports()}))
"""
RECORD = """
from datetime import UTC, datetime, timedelta
import capture

config = capture.SignalCaptureConfig(storage_path="signals", backend="feather", buffer_size=4)
with capture.SignalCaptureEngine(config) as engine:
    for bar in range(10):
        signal = {"symbol": "GOOG", "direction": 1, "strength": bar / 10, "bar_index": 20 * bar}
        moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=bar)
        engine.capture_signal(signal, {"timestamp": moment, "strategy_id": "s"})
print(engine.run_id)
"""
READ = """
import json
import capture

signals = capture.open("signals").latest().signals()
print(json.dumps([list(signals["strength"]), list(signals["bar_index"])]))
"""


def reports(environment: Environment, cwd: Path) -> dict[str, Any]:
    return json.loads(environment.run(REPORTS, cwd).stdout)


def test_it_is_listed_with_its_version_and_what_it_offers(
    environment: Environment, tmp_path: Path
) -> None:
    known = reports(environment, tmp_path)
    for name, offers in {
        "feather": ["backend feather"],
        "bursts": ["observer on_run_start", "observer on_signal", "observer on_run_stop"],
    }.items():
        assert known[name]["distribution"] == "capture-feather"
        assert known[name]["version"] == "1.0.0"
        assert known[name]["state"] == "loaded"
        assert known[name]["offers"] == offers
    assert known["parquet"]["state"] == "loaded"


def test_the_command_line_shows_it(environment: Environment, tmp_path: Path) -> None:
    shown = environment.module("capture", "plugins", "--json", cwd=tmp_path).stdout
    assert {"feather", "bursts", "parquet"} <= {report["name"] for report in json.loads(shown)}


def test_a_run_is_stored_by_its_backend_and_watched_by_its_observer(
    environment: Environment, tmp_path: Path
) -> None:
    recorded = environment.run(RECORD, tmp_path)
    run_id = recorded.stdout.strip()
    assert f"[bursts] ended {run_id}: signals: GOOG 10; bursts: 0" in recorded.stderr
    part = tmp_path / "signals" / "runs" / run_id / "parts" / "0000"
    assert (part / "signals.feather").is_file()
    assert not list(part.glob("*.parquet"))
    strengths, bars = json.loads(environment.run(READ, tmp_path).stdout)
    assert strengths == [bar / 10 for bar in range(10)]
    assert bars == [20 * bar for bar in range(10)]
    environment.module("capture", "verify", "--store", "signals", cwd=tmp_path)


def test_its_observer_can_be_left_out(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPTURE_DISABLE_PLUGINS", "bursts")
    assert "[bursts]" not in environment.run(RECORD, tmp_path).stderr
    assert reports(environment, tmp_path)["bursts"]["state"] == "disabled"


@pytest.mark.slow
def test_it_keeps_the_contracts(environment: Environment, example_tests: Path) -> None:
    told = environment.module("pytest", "-q", "-p", "no:cacheprovider", cwd=example_tests).stdout
    passed = re.search(r"(\d+) passed", told)
    assert passed, told
    assert int(passed[1]) > 10
    assert "failed" not in told
    assert "skipped" not in told


@pytest.mark.host
def test_what_its_readme_shows_is_what_happens(environment: Environment, tmp_path: Path) -> None:
    readme = README.read_text()
    program = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    shown = re.search(r"```text\n(.*?)```", readme, re.DOTALL)
    assert program
    assert shown
    told = environment.run(program[1], tmp_path)
    any_run = re.compile(r"ended \S+:")
    said = re.findall(r"\[bursts\].*", told.stderr)  # beside the backtester's progress bar
    assert any_run.sub("", "\n".join(said)) == any_run.sub("", shown[1].rstrip())
    assert "[188 rows" in told.stdout


MODULES = {
    "typo": "from capture import hookimpl\n@hookimpl\ndef on_singal(signal): ...\n",
    "crash": "raise RuntimeError('not today')\n",
    "wanting": "import a_library_nobody_has\n",
}
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "capture-broken"
version = "0.3"
[project.entry-points.capture]
typo = "capture_broken.typo"
crash = "capture_broken.crash"
wanting = "capture_broken.wanting"
gone = "capture_broken.gone"
"""


@pytest.fixture
def broken(environment: Environment, tmp_path: Path) -> Any:
    source = tmp_path / "source"
    package = source / "capture_broken"
    package.mkdir(parents=True)
    (source / "pyproject.toml").write_text(PYPROJECT)
    (package / "__init__.py").write_text("")
    for name, text in MODULES.items():
        (package / f"{name}.py").write_text(text)
    environment.install(source)
    yield
    environment.uninstall("capture-broken")


def test_a_broken_distribution_is_reported_by_name_and_breaks_nothing(
    environment: Environment, tmp_path: Path, broken: None
) -> None:
    known = reports(environment, tmp_path)
    problems = {
        "typo": ("broken", 'there is no hook "on_singal"', 'Did you mean "on_signal"?'),
        "crash": ("broken", "RuntimeError: not today (crash.py, line 1)", "leave it out with"),
        "wanting": ("missing-extra", "needs a_library_nobody_has", "pip install a_library_nobody"),
        "gone": ("broken", "No module named 'capture_broken.gone'", "upgrade capture-broken, or"),
    }
    for name, (state, problem, mend) in problems.items():
        assert known[name]["distribution"] == "capture-broken"
        assert known[name]["version"] == "0.3"
        assert known[name]["state"] == state
        assert problem in known[name]["problem"]
        assert mend in known[name]["mend"]
    recorded = environment.run(RECORD, tmp_path)
    assert "signals: GOOG 10" in recorded.stderr
    environment.run(READ, tmp_path)
