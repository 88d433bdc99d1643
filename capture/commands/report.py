"""`capture report`: everything that there is to know of a run, as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen, progress
from capture.commands.terminal.text import of_bytes, safe
from capture.commands.words import (
    choice_options,
    choose_run,
    json_option,
    refuse_unknown,
    run_argument,
    store_option,
    verb,
)
from capture.errors import StoreError

__all__ = ["command"]


@verb("report")
@run_argument
@store_option
@click.option("-o", "--output", metavar="FILE", required=True, help="HTML file to write.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@click.option("--no-hashes", is_flag=True, help="Do not check every byte, as `verify` does.")
@choice_options
@json_option
def command(
    run: str,
    store: str,
    output: str,
    force: bool,
    no_hashes: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Write the report on RUN as one HTML page, which opens without a network.

    It begins with the findings, and shows the signals over prices and equity, why some did not
    trade, what they earned and knew, patterns, consistency, and where the run comes from.
    """
    place = Path(output)
    if place.is_dir():
        raise StoreError(place, "this is a folder", "name a file")
    if place.exists() and not force:
        raise StoreError(place, "the file is there already", "choose another, or add --force")
    recording = choose_run(store, run)
    refuse_unknown(recording, chosen)
    with progress("writing the report"):
        from capture.report import compute, write_page

        report = compute(
            recording,
            chosen["start"] or None,
            chosen["end"] or None,
            chosen["symbols"] or None,
            chosen["strategies"] or None,
            chosen["regimes"] or None,
            hashes=not no_hashes,
        )
        write_page(report, place)
    size = place.stat().st_size
    if as_json:
        points = [point._asdict() for point in report.points]
        write({"run_id": report.run_id, "output": str(place), "bytes": size, "findings": points})
        return
    screen = Screen()
    for point in report.points:
        screen.text(f"{point.tone}: {safe(point.about)}. {safe(point.text)}")
    screen.text(f"Wrote {safe(place)}, {of_bytes(size)}.", "green")
