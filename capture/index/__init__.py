"""Signals and regimes as sparse indices into immutable base data."""

from __future__ import annotations

from capture.index.alignment import CrossReference
from capture.index.changes import ClassifierChangeIndex
from capture.index.events import (
    END,
    IndexedClassifierChange,
    IndexedEvent,
    IndexedRegime,
    IndexedSignal,
)
from capture.index.intervals import Intervals
from capture.index.layers import Layers
from capture.index.multi_symbol import MultiSymbolSignal, multi_symbol_signals
from capture.index.signals import SignalIndex
from capture.index.states import States

__all__ = [
    "END",
    "ClassifierChangeIndex",
    "CrossReference",
    "IndexedClassifierChange",
    "IndexedEvent",
    "IndexedRegime",
    "IndexedSignal",
    "Intervals",
    "Layers",
    "MultiSymbolSignal",
    "SignalIndex",
    "States",
    "multi_symbol_signals",
]
