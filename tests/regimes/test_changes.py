"""Only changes of regime are kept, and they say what a plain loop over the bars says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.classifying import Change, RegimeWatch, changes_of
from capture.contracts.classifier import Classification
from capture_regimes.trend import Trend
from capture_regimes.volatility import Volatility

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = st.lists(st.integers(0, 2), max_size=60)


def level(features: Mapping[str, float]) -> Classification:
    return Classification("abc"[int(features["close"])], features["close"] / 2)


def plainly(states: list[str], hysteresis_bars: int) -> list[tuple[int, str | None, str]]:
    """The definition: a state counts when it was said on so many further bars in a row."""
    found: list[tuple[int, str | None, str]] = []
    present: str | None = None
    for bar, state in enumerate(states):
        run = states[max(0, bar - hysteresis_bars) : bar + 1]
        confirmed = len(run) == hysteresis_bars + 1 and set(run) == {state}
        if state != present and (confirmed or present is None):
            found.append((bar, present, state))
            present = state
    return found


def told(changes: Any) -> list[tuple[int, str | None, str]]:
    return [(c.bar_index, c.old, c.new) for c in (changes[place] for place in range(len(changes)))]


@given(LEVELS, st.integers(0, 4))
def test_changes_are_those_of_a_plain_loop(levels: list[int], hysteresis_bars: int) -> None:
    bars = {"close": np.array(levels, np.float64)}
    changes = changes_of(level, bars, hysteresis_bars=hysteresis_bars)
    assert told(changes) == plainly(["abc"[one] for one in levels], hysteresis_bars)
    for place in range(len(changes)):
        assert changes[place].confidence == levels[changes[place].bar_index] / 2


@given(LEVELS, st.integers(0, 4))
def test_bars_that_come_one_by_one_bring_the_same_changes(
    levels: list[int], hysteresis_bars: int
) -> None:
    watch = RegimeWatch(level, hysteresis_bars=hysteresis_bars)
    heard = [watch.bar(bar, {"close": float(one)}) for bar, one in enumerate(levels)]
    whole = changes_of(
        level, {"close": np.array(levels, np.float64)}, hysteresis_bars=hysteresis_bars
    )
    assert [c for c in heard if c] == [whole[place] for place in range(len(whole))]


@pytest.mark.parametrize("classifier", [Trend(5, 12), Volatility(5, 12)], ids=repr)
@given(seed=st.integers(0, 2**32 - 1), hysteresis_bars=st.integers(0, 3))
def test_a_watch_says_what_the_whole_series_says(
    classifier: Any, seed: int, hysteresis_bars: int
) -> None:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, 80)))
    whole = changes_of(classifier, {"close": close}, hysteresis_bars=hysteresis_bars)
    watch = RegimeWatch(classifier, hysteresis_bars=hysteresis_bars)
    heard = [watch.bar(bar, {"close": float(one)}) for bar, one in enumerate(close)]
    assert [c for c in heard if c] == [whole[place] for place in range(len(whole))]


def test_no_bars_have_no_regime() -> None:
    assert len(changes_of(level, {"close": np.empty(0)})) == 0


def test_a_change_says_when_from_what_to_what_and_how_sure() -> None:
    changes = changes_of(level, {"close": np.array([0.0, 0.0, 2.0])})
    assert changes[1] == Change(2, "a", "c", 1.0)
