"""`capture deliver`: send what is in the outbox of a database to a remote system."""

from __future__ import annotations

import json
import signal
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click

from capture.commands.lifecycle.words import as_time, database_option, length_of_time, opened
from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import count, duration, moment, plural, safe
from capture.commands.words import NOT_CLEAN, json_option, verb

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from capture.contracts.outbox import DeadLetter, Outbox, OutboxCounts
    from capture.lifecycle.delivery import Round, Sender

__all__ = ["command"]


def _settings(
    _ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]
) -> dict[str, Any]:
    """Return the settings of the sink: JSON where a value is JSON, else text."""
    found = {}
    for number, text in enumerate(given, 1):
        name, sign, value = text.partition("=")
        if not sign or not name.isidentifier():  # which may be a secret, and is not repeated
            raise click.BadParameter(f"the one of place {number} is not of the form NAME=VALUE")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


@verb("deliver", status="1 something was given up or the remote takes nothing, 2 it could not run")
@database_option
@click.option(
    "--sink",
    metavar="NAME",
    default="http",
    show_default=True,
    help="The remote sink, as `capture plugins` lists it.",
)
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_settings,
    help="A setting of the sink, such as url=https://signals.example/items; never a secret.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on until interrupted.")
@click.option(
    "--rate",
    metavar="N",
    type=click.FloatRange(min=0, min_open=True),
    help="Send no more items than this in a second.",
)
@click.option(
    "--retries",
    metavar="N",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="How often an item is sent again before it is given up.",
)
@click.option(
    "--keep-sent",
    metavar="LENGTH",
    callback=length_of_time,
    help="Take items out of the outbox that were sent longer ago than this, such as 30d.",
)
@click.option("--dead", is_flag=True, help="List the items that were given up, and send nothing.")
@click.option(
    "--resend",
    is_flag=True,
    help="Make the items that were given up due again, all or those of --item, and send nothing.",
)
@click.option("--item", "items", metavar="ID", type=int, multiple=True, help="With --resend.")
@json_option
def command(
    db: str | None,
    sink: str,
    dead: bool,
    resend: bool,
    items: tuple[int, ...],
    as_json: bool,
    **sending: Any,
) -> None:
    """Send every change that waits for SINK, until none is left.

    The sink's secret comes from the environment (of "http" it is CAPTURE_HTTP_TOKEN). Several of
    these may run at the same time, also on several machines.
    """
    if sum((dead, resend, sending["follow"])) > 1:
        raise click.UsageError("--follow, --dead and --resend exclude one another")
    if items and not resend:
        raise click.UsageError("--item says which items to --resend")
    with opened(db) as repository:
        outbox: Outbox = repository.outbox()
        if dead:
            _list(outbox.dead(sink), as_json)
        elif resend:
            _resend(outbox, sink, items, as_json)
        else:
            _send(outbox, sink, as_json=as_json, **sending)


# --- dead letters --------------------------------------------------------------------------------


def _list(letters: list[DeadLetter], as_json: bool) -> None:
    if as_json:
        write([_record(letter) for letter in letters])
        return
    screen = Screen()
    if not letters:
        screen.text("Nothing was given up.", "green")
        return
    screen.table(
        Table.of(
            Column("ITEM", [str(letter.id) for letter in letters], right=True),
            Column("SIGNAL", [safe(letter.signal_id) for letter in letters]),
            Column("CHANGE", [safe(letter.kind) for letter in letters], rank=2),
            Column("SINCE", [moment(as_time(letter.created_ns)) for letter in letters], rank=2),
            Column("TRIED", [count(letter.attempts) for letter in letters], right=True, rank=3),
            Column("PROBLEM", [safe(letter.problem or "") for letter in letters]),
        )
    )


def _record(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "signal_id": letter.signal_id,
        "sink": letter.sink,
        "kind": letter.kind,
        "attempts": letter.attempts,
        "created": as_time(letter.created_ns),
        "problem": letter.problem,
    }


def _resend(outbox: Outbox, sink: str, items: tuple[int, ...], as_json: bool) -> None:
    number = outbox.resend(sink, items or None)
    if as_json:
        write({"resend": number})
    else:
        Screen().text(f"{plural(number, 'item')} will be sent again.")
    if items and number < len(set(items)):
        raise click.exceptions.Exit(NOT_CLEAN)


# --- sending -------------------------------------------------------------------------------------


def _send(outbox: Outbox, sink: str, *, follow: bool, as_json: bool, **words: Any) -> None:
    with closing(_sender(outbox, sink, **words)) as sender, _until_stopped(sender):
        started = time.monotonic()
        if follow:
            sender.follow()
        else:
            sender.drain()
        done, counts = sender.totals, outbox.counts(sink)
        seconds = time.monotonic() - started
    if as_json:
        write(_outcome(done, counts, seconds))
    else:
        _draw(done, counts, seconds)
    if not follow and (done.dead or done.unavailable is not None):
        raise click.exceptions.Exit(NOT_CLEAN)


def _sender(
    outbox: Outbox,
    sink: str,
    settings: Mapping[str, Any],
    rate: float | None,
    retries: int,
    keep_sent: timedelta | None,
) -> Sender:
    from capture.errors import ConfigError
    from capture.host import get_host
    from capture.lifecycle.delivery import RetryPolicy, Sender, TokenBucket

    make = get_host().remote_sink(sink)
    try:
        remote = make(**settings)
    except TypeError as exc:
        raise ConfigError("--set", sorted(settings), f"the sink {sink} says: {exc}") from exc
    return Sender(
        outbox,
        remote,
        name=sink,
        policy=RetryPolicy(retries=retries),
        rate=None if rate is None else TokenBucket(rate),
        lease_s=max(60.0, 3 * remote.timeout_s),
        keep_sent=keep_sent,
    )


@contextmanager
def _until_stopped(sender: Sender) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end the send that goes on, and then the sender."""
    before = {}
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            before[number] = signal.signal(number, lambda *_: sender.ask_to_stop())
        except ValueError:  # not the main thread, where somebody else sees to it
            break
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _outcome(done: Round, counts: OutboxCounts, seconds: float) -> dict[str, Any]:
    return {
        "sent": done.sent,
        "failed": done.failed,
        "given_up": done.dead,
        "unavailable": done.unavailable,
        "seconds": round(seconds, 3),
        "pending": counts.pending,
        "held": counts.held,
        "dead": counts.dead,
    }


def _draw(done: Round, counts: OutboxCounts, seconds: float) -> None:
    screen = Screen()
    screen.text(f"Sent {plural(done.sent, 'item')} in {duration(seconds)}.")
    if done.unavailable is not None:
        screen.text(f"The remote takes nothing: {safe(done.unavailable)}", "bold red")
    if done.dead:
        screen.text(f"Gave up {plural(done.dead, 'item')}; --dead lists them.", "bold red")
    screen.facts(
        {
            "waiting": count(counts.pending - counts.held),
            "held behind one that was given up": count(counts.held) if counts.held else "",
            "given up": count(counts.dead),
        }
    )
