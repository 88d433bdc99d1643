"""`capture lookahead`: whether the strategies of a script use what only later bars tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from capture.commands.check_replay import repeated
from capture.commands.diff import draw_divergence
from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.text import safe
from capture.commands.words import NOT_CLEAN, json_option, verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.analysis.comparison.lookahead import LookAhead

__all__ = ["command", "draw"]


@verb(
    "lookahead",
    status="1 a strategy looks ahead, 2 it could not run",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "--cuts",
    metavar="N",
    type=click.IntRange(min=1),
    default=8,
    help="At how many bars the data are made to end.  [default: 8]",
)
@json_option
@click.argument("script", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(cuts: int, as_json: bool, script: Path, arguments: Sequence[str]) -> None:
    """Run a Python SCRIPT on data that end earlier, and see whether its past changes.

    The data are made to end at bars on which it gave a signal. An indicator whose value at a bar
    changes when later bars are cut off is named, and so is the first signal that does. What the
    script records goes into temporary stores, and what it prints is not shown.
    """
    from capture.analysis.comparison.lookahead import lookahead

    doing = "running the script on data that end earlier"
    found = repeated(doing, script, arguments, lambda run: lookahead(run, cuts=cuts))
    if as_json:
        write(found.to_dict())
    else:
        draw(found, Screen())
    if not found.clean:
        raise click.exceptions.Exit(NOT_CLEAN)


def draw(found: LookAhead, screen: Screen) -> None:
    """Draw the indicators that look ahead, the first signal that changed, and the verdict."""
    for problem in found.problems:
        screen.text(f"not compared: {safe(problem)}", "yellow")
    for peek in found.peeks:
        screen.text(safe(peek), "red")
    if found.first_signal is not None:
        draw_divergence("First signal, A with all data, B without", found.first_signal, screen)
    screen.text(safe(found.summary()), "green" if found.clean else "bold red")
