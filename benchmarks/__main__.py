"""The command: `python -m benchmarks [--quick] [--only NAME] [--json FILE]`."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from benchmarks import machine
from benchmarks.drawing import draw, figures_table
from benchmarks.report import Table
from benchmarks.sizes import FULL, QUICK, TINY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.report import Report

BENCHMARKS: Final = {
    "caller": "what a signal costs whoever gives it",
    "latency": "the slowest calls, flush included",
    "memory": "what a recorder holds in memory",
    "disk": "bytes per signal and time to write, by backend",
    "overhead": "what capture adds to a run of each backtester",
    "least": "what the least recorder would add to two of them",
    "instructions": "how many instructions capture adds to a bar of each backtester",
    "replaying": "how much quicker a replay is than its original",
    "loading": "reading with filters from a store of a million signals",
    "analysis_speed": "quality and consistency of a million signals, and comparing two runs",
    "report_page": "the report on ten thousand signals: time and size",
    "index": "signals and regimes as sparse indices, against dense layouts",
    "lifecycle": "signals per second into SQLite and PostgreSQL, and how long callers wait",
    "delivery": "what enqueueing costs, and signals delivered per second",
    "executors": "what a task costs beside its work, in this process, in others, on clusters",
    "sweep": "many settings over stored signals: full backtests, vectorbt, the sparse replay",
    "patterns": "frequent itemsets against mlxtend, and how often noise is believed",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks that are asked for and print what they found."""
    asked = _parser().parse_args(arguments)
    sizes = {"full": FULL, "quick": QUICK, "tiny": TINY}[asked.size]
    before = machine.load()
    draw(_machine_table(before))
    reports: dict[str, Report] = {}
    seconds: dict[str, float] = {}
    for name in asked.only or BENCHMARKS:
        started = perf_counter()
        reports[name] = import_module(f"benchmarks.{name}").run(sizes)
        seconds[name] = perf_counter() - started
        for table in reports[name].tables:
            draw(table)
    figures = {name: report.figures for name, report in reports.items()}
    if any(figures.values()):
        draw(figures_table(figures))
    print(f"\n{sum(seconds.values()):.0f} s, {asked.size} sizes, load {machine.load()} at the end")
    if asked.json is not None:
        _write_json(asked.json, asked.size, before, reports, seconds)
    return 0


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:10} {what}" for name, what in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"Measure the recorder, as ratios against named baselines.\n\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=list(BENCHMARKS),
        metavar="NAME",
        help="run this one; may be repeated",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file too")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--quick",
        dest="size",
        action="store_const",
        const="quick",
        default="full",
        help="fewer rows and rounds: under a minute, and some more where valgrind is there",
    )
    how.add_argument(
        "--tiny",
        dest="size",
        action="store_const",
        const="tiny",
        help="just enough to see that it runs; the figures mean nothing",
    )
    return parser


def _machine_table(before: float | None) -> Table:
    said = machine.described()
    libraries = ", ".join(f"{name} {version}" for name, version in said["libraries"].items())
    rows = (
        ("processor", f"{said['cores']} cores, {said['processor']}, {said['system']}"),
        ("Python", said["python"]),
        ("libraries", libraries),
        ("load at the start", "-" if before is None else str(before)),
    )
    return Table("Machine", ("what", ""), rows)


def _write_json(
    path: Path,
    size: str,
    before: float | None,
    reports: Mapping[str, Report],
    seconds: Mapping[str, float],
) -> None:
    record: dict[str, Any] = {
        "machine": {**machine.described(), "load_before": before, "load_after": machine.load()},
        "sizes": size,
        "benchmarks": {
            name: {**report.to_record(), "seconds": round(seconds[name], 1)}
            for name, report in reports.items()
        },
    }
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
