"""A process in which backends are killed and starved, so that the test's own process lives on.

`python -m capture.testing.victim` reads one JSON object from its standard input, forks a process
for each ordeal, and writes the outcomes as JSON. Forking spares an interpreter start per kill.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from capture.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from capture.contracts.backend import StorageBackend

__all__ = ["BATCH_ROWS", "numbered", "run"]

BATCH_ROWS: Final = 5
_GROWS_AT: Final = 3  # the batch that brings a new column
_CHANGES: Final = frozenset({"os.rename", "os.remove", "os.rmdir", "os.mkdir"})
_LIMIT_BYTES: Final = 1 << 16


def numbered(batch: int) -> pa.RecordBatch:
    """Return batch number `batch` of a table whose rows are numbered through."""
    seq = range(batch * BATCH_ROWS, (batch + 1) * BATCH_ROWS)
    columns: dict[str, Any] = {"seq": list(seq), "symbol": [f"S{n % 3}" for n in seq]}
    if batch >= _GROWS_AT:
        columns["strength"] = [n / 8 for n in seq]
    return pa.record_batch({name: pa.array(values) for name, values in columns.items()})


def run(
    ordeal: str, backend: type[StorageBackend], settings: dict[str, Any], **arguments: Any
) -> Any:
    """Put a backend through an ordeal in another process, and return what came of it."""
    place = [backend.__module__, backend.__qualname__]
    words = {"ordeal": ordeal, "backend": place, "settings": settings, **arguments}
    done = subprocess.run(
        [sys.executable, "-m", "capture.testing.victim"],
        input=json.dumps(words),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stderr[-600:]); assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def kill_at_random(make: Callable[[Path], StorageBackend], folders: list[str]) -> list[int]:
    """Kill a writer in each folder, and return how many batches each had been promised."""
    promised = []
    for folder in folders:
        mine, theirs = os.pipe()
        child = os.fork()
        if not child:
            store = make(Path(folder))
            for batch in range(10_000):
                store.append("signals", numbered(batch))
                os.write(theirs, b".")
            os._exit(0)
        os.close(theirs)
        acknowledged = len(os.read(mine, 1))
        time.sleep(random.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while found := os.read(mine, 1 << 16):
            acknowledged += len(found)
        os.close(mine)
        promised.append(acknowledged)
    return promised


def kill_each_step(
    make: Callable[[Path], StorageBackend], folders: list[str], action: str
) -> list[bool]:
    """Kill a process in each folder, at moments spread over an action; say whether it died.

    The moments are those before something changes in a folder, then some between any two lines.
    """
    first, second, *victims = folders
    for name in _rehearse(make, first, action)["modules"]:
        with suppress(ImportError):  # so that no victim has to, nor counts the lines of it
            import_module(name)
    counts = _rehearse(make, second, action)
    changes, lines = counts["change"], counts["line"]
    moments = [("change", number) for number in _spread(changes, len(victims) * 3 // 4)]
    moments += [("line", number) for number in _spread(lines, len(victims) - len(moments))]
    died = []
    for folder, (kind, number) in zip(victims, moments, strict=False):
        child = os.fork()
        if not child:
            _act(make(Path(folder)), action, _Steps({kind: number}))
            os._exit(0)
        print(kind, number, changes, lines, file=sys.stderr); died.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL)
    return died


def starve(make: Callable[[Path], StorageBackend], folder: str) -> dict[str, str]:
    """Let writes fail as on a full disk, and return the errors; rows that fit follow."""
    store = make(Path(folder))
    store.append("signals", numbered(0))
    noise = pa.record_batch({"payload": [random.randbytes(1000) for _ in range(400)]})
    errors = {}
    with _full_disk():
        try:
            store.append("signals", noise)
        except StoreError as exc:
            errors["append"] = str(exc)
    store.append("noise", noise)
    with _full_disk():
        try:
            store.seal()
        except StoreError as exc:
            errors["seal"] = str(exc)
    store.append("signals", numbered(1))
    store.close()
    return errors


def write_slowly(make: Callable[[Path], StorageBackend], folder: str, batches: int) -> int:
    """Append batches, then seal, while others look on."""
    store = make(Path(folder))
    for batch in range(batches):
        store.append("signals", numbered(batch))
        time.sleep(0.005)
    store.seal()
    store.close()
    return batches


class _Steps:
    """Counts what a process does, and kills it at a given step."""

    def __init__(self, fatal: dict[str, int]) -> None:
        self._fatal = fatal
        self.counts = {"change": 0, "line": 0}
        self._active = True
        sys.addaudithook(self._audit)
        sys.settrace(self._trace)

    def stop(self) -> None:
        self._active = False
        sys.settrace(None)

    def _step(self, kind: str) -> None:
        self.counts[kind] += 1
        if self.counts[kind] == self._fatal.get(kind):
            os.kill(os.getpid(), signal.SIGKILL)

    def _audit(self, event: str, _arguments: Any) -> None:
        if self._active and event in _CHANGES:
            self._step("change")

    def _trace(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if frame.f_code.co_filename == __file__:
            return None
        if event == "line":
            self._step("line")
        return self._trace


def _act(store: StorageBackend, action: str, steps: _Steps) -> None:
    if action == "seal":
        store.seal()
    else:
        store.append("signals", numbered(_GROWS_AT))
    steps.stop()


def _rehearse(make: Callable[[Path], StorageBackend], folder: str, action: str) -> dict[str, Any]:
    """Return how many changes and how many lines an action takes, and what it imports."""
    mine, theirs = os.pipe()
    child = os.fork()
    if not child:
        steps = _Steps({})
        _act(make(Path(folder)), action, steps)
        with open(theirs, "w") as answer:
            json.dump({**steps.counts, "modules": list(sys.modules)}, answer)
        os._exit(0)
    os.close(theirs)
    with open(mine) as answer:
        found: dict[str, Any] = json.load(answer)
    os.waitpid(child, 0)
    return found


def _spread(last: int, most: int) -> list[int]:
    """Return at most so many numbers from 1 to the last, evenly spread."""
    if last <= most:
        return list(range(1, last + 1))
    return [1 + number * (last - 1) // max(most - 1, 1) for number in range(most)]


@contextmanager
def _full_disk() -> Iterator[None]:
    """Let no file grow beyond a few kilobytes, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LIMIT_BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _main() -> None:
    words = json.load(sys.stdin)
    ordeals: dict[str, Callable[..., Any]] = {
        ordeal.__name__: ordeal
        for ordeal in (kill_at_random, kill_each_step, starve, write_slowly)
    }
    ordeal = ordeals[words.pop("ordeal")]
    module, name = words.pop("backend")
    settings = words.pop("settings")
    backend = attrgetter(name)(import_module(module))
    json.dump(ordeal(lambda folder: backend(folder, **settings), **words), sys.stdout)


if __name__ == "__main__":
    _main()
