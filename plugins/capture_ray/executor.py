"""The executor on Ray."""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING, Any, Final, Self

import ray
from ray.exceptions import (
    NodeDiedError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
    WorkerCrashedError,
)

from capture.contracts.executor import Done, failed, run_chunk
from capture.errors import ConfigError, WorkersLost

if TYPE_CHECKING:
    from capture.contracts.executor import Chunk

__all__ = ["RayExecutor"]

_LOOPBACK: Final = "127.0.0.1"
_OBJECTS_BYTES: Final = 100 * 2**20  # results are small; what is larger goes to disk
_ANSWER_SECONDS: Final = 10
_LOST: Final = (WorkerCrashedError, NodeDiedError, OutOfMemoryError)


class RayExecutor:
    """Runs chunks on Ray: where this process is connected already, there; it stays connected."""

    def __init__(self, workers: int | None = None, address: str | None = None) -> None:
        """Connect to a cluster, or start one.

        Args:
            workers: how many worker processes a cluster of its own has; as many as processors by
                default.
            address: address of a cluster that is there.
        """
        if workers is not None and workers < 1:
            raise ConfigError("workers", workers, "at least 1 is needed")
        self._own = not ray.is_initialized()
        if address is not None and not self._own:
            problem = (
                "this process is connected already; leave it out, or call ray.shutdown() first"
            )
            raise ConfigError("address", address, problem)
        if self._own:
            _connect(workers, address)
        self._run: Any = ray.remote(max_retries=0)(run_chunk)
        self._out: dict[Any, Chunk] = {}

    @property
    def slots(self) -> int:
        """Two chunks for each processor of the cluster, so that no worker waits for the next."""
        return 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))

    def submit(self, chunk: Chunk) -> None:
        """Send a chunk to Ray."""
        self._out[self._run.remote(chunk)] = chunk

    def fetch(self) -> Done:
        """Wait for the next chunk."""
        (reference, *_), _ = ray.wait(list(self._out), num_returns=1)
        chunk = self._out.pop(reference)
        try:
            return ray.get(reference)  # type: ignore[no-any-return]
        except _LOST:
            return Done(chunk.number, None)
        except RayTaskError as exc:
            return failed(chunk, exc)
        except RayError as exc:
            problem = f"Ray gave up a chunk of tasks ({type(exc).__name__}: {exc})"
            raise WorkersLost(problem, "see whether the cluster still runs, and resume") from exc

    def close(self) -> None:
        """Take back what is out, and let go of a cluster of its own."""
        out, self._out = self._out, {}
        for reference in out:
            ray.cancel(reference, force=True)
        if self._own:
            self._own = False
            ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _connect(workers: int | None, address: str | None) -> None:
    # A study tells nobody that it runs; whoever wants to says so in the environment.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address is not None:
        try:
            _knock(address)
            ray.init(address, **quiet)
        except (OSError, RuntimeError, ValueError) as exc:
            problem = f"no Ray cluster answers at {address} ({exc})"
            raise WorkersLost(problem, "see whether it runs, and its address") from exc
        return
    ray.init(
        "local",
        num_cpus=workers,
        object_store_memory=_OBJECTS_BYTES,
        include_dashboard=False,
        _node_ip_address=_LOOPBACK,
        **quiet,
    )


def _knock(address: str) -> None:
    """Raise at once where nobody listens: Ray itself tries for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():  # other words, such as "auto", are not addresses
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()
