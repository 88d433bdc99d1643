"""`capture lifecycle`: what became of signals, asked of the database that keeps them."""

from __future__ import annotations

import click

from capture.commands.lifecycle import asking, keeping

__all__ = ["command"]


class _Group(click.Group):
    """Lists its verbs in the order in which they are added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the verbs."""
        return list(self.commands)


@click.group(
    "lifecycle",
    cls=_Group,
    epilog="Exit status: 0 well, 1 the signal was not found or something is corrupt, "
    "2 it could not run.",
    subcommand_metavar="VERB ...",
)
def command() -> None:
    """Ask, and keep in order, the database of signals and what became of them."""


for _verb in (*asking.VERBS, *keeping.VERBS):
    command.add_command(_verb)
