"""`capture export`: a table of a run, written to a file for other tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen, progress
from capture.commands.terminal.text import plural, safe
from capture.commands.views.overview import counts_of
from capture.commands.words import choose_run, json_option, run_argument, store_option, verb
from capture.commands.writing import FORMATS, Format, format_of, write_frame, write_whole
from capture.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd

    from capture.store.recording import Recording

__all__ = ["TABLES", "command"]

# Those of `capture.schema`, whose import takes longer than a help text should.
TABLES: Final = (
    "signals",
    "orders",
    "fills",
    "statuses",
    "regimes",
    "bars",
    "notes",
    "equity",
    "trades",
    "quarantine",
)
_STANDARD_OUTPUT: Final = "-"


@verb("export")
@run_argument
@store_option
@click.option("-o", "--output", metavar="FILE", required=True, help="File to write; - is stdout.")
@click.option(
    "--table",
    type=click.Choice(TABLES),
    default="signals",
    show_default=True,
    help="Table to write.",
)
@click.option("--all", "everything", is_flag=True, help="Write every table, into a folder.")
@click.option(
    "--format",
    "wanted",
    type=click.Choice(FORMATS),
    help="Form of the file.  [default: as its suffix says; parquet with --all]",
)
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@json_option
def command(
    run: str,
    store: str,
    output: str,
    table: str,
    everything: bool,
    wanted: Format | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write the signals of RUN, or another table, to a file.

    A signal has one row, with its market data, indicators, parameters and what became of it.
    """
    recording = choose_run(store, run)
    if output == _STANDARD_OUTPUT:
        if everything or as_json:
            raise click.UsageError("one table at a time fits on stdout, and nothing beside it")
        stream = sys.stdout.buffer
        write_frame(_frame(recording, table), wanted or "csv", stream, lambda _rows: None)
        stream.flush()
        return
    place = Path(output)
    if everything:
        rows = _write_all(recording, place, wanted or "parquet", force=force)
    else:
        form = wanted or format_of(place)
        rows = {table: _write_one(recording, table, place, form, force=force)}
    if as_json:
        write({"run_id": recording.run_id, "output": str(place), "rows": rows})
    else:
        said = ", ".join(f"{number:,} {name}" for name, number in rows.items())
        Screen().text(f"Wrote {said or 'nothing'} to {safe(place)}.")


def _frame(recording: Recording, table: str) -> pd.DataFrame:
    from capture.store.frames import to_frame

    # These three are more than what is stored under their names.
    joined = {"signals": recording.signals, "bars": recording.bars, "notes": recording.notes}
    return joined[table]() if table in joined else to_frame(recording.table(table))


def _write_one(recording: Recording, table: str, place: Path, form: Format, *, force: bool) -> int:
    if place.exists() and not force:
        raise StoreError(place, "the file is there already", "choose another, or add --force")
    if place.is_dir():
        raise StoreError(place, "this is a folder", "name a file, or add --all")
    frame = _frame(recording, table)
    with progress(f"writing {plural(len(frame), 'row')}", len(frame)) as done:
        write_whole(place, lambda stream: write_frame(frame, form, stream, done))
    return len(frame)


def _write_all(recording: Recording, folder: Path, form: Format, *, force: bool) -> dict[str, int]:
    if folder.exists() and not folder.is_dir():
        raise StoreError(folder, "this is a file", "with --all, name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise StoreError(folder, "the folder is not empty", "choose another, or add --force")
    folder.mkdir(parents=True, exist_ok=True)
    names = [*counts_of(recording)]
    if "bars" not in names and any(part.base for part in recording.parts):
        names.append("bars")
    return {
        name: _write_one(recording, name, folder / f"{name}.{form}", form, force=force)
        for name in names
    }
