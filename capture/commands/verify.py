"""`capture verify`: whether every byte is what was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from capture.commands.auditing import verify_log
from capture.commands.lifecycle.keeping import verify_database
from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen, progress
from capture.commands.terminal.text import plural, safe
from capture.commands.words import NOT_CLEAN, find_run, json_option, store_option, verb
from capture.errors import CorruptRecording, RunNotFound, StoreError

if TYPE_CHECKING:
    from capture.store.verify import Verification

__all__ = ["command", "draw"]


@verb("verify", status="1 something is corrupt, 2 it could not run")
@click.argument("run", metavar="[RUN]", required=False)
@store_option
@click.option(
    "--key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Check the signatures with this key.",
)
@click.option("--db", metavar="URL", help="Check this database of signals instead of a store.")
@click.option("--audit", metavar="PATH", help="Check this audit log instead of a store.")
@json_option
def command(
    run: str | None,
    store: str,
    key: Path | None,
    db: str | None,
    audit: str | None,
    as_json: bool,
) -> None:
    """Check that every byte of RUN is what was recorded; of all runs, if none is named.

    What is corrupt is named: the run, the file, and the signals that it concerns. In a database it
    is the signal and the field, in an audit log the file and the line.
    """
    if audit is not None:
        if run is not None or db is not None:
            raise click.UsageError("--audit checks an audit log, and nothing else")
        verify_log(audit, _existing(key), as_json)
        return
    if db is not None:
        if run is not None or key is not None:
            raise click.UsageError("--db checks a database, which has neither runs nor signatures")
        verify_database(db, as_json)
        return
    found = _verify(store, run, key)
    if as_json:
        write(found.to_dict())
    else:
        draw(found, Screen())
    if not found.ok:
        raise click.exceptions.Exit(NOT_CLEAN)


def _verify(store: str, run: str | None, key: Path | None) -> Verification:
    from capture.store.store import open_store
    from capture.store.verify import verify

    key = _existing(key)
    with progress("verifying"):
        try:
            opened = open_store(store)
            run_id = None if run is None else find_run(opened, run).run_id
        except CorruptRecording:
            return verify(store, key=key)
        except RunNotFound as exc:
            # Its own exit status would say that something is corrupt.
            raise StoreError(exc.place, exc.problem, exc.mend) from exc
        return verify(opened, run_id, key=key)


def _existing(key: Path | None) -> Path | None:
    if key is not None and not key.is_file():
        raise StoreError(key, "there is no such key file", "name the file that --key is to read")
    return key


def draw(found: Verification, screen: Screen) -> None:
    """Draw what is wrong, a line each, and what was checked."""
    for finding in found.findings:
        screen.text(safe(finding), "red")
    for run_id, state in found.unsealed.items():
        screen.text(f"run {safe(run_id)}: {safe(state)}, not sealed yet", "yellow")
    checked = ", ".join(
        plural(number, word)
        for number, word in ((found.runs, "run"), (found.files, "file"), (found.signals, "signal"))
    )
    if found.ok:
        screen.text(f"Clean: {checked} checked.", "green")
    else:
        problems = plural(len(found.findings), "problem")
        screen.text(f"Corrupt: {problems} in {checked}.", "bold red")
