"""The contract of an executor: it takes chunks of tasks and gives back what became of them.

An executor moves chunks to workers and knows when a worker is gone. How large chunks are, what is
tried again and what is given up is decided in one place for all of them:
`capture.study.executors.running`.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, Self, runtime_checkable

from capture.errors import CaptureError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

__all__ = [
    "TOGETHER",
    "Answer",
    "Chunk",
    "Done",
    "Executor",
    "Failure",
    "Task",
    "failed",
    "function_named",
    "name_of",
    "run_chunk",
]


@dataclass(frozen=True)
class Task:
    """A call that any process can make: the name of a function, and plain data.

    Attributes:
        key: what the task is known by; no two tasks of one call share it.
        function: where the function is, as "package.module:name".
        arguments: keyword arguments: numbers, text, lists, mappings.
    """

    key: str
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """Why a task has no value.

    Attributes:
        kind: name of the exception's class, or "WorkerLost".
        message: what it said.
        traceback: where it was raised, as Python prints it; empty if the worker died.
        final: trying again would come to the same.
    """

    kind: str
    message: str
    traceback: str = ""
    final: bool = False


@dataclass(frozen=True)
class Answer:
    """What became of one task on a worker: a value, or a failure."""

    key: str
    value: Any = None
    failure: Failure | None = None


@dataclass(frozen=True)
class Chunk:
    """Tasks that go to a worker together.

    Attributes:
        number: what the chunk is known by.
        tasks: in the order in which they are run.
    """

    number: int
    tasks: tuple[Task, ...]


class Done(NamedTuple):
    """A chunk that came back, or whose worker is gone.

    Attributes:
        number: that of the chunk.
        answers: one per task, in order; None if the worker was lost and nothing is known.
        seconds: how long the worker was busy with it.
    """

    number: int
    answers: Sequence[Answer] | None
    seconds: float = 0.0


@runtime_checkable
class Executor(Protocol):
    """Runs chunks of tasks on workers.

    It is made with `workers=`, the number of workers wanted (None: as many as it finds right), and
    whatever options it has of its own. It is used by one thread.

    Attributes:
        slots: how many chunks it takes before the first must be fetched.
    """

    @property
    def slots(self) -> int:
        """How many chunks it takes before the first must be fetched."""
        ...

    def submit(self, chunk: Chunk) -> None:
        """Give a chunk to a worker, which calls `run_chunk` with it; do not wait."""
        ...

    def fetch(self) -> Done:
        """Wait for the next chunk that is done, or lost with its worker, and return it.

        A worker that is gone is replaced before the next chunk needs it.
        """
        ...

    def close(self) -> None:
        """Let the workers go, whatever they are at; doing it twice is allowed."""
        ...

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        ...


def name_of(function: Callable[..., Any]) -> str:
    """Return the name by which any process finds a function.

    Raises:
        ConfigError: it is not at the top of a module that others can import.
    """
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", "")
    if module in {None, "__main__"} or "." in name or "<" in name or not name:
        raise ConfigError(
            "function",
            function,
            "a worker imports it by name: put it at the top level of a module of its own",
        )
    return f"{module}:{name}"


def function_named(name: str) -> Callable[..., Any]:
    """Import and return the function of this name."""
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as exc:
        raise ConfigError("function", name, f"it cannot be imported ({exc})") from exc
    if not callable(found):
        raise ConfigError("function", name, "it is not a function")
    return found  # type: ignore[no-any-return]


TOGETHER: Final = "together"
"""Under this attribute a function has another that does many at once: from a list of arguments to
a list of values, equal to those it would give one by one."""


def run_chunk(chunk: Chunk) -> Done:
    """Run the tasks of a chunk, on the worker; a task that raises does not keep others from it."""
    started = perf_counter()
    answers: list[Answer] = []
    first = 0
    while first < len(chunk.tasks):
        name = chunk.tasks[first].function
        last = first + 1
        while last < len(chunk.tasks) and chunk.tasks[last].function == name:
            last += 1
        answers += _run_alike(name, chunk.tasks[first:last])
        first = last
    return Done(chunk.number, answers, perf_counter() - started)


def failed(chunk: Chunk, exc: BaseException) -> Done:
    """Return that a chunk came to nothing: a value could not be sent, or its library raised."""
    failure = _failure(exc)
    return Done(chunk.number, [Answer(task.key, failure=failure) for task in chunk.tasks])


def _run_alike(name: str, tasks: Sequence[Task]) -> list[Answer]:
    try:
        function = function_named(name)
    except ConfigError as exc:
        return [Answer(task.key, failure=_failure(exc)) for task in tasks]
    together = getattr(function, TOGETHER, None)
    if together is not None and len(tasks) > 1:
        try:
            values = list(together([task.arguments for task in tasks]))
        except Exception:  # one by one, so that the one that raises is known
            values = []
        if len(values) == len(tasks):
            return [Answer(task.key, value) for task, value in zip(tasks, values, strict=True)]
    return [_run_one(function, task) for task in tasks]


def _run_one(function: Callable[..., Any], task: Task) -> Answer:
    try:
        return Answer(task.key, function(**task.arguments))
    except Exception as exc:
        return Answer(task.key, failure=_failure(exc))


def _failure(exc: BaseException) -> Failure:
    # Our own errors say what is wrong with the settings, which another try does not change;
    # those of storage may pass.
    final = isinstance(exc, CaptureError) and not isinstance(exc, OSError)
    trace = "".join(traceback.format_exception(exc))
    return Failure(type(exc).__name__, str(exc), trace, final)
