"""The verbs of the command line: one file each, imported when it is used."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from capture.contracts.info import CommandInfo
from capture.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["register_commands"]

_VERBS: Final = {
    "demo": "Record a strategy, and look at what was captured.",
    "run": "Run a script or a workflow, and list what came of it.",
    "ls": "List the runs of a store.",
    "show": "Show a run, or one signal with its context and its fate.",
    "tail": "Print signals, also while they are recorded.",
    "verify": "Check that every byte is what was recorded.",
    "parity": "Check that a replay came out the same as the run it replays.",
    "check-replay": "See whether a script's signals depend on the settings of its host.",
    "sweep": "Replay a run under many settings, and rank them.",
    "patterns": "Find what signals that did well, or badly, have in common.",
    "analyze": "Tell how good the signals of a run are, and check them.",
    "report": "Write what there is to know of a run as one HTML page.",
    "diff": "Name the first signal that differs in two runs.",
    "lookahead": "See whether a script's strategies look ahead.",
    "warmup": "See how many bars a script's strategies need first.",
    "reindex": "Build the catalogue anew from the manifests.",
    "export": "Write a table to a file: CSV, JSON, Parquet, Feather.",
    "gc": "Remove results that are older than they are to be kept.",
    "stats": "Show what recording cost: rows, bytes, seconds, losses.",
    "lifecycle": "Ask what became of signals, in the database that keeps them.",
    "deliver": "Send what became of signals to a remote system.",
    "plugins": "List the plugins, how they are, and what they offer.",
}


def _load(verb: str) -> Any:
    return import_module(f"capture.commands.{verb.replace('-', '_')}").command


@hookimpl
def register_commands() -> Iterator[CommandInfo]:
    """Offer the verbs that come with the product."""
    for verb, summary in _VERBS.items():
        yield CommandInfo(verb, load=partial(_load, verb), summary=summary)
