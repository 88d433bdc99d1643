"""`capture parity`: whether a replay came out the same as the run that was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen, progress
from capture.commands.terminal.text import count, safe
from capture.commands.words import LATEST, NOT_CLEAN, find_run, json_option, store_option, verb
from capture.errors import CorruptRecording, RunNotFound, StoreError

if TYPE_CHECKING:
    from capture.replaying.parity import Comparison, ParityCertificate

__all__ = ["command", "draw"]


@verb("parity", status="1 they differ, 2 it could not run")
@click.argument("original", metavar="ORIGINAL")
@click.argument("replayed", metavar="REPLAYED")
@store_option
@json_option
def command(original: str, replayed: str, store: str, as_json: bool) -> None:
    """Check that trades, fills and equity of two runs are equal, to the last bit.

    `latest` is the latest recording where ORIGINAL stands, and the latest replay where REPLAYED
    stands.
    """
    found = _certificate(store, original, replayed)
    if as_json:
        write(found.to_dict())
    else:
        draw(found, Screen())
    if not found.exact:
        raise click.exceptions.Exit(NOT_CLEAN)


def _certificate(path: str, original: str, replayed: str) -> ParityCertificate:
    from capture.replaying.parity import parity
    from capture.store.store import open_store

    with progress("comparing"):
        try:
            store = open_store(path)
            one = find_run(store, original)
            other = store.latest("replay") if replayed == LATEST else find_run(store, replayed)
            return parity(one, other)
        except (CorruptRecording, RunNotFound) as exc:
            # Their own exit status would say that the runs differ.
            raise StoreError(exc.place, exc.problem, exc.mend) from exc


def draw(found: ParityCertificate, screen: Screen) -> None:
    """Draw what was compared, a line per table, and the first difference of each."""
    for comparison in found.comparisons:
        screen.text(safe(_line(comparison)), "" if comparison.exact else "red")
    runs = f"{safe(found.replayed)} against {safe(found.original)}"
    if found.exact:
        screen.text(f"Exact: {runs}.", "green")
    else:
        screen.text(f"Differs: {runs}.", "bold red")


def _line(comparison: Comparison) -> str:
    rows = f"{comparison.table}: {count(comparison.equal_rows)} rows equal"
    return rows if comparison.exact else f"{rows}, then {comparison.difference}"
