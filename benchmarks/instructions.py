"""How many instructions capture adds to a bar of each backtester, counted by valgrind.

A count does not depend on how busy the machine is, and little on which it is. It knows nothing of
caches: what runs once a bar takes more time for an instruction than what runs all the time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from benchmarks.across.hosts import installed
from benchmarks.hosts import DENSITIES
from benchmarks.overhead import host
from benchmarks.report import Report, Table

if TYPE_CHECKING:
    from benchmarks.hosts import Host
    from benchmarks.sizes import Sizes

__all__ = ["run"]

_ROOT: Final = Path(__file__).resolve().parents[1]
_HOSTS: Final = ("builtin", "backtesting", "backtrader", "bt")
_MARK: Final = "_PyEval_SetSwitchInterval"
"""The function of Python by whose calls the child marks a stretch of bars."""

_TOTAL: Final = "totals:"


def run(sizes: Sizes) -> Report:
    """Count a bar of both strategies, plain and captured, in hosts that are Python all through."""
    valgrind = which("valgrind")
    there = [] if valgrind is None else [name for name in _HOSTS if name in installed()]
    cases = [(host(name.capitalize()), density) for name in there for density in DENSITIES]
    cases = cases[: sizes.instruction_cases]
    with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        rows = list(side_by_side.map(lambda case: _row(str(valgrind), case, sizes), cases))
    how = f"Counted by valgrind, over {sizes.instruction_bars} bars; nobody listens."
    note = "valgrind is not installed, so nothing was counted." if valgrind is None else how
    columns = ("run", "instructions of a bar", "added to it", "added %")
    return Report("instructions", (Table("Instructions of a bar", columns, tuple(rows), (note,)),))


def _row(valgrind: str, case: tuple[Host, str], sizes: Sizes) -> tuple[Any, ...]:
    made, density = case
    plain, captured = _counted(valgrind, type(made).__name__, density, sizes.instruction_bars)
    added = captured - plain
    return f"{made.name}, signals on {density}", plain, added, 100 * added / plain


def _counted(valgrind: str, name: str, density: str, bars: int) -> tuple[float, float]:
    """Return the instructions of a bar of a plain run, and of a captured one."""
    with TemporaryDirectory() as folder:
        out = Path(folder, "counted")
        command = [
            valgrind, "-q", "--tool=callgrind",
            f"--callgrind-out-file={out}", f"--dump-before={_MARK}",
            sys.executable, "-W", "ignore", "-m", "benchmarks.instructions_child",
            name, density, str(bars),
        ]  # fmt: skip
        subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)
        # What was counted until each of four marks, since the one before.
        dumps = [Path(f"{out}.{number}") for number in range(1, 5)]
        if not dumps[-1].exists():
            raise RuntimeError(
                f"valgrind saw no four calls of {_MARK} in {sys.executable}: take a Python that "
                "has its symbols"
            )
        totals = [_total(dump) for dump in dumps]
    return totals[1] / bars, totals[3] / bars


def _total(dumped: Path) -> int:
    with dumped.open(encoding="utf-8") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(_TOTAL))
