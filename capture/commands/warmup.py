"""`capture warmup`: how many bars a script's strategies need until their signals are right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from capture.commands.check_replay import repeated
from capture.commands.diff import draw_divergence
from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.text import count, safe
from capture.commands.words import NOT_CLEAN, json_option, verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.analysis.comparison.warmup import WarmUp

__all__ = ["command", "draw"]


@verb(
    "warmup",
    status="1 a strategy gives signals before it is warm, 2 it could not run",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "--cuts",
    metavar="N",
    type=click.IntRange(min=1),
    default=3,
    help="At how many bars the data are made to begin.  [default: 3]",
)
@click.option(
    "--tolerance",
    metavar="SHARE",
    type=click.FloatRange(min=0),
    default=1e-3,
    help="Indicators need come no nearer, relative to their size.  [default: 0.001]",
)
@json_option
@click.argument("script", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(
    cuts: int, tolerance: float, as_json: bool, script: Path, arguments: Sequence[str]
) -> None:
    """Run a Python SCRIPT on data that begin later, and see when it says the same again.

    Told are the bars after which its signals, and each of its indicators, are those of a run that
    began earlier. What the script records goes into temporary stores, and what it prints is not
    shown.
    """
    from capture.analysis.comparison.warmup import warmup

    doing = "running the script on data that begin later"
    found = repeated(
        doing, script, arguments, lambda run: warmup(run, cuts=cuts, tolerance=tolerance)
    )
    if as_json:
        write(found.to_dict())
    else:
        draw(found, Screen())
    if not found.enough:
        raise click.exceptions.Exit(NOT_CLEAN)


def draw(found: WarmUp, screen: Screen) -> None:
    """Draw the bars that each indicator needs, the first signal that differs, and the verdict."""
    for problem in found.problems:
        screen.text(f"not compared: {safe(problem)}", "yellow")
    if found.indicator_bars:
        screen.heading("Bars until values agree")
        bars = found.indicator_bars.items()
        screen.facts({safe(n): "never" if b is None else count(b) for n, b in bars})
    if found.first_signal is not None and not found.enough:
        title = "First signal that differs, B on data that begin later"
        draw_divergence(title, found.first_signal, screen)
    if found.closed_loop and not found.enough:
        screen.text("The strategy looks at its portfolio: signals may differ by that alone.")
    screen.text(safe(found.summary()), "green" if found.enough else "bold red")
