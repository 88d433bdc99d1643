"""The sparse index: its bytes, memory and load time against dense layouts, and its speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import index_layouts, index_speed
from benchmarks.report import Report

if TYPE_CHECKING:
    from benchmarks.sizes import Sizes

__all__ = ["run"]


def run(sizes: Sizes) -> Report:
    """Measure signals of many parameter sets, changes of regime, and questions to both."""
    signals, of_signals = index_layouts.signals(sizes)
    regimes, of_regimes = index_layouts.regimes(sizes)
    speed, of_speed = index_speed.questions(sizes)
    return Report("index", (signals, regimes, speed), (*of_signals, *of_regimes, *of_speed))
