"""When it is worth to load what is compiled: not for work that is done before it is there.

To compile the loops takes half a minute, and to load what was kept of them a second. Nobody knows
how much work a process will yet be given, so it goes over to compiled loops when what it was given
so far takes as long without them: at most twice as long as whoever had known.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import Final

from capture.study.portfolio import compiled as machine

__all__ = ["Work", "quicker_compiled"]

_SIGNAL_SECONDS: Final = 2e-4
"""What NumPy takes for a signal, whatever the number of portfolios."""
_TRADED_SECONDS: Final = 5e-7
"""What it takes for a signal in one portfolio, beyond that."""
_LOADING_SECONDS: Final = 1.0
_COMPILING_SECONDS: Final = 30.0


class Work:
    """How much a process was given to do without compiled loops, in seconds, about.

    Attributes:
        seconds: the sum.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.seconds = 0.0
        self._lock = Lock()

    def takes(self, signals: int, portfolios: int) -> float:
        """Return the sum, this work included, and remember it."""
        with self._lock:
            self.seconds += signals * (_SIGNAL_SECONDS + _TRADED_SECONDS * portfolios)
            return self.seconds


_WORK: Final = Work()
"""Of this process."""


def quicker_compiled(signals: int, portfolios: int, work: Work = _WORK) -> bool:
    """Say whether compiled loops are the quicker way from here on.

    Args:
        signals: how many signals are traded.
        portfolios: in how many portfolios.
        work: what was done before.
    """
    if not machine.is_there():
        return False
    if machine.compiled.cache_info().currsize:
        return True
    least = _LOADING_SECONDS if _is_kept() else _COMPILING_SECONDS
    return work.takes(signals, portfolios) > least


def _is_kept() -> bool:
    """Say whether compiled loops are on disk; numba itself finds out whether they still fit."""
    own = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(own) if own else Path(machine.__file__).parent / "__pycache__"
    return any(folder.glob("**/compiled.*run*.nbi"))
