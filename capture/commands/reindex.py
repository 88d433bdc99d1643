"""`capture reindex`: the catalogue, made again from the manifests."""

from __future__ import annotations

from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.text import plural, safe
from capture.commands.words import json_option, store_option, verb

__all__ = ["command"]


@verb("reindex", status="1 a record is corrupt, 2 it could not run")
@store_option
@json_option
def command(store: str, as_json: bool) -> None:
    """Make the catalogue again from the manifests.

    The catalogue is a cache: it may be deleted at any time, and nothing is lost.
    """
    from capture.store.store import open_store

    opened = open_store(store)
    runs = opened.reindex()
    if as_json:
        write({"store": opened.url, "runs": runs})
    else:
        Screen().text(f"The catalogue of {safe(opened.url)} now has {plural(runs, 'run')}.")
