"""The asyncio face's batches: by count and by time, written outside the event loop."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from capture.errors import CaptureError, CaptureWarning

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.config import SignalCaptureConfig

__all__ = ["AsyncFlusher"]

_T = TypeVar("_T")


class AsyncFlusher:
    """Flushes after so many signals, or so many seconds after the first that waits."""

    def __init__(self, flush: Callable[[], None], config: SignalCaptureConfig) -> None:
        """Keep the function that writes what waits."""
        self._flush = flush
        self._size = config.batch_size
        self._seconds = config.batch_seconds
        self._waiting = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._running: asyncio.Future[None] | None = None

    async def run(self, function: Callable[..., _T], *args: Any) -> _T:
        """Run something that waits for a disk outside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(None, function, *args)

    def count(self) -> None:
        """Take note of one more signal; called in the event loop."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # the timer of a loop that has ended never comes
            self._loop, self._timer, self._running = loop, None, None
        self._waiting += 1
        self._arrange(loop)

    def _arrange(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiting >= self._size:
            self._start()
        elif self._waiting and self._timer is None:
            self._timer = loop.call_later(self._seconds, self._start)

    def _start(self) -> None:
        self.stop()
        if self._running is not None and not self._running.done():
            return  # what waits now is taken when it is done
        loop = asyncio.get_running_loop()
        self._waiting = 0
        self._running = loop.run_in_executor(None, self._flush)
        self._running.add_done_callback(self._done)

    def _done(self, future: asyncio.Future[None]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if isinstance(error, CaptureError):
            warnings.warn(str(error), CaptureWarning, stacklevel=2)
        elif error is not None:
            raise error
        else:
            self._arrange(asyncio.get_running_loop())

    def stop(self) -> None:
        """Forget the timer; what waits is written by whoever closes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
