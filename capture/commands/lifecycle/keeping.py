"""The verbs that keep the database in order: expiry, archives, migration, verification."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

import click

from capture.commands.lifecycle.words import as_time, database_option, length_of_time, opened
from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen, progress
from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import count, moment, of_bytes, plural, safe
from capture.commands.words import (
    NOT_CLEAN,
    choose_run,
    json_option,
    run_argument,
    store_option,
    verb,
)
from capture.errors import UnknownName

if TYPE_CHECKING:
    from capture.contracts.outbox import Outbox
    from capture.lifecycle.verification import DatabaseVerification

__all__ = ["VERBS", "verify_database"]

_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


@verb("expire", status="2 it could not run")
@database_option
@click.option(
    "--max-age",
    metavar="LENGTH",
    callback=length_of_time,
    help="Of those without a validity: how old they may become, such as 12h or 5d.",
)
@_dry_run
@json_option
def expire(db: str | None, max_age: timedelta | None, dry_run: bool, as_json: bool) -> None:
    """Let signals whose time is over expire.

    One whose order stands becomes expired; one of which no order went out is missed.
    """
    with opened(db) as repository:
        found = repository.expire_signals(max_age=max_age, dry_run=dry_run)
    if as_json:
        write({"dry_run": dry_run, "signals": {name: str(s) for name, s in found.items()}})
        return
    counts = Counter(map(str, found.values()))
    said = ", ".join(f"{count(number)} {status}" for status, number in sorted(counts.items()))
    Screen().text(f"{'Would be' if dry_run else 'Now'}: {said}." if said else "Nothing to expire.")


@verb("archive", status="2 it could not run")
@database_option
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    default="archive",
    show_default=True,
    help="Where archives go.",
)
@click.option(
    "--older-than",
    metavar="LENGTH",
    required=True,
    callback=length_of_time,
    help="How long ago a signal must have come to its final state, such as 90d.",
)
@_dry_run
@json_option
def archive(
    db: str | None, output: str, older_than: timedelta, dry_run: bool, as_json: bool
) -> None:
    """Move finished signals, with all that belongs to them, into Parquet files.

    A signal whose position is open stays. `capture lifecycle restore` brings an archive back.
    """
    with opened(db) as repository, progress("archiving"):
        done = repository.archive_signals(output, older_than=older_than, dry_run=dry_run)
    if as_json:
        write(done.to_dict())
        return
    screen = Screen()
    moved = "Would move" if dry_run else "Moved"
    what = f"{plural(done.signals, 'signal')} with {plural(done.changes, 'change')}"
    screen.text(f"{moved} {what} and {plural(done.fills, 'fill')}.")
    screen.facts({status: count(number) for status, number in done.by_status.items()})
    if done.archives:
        screen.text(f"{safe(output)}: {', '.join(done.archives)} ({of_bytes(done.bytes)})")
    if done.kept:
        screen.text(f"{plural(done.kept, 'signal')} changed meanwhile and stayed.", "yellow")


@verb("archives", status="2 it could not run")
@database_option
@json_option
def archives(db: str | None, as_json: bool) -> None:
    """List the archives that were made of the database."""
    with opened(db) as repository:
        found = repository.archives()
    if as_json:
        write([{**each, "begun_ns": as_time(each["begun_ns"])} for each in found])
        return
    screen = Screen()
    if not found:
        screen.text("No archives.")
        return
    screen.table(
        Table.of(
            Column("ARCHIVE", [each["archive_id"] for each in found]),
            Column("MADE", [moment(as_time(each["begun_ns"])) for each in found], rank=2),
            Column("SIGNALS", [count(each["signals"]) for each in found], right=True),
            Column("STATE", [each["state"] for each in found]),
            Column("FOLDER", [safe(each["folder"]) for each in found], rank=1),
        )
    )


@verb("restore", status="1 the archive is not what was written, 2 it could not run")
@click.argument("archive_id", metavar="ARCHIVE")
@database_option
@click.option("--from", "folder", metavar="FOLDER", help="Where it lies now, if it was moved.")
@json_option
def restore(archive_id: str, db: str | None, folder: str | None, as_json: bool) -> None:
    """Bring the signals of an archive back into the database; its files stay."""
    with opened(db) as repository, progress("restoring"):
        number = repository.restore_archive(archive_id, Path(folder) if folder else None)
    if as_json:
        write({"archive_id": archive_id, "signals": number})
    else:
        Screen().text(f"Restored {plural(number, 'signal')}.")


@verb("forget", status="2 it could not run")
@database_option
@click.option("--sink", metavar="NAME", multiple=True, help="Of this sink; all, if none is named.")
@click.option(
    "--older-than",
    metavar="LENGTH",
    required=True,
    callback=length_of_time,
    help="How long ago an item must have been sent, such as 30d.",
)
@_dry_run
@json_option
def forget(
    db: str | None, sink: tuple[str, ...], older_than: timedelta, dry_run: bool, as_json: bool
) -> None:
    """Take out of the outbox what remote systems have had for long.

    What was not sent yet, or was given up, stays, and so do all signals.
    """
    before_ns = time_ns() - round(older_than.total_seconds() * 1e9)
    with opened(db) as repository, progress("forgetting"):
        outbox: Outbox = repository.outbox()
        known = outbox.sinks()
        for name in sink:
            if name not in known:
                raise UnknownName("sink of this outbox", name, known)
        found = {each: outbox.forget(each, before_ns, dry_run=dry_run) for each in sink or known}
    if as_json:
        write({"dry_run": dry_run, "items": found})
        return
    done = "Would take" if dry_run else "Took"
    said = ", ".join(f"{plural(n, 'item')} of {safe(name)}" for name, n in found.items() if n)
    Screen().text(f"{done} {said} out of the outbox." if said else "Nothing to forget.")


@verb("import")
@run_argument
@store_option
@database_option
@json_option
def import_(run: str, store: str, db: str | None, as_json: bool) -> None:
    """Bring the signals of RUN, and what became of them, from the recording into the database.

    What is there already is left alone: it may be repeated.
    """
    recording = choose_run(store, run)
    with opened(db) as repository, progress("importing"):
        number = repository.import_recording(recording)
    if as_json:
        write({"run_id": recording.run_id, "events": number})
    else:
        Screen().text(f"{safe(recording.run_id)}: {plural(number, 'event')} new.")


@verb("migrate", status="2 it could not run")
@database_option
@json_option
def migrate(db: str | None, as_json: bool) -> None:
    """Bring the database to the newest version of its schema, in one transaction."""
    from capture.host import get_host

    repository: Any = get_host().repository("sql")
    before, after = repository.migrate(db)
    if as_json:
        write({"before": before, "after": after})
    elif before == after:
        Screen().text(f"The schema is of version {after} already.")
    else:
        Screen().text(f"The schema was of version {before or 'none'} and is now of {after}.")


@verb("verify", status="1 something is corrupt, 2 it could not run")
@database_option
@json_option
def verify(db: str | None, as_json: bool) -> None:
    """Check that every stored field is what was written, and that no change is missing."""
    verify_database(db, as_json)


def verify_database(db: str | None, as_json: bool) -> None:
    """Check a database, tell what was found, and end with its exit status."""
    with opened(db) as repository, progress("verifying"):
        found = repository.verify()
    if as_json:
        write(found.to_dict())
    else:
        _draw_verification(found, Screen())
    if not found.ok:
        raise click.exceptions.Exit(NOT_CLEAN)


def _draw_verification(found: DatabaseVerification, screen: Screen) -> None:
    """Draw what is wrong in a database, a line each, and what was checked."""
    for finding in found.findings:
        screen.text(safe(finding), "red")
    checked = f"{plural(found.signals, 'signal')}, {plural(found.changes, 'change')} checked"
    if found.ok:
        screen.text(f"Clean: {checked} in {safe(found.database)}.", "green")
    else:
        problems = plural(len(found.findings), "problem")
        screen.text(f"Corrupt: {problems} in {checked} in {safe(found.database)}.", "bold red")


VERBS: Final = (import_, expire, archive, archives, restore, forget, migrate, verify)
