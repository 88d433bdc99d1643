"""`capture patterns`: when signals did better, or worse, than chance lets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.text import safe
from capture.commands.words import (
    choose_run,
    entry_option,
    json_option,
    run_argument,
    store_option,
    verb,
)

if TYPE_CHECKING:
    from capture.analysis.patterns.report import PatternReport, SignalPattern

__all__ = ["command", "draw"]


@verb("patterns")
@run_argument
@store_option
@click.option("--every-run", is_flag=True, help="Search all captured runs of the store, not one.")
@click.option(
    "--min-support",
    type=float,
    default=0.05,
    show_default=True,
    help="A pattern holds for at least this share of the signals.",
)
@click.option(
    "--horizon",
    "horizon_bars",
    type=int,
    default=5,
    show_default=True,
    metavar="BARS",
    help="The outcome is the return over so many bars.",
)
@entry_option
@click.option(
    "--alpha",
    type=float,
    default=0.05,
    show_default=True,
    help="Chance of reporting any pattern where there is none.",
)
@click.option(
    "--max-length",
    type=int,
    default=2,
    show_default=True,
    metavar="N",
    help="The most statements in a pattern.",
)
@json_option
def command(run: str, store: str, every_run: bool, as_json: bool, **asked: Any) -> None:
    """Look for what signals of RUN that did well, or badly, have in common.

    Every pattern is tested against markets that were slid along under the signals, all patterns
    tried together, and confirmed on the last part of the signals, which were not searched.
    """
    from capture.analysis.patterns import find
    from capture.store.store import open_store

    found = find(open_store(store) if every_run else choose_run(store, run), **asked)
    if as_json:
        write(found.to_dict())
    else:
        draw(found, Screen())


def draw(found: PatternReport, screen: Screen) -> None:
    """Draw a paragraph per pattern, under a line that says how they were looked for."""
    screen.text(safe(found.summary()))
    for one in found.patterns:
        screen.text()
        screen.text(safe(one.sentence), _colour(one))


def _colour(one: SignalPattern) -> str:
    return "green" if one.effect > 0 else "red"
