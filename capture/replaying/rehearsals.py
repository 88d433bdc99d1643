"""Running what a user gave, as often as it takes, into stores that go away again."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from traceback import clear_frames
from typing import TYPE_CHECKING

from capture.contracts.perturbing import PERTURB
from capture.errors import ConfigError
from capture.store.layout import MARKER
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from capture.contracts.perturbing import Rehearsal
    from capture.store.recording import Recording

__all__ = ["recorded", "rehearse", "runnable"]


def runnable(run: object) -> Callable[..., Any]:
    """Return what runs a user's backtest, if it can be called.

    Raises:
        ConfigError: it cannot: it may be a backtest, or what came of one.
    """
    if callable(run):
        return run
    raise ConfigError(
        "run",
        run,
        "give a function that runs the backtest, such as backtest.run, without brackets",
    )


def rehearse(run: Callable[[], Any], rehearsal: Rehearsal) -> list[Recording]:
    """Run it under a rehearsal that names a store; return what was recorded, in order."""
    assert rehearsal.store is not None
    with _rehearsing(rehearsal):
        try:
            run()
        except BaseException as exc:
            # What it holds on to keeps a recording open, in a store that goes away with us.
            clear_frames(exc.__traceback__)
            gc.collect()
            raise
    return recorded(rehearsal.store)


def recorded(folder: Path) -> list[Recording]:
    """Return the runs of a rehearsal, in the order in which they began."""
    found = []
    for marker in sorted(folder.glob(f"*/{MARKER}")):
        store = Store(marker.parent)
        found += [store[row["run_id"]] for row in store.summaries() if row["kind"] == "capture"]
    return sorted(found, key=lambda recording: recording.start["started_ns"])


@contextmanager
def _rehearsing(rehearsal: Rehearsal) -> Iterator[None]:
    """Let this process and those that it starts know of the rehearsal."""
    before = os.environ.get(PERTURB)
    os.environ[PERTURB] = rehearsal.to_text()
    try:
        yield
    finally:
        if before is None:
            del os.environ[PERTURB]
        else:
            os.environ[PERTURB] = before
