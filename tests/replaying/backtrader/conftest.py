"""Recordings of real runs of backtrader, and the same again from the recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import capture
from tests.adapters.backtrader import strategies as s
from tests.adapters.backtrader.runs import Case, Results, a_year, captured

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording


@pytest.fixture
def again() -> Callable[..., Results]:
    """Run the replay of a case, as the case ran."""

    def again(case: Case, replay: Any) -> Results:
        return case(lambda _: replay)

    return again


@pytest.fixture
def cross() -> Case:
    """An SMA cross on a year of GOOG, with costs; it never looks at its portfolio."""
    return Case(s.SmaCross, a_year, {"cash": 10_000.0, "commission": {"commission": 0.002}})


@pytest.fixture
def recorded(cross: Case, tmp_path: Path) -> tuple[Results, Recording]:
    """What the cross came to, and its recording in the store `tmp_path / "store"`."""
    return captured(cross, tmp_path / "store")


@pytest.fixture
def replayed(
    recorded: tuple[Results, Recording], cross: Case, again: Callable[..., Results]
) -> Callable[..., Recording]:
    """Record a replay of the cross into the same store, and return it."""

    def replayed(mode: Any = "intent", **options: Any) -> Recording:
        _, recording = recorded
        place = recording.store.root
        again(cross, capture.replay(recording, mode).into("backtrader", store=place, **options))
        return capture.open(place).latest("replay")

    return replayed
