"""Running tasks on any executor: how large chunks are, and what is tried again or given up."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from capture.contracts.executor import (
    TOGETHER,
    Chunk,
    Executor,
    Failure,
    Task,
    function_named,
)
from capture.errors import ConfigError
from capture.host import get_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from capture.contracts.executor import Answer, Done

__all__ = ["CHUNK_SECONDS", "WORKER_LOST", "Outcome", "open_executor", "run_tasks"]

CHUNK_SECONDS: Final = 0.25
"""How long a worker is meant to be busy with a chunk: a hundred times what it takes to hand one
over, and no more than anyone wants to lose with a worker."""

WORKER_LOST: Final = "WorkerLost"
_GROWTH: Final = 8
_WORTHWHILE: Final = 0.1
"""A chunk that is smaller than this part of a full one costs more to hand over than it is worth."""

_GAIN: Final = 0.7
"""A task in a larger chunk must cost less than this part of what it did, to be called a gain."""


@dataclass(frozen=True)
class Outcome:
    """What became of a task in the end.

    Attributes:
        task: the task.
        value: what its function returned.
        failure: why there is no value; None if there is one.
        attempts: how often it was run.
    """

    task: Task
    value: Any
    failure: Failure | None
    attempts: int


@contextmanager
def open_executor(
    executor: str | Executor = "serial", workers: int | None = None, **options: Any
) -> Iterator[Executor]:
    """Open an executor by its name, and close it afterwards; one that is given stays open."""
    if not isinstance(executor, str):
        yield executor
        return
    with get_host().executor(executor)(workers=workers, **options) as opened:
        yield opened


def run_tasks(
    tasks: Iterable[Task],
    executor: Executor,
    *,
    attempts: int = 3,
    tries: int = 2,
    chunk_seconds: float = CHUNK_SECONDS,
) -> Iterator[Outcome]:
    """Run tasks and yield what became of each as soon as it is known, in any order.

    A worker that dies takes its chunk with it. The tasks of the chunk are run again when all others
    are done, one at a time with nothing beside it, so that the one that kills its workers is known.

    Args:
        tasks: what to do; no key twice.
        executor: where.
        attempts: how often a task is run whose worker dies; then it is given up.
        tries: how often a task is run that raises.
        chunk_seconds: how long a worker is meant to be busy with a chunk.
    """
    yield from _Run(list(tasks), executor, attempts, tries, chunk_seconds)


class _Run:
    """One call of `run_tasks`; it owns what waits and what is out."""

    def __init__(
        self,
        tasks: Sequence[Task],
        executor: Executor,
        attempts: int,
        tries: int,
        chunk_seconds: float,
    ) -> None:
        counts = Counter(task.key for task in tasks)
        if len(counts) < len(tasks):
            twice = next(key for key, count in counts.items() if count > 1)
            raise ConfigError("tasks", twice, "two tasks cannot have the same key")
        self._executor = executor
        self._attempts = attempts
        self._tries = tries
        self._chunk_seconds = chunk_seconds
        self._waiting = deque(tasks)
        self._raised: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._out: dict[int, Chunk] = {}
        self._runs: Counter[str] = Counter()
        self._numbers = 0
        self._cost = 0.0
        self._largest = 0
        self._gaining = _are_done_together(tasks)

    def __iter__(self) -> Iterator[Outcome]:
        while self._waiting or self._raised or self._suspects or self._out:
            self._hand_out()
            yield from self._settled(self._executor.fetch())

    def _hand_out(self) -> None:
        slots = self._executor.slots  # a cluster is asked, and may have grown
        while len(self._out) < slots:
            if self._waiting:
                self._submit([self._waiting.popleft() for _ in range(self._size(slots))])
            elif self._raised:
                self._submit([self._raised.popleft()])
            else:
                break
        if self._suspects and not self._out:
            self._submit([self._suspects.popleft()])

    def _submit(self, tasks: Sequence[Task]) -> None:
        chunk = Chunk(self._numbers, tuple(tasks))
        self._numbers += 1
        self._runs.update(task.key for task in tasks)
        self._out[chunk.number] = chunk
        self._executor.submit(chunk)

    def _size(self, slots: int) -> int:
        """Return how many tasks to hand out: one at first, then as many as their cost allows.

        Towards the end chunks get smaller again, so that no worker is left with the last large one.
        """
        if not self._largest:
            return 1
        fitting = self._chunk_seconds / max(self._cost, 1e-9)
        rounds = 1 if self._gaining or slots == 1 else 2
        fair = -(-len(self._waiting) // (rounds * slots))
        # What is done in no time is not worth a share for everyone.
        wanted = fair if self._gaining else min(fitting, max(fair, _WORTHWHILE * fitting))
        return max(1, int(min(wanted, len(self._waiting), self._largest * _GROWTH)))

    def _settled(self, done: Done) -> Iterator[Outcome]:
        chunk = self._out.pop(done.number)
        if done.answers is None:
            yield from self._lost(chunk)
            return
        self._learn(len(chunk.tasks), done.seconds / len(chunk.tasks))
        for task, answer in zip(chunk.tasks, done.answers, strict=True):
            if self._is_worth_a_try(task, answer):
                self._raised.append(task)
            else:
                yield Outcome(task, answer.value, answer.failure, self._runs[task.key])

    def _learn(self, count: int, cost: float) -> None:
        """Take in what a task cost in a chunk of so many.

        Tasks that are done together cost less the more there are, up to some number; as long as a
        larger chunk makes them cheaper, the next is larger still.
        """
        if not self._largest:
            self._cost = cost
        elif count > self._largest:
            self._gaining = self._gaining and cost < _GAIN * self._cost
            self._cost = cost
        else:
            self._cost = (self._cost + cost) / 2
        self._largest = max(self._largest, count)

    def _is_worth_a_try(self, task: Task, answer: Answer) -> bool:
        failure = answer.failure
        return failure is not None and not failure.final and self._runs[task.key] < self._tries

    def _lost(self, chunk: Chunk) -> Iterator[Outcome]:
        alone = len(chunk.tasks) == 1 and not self._out
        for task in chunk.tasks:
            runs = self._runs[task.key]
            if alone and runs >= self._attempts:
                said = f"its worker died each of the {runs} times that it was run"
                yield Outcome(task, None, Failure(WORKER_LOST, said, final=True), runs)
            else:
                self._suspects.append(task)


def _are_done_together(tasks: Sequence[Task]) -> bool:
    """Say whether the function of tasks has another that does many at once."""
    try:
        return bool(tasks) and hasattr(function_named(tasks[0].function), TOGETHER)
    except ConfigError:  # a worker says what is wrong with it
        return False
