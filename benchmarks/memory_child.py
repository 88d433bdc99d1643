"""Records so many signals in a process of its own and says how its memory grew."""

from __future__ import annotations

import json
import resource
import sys
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from benchmarks.market import universe
from benchmarks.recording import opened

if TYPE_CHECKING:
    from collections.abc import Callable

__all__: list[str] = []

_WARM_UP: Final = 10_000
"""Signals before the first reading: by then the libraries are loaded and have their buffers."""

_LOOK_EVERY: Final = 1_024
_STATM: Final = Path("/proc/self/statm")
_STATUS: Final = Path("/proc/self/status")


def _resident_bytes() -> int:
    """Return the memory that the process holds now; where nobody tells, the most it ever held."""
    if _STATM.exists():
        return int(_STATM.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    return _most_resident_bytes()


def _traced_bytes() -> int:
    return tracemalloc.get_traced_memory()[1]


def _grown(
    durability: str, count: int, read: Callable[[], int], *, seal: bool
) -> dict[str, int | None]:
    signals = universe(64, symbols=4).signals
    with TemporaryDirectory() as name:
        fed = opened(Path(name), signals, durability=durability)
        append, rows = fed.channel.append, fed.rows
        for place in range(min(_WARM_UP, count)):
            append(*rows[place % len(rows)])
        fed.engine.flush()
        tracemalloc.reset_peak()
        before = most = read()
        for place in range(count):
            append(*rows[place % len(rows)])
            if not place % _LOOK_EVERY:
                most = max(most, read())
        fed.engine.flush()
        most = max(most, read())
        if not seal:
            fed.engine.disown()  # the folder goes, so nothing is left to seal
            return {"capturing": most - before, "sealing": None}
        # The peak within `close` is what the system has noted, which never falls.
        fed.engine.close()
        return {"capturing": most - before, "sealing": max(_peak_bytes(), most) - before}


def _peak_bytes() -> int:
    if tracemalloc.is_tracing():
        return _traced_bytes()
    if _STATUS.exists():  # what `getrusage` says may be the peak of the process that started this
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    return _most_resident_bytes()


def _most_resident_bytes() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _list_of_rows(count: int, read: Callable[[], int]) -> dict[str, int | None]:
    """Keep each row as a tuple of values of its own, as a strategy would make them."""
    signals = universe(64, symbols=4).signals
    row = signals.slice(0, 1).to_pylist()[0].values()
    numbers = [float(value) for value in row if isinstance(value, (int, float))]
    before = read()
    kept: list[Any] = []
    for place in range(count):
        kept.append(tuple(value + place for value in numbers))
    return {"capturing": read() - before, "sealing": None}


def main() -> None:
    """Read what to do from the arguments and print one line of JSON."""
    what, count, how, then = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    read = _resident_bytes
    if how == "traced":
        tracemalloc.start()
        read = _traced_bytes
    if what == "list":
        grown = _list_of_rows(count, read)
    else:
        grown = _grown(what, count, read, seal=then == "seal")
    print(json.dumps(grown))


if __name__ == "__main__":
    main()
