"""The executor that is no other process: the plain one, which defines what the others do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from capture.contracts.executor import run_chunk
from capture.errors import ConfigError

if TYPE_CHECKING:
    from capture.contracts.executor import Chunk, Done

__all__ = ["SerialExecutor"]


class SerialExecutor:
    """Runs each chunk when it is fetched."""

    slots: Final = 1

    def __init__(self, workers: int | None = None) -> None:
        """Make it; there is one worker, this process."""
        if workers not in {None, 1}:
            raise ConfigError(
                "workers", workers, 'this process is one worker; choose executor="processes"'
            )
        self._waiting: list[Chunk] = []

    def submit(self, chunk: Chunk) -> None:
        """Keep a chunk until it is fetched."""
        self._waiting.append(chunk)

    def fetch(self) -> Done:
        """Run the oldest chunk and return what came of it."""
        return run_chunk(self._waiting.pop(0))

    def close(self) -> None:
        """Forget what was not fetched."""
        self._waiting.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
