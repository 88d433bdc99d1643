"""Where a verb draws: in colour on a terminal, as plain aligned text anywhere else."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from capture.commands.terminal.table import GAP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rich.console import Console

    from capture.commands.terminal.table import Table

__all__ = ["Screen", "progress"]


class Screen:
    """Draws on a stream. Nothing that it is given is read as markup.

    rich is imported when the first line goes to a terminal, so that a pipe never waits for it.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        """Draw on this stream, or on what is the standard output now."""
        self._stream = stream or sys.stdout
        self.terminal = _is_terminal(self._stream)

    @cached_property
    def _console(self) -> Console:
        return _console(self._stream)

    def text(self, line: str = "", style: str = "") -> None:
        """Draw one line."""
        if self.terminal:
            self._console.print(line, style=style or None, soft_wrap=True)
        else:
            self._stream.write(line.rstrip() + "\n")

    def flush(self) -> None:
        """Let what was drawn be seen now."""
        self._stream.flush()

    def heading(self, line: str) -> None:
        """Draw a heading, after an empty line."""
        self.text()
        self.text(line, "bold cyan")

    def facts(self, facts: Mapping[str, str]) -> None:
        """Draw names with their values, one a line; a fact without a value is left out."""
        said = {name: value for name, value in facts.items() if value}
        width = max(map(len, said), default=0) + GAP
        for name, value in said.items():
            if self.terminal:
                self._draw_fact(name.ljust(width), value)
            else:
                self._stream.write(f"{name.ljust(width)}{value}\n")

    def _draw_fact(self, name: str, value: str) -> None:
        from rich.table import Table as Grid

        grid = Grid.grid()
        grid.add_column(width=len(name), style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(name, value)
        self._console.print(grid)

    def table(self, table: Table) -> None:
        """Draw a table; on a terminal with the columns that fit."""
        if not self.terminal:
            for line in table.lines():
                self._stream.write(line + "\n")
            return
        from rich import box
        from rich.cells import cell_len
        from rich.table import Table as Drawn

        fitting = table.fit(self._console.width, cell_len)
        # A blank of padding and one for the box's divider are the gap.
        drawn = Drawn(
            box=box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            padding=(0, GAP - 1, 0, 0),
            header_style="bold",
        )
        for column in fitting.columns:
            drawn.add_column(
                column.title,
                justify="right" if column.right else "left",
                style=column.style,
                no_wrap=True,
                overflow="ellipsis",
            )
        for row in fitting.rows():
            drawn.add_row(*row)
        self._console.print(drawn)
        if fitting.left_out:
            self.text(f"not shown, for want of room: {', '.join(fitting.left_out)}", "dim")


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    plain = bool(os.environ.get("NO_COLOR"))
    return Console(
        file=stream,
        markup=False,
        highlight=False,
        emoji=False,
        # Without a colour system no escape sequence is written at all, not even for bold.
        color_system=None if plain else "auto",
        force_terminal=True,
    )


@contextmanager
def progress(doing: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show how far long work has come, if the standard error is a terminal.

    Yields:
        a function that is told how many steps were done.
    """
    if not _is_terminal(sys.stderr):
        yield lambda _steps: None
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn(doing, markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console(sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda steps: bar.advance(task, steps)
