"""Workflow files, and bars for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd


@pytest.fixture
def folder(
    tmp_path: Path, bars: Callable[..., pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The working folder, with bars of two symbols."""
    (tmp_path / "bars").mkdir()
    for seed, name in enumerate(("AAA", "BBB"), 1):
        bars(seed).to_csv(tmp_path / "bars" / f"{name}.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def said() -> dict[str, Any]:
    """What a workflow of all kinds of phases says."""
    return {
        "workflow": "study",
        "phases": {
            "generate": {
                "topology": "signal_generation",
                "data": [
                    {"symbol": "AAA", "file": "bars/AAA.csv"},
                    {"symbol": "BBB", "file": "bars/BBB.csv"},
                ],
                "classifiers": {"trend": {}},
                "strategies": {
                    "cross": {"use": "sma_cross", "grid": {"fast": [5, 8], "slow": [20]}}
                },
                "record": {"store": "signals"},
            },
            "replay": {
                "topology": "signal_replay",
                "recording": {"from": "generate", "regime": "bull", "boundary": "force_flat"},
                "portfolios": {"careful": {"size": 2}, "bold": {"size": 9}},
                "grid": {"commission_rate": [0, 0.001]},
            },
            "best": {"select": {"from": "replay", "objective": "sharpe", "per": "strategy"}},
            "refine": {
                "topology": "signal_replay",
                "recording": {"from": "best"},
                "grid": {"slippage_fraction": [0, 0.0005]},
            },
            "forward": {
                "walk_forward": {
                    "recording": {"from": "generate"},
                    "grid": {"size": [1, 2, 3], "max_drawdown": [None, 0.001]},
                    "windows": {"train": "60D", "test": "30D", "purge": "1D"},
                    "select": {"objective": "total_return"},
                }
            },
        },
    }


@pytest.fixture
def write(folder: Path) -> Callable[[Any], Path]:
    """Write a workflow file, and return where it is."""

    def write(said: Any) -> Path:
        place = folder / "workflow.yaml"
        place.write_text(said if isinstance(said, str) else yaml.safe_dump(said, sort_keys=False))
        return place

    return write
