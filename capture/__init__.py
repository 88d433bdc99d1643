"""A flight recorder for backtests: record, verify and read every signal with its context."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from capture._version import __version__
from capture.hookspecs import hookimpl

if TYPE_CHECKING:
    from capture.analysis.analyzer import SignalAnalyzer
    from capture.analysis.comparison import diff
    from capture.analysis.comparison.lookahead import lookahead
    from capture.analysis.comparison.warmup import warmup
    from capture.analysis.consistency import ConsistencyReport
    from capture.analysis.patterns.report import SignalPattern
    from capture.analysis.quality import SignalQualityReport
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
    from capture.index.changes import ClassifierChangeIndex
    from capture.index.events import (
        IndexedClassifierChange,
        IndexedEvent,
        IndexedRegime,
        IndexedSignal,
    )
    from capture.index.multi_symbol import MultiSymbolSignal
    from capture.index.signals import SignalIndex
    from capture.index.storage import SignalStorageManager
    from capture.lifecycle.audit import AuditLog
    from capture.lifecycle.record import SignalRecord
    from capture.lifecycle.tracker import SignalTracker
    from capture.listening import Recorded, record
    from capture.recorder.engine import SignalCaptureEngine
    from capture.recorder.strategy import CaptureAwareStrategy
    from capture.replaying.check import ReplayCheck, check_replay
    from capture.replaying.parity import ParityCertificate, parity
    from capture.replaying.regimes import BoundaryAwareReplay
    from capture.replaying.replay import Replay, replay
    from capture.report import write_report
    from capture.store.memory import MemoryStorageBackend
    from capture.store.recording import Recording
    from capture.store.store import Store
    from capture.store.store import open_store as open
    from capture.store.verify import verify
    from capture.study.objectives.observing import Objective
    from capture.study.portfolio.replay import replay_settings
    from capture.study.portfolio.result import SettingsResult
    from capture.study.portfolio.settings import PortfolioSettings
    from capture.study.results.collector import ResultCollector
    from capture.study.results.store import HybridResultStore
    from capture.study.sequencer.sequencer import Sequencer
    from capture.study.topology.generation import create_signal_generation_topology
    from capture.study.topology.replaying import create_signal_replay_topology
    from capture.wrapping import note, wrap

__all__ = [
    "AuditLog",
    "Bar",
    "BoundaryAwareReplay",
    "CaptureAwareStrategy",
    "CapturedSignal",
    "ClassifierChangeIndex",
    "ConsistencyReport",
    "Fill",
    "HybridResultStore",
    "IndexedClassifierChange",
    "IndexedEvent",
    "IndexedRegime",
    "IndexedSignal",
    "MemoryStorageBackend",
    "MultiSymbolSignal",
    "Objective",
    "Order",
    "ParityCertificate",
    "PortfolioSettings",
    "Reason",
    "Recorded",
    "Recording",
    "RegimeChange",
    "Replay",
    "ReplayCheck",
    "ResultCollector",
    "Sequencer",
    "SettingsResult",
    "SignalAnalyzer",
    "SignalCaptureConfig",
    "SignalCaptureEngine",
    "SignalContext",
    "SignalIndex",
    "SignalPattern",
    "SignalQualityReport",
    "SignalRecord",
    "SignalStatus",
    "SignalStorageManager",
    "SignalTracker",
    "SignalType",
    "StatusChange",
    "StorageBackend",
    "Store",
    "__version__",
    "check_replay",
    "create_signal_generation_topology",
    "create_signal_replay_topology",
    "diff",
    "get_host",
    "hookimpl",
    "lookahead",
    "note",
    "open",
    "parity",
    "record",
    "replay",
    "replay_settings",
    "verify",
    "warmup",
    "wrap",
    "write_report",
]

# Where each public name lives. It is imported when it is first used, so that `import capture`
# and `capture --help` stay fast.
_HOMES: Final = {
    "AuditLog": "capture.lifecycle.audit",
    "Bar": "capture.events",
    "BoundaryAwareReplay": "capture.replaying.regimes",
    "CaptureAwareStrategy": "capture.recorder.strategy",
    "CapturedSignal": "capture.events",
    "ClassifierChangeIndex": "capture.index.changes",
    "ConsistencyReport": "capture.analysis.consistency",
    "Fill": "capture.events",
    "HybridResultStore": "capture.study.results.store",
    "IndexedClassifierChange": "capture.index.events",
    "IndexedEvent": "capture.index.events",
    "IndexedRegime": "capture.index.events",
    "IndexedSignal": "capture.index.events",
    "MemoryStorageBackend": "capture.store.memory",
    "MultiSymbolSignal": "capture.index.multi_symbol",
    "Objective": "capture.study.objectives.observing",
    "Order": "capture.events",
    "ParityCertificate": "capture.replaying.parity",
    "PortfolioSettings": "capture.study.portfolio.settings",
    "Reason": "capture.events",
    "Recorded": "capture.listening",
    "Recording": "capture.store.recording",
    "RegimeChange": "capture.events",
    "Replay": "capture.replaying.replay",
    "ReplayCheck": "capture.replaying.check",
    "ResultCollector": "capture.study.results.collector",
    "Sequencer": "capture.study.sequencer.sequencer",
    "SettingsResult": "capture.study.portfolio.result",
    "SignalAnalyzer": "capture.analysis.analyzer",
    "SignalCaptureConfig": "capture.config",
    "SignalCaptureEngine": "capture.recorder.engine",
    "SignalContext": "capture.events",
    "SignalIndex": "capture.index.signals",
    "SignalQualityReport": "capture.analysis.quality",
    "SignalRecord": "capture.lifecycle.record",
    "SignalPattern": "capture.analysis.patterns.report",
    "SignalStatus": "capture.events",
    "SignalStorageManager": "capture.index.storage",
    "SignalTracker": "capture.lifecycle.tracker",
    "SignalType": "capture.events",
    "StatusChange": "capture.events",
    "StorageBackend": "capture.contracts.backend",
    "Store": "capture.store.store",
    "check_replay": "capture.replaying.check",
    "create_signal_generation_topology": "capture.study.topology.generation",
    "create_signal_replay_topology": "capture.study.topology.replaying",
    "diff": "capture.analysis.comparison",
    "get_host": "capture.host",
    "lookahead": "capture.analysis.comparison.lookahead",
    "note": "capture.wrapping",
    "open": "capture.store.store:open_store",
    "parity": "capture.replaying.parity",
    "record": "capture.listening",
    "replay": "capture.replaying.replay",
    "replay_settings": "capture.study.portfolio.replay",
    "verify": "capture.store.verify",
    "warmup": "capture.analysis.comparison.warmup",
    "wrap": "capture.wrapping",
    "write_report": "capture.report",
}

# Names whose home is a plugin: reached through the plugin host, by what it offers and the name
# under which it does.
_PLUGGED: Final = {
    "HDF5StorageBackend": ("backend", "hdf5"),
    "JSONStorageBackend": ("backend", "json"),
    "ParquetStorageBackend": ("backend", "parquet"),
    "PostgresStorageBackend": ("backend", "postgres"),
    "SQLiteStorageBackend": ("backend", "sql"),
    "SignalGeneratorComponent": ("component", "part", "SignalGeneratorComponent"),
    "SignalRepository": ("repository", "sql"),
    "SignalStreamerComponent": ("component", "part", "SignalStreamerComponent"),
    "TimeAlignmentBuffer": ("component", "part", "TimeAlignmentBuffer"),
}


def __getattr__(name: str) -> Any:
    if name in _PLUGGED:
        from capture.host import get_host

        kind, *offer = _PLUGGED[name]
        value = getattr(get_host(), kind)(*offer)
    elif name in _HOMES:
        module, _, attribute = _HOMES[name].partition(":")
        value = getattr(import_module(module), attribute or name)
    else:
        raise AttributeError(f"module 'capture' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_PLUGGED])
