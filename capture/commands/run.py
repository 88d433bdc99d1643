"""`capture run`: a user's script and the runs that it recorded, or a workflow and its results."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from capture.commands.ls import runs_record, runs_table
from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.text import plural, safe
from capture.commands.words import json_option, store_option, verb
from capture.errors import StoreError
from capture.store.layout import StoreLayout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["command"]

_KILLED: Final = 128
"""A process that a signal ended has this and the signal's number as its status, as in a shell."""

_WORKFLOWS: Final = (".yaml", ".yml")


@verb(
    "run",
    status="otherwise that of the script, 1 trials of a workflow failed, 2 it could not run",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@store_option
@json_option
@click.option(
    "--executor", metavar="NAME", help="Who works on a workflow, instead of what it says."
)
@click.option("--workers", type=click.IntRange(1), metavar="COUNT", help="How many workers.")
@click.option("--results", metavar="PATH", help="Where a workflow's results go.")
@click.option("--id", "workflow_id", metavar="ID", help="Identity of the workflow among results.")
@click.option("--resume", is_flag=True, help="Go on with the workflow that --id names.")
@click.argument("script", metavar="SCRIPT|WORKFLOW", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(
    store: str, as_json: bool, script: Path, arguments: Sequence[str], **workflow: Any
) -> None:
    """Run a Python SCRIPT and list the runs that it recorded, or run a WORKFLOW (.yaml).

    What a script wraps with `capture.wrap` goes into the store of this command, unless it names
    another. With --json, what the script prints goes to the standard error.

    A workflow keeps its results as they come: one that was killed goes on with --id ID --resume,
    and does nothing twice.
    """
    if script.suffix.lower() in _WORKFLOWS:
        from capture.commands.workflow import run_workflow

        if arguments:
            raise click.UsageError("a workflow takes no arguments; options stand before its name")
        run_workflow(script, store, as_json=as_json, **workflow)
        return
    for name, value in workflow.items():
        if value:
            option = "id" if name == "workflow_id" else name
            raise click.UsageError(f"--{option} is for workflows (.yaml), and this is a script")
    _run_script(script, arguments, store, as_json=as_json)


def _run_script(script: Path, arguments: Sequence[str], store: str, *, as_json: bool) -> None:
    if not script.is_file():
        raise StoreError(script, "there is no such script", "name a file of Python code")
    place = store if "://" in store else str(Path(store).expanduser().absolute())
    before = {run["run_id"] for run in _runs(place)}
    status = _python([str(script), *arguments], place, quiet=as_json)
    recorded = [run for run in _runs(place) if run["run_id"] not in before]
    if as_json:
        write({"status": status, "store": place, "runs": runs_record(recorded)})
    else:
        _draw(recorded, store)
    raise click.exceptions.Exit(status)


def _runs(place: str) -> list[dict[str, Any]]:
    from capture.store.store import open_store

    if "://" not in place and not StoreLayout(Path(place)).marker.exists():
        return []
    return open_store(place).summaries()


def _python(words: Sequence[str], store: str, *, quiet: bool) -> int:
    """Run a script in a process of its own, as `python SCRIPT` would; return its status.

    Whatever the script does to its process, its recordings are closed when this returns.
    """
    environment = {**os.environ, "CAPTURE_STORE": store}
    out = sys.stderr.fileno() if quiet else None
    sys.stdout.flush()
    script = subprocess.Popen([sys.executable, *words], env=environment, stdout=out)
    with script, _passing_on(script):
        status = script.wait()
    return status if status >= 0 else _KILLED - status


@contextmanager
def _passing_on(script: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave Ctrl-C to the script, which the terminal tells too, and pass on a termination."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: script.terminate()),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _draw(recorded: Sequence[dict[str, Any]], store: str) -> None:
    screen = Screen()
    if recorded:
        screen.heading(f"Recorded {plural(len(recorded), 'run')} in {safe(store)}")
        screen.table(runs_table(recorded))
    else:
        screen.heading(f"Nothing was recorded in {safe(store)}.")
        screen.text("A strategy is recorded when it is wrapped: capture.wrap(Strategy)")
