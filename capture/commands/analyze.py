"""`capture analyze`: how good the signals of a run are, and whether they agree with themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen, progress
from capture.commands.terminal.text import safe
from capture.commands.words import (
    NOT_CLEAN,
    choice_options,
    entry_option,
    find_run,
    json_option,
    refuse_unknown,
    run_argument,
    store_option,
    verb,
)
from capture.errors import CorruptRecording, RunNotFound, StoreError

if TYPE_CHECKING:
    from capture.analysis.consistency import ConsistencyReport
    from capture.analysis.forward import Entry

__all__ = ["command", "draw"]

_COLOURS = {"error": "red", "warning": "yellow", "note": ""}


@verb(
    "analyze",
    status="with --check 1 it is not consistent, 2 it could not run",
)
@run_argument
@store_option
@click.option("--check", "only_check", is_flag=True, help="Check consistency only; see the status.")
@click.option("--no-hashes", is_flag=True, help="Do not check every byte, as `verify` does.")
@entry_option
@choice_options
@json_option
def command(
    run: str,
    store: str,
    only_check: bool,
    no_hashes: bool,
    entry: Entry | None,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Analyze the signals of RUN: their quality, and whether they agree with themselves.

    Each finding names its check, how bad it is, the events that it concerns and what to do. Errors
    and warnings make a run inconsistent; notes do not.
    """
    quality, report = _analyze(store, run, only_check, not no_hashes, entry, chosen)
    if as_json:
        told = {} if quality is None else {"quality": quality.to_dict()}
        write({**told, "consistency": report.to_dict()})
    else:
        screen = Screen()
        if quality is not None:
            for line in str(quality).splitlines():
                screen.text(safe(line))
            screen.heading("Consistency")
        draw(report, screen)
    if only_check and not report.is_consistent:
        raise click.exceptions.Exit(NOT_CLEAN)


def _analyze(
    place: str,
    run: str,
    only_check: bool,
    hashes: bool,
    entry: Entry | None,
    chosen: dict[str, Any],
) -> tuple[Any, ConsistencyReport]:
    from capture.analysis.analyzer import SignalAnalyzer
    from capture.store.store import open_store

    with progress("analyzing"):
        try:
            recording = find_run(open_store(place), run)
            refuse_unknown(recording, chosen)
            analyzer = SignalAnalyzer(recording)
            analyzer.load_signals(
                chosen["start"] or None,
                chosen["end"] or None,
                chosen["symbols"] or None,
                chosen["strategies"] or None,
                chosen["regimes"] or None,
            )
            quality = None if only_check else analyzer.analyze_signal_quality(entry=entry)
            return quality, analyzer.validate_signal_consistency(hashes=hashes)
        except (CorruptRecording, RunNotFound) as exc:
            if not only_check:
                raise
            # Their own exit status would say that the run is not consistent.
            raise StoreError(exc.place, exc.problem, exc.mend) from exc


def draw(report: ConsistencyReport, screen: Screen) -> None:
    """Draw the findings with their mends, and the verdict."""
    for finding in report.findings:
        screen.text(safe(finding), _COLOURS[finding.severity])
        screen.text(f"  {safe(finding.mend)}")
    for name, why in report.skipped.items():
        screen.text(f"not checked: {safe(name)}, {safe(why)}")
    screen.text(safe(report.summary()), "green" if report.is_consistent else "bold red")
