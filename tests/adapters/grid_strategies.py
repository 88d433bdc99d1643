"""Strategies for the optimiser, where worker processes can import them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.adapters.strategies import SmaCross


class NoLuck(Exception):
    """What a strategy raises."""


class Unlucky(SmaCross):
    """Raises in the middle of one parameter set."""

    def next(self) -> None:
        super().next()
        if self.fast == 10 and len(self.data) == 500:
            raise NoLuck(f"fast={self.fast}")


class Stopped(SmaCross):
    """The user presses Ctrl-C while one parameter set runs."""

    def next(self) -> None:
        super().next()
        if self.fast == 10 and len(self.data) == 500:
            raise KeyboardInterrupt


class Changing(SmaCross):
    """Its indicator and its parameter have another type in each parameter set."""

    kind: str = "whole"
    level: Any = 0

    def init(self) -> None:
        super().init()
        self.odd = self.I(self._odd, len(self.data), plot=False, name="odd")

    def _odd(self, bars: int) -> Any:
        every = np.arange(bars)
        return {"whole": every, "real": every + 0.5, "yes or no": every > 1000}[self.kind]


def _say(text: str) -> None:
    """Tell the test, which waits for it, through a file."""
    Path(os.environ["GRID_SAYS"]).write_text(text)


class Slow(SmaCross):
    """Says that it is at work, and then takes its time over one parameter set."""

    def next(self) -> None:
        super().next()
        if self.fast == 10 and self.slow == 20 and len(self.data) == 500:
            _say(str(os.getpid()))
            time.sleep(60)


class Doomed(SmaCross):
    """Its worker is killed in the middle of one parameter set."""

    def next(self) -> None:
        super().next()
        if self.fast == 10 and len(self.data) == 500:
            _say("killed")
            os.kill(os.getpid(), signal.SIGKILL)
