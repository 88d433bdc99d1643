"""How the memory of a process grows while it records; each reading in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from benchmarks.report import Figure, Report, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.sizes import Sizes

__all__ = ["run"]

_GOALS_MB: Final = {100_000: 10.0, 1_000_000: 20.0}
_MANY: Final = 200_000
"""From here on one process must do, and nothing is sealed."""

_ROOT: Final = Path(__file__).resolve().parents[1]


def run(sizes: Sizes) -> Report:
    """Measure by durability and count, and a list of tuples beside them."""
    rows: list[tuple[Any, ...]] = []
    figures = []
    for what, count in _cases(sizes):
        resident, traced, sealing = _readings(what, count, sizes.processes)
        name = "list of tuples" if what == "list" else f"recorder, {what}"
        rows.append((name, count, resident, traced, resident * 1e6 / count, sealing))
        if what == "journal" and count in _GOALS_MB:
            figures.append(
                Figure(
                    quantity=f"growth of resident memory at {count:,} signals, journal on",
                    measured=resident,
                    goal=_GOALS_MB[count],
                    unit="MB",
                    note=f"Python's own allocations {traced:.1f}"
                    + ("" if sealing is None else f"; {sealing:.0f} while sealing"),
                )
            )
    return Report("memory", (_table(rows, sizes.processes),), tuple(figures))


def _table(rows: list[tuple[Any, ...]], processes: int) -> Table:
    return Table(
        "Growth of memory while recording",
        ("what", "signals", "resident MB", "traced MB", "B per signal", "sealing, resident MB"),
        tuple(rows),
        (
            "Growth after the first 10,000 signals, at its highest. Resident memory includes "
            "mapped journal pages; traced is what Python asked for (tracemalloc).",
            "Sealing happens once, at the end of a run, and is counted apart.",
            f"Resident: the median of {processes} processes up to {_MANY:,} signals, one beyond.",
        ),
    )


def _cases(sizes: Sizes) -> Iterator[tuple[str, int]]:
    for durability in ("journal", "memory"):
        for count in sizes.memory_rows:
            yield durability, count
    yield "fsync", sizes.memory_synced_rows
    yield "list", min(sizes.memory_rows)


def _readings(what: str, count: int, processes: int) -> tuple[float, float, float | None]:
    """Return growth of resident and of traced memory, and of resident memory while sealing."""
    few = count < _MANY
    taken = [_grown(what, count, "resident", seal=few) for _ in range(processes if few else 1)]
    traced = _grown(what, count, "traced", seal=False)
    sealing = [s for _, s in taken if s is not None]
    return median(c for c, _ in taken), traced[0], median(sealing) if sealing else None


def _grown(what: str, count: int, how: str, *, seal: bool) -> tuple[float, float | None]:
    """Return growth while capturing and while sealing, in MB."""
    words = [what, str(count), how, "seal" if seal else "stop"]
    command = [sys.executable, "-m", "benchmarks.memory_child", *words]
    done = subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True)
    grown = json.loads(done.stdout.splitlines()[-1])
    sealing = grown["sealing"]
    return grown["capturing"] / 1e6, None if sealing is None else sealing / 1e6
