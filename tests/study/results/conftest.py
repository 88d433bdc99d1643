"""A store of results, and trials that come to something."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from capture import HybridResultStore
from capture.study.results.trial import TrialResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def make_trial(number: int, **other: Any) -> TrialResult:
    trades = pa.table(
        {"symbol": ["A"] * (number % 3), "profit": [number + n / 7 for n in range(number % 3)]}
    )
    words: dict[str, Any] = {
        "trial": f"t{number}",
        "number": number,
        "settings": {"size": number, "rate": number / 1000},
        "metrics": {"sharpe": number / 3, "trades": number % 3},
        "trades": trades,
        "events": [{"kind": "entry", "n": n} for n in range(number % 2)],
        "days": [date(2026, 3, 2), date(2026, 3, 3)],
        "returns": [number / 100, -0.01],
    }
    return TrialResult(**{**words, **other})


@pytest.fixture(scope="session")
def trial() -> Callable[..., TrialResult]:
    return make_trial


@pytest.fixture
def results(tmp_path: Path) -> HybridResultStore:
    return HybridResultStore(tmp_path / "results")


@pytest.fixture
def begun(results: HybridResultStore) -> HybridResultStore:
    """A store in which the workflow `study` was begun."""
    results.begin("study", kind="sweep", configuration={"size": [1, 2]}, phases=["replay"])
    return results
