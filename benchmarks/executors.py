"""What a task costs beside its work: in this process, in worker processes, on Dask and on Ray."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from benchmarks.measuring import interleaved
from benchmarks.report import Report, Table
from capture.contracts.executor import Task, name_of
from capture.study.executors.running import CHUNK_SECONDS, open_executor, run_tasks

if TYPE_CHECKING:
    from benchmarks.sizes import Sizes
    from capture.contracts.executor import Executor

__all__ = ["nothing", "run", "spin"]

_EXECUTORS: Final = {"serial": 1, "processes": 2, "dask": 2, "ray": 2}
_BUSY_MS: Final = (1, 10, 100)


def nothing(number: int) -> int:
    """Return what was given."""
    return number


def spin(number: int, milliseconds: float) -> int:
    """Keep a processor busy for some time, as arithmetic does."""
    until = perf_counter() + milliseconds / 1e3
    while perf_counter() < until:
        number ^= 1
    return number


def run(sizes: Sizes) -> Report:
    """Measure executors that are open already, in turns; opening them is a figure of its own."""
    with ExitStack() as open_now:
        executors: dict[str, Executor] = {}
        starts: dict[str, float] = {}
        for name, workers in _EXECUTORS.items():
            started = perf_counter()
            executors[name] = open_now.enter_context(open_executor(name, workers))
            list(run_tasks(_tasks(nothing, 2 * workers), executors[name], chunk_seconds=0))
            starts[name] = perf_counter() - started
        return Report("executors", (_overhead(executors, starts, sizes), _busy(executors, sizes)))


def _overhead(executors: dict[str, Executor], starts: dict[str, float], sizes: Sizes) -> Table:
    many, few = sizes.executor_tasks, max(1, sizes.executor_tasks // 10)
    alone = {n: partial(_each_us, e, few, 0.0) for n, e in executors.items()}
    chunked = {n: partial(_each_us, e, many, CHUNK_SECONDS) for n, e in executors.items()}
    singly = interleaved(alone, sizes.executor_rounds)
    together = interleaved(chunked, sizes.executor_rounds)
    rows = tuple(
        (
            name,
            workers,
            starts[name],
            singly[name].median,
            together[name].median,
            singly[name].median / together[name].median,
        )
        for name, workers in _EXECUTORS.items()
    )
    return Table(
        "Overhead per task that does nothing",
        ("executor", "workers", "start s", "alone us", "in chunks us", "times less"),
        rows,
        (
            f"{few:,} tasks one by one, {many:,} in chunks that grow; {sizes.executor_rounds} "
            "interleaved rounds, medians. The start includes the first tasks.",
        ),
    )


def _busy(executors: dict[str, Executor], sizes: Sizes) -> Table:
    rows = []
    for cost in _BUSY_MS:
        count = sizes.executor_busy_tasks
        tasks = _tasks(spin, count, milliseconds=cost)
        ways = {name: partial(_seconds, e, tasks, CHUNK_SECONDS) for name, e in executors.items()}
        taken = {name: t.minimum for name, t in interleaved(ways, sizes.executor_rounds).items()}
        shares = [taken["serial"] / taken[name] for name in _EXECUTORS]
        rows.append((cost, count, taken["serial"], *shares[1:]))
    return Table(
        "Tasks that take their time: how many times as fast as in this process",
        ("task ms", "tasks", "serial s", *(f"{n} x" for n in list(_EXECUTORS)[1:])),
        tuple(rows),
        (f"{sizes.executor_rounds} interleaved rounds, minima; two workers each, started before.",),
    )


def _tasks(function: Any, count: int, **more: Any) -> list[Task]:
    name = name_of(function)
    return [Task(str(n), name, {"number": n, **more}) for n in range(count)]


def _each_us(executor: Executor, count: int, chunk_seconds: float) -> float:
    tasks = _tasks(nothing, count)
    return _seconds(executor, tasks, chunk_seconds) / count * 1e6


def _seconds(executor: Executor, tasks: list[Task], chunk_seconds: float) -> float:
    started = perf_counter()
    outcomes = list(run_tasks(tasks, executor, chunk_seconds=chunk_seconds))
    seconds = perf_counter() - started
    if len(outcomes) != len(tasks) or any(one.failure for one in outcomes):
        raise RuntimeError("a task came to nothing, so its time means nothing")
    return seconds
