"""The executor `processes` keeps the contract, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from capture.contracts.executor import Chunk, Task
from capture.errors import ConfigError, WorkersLost
from capture.study.executors.processes import ProcessExecutor
from capture.study.executors.running import run_tasks
from capture.testing import ExecutorContract

if TYPE_CHECKING:
    from collections.abc import Callable

PARENT = """
from capture.contracts.executor import Chunk, Task
from capture.study.executors.processes import ProcessExecutor

if __name__ == "__main__":
    executor = ProcessExecutor(2)
    for number in range(2):
        task = Task("0", "capture.testing.tasks:sleep", {"seconds": 0})
        executor.submit(Chunk(number, (task,)))
    for number in range(2):
        executor.fetch()
    print(*executor.pids, flush=True)
    input()
"""


class TestProcesses(ExecutorContract):
    executor = "processes"


def _ended(pid: int) -> bool:
    """Say whether a process is gone, or is only waited for by nobody."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in {"Z", "X"}


def _wait_until_ended(pids: list[int]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if all(map(_ended, pids)):
            return True
        time.sleep(0.02)
    return False


def test_workers_end_when_it_is_closed_also_one_that_is_busy() -> None:
    with ProcessExecutor(2) as executor:
        executor.submit(Chunk(0, (Task("0", "capture.testing.tasks:process_id"),)))
        executor.fetch()
        executor.submit(Chunk(1, (Task("0", "capture.testing.tasks:sleep", {"seconds": 60}),)))
        pids = list(executor.pids)
        started = time.monotonic()
    assert _wait_until_ended(pids)
    assert time.monotonic() - started < 30


@pytest.mark.crash
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = list(map(int, parent.stdout.readline().split()))
        assert len(pids) == 2
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        assert _wait_until_ended(pids)


def test_a_value_that_cannot_be_sent_fails_its_task_and_not_its_worker(
    module: Callable[[str, str], str],
) -> None:
    name = module("unsendable", "def made():\n    return lambda: None\n")
    with ProcessExecutor(1) as executor:
        (outcome,) = run_tasks([Task("0", f"{name}:made")], executor)
        assert outcome.failure is not None
        assert outcome.failure.kind in {"AttributeError", "PicklingError"}


def test_a_worker_killed_while_idle_is_replaced(module: Callable[[str, str], str]) -> None:
    tasks = [Task(str(n), "capture.testing.tasks:process_id") for n in range(3)]
    with ProcessExecutor(1) as executor:
        (first,) = run_tasks(tasks[:1], executor)
        os.kill(first.value, signal.SIGKILL)
        assert _wait_until_ended([first.value])
        found = list(run_tasks(tasks, executor))
        assert all(one.failure is None for one in found)
        assert first.value not in {one.value for one in found}


def test_a_script_without_a_main_guard_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "bare.py"
    script.write_text(PARENT.replace('if __name__ == "__main__":', "if True:"))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, input="\n"
    )
    assert WorkersLost.__name__ in done.stderr
    assert "__name__ == '__main__'" in done.stderr


def test_no_workers_are_refused() -> None:
    with pytest.raises(ConfigError, match="workers=0"):
        ProcessExecutor(0)
