"""Writing what was heard by a process that died before it had written it.

The recorded arguments are handed to vectorbt once more, and it broadcasts and labels them as it
did. It does not simulate: the orders that it filled then are handed back to it.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from vectorbt._settings import settings
from vectorbt.portfolio.base import Portfolio
from vectorbt.portfolio.enums import log_dt, order_dt

from capture import get_host
from capture.config import SignalCaptureConfig
from capture.store.layout import MANIFEST, StoreLayout
from capture_vectorbt.calls import Call
from capture_vectorbt.listening import heard_as
from capture_vectorbt.rebuilding import rebuild
from capture_vectorbt.spill import frames_in
from capture_vectorbt.waiting import Heard
from capture_vectorbt.writing import write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from capture_vectorbt.spill import Frame

__all__ = ["recover"]


def recover(path: Path, store: Path) -> list[str]:
    """Write the runs that wait in a file, each once; return their identities.

    Args:
        path: the file.
        store: folder of its store.
    """
    runs = StoreLayout(store)
    found: list[str] = []
    for frame in frames_in(path):
        folder = runs.run(frame.said["run_id"])
        if (folder / MANIFEST).exists():  # it was written, and its process died before it said so
            continue
        if folder.exists():  # its process died while it was written, of which the file has all
            shutil.rmtree(folder)
        write(_heard(frame), config=_config(frame, store), repeats=None, ended=found.append)
    return found


def _heard(frame: Frame) -> Heard:
    said = frame.said
    records = [
        frame.array(dtype, (count,), at)
        for dtype, (at, count) in zip((order_dt, log_dt), said["records"], strict=True)
    ]
    arguments, known = (_rebuilt(frame, said[name]) for name in ("arguments", "settings"))
    with _settings_of(known):
        call = Call(said["constructor"], arguments)
        call.answer = (records[0], records[1])
        portfolio = heard_as(call, lambda: _called(said["constructor"], arguments))
    call.outer, call.started_ns = said["outer"], said["started_ns"]
    return Heard(
        call, portfolio, [], {}, said["run_id"], recovered=True, lacks=bool(said["indicators"])
    )


def _called(constructor: str, arguments: Mapping[str, Any]) -> Any:
    rest = dict(arguments)
    return getattr(Portfolio, constructor)(rest.pop("close"), **rest)


def _rebuilt(frame: Frame, kept: Mapping[str, Any]) -> dict[str, Any]:
    def stored(said: Mapping[str, Any]) -> Any:
        return frame.array(np.dtype(said["dtype"]), tuple(said["shape"]), said["at"])

    return rebuild(kept, [], frame.said["indexes"], stored)


@contextmanager
def _settings_of(known: Mapping[str, Any]) -> Iterator[None]:
    """Let vectorbt's global settings be those of then, where they are others."""
    own = settings["portfolio"]
    before = {name: own[name] for name in known if name in own and own[name] != known[name]}
    for name in before:
        own[name] = known[name]
    try:
        yield
    finally:
        for name, value in before.items():
            own[name] = value


def _config(frame: Frame, store: Path) -> SignalCaptureConfig:
    """Return the settings of then; a classifier that was a function of the user's is left out."""
    said = {**frame.said["config"], "storage_path": store}
    known = get_host().classifiers()
    said["classifiers"] = {n: v for n, v in said["classifiers"].items() if n in known}
    return SignalCaptureConfig(**said)
