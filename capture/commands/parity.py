"""`capture parity`: whether a replay came out the same as the run that was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from capture.commands import explained
from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen, progress
from capture.commands.terminal.text import count, safe
from capture.commands.words import LATEST, NOT_CLEAN, find_run, json_option, store_option, verb
from capture.errors import CorruptRecording, RunNotFound, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.replaying.parity import Comparison, ParityCertificate
    from capture.store.recording import Recording

__all__ = ["command", "draw"]


@verb("parity", status="1 they differ, 2 it could not run")
@click.argument("runs", metavar="[[ORIGINAL] REPLAY]", nargs=-1)
@store_option
@click.option("--strategy", metavar="ID", help="Which strategy, of runs that hold several.")
@click.option(
    "--explain", is_flag=True, help="Match trades and fills, and lead each difference to its cause."
)
@click.option("--no-store", is_flag=True, help="Do not keep the certificate beside the replay.")
@json_option
def command(
    runs: Sequence[str],
    store: str,
    strategy: str | None,
    explain: bool,
    no_store: bool,
    as_json: bool,
) -> None:
    """Check that trades, fills and equity of two runs are equal, to the last bit.

    REPLAY is the latest replay if it is left out, or `latest`; ORIGINAL is the run that the replay
    names as its parent if it is left out, and `latest` there is the latest recording.

    With --explain the fills of both are matched one to one, also of two backtesters, and what has
    no cause is counted and shown.

    The certificate is kept beside the replay, if that names ORIGINAL as its parent.
    """
    if len(runs) > 2:
        raise click.UsageError("name two runs at most: the original and its replay")
    *first, replay = runs or [LATEST]
    words = {"strategy": strategy, "explain": explain}
    found, problem = _certificate(store, first[0] if first else None, replay, words, no_store)
    if as_json:
        write(found.to_dict())
    else:
        draw(found, Screen())
    if problem:
        click.echo(f"capture: the certificate was not kept: {problem}", err=True)
    if not found.exact:
        raise click.exceptions.Exit(NOT_CLEAN)


def _certificate(
    path: str, original: str | None, replayed: str, words: Mapping[str, Any], no_store: bool
) -> tuple[ParityCertificate, str]:
    """Return the certificate, and why it could not be kept."""
    from capture.replaying.parity import parity
    from capture.store.store import open_store

    with progress("comparing"):
        try:
            store = open_store(path)
            replay = store.latest("replay") if replayed == LATEST else find_run(store, replayed)
            pair = (replay,) if original is None else (find_run(store, original), replay)
            found = parity(*pair, **words)
        except (CorruptRecording, RunNotFound) as exc:
            # Their own exit status would say that the runs differ.
            raise StoreError(exc.place, exc.problem, exc.mend) from exc
        if no_store or replay.manifest["parent"] != found.original:
            return found, ""
        return _kept(found, store[found.original], replay)


def _kept(
    found: ParityCertificate, original: Recording, replay: Recording
) -> tuple[ParityCertificate, str]:
    try:
        return replay.store.keep_certificate(found, original.path), ""
    except StoreError as exc:  # the answer is worth as much in a store that cannot be written to
        return found, str(exc)


def draw(found: ParityCertificate, screen: Screen) -> None:
    """Draw what was compared, a line per table, and where the two differ first."""
    for comparison in found.comparisons:
        screen.text(safe(_line(comparison)), _colour(comparison))
    if found.first_difference is not None:
        for line in found.first_difference.context_lines():
            screen.text(safe(f"  {line}"))
    runs = f"{safe(found.replayed)} against {safe(found.original)}"
    if found.strategy is not None:
        runs += f", strategy {safe(found.strategy)}"
    nothing = len(found.empty) == len(found.comparisons)
    colour = "bold red" if not found.exact else "yellow" if nothing else "green"
    verdict = found.verdict[0].upper() + found.verdict[1:]
    screen.text(f"{safe(verdict)}: {runs}.", colour)
    if found.explanation is not None:
        explained.draw(found.explanation, screen)


def _colour(comparison: Comparison) -> str:
    if not comparison.exact:
        return "red"
    return "yellow" if comparison.empty else ""


def _line(comparison: Comparison) -> str:
    if comparison.empty:
        return f"{comparison.table}: 0 rows in both"
    rows = f"{comparison.table}: {count(comparison.equal_rows)} rows equal"
    return rows if comparison.exact else f"{rows}, then {comparison.difference}"
