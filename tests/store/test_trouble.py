"""A folder that cannot be written to, and a disk without room: clear words, and nothing lost."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from capture.errors import StoreError
from capture.store.store import open_store
from capture.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from capture.store.store import Store

pytestmark = pytest.mark.crash

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE = 1
_LIBC = ctypes.CDLL(None)


def obey_permissions() -> None:
    """Make permissions bind the process that is about to start, even if root starts it."""
    if os.geteuid() == 0:
        _LIBC.prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0)


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], None]]:
    """Take away the right to write from a folder and everything in it."""
    frozen: list[Path] = []

    def _freeze(folder: Path) -> None:
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir():
                path.chmod(0o555)
                frozen.append(path)

    yield _freeze
    for path in frozen:
        path.chmod(0o755)


_READ = """
import sys
from capture.store.store import open_store
from capture.store.verify import verify
store = open_store(sys.argv[1])
for recording in map(store.__getitem__, store):
    print(recording.state, len(recording.signals()), verify(store).ok)
"""


def test_a_read_only_store_is_read_and_verified(
    store: Store,
    record: Callable[..., str],
    read_only: Callable[[Path], None],
    python: Callable[..., Any],
) -> None:
    record(store)
    read_only(store.root)
    done = python(_READ, store.root, preexec_fn=obey_permissions)
    assert done.stdout.split() == ["ended", "10", "True"], done.stderr
    assert not store.layout.catalogue.exists()


_RECORD = """
import os, sys
from datetime import UTC, datetime, timedelta
from capture.config import SignalCaptureConfig
from capture.errors import CaptureError
from capture.recorder.engine import SignalCaptureEngine

root, end = sys.argv[1:3]
try:
    engine = SignalCaptureEngine(SignalCaptureConfig(storage_path=root, buffer_size=64))
    for n in range(500):
        moment = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=n)
        told = engine.capture_signal(
            {"symbol": "GOOG", "direction": 1, "signal_type": "entry"},
            {"timestamp": moment, "strategy_id": "s"},
        )
        os.write(1, (told + "\\n").encode())
    if end == "die":
        os.kill(os.getpid(), 9)
    if end.isdigit():
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(end), int(end)))
    engine.close()
except CaptureError as exc:
    os.write(1, f"{type(exc).__name__}|{exc}\\n".encode())
    os._exit(3)
"""


def test_a_crashed_run_in_a_read_only_store_is_read_from_its_journal(
    tmp_path: Path, read_only: Callable[[Path], None], python: Callable[..., Any]
) -> None:
    root = tmp_path / "store"
    assert python(_RECORD, root, "die").returncode == -signal.SIGKILL
    read_only(root)
    done = python(_READ, root, preexec_fn=obey_permissions)
    assert done.stdout.split() == ["crashed", "500", "True"], done.stderr


def test_recording_into_a_read_only_folder_says_where_and_what_to_do(
    tmp_path: Path, read_only: Callable[[Path], None], python: Callable[..., Any]
) -> None:
    (tmp_path / "frozen").mkdir()
    read_only(tmp_path / "frozen")
    done = python(_RECORD, tmp_path / "frozen" / "store", "close", preexec_fn=obey_permissions)
    assert done.returncode == 3, done.stderr
    kind, words = done.stdout.strip().split("|")
    assert kind == "StoreError"
    assert str(tmp_path / "frozen") in words
    assert "Permission denied" in words
    assert "check the folder's permissions, or choose another store" in words


@pytest.mark.parametrize("room_bytes", [10, 700, 2000, 4000, 6000, 9000, 12000])
def test_a_disk_that_fills_up_while_a_run_is_sealed_loses_nothing(
    tmp_path: Path, python: Callable[..., Any], room_bytes: int
) -> None:
    root = tmp_path / "store"
    done = python(_RECORD, root, room_bytes)
    *told, last = done.stdout.split("\n")[:-1]
    if done.returncode == 3:
        kind, words = last.split("|")
        assert str(root) in words
        assert kind in {"StorageFull", "BackendFailed"}
    else:
        assert done.returncode == 0, done.stderr
        told.append(last)
    assert len(told) == 500
    store = open_store(root)
    assert list(store.latest().signals()["signal_id"]) == told
    assert verify(store).ok


def test_recovery_without_room_leaves_the_run_for_a_better_day(
    tmp_path: Path, python: Callable[..., Any]
) -> None:
    root = tmp_path / "store"
    python(_RECORD, root, "die")
    limited = (
        "import resource, signal, sys, warnings; warnings.simplefilter('ignore')\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "from capture.store.store import open_store\n"
        "print(open_store(sys.argv[1]).latest().state)\n"
    )
    done = python(limited, root)
    assert done.stdout.strip() == "crashed", done.stderr
    store = open_store(root)
    assert store.latest().state == "crashed-recovered"
    assert len(store.latest().signals()) == 500
    assert verify(store).ok


def test_a_store_below_a_file_is_an_error(tmp_path: Path, store: Store) -> None:
    from capture.store.store import Store as StoreClass

    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match="cannot be written"):
        StoreClass(tmp_path / "file" / "below", create=True)
