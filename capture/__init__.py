"""A flight recorder for backtests: record, verify and read every signal with its context."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from capture._version import __version__
from capture.hookspecs import hookimpl

if TYPE_CHECKING:
    from capture.config import SignalCaptureConfig
    from capture.contracts.backend import StorageBackend
    from capture.events import (
        Bar,
        CapturedSignal,
        Fill,
        Order,
        Reason,
        RegimeChange,
        SignalContext,
        SignalStatus,
        SignalType,
        StatusChange,
    )
    from capture.host import get_host
    from capture.listening import Recorded, record
    from capture.recorder.engine import SignalCaptureEngine
    from capture.recorder.strategy import CaptureAwareStrategy
    from capture.replaying.parity import ParityCertificate, parity
    from capture.replaying.replay import Replay, replay
    from capture.store.memory import MemoryStorageBackend
    from capture.store.recording import Recording
    from capture.store.store import Store
    from capture.store.store import open_store as open
    from capture.store.verify import verify
    from capture.wrapping import note, wrap

__all__ = [
    "Bar",
    "CaptureAwareStrategy",
    "CapturedSignal",
    "Fill",
    "MemoryStorageBackend",
    "Order",
    "ParityCertificate",
    "Reason",
    "Recorded",
    "Recording",
    "RegimeChange",
    "Replay",
    "SignalCaptureConfig",
    "SignalCaptureEngine",
    "SignalContext",
    "SignalStatus",
    "SignalType",
    "StatusChange",
    "StorageBackend",
    "Store",
    "__version__",
    "get_host",
    "hookimpl",
    "note",
    "open",
    "parity",
    "record",
    "replay",
    "verify",
    "wrap",
]

# Where each public name lives. It is imported when it is first used, so that `import capture`
# and `capture --help` stay fast.
_HOMES: Final = {
    "Bar": "capture.events",
    "CaptureAwareStrategy": "capture.recorder.strategy",
    "CapturedSignal": "capture.events",
    "Fill": "capture.events",
    "MemoryStorageBackend": "capture.store.memory",
    "Order": "capture.events",
    "ParityCertificate": "capture.replaying.parity",
    "Reason": "capture.events",
    "Recorded": "capture.listening",
    "Recording": "capture.store.recording",
    "RegimeChange": "capture.events",
    "Replay": "capture.replaying.replay",
    "SignalCaptureConfig": "capture.config",
    "SignalCaptureEngine": "capture.recorder.engine",
    "SignalContext": "capture.events",
    "SignalStatus": "capture.events",
    "SignalType": "capture.events",
    "StatusChange": "capture.events",
    "StorageBackend": "capture.contracts.backend",
    "Store": "capture.store.store",
    "get_host": "capture.host",
    "note": "capture.wrapping",
    "open": "capture.store.store:open_store",
    "parity": "capture.replaying.parity",
    "record": "capture.listening",
    "replay": "capture.replaying.replay",
    "verify": "capture.store.verify",
    "wrap": "capture.wrapping",
}

# Names whose home is a plugin: reached through the plugin host, by the name they registered.
_BACKENDS: Final = {
    "HDF5StorageBackend": "hdf5",
    "JSONStorageBackend": "json",
    "ParquetStorageBackend": "parquet",
    "SQLiteStorageBackend": "sql",
}


def __getattr__(name: str) -> Any:
    if name in _BACKENDS:
        from capture.host import get_host

        value = get_host().backend(_BACKENDS[name])
    elif name in _HOMES:
        module, _, attribute = _HOMES[name].partition(":")
        value = getattr(import_module(module), attribute or name)
    else:
        raise AttributeError(f"module 'capture' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_BACKENDS])
