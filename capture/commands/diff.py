"""`capture diff`: where two recordings part, and what differs there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen, progress
from capture.commands.terminal.text import count, safe
from capture.commands.words import NOT_CLEAN, find_run, json_option, store_option, verb
from capture.errors import CorruptRecording, RunNotFound, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.analysis.comparison.result import Diff

__all__ = ["command", "draw", "draw_divergence"]


@verb("diff", status="1 they differ, 2 it could not run")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@store_option
@click.option("--other-store", metavar="PATH", help="Store of B.  [default: that of A]")
@click.option(
    "--tolerance",
    metavar="SHARE",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Numbers may be so far apart, relative to their size.  [default: 0]",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME",
    help="Compare this column only, or those that begin so; may be given several times.",
)
@json_option
def command(
    a: str,
    b: str,
    store: str,
    other_store: str | None,
    tolerance: float,
    columns: Sequence[str],
    as_json: bool,
) -> None:
    """Compare the signals of two runs, and name the first that is not the same.

    Signals belong together by strategy, symbol, timeframe, time of the bar, phase and place within
    the bar. Those at bars that only one run has data of are counted apart.
    """
    found = _diff((store, a), (other_store or store, b), tolerance, columns)
    if as_json:
        write(found.to_dict())
    else:
        draw(found, Screen())
    if not found.equal:
        raise click.exceptions.Exit(NOT_CLEAN)


def _diff(
    one: tuple[str, str], other: tuple[str, str], tolerance: float, columns: Sequence[str]
) -> Diff:
    from capture.analysis.comparison import diff
    from capture.store.store import open_store

    with progress("comparing"):
        try:
            runs = [find_run(open_store(place), run) for place, run in (one, other)]
            return diff(*runs, tolerance=tolerance, columns=columns or None)
        except (CorruptRecording, RunNotFound) as exc:
            # Their own exit status would say that the runs differ.
            raise StoreError(exc.place, exc.problem, exc.mend) from exc


def draw(found: Diff, screen: Screen) -> None:
    """Draw the first difference with its values, counts, and what else the runs differ in."""
    screen.facts({"A": safe(found.a), "B": safe(found.b)})
    if found.first is not None:
        draw_divergence("First difference", found.first, screen)
    if found.first_decision is not None and found.first_decision != found.first:
        draw_divergence("First other decision", found.first_decision, screen)
    if found.by_column:
        screen.heading("Changed signals by column")
        screen.facts({safe(name): count(number) for name, number in found.by_column.items()})
    if found.surroundings:
        screen.heading("What else differs")
        said = found.surroundings.items()
        screen.facts({safe(name): f"{safe(a)} -> {safe(b)}" for name, (a, b) in said})
    screen.text()
    screen.text(safe(found.summary()), "green" if found.equal else "bold red")


def draw_divergence(title: str, found: Any, screen: Screen) -> None:
    """Draw one signal that is not the same, with the values that differ."""
    screen.heading(title)
    screen.text(safe(found), "red")
    for line in found.lines():
        screen.text(f"  {safe(line)}")
