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
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from capture.errors import StoreError
from capture.testing.samples import GROWS_AT, numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from capture.contracts.backend import StorageBackend

__all__ = ["run"]

_MOST_MOMENTS: Final = 24
_LIMIT_BYTES: Final = 1 << 16


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
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def kill_at_random(make: Callable[[Path], StorageBackend], folders: list[str]) -> list[int]:
    """Kill a writer in each folder, and return how many batches each had been promised."""
    promised = []
    _import_all(make)
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
    make: Callable[[Path], StorageBackend], template: str, into: str, action: str
) -> list[str]:
    """Kill a process in copies of a folder, once in each state that an action brings it to.

    Returns:
        The copies, which are made in the folder `into`.
    """
    _import_all(make)
    rehearsal = copytree(template, Path(into, "rehearsal"))
    folders = []

    def rehearse() -> list[int]:
        steps = _Steps(rehearsal)
        _act(make, rehearsal, action)
        return steps.moments

    for line in _spread(_elsewhere(rehearse)):
        folder = copytree(template, Path(into, f"killed-at-{line:05}"))
        child = os.fork()
        if not child:
            _Steps(folder, fatal=line)
            _act(make, folder, action)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == -signal.SIGKILL, f"{folder}: ended with {status} before it was killed"
        folders.append(str(folder))
    return folders


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
    if "seal" in errors:  # one that needs no room here has sealed, and takes no more
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
    """Counts the lines that this process executes, to look at a folder or to die at one."""

    def __init__(self, folder: Path, fatal: int | None = None) -> None:
        self._folder = folder
        self._fatal = fatal
        self._line = 0
        self._state = self._look()
        self.moments: list[int] = []  # lines before which the folder changed
        sys.settrace(self._trace)

    def _trace(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if frame.f_code.co_filename == __file__:
            return None
        if event == "line":
            self._line += 1
            if self._fatal is None:
                before, self._state = self._state, self._look()
                if self._state != before:
                    self.moments.append(self._line)
            elif self._line == self._fatal:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._trace

    def _look(self) -> list[tuple[str, int, int]]:
        """Return what tells one state of the folder from another."""
        found = []
        folders = [str(self._folder)]
        while folders:
            with suppress(FileNotFoundError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    status = entry.stat()
                    found.append((entry.path, status.st_size, status.st_mtime_ns))
                    if entry.is_dir():
                        folders.append(entry.path)
        return sorted(found)


def _act(make: Callable[[Path], StorageBackend], folder: Path, action: str) -> None:
    store = make(folder)
    if action == "seal":
        store.seal()
    else:
        store.append("signals", numbered(GROWS_AT))
    sys.settrace(None)


def _import_all(make: Callable[[Path], StorageBackend]) -> None:
    """Import what a backend imports as it goes, so that the processes to be killed need not."""

    def imported() -> list[str]:
        with TemporaryDirectory() as folder:
            store = make(Path(folder))
            store.append("signals", numbered(0))
            store.seal()
        return list(sys.modules)

    for name in _elsewhere(imported):
        with suppress(ImportError):
            import_module(name)


def _elsewhere(ask: Callable[[], Any]) -> Any:
    """Return what a function returns in a process of its own, which leaves no trace in this one."""
    mine, theirs = os.pipe()
    child = os.fork()
    if not child:
        with os.fdopen(theirs, "w") as answer:
            json.dump(ask(), answer)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(mine) as answer:
        found = answer.read()
    os.waitpid(child, 0)
    return json.loads(found)


def _spread(moments: list[int]) -> list[int]:
    """Return all moments, or if there are many, some from the first to the last."""
    if len(moments) <= _MOST_MOMENTS:
        return moments
    return [
        moments[number * (len(moments) - 1) // (_MOST_MOMENTS - 1)]
        for number in range(_MOST_MOMENTS)
    ]


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
        ordeal.__name__: ordeal for ordeal in (kill_at_random, kill_each_step, starve, write_slowly)
    }
    ordeal = ordeals[words.pop("ordeal")]
    module, name = words.pop("backend")
    settings = words.pop("settings")
    backend = attrgetter(name)(import_module(module))
    json.dump(ordeal(lambda folder: backend(folder, **settings), **words), sys.stdout)


if __name__ == "__main__":
    _main()
