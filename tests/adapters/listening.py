"""Somebody who hears of fills, so that they are recorded as they happen."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import capture

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Listener", "listening"]


class Listener:
    """Keeps the fills that it hears of; they are read after the run."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    @capture.hookimpl
    def on_fill(self, fill: Any) -> None:
        """Keep the event."""
        self.heard.append(fill)


@contextmanager
def listening() -> Iterator[Listener]:
    """Let somebody hear of fills meanwhile."""
    listener, host = Listener(), capture.get_host()
    host.register(listener, name="listener")
    try:
        yield listener
    finally:
        host.unregister(listener)
