"""The contract suites for executors: subclass one, name the executor, and run pytest."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from capture.contracts.executor import Chunk, Executor, Task, name_of
from capture.study.executors.running import WORKER_LOST, Outcome, open_executor, run_tasks
from capture.testing import tasks as calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["ExecutorContract", "InProcessExecutorContract"]


class InProcessExecutorContract:
    """What every executor must do, also one that has no process of its own.

    Attributes:
        executor: the name it is registered under.
        workers: how many workers the suite asks for.
        options: further words for it, such as the address of a cluster.
    """

    executor: ClassVar[str]
    workers: ClassVar[int | None] = 2
    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls) -> Iterator[Executor]:
        """Open the executor once for all tests; override it to share a cluster between classes."""
        with open_executor(cls.executor, cls.workers, **cls.options) as executor:
            yield executor

    def test_it_is_an_executor(self, opened: Executor) -> None:
        """It has every method, and takes a chunk at least."""
        assert isinstance(opened, Executor)
        assert opened.slots >= 1

    def test_every_task_gets_its_own_value(self, opened: Executor) -> None:
        """Many tasks, each answered once, whatever the order."""
        tasks = [_task(n, calls.echo, number=n, word=f"w{n}") for n in range(300)]
        found = _all(tasks, opened)
        assert {key: one.value for key, one in found.items()} == {
            str(n): {"number": n, "word": f"w{n}"} for n in range(300)
        }

    def test_values_are_equal_to_those_of_this_process(self, opened: Executor) -> None:
        """Numbers to the last bit, text, bytes, arrays and tables come back as they were."""
        found = _all([_task(n, calls.describe, seed=n) for n in range(5)], opened)
        for n in range(5):
            _assert_equal(found[str(n)].value, calls.describe(n))

    def test_no_tasks_are_no_trouble(self, opened: Executor) -> None:
        """Nothing to do is done at once."""
        assert _all([], opened) == {}

    def test_a_chunk_comes_back_under_its_number_with_its_tasks_in_order(
        self, opened: Executor
    ) -> None:
        """The answers of a chunk belong to its tasks, one each."""
        chunk = Chunk(41, tuple(_task(n, calls.echo, n=n) for n in range(9)))
        opened.submit(chunk)
        done = opened.fetch()
        assert done.number == 41
        assert done.answers is not None
        assert [answer.key for answer in done.answers] == [task.key for task in chunk.tasks]
        assert done.seconds >= 0

    def test_as_many_chunks_as_it_has_slots_are_taken_and_come_back(self, opened: Executor) -> None:
        """Chunks that are out at the same time do not get mixed up."""
        numbers = list(range(100, 100 + opened.slots))
        for number in numbers:
            opened.submit(Chunk(number, (_task(number, calls.echo, number=number),)))
        got = [opened.fetch() for _ in numbers]
        assert sorted(done.number for done in got) == numbers
        for done in got:
            assert done.answers is not None
            assert [a.value for a in done.answers] == [{"number": done.number}]

    def test_a_task_that_raises_is_told_with_its_settings_and_traceback(
        self, opened: Executor
    ) -> None:
        """The others go on."""
        tasks = [_task(n, calls.divide, above=1.0, below=float(n)) for n in range(20)]
        found = _all(tasks, opened)
        bad = found.pop("0")
        assert all(one.failure is None for one in found.values())
        assert bad.failure is not None
        assert bad.failure.kind == "ZeroDivisionError"
        assert "in divide" in bad.failure.traceback
        assert bad.task.arguments == {"above": 1.0, "below": 0.0}
        assert bad.attempts == 2

    def test_what_may_pass_is_tried_again(self, opened: Executor, tmp_path: Path) -> None:
        """An error of the system is worth a second try."""
        found = _all([_task(0, calls.raise_once, place=str(tmp_path / "seen"))], opened)
        assert (found["0"].value, found["0"].attempts) == ("came through", 2)

    def test_a_setting_that_cannot_be_is_not_tried_again(self, opened: Executor) -> None:
        """Our own errors say what is wrong, and it stays wrong."""
        found = _all([_task(0, calls.refuse, cash=-1.0)], opened)["0"]
        assert found.failure is not None
        assert (found.failure.kind, found.attempts) == ("ConfigError", 1)
        assert "cash=-1.0" in found.failure.message

    def test_a_function_that_is_not_there_fails_its_task_alone(self, opened: Executor) -> None:
        """Whoever mistypes a function hears which."""
        bad = Task("bad", "capture.testing.tasks:sqare", {"number": 3})
        found = _all([bad, _task(0, calls.square, number=3)], opened)
        assert found["0"].value == 9
        assert found["bad"].failure is not None
        assert "sqare" in found["bad"].failure.message

    def test_what_can_be_done_together_is_and_comes_to_the_same(self, opened: Executor) -> None:
        """Also if one among them can only be done alone."""
        tasks = [_task(n, calls.square, number=n - 3) for n in range(200)]
        found = _all(tasks, opened)
        assert [found[str(n)].value for n in range(200)] == [(n - 3) ** 2 for n in range(200)]


class ExecutorContract(InProcessExecutorContract):
    """What every executor must do whose workers are processes, any of which may die.

    Example:
        ```python
        class TestSlurm(ExecutorContract):
            executor = "slurm"
        ```
    """

    def test_tasks_run_in_processes_of_their_own(self, opened: Executor) -> None:
        """What a task does to its process is not done to this one."""
        found = _all([_task(n, calls.process_id) for n in range(4)], opened)
        assert os.getpid() not in {one.value for one in found.values()}

    def test_a_task_whose_worker_is_killed_is_run_again(
        self, opened: Executor, tmp_path: Path
    ) -> None:
        """The loss of a worker costs time, and nothing else."""
        tasks = [_task(n, calls.echo, n=n) for n in range(30)]
        tasks.insert(10, _task("killed", calls.die_once, place=str(tmp_path / "seen")))
        found = _all(tasks, opened)
        assert len(found) == 31
        assert all(one.failure is None for one in found.values())
        assert found["killed"].value == "came through"

    def test_a_task_that_kills_every_worker_is_named_and_given_up(self, opened: Executor) -> None:
        """Those that were unlucky enough to be with it come through."""
        tasks = [_task(n, calls.echo, n=n) for n in range(12)]
        tasks.insert(5, _task("deadly", calls.die))
        found = _all(tasks, opened, attempts=2)
        deadly = found.pop("deadly")
        assert deadly.failure is not None
        assert (deadly.failure.kind, deadly.attempts) == (WORKER_LOST, 2)
        assert all(one.failure is None for one in found.values())
        assert len(found) == 12


def _task(key: object, function: Callable[..., Any], **arguments: Any) -> Task:
    return Task(str(key), name_of(function), arguments)


def _all(tasks: list[Task], executor: Executor, **how: Any) -> dict[str, Outcome]:
    found = list(run_tasks(tasks, executor, **how))
    by_key = {one.task.key: one for one in found}
    assert len(by_key) == len(found), "a task was answered twice"
    return by_key


def _assert_equal(got: dict[str, Any], expected: dict[str, Any]) -> None:
    assert list(got) == list(expected)
    for name, value in expected.items():
        if name == "not a number":
            assert got[name] != got[name]
        elif isinstance(value, np.ndarray):
            assert got[name].tobytes() == value.tobytes()
        else:
            assert type(got[name]) is type(value), name
            assert got[name] == value, name
