"""Compiled loops are used where there is enough to do, and not before."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from capture.study.portfolio.choosing import Work, quicker_compiled

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PROGRAM = """
import sys
import numpy as np
from capture.study.portfolio.market import Market
from capture.study.portfolio.settings import PortfolioSettings
from capture.study.portfolio.signals import Signals
from capture.study.portfolio.sparse import SparseReplay

close = np.linspace(100.0, 120.0, 50)
times = np.arange(50) * 3_600 * 10**9
market = Market.of({"S": close}, {"S": close}, {"S": times})
signals = Signals.of([(n, "S", n * 10, 1.0 - n % 2 * 2, 0, 1.0) for n in range(4)])
replay = SparseReplay(market, signals)
found = replay.trade([PortfolioSettings(size=float(size)) for size in range(1, 20)])
print("numba" in sys.modules, found.performance.fills.sum() > 0)
"""


def test_little_work_compiles_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["False", "True"]


def test_work_adds_up_until_compiling_would_have_been_quicker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("capture.study.portfolio.compiled.compiled.cache_info", _NothingYet)
    work = Work()
    chosen = [quicker_compiled(5_000, 500, work) for _ in range(20)]
    assert chosen == sorted(chosen)
    assert 5 < chosen.index(True) < 20
    kept = tmp_path / "portfolio_1" / "compiled.compiled.locals.run-44.py311.nbi"
    kept.parent.mkdir()
    kept.touch()
    assert not quicker_compiled(500, 100, Work())
    assert quicker_compiled(5_000, 500, Work())


class _NothingYet:
    currsize = 0
