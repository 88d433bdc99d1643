"""The executor on Dask."""

from __future__ import annotations

from contextlib import ExitStack
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Self

import dask.config
from distributed import Client, Future, LocalCluster
from distributed.scheduler import KilledWorker

from capture.contracts.executor import Done, failed, run_chunk
from capture.errors import ConfigError, WorkersLost

if TYPE_CHECKING:
    from capture.contracts.executor import Chunk

__all__ = ["DaskExecutor"]

_LOOPBACK: Final = "127.0.0.1"
_ANSWER_SECONDS: Final = 10
"""How long a scheduler has to answer; nobody wants to wait longer for a misspelt address."""


class DaskExecutor:
    """Runs chunks on a Dask cluster.

    How often a chunk is run again after the death of its worker is decided by who submits it: a
    cluster of its own gives up a chunk at once. One that is already there follows its own setting
    `distributed.scheduler.allowed-failures`.
    """

    def __init__(
        self,
        workers: int | None = None,
        address: str | None = None,
        client: Client | None = None,
    ) -> None:
        """Connect to a cluster, or start one.

        Args:
            workers: how many worker processes a cluster of its own has; as many as processors by
                default.
            address: address of the scheduler of a cluster that is there.
            client: a client of one; it stays open.
        """
        if workers is not None and workers < 1:
            raise ConfigError("workers", workers, "at least 1 is needed")
        self._open = ExitStack()
        self._client = client or self._open.enter_context(_client(self._open, workers, address))
        self._done: SimpleQueue[Future[Any]] = SimpleQueue()
        self._out: dict[Any, tuple[Chunk, Future[Any]]] = {}

    @property
    def slots(self) -> int:
        """Two chunks for each thread of a worker, so that none waits for the next."""
        threads: dict[str, int] = self._client.nthreads()
        return 2 * max(1, sum(threads.values()))

    def submit(self, chunk: Chunk) -> None:
        """Send a chunk to the scheduler."""
        future = self._client.submit(run_chunk, chunk, pure=False)
        self._out[future.key] = (chunk, future)
        future.add_done_callback(self._done.put)

    def fetch(self) -> Done:
        """Wait for the next chunk."""
        chunk, future = self._out.pop(self._done.get().key)
        if future.status == "finished":
            return future.result()  # type: ignore[no-any-return]
        if future.status != "error":
            raise WorkersLost(
                f"Dask gave up a chunk of tasks ({future.status})",
                "see whether its scheduler still runs, and resume",
            )
        error = future.exception()
        if isinstance(error, KilledWorker):
            return Done(chunk.number, None)
        return failed(chunk, error)

    def close(self) -> None:
        """Take back what is out, and let go of a cluster of its own."""
        out, self._out = self._out, {}
        self._client.cancel([future for _, future in out.values()], force=True)
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _client(closing: ExitStack, workers: int | None, address: str | None) -> Any:
    if address is not None:
        try:
            return Client(address, timeout=_ANSWER_SECONDS, set_as_default=False)
        except (OSError, ValueError) as exc:
            problem = f"no Dask scheduler answers at {address} ({exc})"
            raise WorkersLost(problem, "see whether it runs, and its address") from exc
    # A chunk whose worker dies is told at once, and not run again behind our back.
    closing.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": 0}))
    cluster = closing.enter_context(
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host=_LOOPBACK,
            dashboard_address=None,
            # Without a dashboard its server still listens, on every interface unless told where.
            scheduler_kwargs={"dashboard_address": f"{_LOOPBACK}:0"},
            silence_logs="ERROR",
        )
    )
    return Client(cluster, set_as_default=False)
