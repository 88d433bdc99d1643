"""`capture run`: a script in a process of its own, and what it recorded."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

RECORDS = """
import sys
import capture
from capture.wrapping import default_store
print("arguments", sys.argv[1:])
config = capture.SignalCaptureConfig(storage_path=default_store())
with capture.SignalCaptureEngine(config) as engine:
    context = {"timestamp": 1_704_067_200_000_000_000, "strategy_id": "Script"}
    engine.capture_signal({"symbol": "GOOG", "direction": 1}, context)
"""


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAPTURE_STORE", raising=False)
    place = tmp_path / "script.py"
    place.write_text(RECORDS)
    return place


def test_the_runs_that_the_script_recorded_are_listed(shell, script):
    done = shell("run", script, "--fast", "10", "--store", "mine")
    assert done.returncode == 0
    assert "arguments ['--fast', '10', '--store', 'mine']" in done.stdout
    assert "Recorded 1 run in signals" in done.stdout
    assert (script.parent / "signals").is_dir()


def test_only_new_runs_are_listed(shell, script):
    shell("run", "--store", "here", script)
    listed = json.loads(shell("run", "--store", "here", "--json", script).stdout)
    assert len(listed["runs"]) == 1
    assert listed["status"] == 0
    assert listed["runs"][0]["signals"] == 1


def test_the_document_stands_alone_on_the_standard_output(shell, script):
    done = shell("run", "--json", script, "x")
    assert json.loads(done.stdout)["status"] == 0
    assert "arguments ['x']" in done.stderr


def test_the_status_is_that_of_the_script(shell, script):
    script.write_text("raise SystemExit(7)")
    done = shell("run", script)
    assert done.returncode == 7
    assert "Nothing was recorded in signals." in done.stdout


def test_a_script_that_raises_shows_its_own_traceback_and_what_it_recorded(shell, script):
    script.write_text(RECORDS + "\nraise RuntimeError('mine')")
    done = shell("run", script)
    assert done.returncode == 1
    assert "RuntimeError: mine" in done.stderr
    assert "Recorded 1 run" in done.stdout


def test_a_script_that_is_killed_has_the_status_of_a_shell(shell, script):
    script.write_text(RECORDS + "\nimport os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    done = shell("run", script)
    assert done.returncode == 128 + signal.SIGKILL
    assert "Recorded 1 run" in done.stdout


def test_a_script_that_is_not_there_could_not_run(shell, script):
    done = shell("run", "nope.py")
    assert done.returncode == 2
    assert done.stderr == "capture: nope.py: there is no such script; name a file of Python code\n"


def _hears_of_ctrl_c() -> None:
    """Let a process hear of it, also where these tests are run in the background of a script."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_interrupting_ends_the_script_first_and_still_lists_its_runs(script):
    waits = "\nprint('waiting', flush=True)\nimport time\ntime.sleep(60)\n"
    script.write_text(RECORDS + waits)
    process = subprocess.Popen(
        [sys.executable, "-m", "capture", "run", str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_hears_of_ctrl_c,  # noqa: PLW1509 - nothing but that happens between
    )
    while "waiting" not in process.stdout.readline():
        pass
    import os

    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Recorded 1 run" in out
    assert errors.count("Traceback") == 1  # the script's own
