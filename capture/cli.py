"""The command `capture`: a group whose verbs come from the plugin host, one import per use."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from capture._version import __version__
from capture.commands.terminal.text import safe
from capture.commands.words import DEBUG, NOT_CLEAN, debug_option, with_debug
from capture.errors import (
    CaptureError,
    CorruptRecording,
    RunNotFound,
    SignalNotFound,
    did_you_mean,
)
from capture.host import get_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["cli", "main"]

COULD_NOT_RUN: Final = 2
INTERRUPTED: Final = 130
CLOSED_PIPE: Final = 141
"""As the shell counts them: 128 and the number of the signal."""

_EPILOG: Final = """\b
Exit status:
  0    well
  1    a negative answer: a recording is corrupt, a run was not found
  2    it could not run: a wrong option, no store, no permission
  130  interrupted with Ctrl-C
  141  the reader of a pipe had gone, as after | head
"""


class Verbs(click.Group):
    """The group of all verbs; none of them is imported to be listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the verbs, in the order in which plugins offer them."""
        return list(get_host().commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        host = get_host()
        return with_debug(host.command(cmd_name)) if cmd_name in host.commands() else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that was typed, or say which one may have been meant."""
        known = get_host().commands()
        if args[0] not in known and not args[0].startswith("-") and not ctx.resilient_parsing:
            hint = did_you_mean(args[0], known) or f" There are: {', '.join(known)}."
            raise click.UsageError(f'there is no verb "{args[0]}".{hint}', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs by what they say of themselves."""
        rows = [(name, info.summary) for name, info in get_host().commands().items()]
        if rows:
            with formatter.section("Verbs"):
                formatter.write_dl(rows)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the words before the verb, which may ask for the help."""
        with _silent_pipe():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; an error becomes one line and an exit status."""
        try:
            with _silent_pipe():
                result = super().invoke(ctx)
                sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if ctx.meta.get(DEBUG):
                traceback.print_exc()
            _complain(_told(error))
            raise click.exceptions.Exit(_status(error)) from error
        return result

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run from the shell, and end the process with an exit status."""
        invoked: Callable[..., Any] = super().main
        if not kwargs.pop("standalone_mode", True):
            return invoked(*args, standalone_mode=False, **kwargs)
        try:
            status = invoked(*args, standalone_mode=False, **kwargs)
        except click.Abort:
            sys.exit(INTERRUPTED)
        except click.ClickException as error:
            _complain(_usage(error))
            sys.exit(COULD_NOT_RUN)
        sys.exit(status if isinstance(status, int) else 0)


def _status(error: Exception) -> int:
    negative = (RunNotFound, SignalNotFound, CorruptRecording)
    return NOT_CLEAN if isinstance(error, negative) else COULD_NOT_RUN


def _told(error: Exception) -> str:
    """Return an error in one line."""
    if isinstance(error, CaptureError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}"
    return (
        f"unexpected {type(error).__name__}: {error}; this is a defect, please report it with "
        "what --debug prints"
    )


def _usage(error: click.ClickException) -> str:
    """Return what was wrong with the words that the user typed, in one line."""
    message = error.format_message()
    ctx = getattr(error, "ctx", None)
    if ctx is None:
        return message
    see = f"see `{ctx.command_path} --help`"
    return f"{message} {see}" if message.endswith(("?", "?)")) else f"{message.rstrip('.')}; {see}"


def _complain(message: str) -> None:
    click.echo(f"capture: {' '.join(map(safe, message.split()))}", err=True)


@contextmanager
def _silent_pipe() -> Iterator[None]:
    """Turn a pipe whose reader has gone into an exit status."""
    try:
        yield
    except BrokenPipeError:
        # The interpreter must find nothing to flush into it when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(CLOSED_PIPE) from None


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
    invoke_without_command=True,
    subcommand_metavar="VERB ...",
    params=[debug_option()],
)
@click.version_option(__version__, prog_name="capture", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """A flight recorder for backtests.

    RUN is the identity of a run, the beginning of one, or "latest".
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the terminal cannot show stops nothing
            stream.reconfigure(errors="backslashreplace")
    cli.main(arguments, prog_name="capture")
    raise AssertionError("cli.main ends the process")
