"""How tasks are handed out: chunks that grow, and no task that is forgotten or done twice."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.contracts.executor import Chunk, Done, Task, function_named, name_of, run_chunk
from capture.errors import ConfigError, UnknownName
from capture.study.executors.running import WORKER_LOST, open_executor, run_tasks
from capture.testing import tasks as calls

if TYPE_CHECKING:
    from collections.abc import Callable

ECHO = "capture.testing.tasks:echo"


class Fragile:
    """An executor whose workers die on the tasks that it is told, and take their time."""

    def __init__(
        self, slots: int = 2, deadly: frozenset[str] = frozenset(), seconds: float = 0.0
    ) -> None:
        self.slots = slots
        self.deadly = deadly
        self.seconds = seconds
        self.sizes: list[int] = []
        self.out: deque[Chunk] = deque()
        self.most_out = 0

    def submit(self, chunk: Chunk) -> None:
        self.sizes.append(len(chunk.tasks))
        self.out.append(chunk)
        self.most_out = max(self.most_out, len(self.out))

    def fetch(self) -> Done:
        chunk = self.out.popleft()
        if any(task.key in self.deadly for task in chunk.tasks):
            return Done(chunk.number, None)
        return run_chunk(chunk)._replace(seconds=self.seconds * len(chunk.tasks))

    def close(self) -> None:
        self.out.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _tasks(count: int) -> list[Task]:
    return [Task(str(n), ECHO, {"n": n}) for n in range(count)]


@given(
    count=st.integers(0, 120),
    slots=st.integers(1, 5),
    deadly=st.sets(st.integers(0, 119), max_size=4),
    cost=st.sampled_from([0.0, 1e-6, 0.01, 10.0]),
    attempts=st.integers(1, 4),
)
def test_every_task_is_settled_once_and_only_the_deadly_are_given_up(
    count: int, slots: int, deadly: set[int], cost: float, attempts: int
) -> None:
    executor = Fragile(slots, frozenset(map(str, deadly)), cost)
    found = list(run_tasks(_tasks(count), executor, attempts=attempts))
    assert sorted(int(one.task.key) for one in found) == list(range(count))
    lost = {int(one.task.key) for one in found if one.failure is not None}
    assert lost == {n for n in deadly if n < count}
    for one in found:
        if one.failure is None:
            assert one.value == {"n": int(one.task.key)}
        else:
            assert one.failure.kind == WORKER_LOST
            assert one.attempts >= attempts
    assert executor.most_out <= slots


def test_the_first_chunks_are_single_tasks_and_cheap_ones_make_them_grow() -> None:
    executor = Fragile(slots=2, seconds=1e-6)
    list(run_tasks(_tasks(4000), executor))
    assert executor.sizes[:2] == [1, 1]
    assert max(executor.sizes) > 200
    assert len(executor.sizes) < 40


def test_dear_tasks_stay_alone() -> None:
    executor = Fragile(seconds=5.0)
    list(run_tasks(_tasks(50), executor))
    assert set(executor.sizes) == {1}


def test_a_chunk_takes_about_as_long_as_it_is_meant_to() -> None:
    executor = Fragile(slots=1, seconds=0.01)
    list(run_tasks(_tasks(3000), executor, chunk_seconds=0.25))
    assert max(executor.sizes) == 25


class Flat(Fragile):
    """An executor on which a chunk takes as long as any other, however many tasks it has."""

    def fetch(self) -> Done:
        return super().fetch()._replace(seconds=0.5)


def test_tasks_that_are_done_together_make_large_chunks_also_where_each_alone_is_dear() -> None:
    executor = Flat(slots=1)
    tasks = [Task(str(n), "capture.testing.tasks:square", {"number": n}) for n in range(500)]
    found = list(run_tasks(tasks, executor))
    assert executor.sizes == [1, 8, 64, 427]
    assert {one.task.key: one.value for one in found} == {str(n): n * n for n in range(500)}


def test_together_is_no_gain_where_each_costs_the_same() -> None:
    executor = Fragile(slots=1, seconds=0.1)
    tasks = [Task(str(n), "capture.testing.tasks:square", {"number": n}) for n in range(100)]
    list(run_tasks(tasks, executor))
    assert max(executor.sizes[2:]) == 2


def test_the_last_chunks_are_small_so_that_no_worker_waits_for_another() -> None:
    executor = Fragile(slots=4, seconds=0.001)
    list(run_tasks(_tasks(3000), executor))
    assert max(executor.sizes) > 150
    assert executor.sizes[-1] <= 25


def test_what_is_done_in_no_time_is_not_cut_into_small_pieces() -> None:
    executor = Fragile(slots=4, seconds=2e-6)
    list(run_tasks(_tasks(2000), executor))
    assert len(executor.sizes) < 20


def test_outcomes_come_as_soon_as_they_are_known() -> None:
    executor = Fragile(slots=1, seconds=1.0)
    outcomes = run_tasks(_tasks(10), executor)
    next(outcomes)
    assert len(executor.sizes) == 1


def test_two_tasks_of_one_key_are_refused() -> None:
    with pytest.raises(ConfigError, match="'a'"):
        list(run_tasks([Task("a", ECHO), Task("b", ECHO), Task("a", ECHO)], Fragile()))


def test_an_unknown_executor_is_told_with_those_there_are() -> None:
    with pytest.raises(UnknownName, match='Did you mean "processes"'), open_executor("proceses"):
        pass


def test_an_executor_that_is_given_stays_open() -> None:
    executor = Fragile()
    executor.submit(Chunk(0, ()))
    with open_executor(executor) as opened:
        assert opened is executor
    assert executor.out


def test_a_function_is_known_by_its_name() -> None:
    assert name_of(calls.echo) == ECHO
    assert function_named(ECHO) is calls.echo


class _Held:
    def method(self) -> None:
        pass


@pytest.mark.parametrize("function", [lambda: None, _Held.method, _Held().method])
def test_a_function_that_no_other_process_finds_is_refused(function: Callable[[], None]) -> None:
    with pytest.raises(ConfigError, match="module of its own"):
        name_of(function)


@pytest.mark.parametrize("name", ["", "capture", "no.such.module:f", "math:pi", ":f"])
def test_a_name_of_no_function_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="function="):
        function_named(name)
