"""The words that several verbs share: the store, the run, and the form of the answer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click

from capture.commands.terminal.text import safe
from capture.errors import RunNotFound, UnknownName
from capture.wrapping import default_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.store.recording import Recording
    from capture.store.store import Store

__all__ = [
    "LATEST",
    "NOT_CLEAN",
    "choice_options",
    "choose_run",
    "entry_option",
    "find_run",
    "json_option",
    "newest_run",
    "refuse_unknown",
    "results_option",
    "run_argument",
    "store_option",
    "verb",
    "with_debug",
]

LATEST: Final = "latest"
NOT_CLEAN: Final = 1
"""Exit status of a negative answer."""

DEBUG: Final = "capture.debug"
"""Under this name the invocation remembers that tracebacks are wanted."""

store_option = click.option(
    "--store",
    metavar="PATH",
    default=default_store,
    help="Folder or URL of the store.  [default: CAPTURE_STORE, or signals]",
)
results_option = click.option(
    "--results",
    metavar="PATH",
    default=lambda: os.environ.get("CAPTURE_RESULTS", "results"),
    help="Folder of results.  [default: CAPTURE_RESULTS, or results]",
)
run_argument = click.argument("run", metavar="[RUN]", default=LATEST)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Answer with one JSON document, and nothing else."
)

entry_option = click.option(
    "--entry",
    type=click.Choice(["next_open", "close"]),
    help="Where returns begin.  [default: next_open; close where no bars have an open]",
)


_CHOICES: Final = (
    click.option("--from", "start", metavar="TIME", help="Leave out earlier signals."),
    click.option("--to", "end", metavar="TIME", help="Leave out later signals."),
    click.option("--symbol", "symbols", multiple=True, metavar="NAME", help="Only this symbol."),
    click.option(
        "--strategy", "strategies", multiple=True, metavar="ID", help="Only this strategy."
    ),
    click.option("--regime", "regimes", multiple=True, metavar="NAME", help="Only this regime."),
)


def choice_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose signals: by time, symbol, strategy and regime."""
    for option in reversed(_CHOICES):
        function = option(function)
    return function


def refuse_unknown(recording: Recording, chosen: Mapping[str, Any]) -> None:
    """Refuse symbols and strategies that a run has no signal of: they are misspelt."""
    for column, option in (("symbol", "symbols"), ("strategy_id", "strategies")):
        if not chosen[option]:
            continue
        known = {str(name) for name in recording.signals(columns=[column])[column].dropna()}
        for name in chosen[option]:
            if name not in known:
                raise UnknownName(f"{column.removesuffix('_id')} of this run", name, known)


def _remember_debug(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        ctx.meta[DEBUG] = True


def debug_option() -> click.Option:
    """Return the option that every verb has: `with_debug` gives it to them."""
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_remember_debug,
        help="Show the traceback of an error.",
    )


def with_debug(command: click.Command) -> click.Command:
    """Give a verb the option `--debug`, and every verb below it, whoever offers it."""
    if not any("--debug" in option.opts for option in command.params):
        command.params.append(debug_option())
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        with_debug(below)
    return command


def verb(
    name: str,
    *,
    status: str = "1 the run was not found or is corrupt, 2 it could not run",
    **settings: Any,
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a verb of a function; its help ends with the exit status.

    Args:
        name: the word that the user types.
        status: what its exit status says, beside 0.
        **settings: further words for `click.command`.
    """
    return click.command(name, epilog=f"Exit status: 0 well, {status}.", **settings)


def find_run(store: Store, run: str) -> Recording:
    """Return the run that a word names: an identity, the beginning of one, or `latest`."""
    return store.latest() if run == LATEST else store[run]


def choose_run(path: str, run: str) -> Recording:
    """Open a store and return the run that a word names."""
    from capture.store.store import open_store

    return find_run(open_store(path), run)


def newest_run(store: Store, run: str) -> Recording:
    """Return the run that a word names, `latest` being the one that began last."""
    if run != LATEST:
        return store[run]
    began = [row for row in store.summaries() if row["started"]]
    if not began:
        raise RunNotFound(safe(store.url), "no run was recorded here", "record one first")
    return store[began[-1]["run_id"]]
