"""`capture check-replay`: whether the signals of a script's strategies depend on the settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Final, TypeVar

import click

from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen, progress
from capture.commands.terminal.text import count, plural, safe
from capture.commands.words import NOT_CLEAN, json_option, verb
from capture.errors import RunNotFound, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO

    from capture.replaying.check import Outcome, ReplayCheck

__all__ = ["command", "draw", "repeated"]

T = TypeVar("T")

_TAIL_BYTES: Final = 4096
_SHOWN: Final = 3


@verb(
    "check-replay",
    status="1 the signals depend on the settings, 2 it could not run",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "--setting",
    "settings",
    multiple=True,
    metavar="NAME",
    help="Perturb this setting only; may be given several times.  [default: all the host has]",
)
@json_option
@click.argument("script", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(settings: Sequence[str], as_json: bool, script: Path, arguments: Sequence[str]) -> None:
    """Run a Python SCRIPT under several host settings, and see whether its signals change.

    A replay under other settings is valid only where they do not. The script runs as it is, then
    once more, and then with more and less cash, with more commission and slippage, and with fills
    at another moment, as far as its backtester has such settings. What it records goes into
    temporary stores, whatever store it names, and what it prints is not shown.
    """
    found = _check(script, arguments, settings)
    if as_json:
        write(found.to_dict())
    else:
        draw(found, Screen())
    if not found.independent:
        raise click.exceptions.Exit(NOT_CLEAN)


def _check(script: Path, arguments: Sequence[str], settings: Sequence[str]) -> ReplayCheck:
    from capture.replaying.check import check_replay

    doing = "running the script under several settings"
    return repeated(
        doing, script, arguments, lambda run: check_replay(run, perturbations=settings or None)
    )


def repeated(
    doing: str, script: Path, arguments: Sequence[str], judge: Callable[[Callable[[], None]], T]
) -> T:
    """Return what a judgement comes to that is given what runs a script, as often as it is called.

    Args:
        doing: what is shown meanwhile.
        script: the user's script.
        arguments: its own arguments.
        judge: the judgement.
    """
    if not script.is_file():
        raise StoreError(script, "there is no such script", "name a file of Python code")
    words = [sys.executable, str(script), *arguments]
    with progress(doing) as advance:

        def run() -> None:
            _python(words, script)
            advance(1)

        try:
            return judge(run)
        except RunNotFound as exc:
            # Its own exit status would be that of a negative answer.
            raise StoreError(script, exc.problem, exc.mend) from exc


def _python(words: Sequence[str], script: Path) -> None:
    """Run a script in a process of its own, as `python SCRIPT` would."""
    with TemporaryFile() as said:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, check=False
        )
        if done.returncode:
            raise StoreError(
                script,
                f"it ended with status {done.returncode} ({_last_line(said)})",
                f"see that `python {script}` runs",
            )


def _last_line(said: IO[bytes]) -> str:
    said.seek(0, 2)
    said.seek(max(0, said.tell() - _TAIL_BYTES))
    lines = said.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"


def draw(found: ReplayCheck, screen: Screen) -> None:
    """Draw a line per perturbation, and what it comes to."""
    names = ", ".join(map(safe, found.strategies[:_SHOWN]))
    more = f" and {count(len(found.strategies) - _SHOWN)} more" if found.strategies[_SHOWN:] else ""
    screen.heading(f"{names}{more}: {plural(found.signals, 'signal')}")
    for outcome in found.outcomes:
        screen.text(safe(outcome), _colour(outcome))
    first = found.first_change
    if first is None:
        screen.text("Independent: no signal changed under any of these settings.", "green")
    else:
        screen.text(
            f"Dependent: from bar {first.bar_index} on under {safe(first.perturbation)}; "
            "a replay is valid under the same settings only.",
            "bold red",
        )


def _colour(outcome: Outcome) -> str:
    if outcome.change is not None:
        return "red"
    return "yellow" if outcome.problem else ""
