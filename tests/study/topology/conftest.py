"""A folder with bars of two symbols, and a configuration that makes signals on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builtin.market import bars

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GENERATION = """\
topology: signal_generation
name: two_ways
data:
  - {symbol: A, file: A.csv}
  - {symbol: B, file: B.csv}
features:
  atr: {use: atr, window: 14}
classifiers:
  trend: {fast_bars: 10, slow_bars: 40}
strategies:
  cross: {use: sma_cross, params: {slow: 20}, grid: {fast: [5, 10]}, each_symbol: true}
  rsi: {use: rsi_reversal, symbols: [B], params: {lower: 40, upper: 60}}
record: {store: signals}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, which is the working folder, too."""
    for seed, name in enumerate("AB"):
        bars(500, seed).to_csv(tmp_path / f"{name}.csv")
    (tmp_path / "generation.yaml").write_text(GENERATION)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def written(folder: Path) -> Callable[[str, str], Path]:
    """Write a configuration and return its file."""

    def write(name: str, text: str) -> Path:
        path = folder / name
        path.write_text(text)
        return path

    return write


def frames(count: int = 500) -> dict[str, Any]:
    """The same bars as frames."""
    return {name: bars(count, seed) for seed, name in enumerate("AB")}
