"""Worker processes on this machine, each with a pipe of its own.

A pool of the standard library breaks as a whole when one of its processes dies. Here the parent
knows which chunk each worker is at, so that a killed worker costs that chunk and nothing else.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Final, Self

from capture.contracts.executor import Done, failed, run_chunk
from capture.errors import ConfigError, WorkersLost

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from capture.contracts.executor import Chunk

__all__ = ["ProcessExecutor", "processors"]

_READY: Final = "ready"
_GRACE_SECONDS: Final = 2.0


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(eq=False)
class _Worker:
    """A worker process, the parent's end of its pipe, and what it is at."""

    process: SpawnProcess
    pipe: Connection[Any, Any]
    chunk: Chunk | None = None
    ready: bool = False


class ProcessExecutor:
    """Runs chunks in worker processes; they start when there is something to do."""

    def __init__(self, workers: int | None = None) -> None:
        """Make it.

        Args:
            workers: how many processes; as many as there are processors by default.
        """
        if workers is not None and workers < 1:
            raise ConfigError("workers", workers, "at least 1 is needed")
        self.slots: Final = workers or processors()
        # A forked child would share the locks of threads that it has not got.
        self._context = get_context("spawn")
        self._workers: list[_Worker] = []

    @property
    def pids(self) -> tuple[int, ...]:
        """The process numbers of the workers that were started."""
        return tuple(w.process.pid for w in self._workers if w.process.pid is not None)

    def submit(self, chunk: Chunk) -> None:
        """Give a chunk to a worker that has nothing to do, or to a new one."""
        worker = next((w for w in self._workers if w.chunk is None), None) or self._started()
        worker.chunk = chunk
        try:
            worker.pipe.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it died while it was idle; `fetch` sees that
        except BaseException:
            worker.chunk = None  # it cannot be sent, and the worker has not seen it
            raise

    def fetch(self) -> Done:
        """Wait for an answer, or for the death of a worker that was at something."""
        while True:
            busy = {worker.pipe: worker for worker in self._workers if worker.chunk is not None}
            for pipe in wait(list(busy)):
                done = self._heard(busy[pipe])  # type: ignore[index]
                if done is not None:
                    return done

    def close(self) -> None:
        """End the workers; one that is at something is not waited for."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.pipe.close()  # an idle worker ends when its pipe does
            if worker.chunk is not None:
                worker.process.terminate()
        for worker in workers:
            worker.process.join(_GRACE_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.process.close()

    def _started(self) -> _Worker:
        ours, its = self._context.Pipe()
        process = self._context.Process(target=_work, args=(its,), daemon=True)
        process.start()
        its.close()  # so that the death of the worker ends the pipe
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _heard(self, worker: _Worker) -> Done | None:
        """Return what a worker said; None if it only said that it is there."""
        assert worker.chunk is not None
        try:
            said = worker.pipe.recv()
        except (EOFError, OSError):
            return self._buried(worker)
        if said == _READY:
            worker.ready = True
            return None
        worker.chunk = None
        return said  # type: ignore[no-any-return]

    def _buried(self, worker: _Worker) -> Done:
        assert worker.chunk is not None
        self._workers.remove(worker)
        worker.pipe.close()
        worker.process.join()
        status = worker.process.exitcode
        worker.process.close()
        if not worker.ready and status is not None and status >= 0:  # nobody killed it
            raise WorkersLost(
                f"a worker process ended before it began (exit status {status})",
                "a script that starts workers does so below `if __name__ == '__main__':`",
            )
        return Done(worker.chunk.number, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _work(pipe: Connection[Any, Any]) -> None:
    """Be a worker, until the pipe ends: also when the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    try:
        pipe.send(_READY)
        while True:
            chunk = pipe.recv()
            done = run_chunk(chunk)
            try:
                pipe.send(done)
            except (AttributeError, TypeError, ValueError) as exc:  # a value is no plain data
                pipe.send(failed(chunk, exc))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
