"""`capture tail`: signals, as they are recorded."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import click

from capture.commands.terminal.document import json_line, rows_of
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.text import amount, is_absent, moment, safe
from capture.commands.views.overview import these
from capture.commands.views.signals import want
from capture.commands.words import newest_run, run_argument, store_option, verb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from capture.store.recording import Recording
    from capture.store.store import Store

__all__ = ["command"]

_PAUSE_SECONDS: Final = 0.2
_PATIENCE: Final = 5
"""How often a read that crossed the sealing of its part is tried again."""


@verb("tail")
@run_argument
@store_option
@click.option(
    "-n",
    "--rows",
    metavar="N",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="How many of the signals that are there to begin with.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line and signal.")
def command(run: str, store: str, rows: int, follow: bool, as_json: bool) -> None:
    """Print the last signals of RUN, also while another process records it.

    "latest" is here the run that began last.
    """
    from capture.store.store import open_store

    opened = open_store(store)
    run_id = newest_run(opened, run).run_id
    put = _writer(as_json=as_json)
    following = Following(opened, run_id)
    for row in rows_of(following.unseen(rows)):
        put(row)
    while follow and following.running:
        time.sleep(max(_PAUSE_SECONDS, following.seconds))
        for row in rows_of(following.unseen()):
            put(row)


class Following:
    """A run that is read again and again; remembers what it has shown of each part."""

    def __init__(self, store: Store, run_id: str) -> None:
        """Follow this run."""
        self.running = True
        self.seconds = 0.0
        self._store = store
        self._run_id = run_id
        self._shown: dict[int, int] = {}

    def unseen(self, most: int | None = None) -> pd.DataFrame:
        """Return the signals that came since this was asked last, or the last `most` of them."""
        started = time.monotonic()
        for left in reversed(range(_PATIENCE)):
            recording = self._store[self._run_id]
            # Asked for before the signals: what comes after a run has ended is nothing.
            running = recording.state == "running"
            try:
                found = self._read(recording, most)
                break
            except Exception:
                if not left or not running:
                    raise
                time.sleep(_PAUSE_SECONDS)
        self.running = running
        self.seconds = time.monotonic() - started
        return found

    def _read(self, recording: Recording, most: int | None) -> pd.DataFrame:
        numbers = recording.signals(columns=["part", "seq"])
        new = numbers[numbers["seq"] > numbers["part"].map(self._shown).fillna(-1)]
        wanted = new if most is None else new.iloc[len(new) - min(most, len(new)) :]
        found = these(recording, wanted)
        # The rows are in order, so that the last of a part stays.
        self._shown.update(zip(new["part"].tolist(), new["seq"].tolist(), strict=True))
        return found


def _writer(*, as_json: bool) -> Callable[[Mapping[str, Any]], None]:
    """Return what prints a signal at once, however the output is buffered."""
    if as_json:
        return lambda row: click.echo(json_line(row))
    screen = Screen()

    def put(row: Mapping[str, Any]) -> None:
        screen.text(_line(row))
        screen.flush()

    return put


def _line(row: Mapping[str, Any]) -> str:
    """Return a signal as one line, whose columns stand under those of the line before."""
    close = row.get("market_close")
    words = (
        f"{row['part']}.{row['seq']}".ljust(8),
        moment(row["timestamp"]),
        safe(row["symbol"] or "").ljust(8),
        want(row["direction"]).ljust(4),
        safe(row["signal_type"] or "").ljust(10),
        ("" if is_absent(close) else amount(close)).rjust(10),
        ("" if is_absent(row["strength"]) else amount(row["strength"])).rjust(8),
        safe(row["disposition"] or ""),
        safe(row["reason"] or ""),
    )
    return "  ".join(words).rstrip()
