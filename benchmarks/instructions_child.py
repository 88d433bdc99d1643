"""Runs a strategy plain and captured, and marks where a stretch of bars begins and ends.

A mark is a call that a profiler sees, and that nothing else makes.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.hosts import CLOCK, market, quiet
from benchmarks.overhead import host

__all__: list[str] = []

_WARM_UP: Final = 150
"""Bars before the stretch: by then the interpreter has specialised what runs on every bar."""

_AFTER: Final = 60


class _Marks(list[float]):
    """When each bar began; of the run that is counted, marks the first and the last bar."""

    def __init__(self, bars: int) -> None:
        super().__init__()
        self.counted = False
        self._at = {_WARM_UP, _WARM_UP + bars}

    def append(self, moment: float) -> None:
        """Take note of a bar."""
        super().append(moment)
        if self.counted and len(self) in self._at:
            sys.setswitchinterval(sys.getswitchinterval())


def main() -> None:
    """Read host, density and bars from the arguments; run both."""
    name, density, bars = sys.argv[1], sys.argv[2], int(sys.argv[3])
    CLOCK.marks = marks = _Marks(bars)  # before the host's module takes its way in
    made = host(name)
    with TemporaryDirectory() as folder, quiet():
        store = Path(folder)
        for captured in (None, store):
            made.run(density, market(2 * _WARM_UP), captured)
        gc.disable()
        marks.counted = True
        for captured in (None, store):
            made.run(density, market(_WARM_UP + bars + _AFTER), captured)


if __name__ == "__main__":
    main()
