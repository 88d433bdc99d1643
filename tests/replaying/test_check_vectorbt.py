"""The same check in vectorbt, where signals are there before the first order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import vectorbt as vbt
from backtesting.test import GOOG

import capture
from capture_vectorbt.perturbing import PERTURBATIONS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

CLOSE = GOOG["Close"].iloc[:300].rename("GOOG")


def crossing(store: Path) -> Any:
    """Run by arrays."""
    average = vbt.MA.run(CLOSE, 10).ma
    entries, exits = (average < CLOSE).to_numpy(), (average > CLOSE).to_numpy()
    with capture.record(store):
        return vbt.Portfolio.from_signals(CLOSE, entries, exits, init_cash=100.0, slippage=0.001)


def test_no_signal_of_arrays_depends_on_the_portfolio(tmp_path: Path) -> None:
    results: list[Any] = []
    found = capture.check_replay(lambda: results.append(crossing(tmp_path)))
    assert found.independent, str(found)
    assert [outcome.perturbation for outcome in found.outcomes] == list(PERTURBATIONS)
    assert {outcome.perturbation: outcome.settings for outcome in found.outcomes} == {
        "cash": ("init_cash 100.0 -> 1000.0",),
        "little_cash": ("init_cash 100.0 -> 10.0",),
        "commission": ("fees 0.0 -> 0.01",),
        "slippage": ("slippage 0.001 -> 0.011",),
    }
    assert all(outcome.signals == found.signals > 20 for outcome in found.outcomes)
    first, repeated, *perturbed = (result.order_records for result in results)
    assert first.tobytes() == repeated.tobytes()
    assert len({first.tobytes(), *(orders.tobytes() for orders in perturbed)}) == 5
    assert not list(tmp_path.iterdir())


def test_one_that_trades_as_another_earns_is_found(tmp_path: Path) -> None:
    def run() -> None:
        with capture.record(tmp_path):
            held = vbt.Portfolio.from_holding(CLOSE, init_cash=100.0)
            rich = np.asarray(held.value()) > 150
            vbt.Portfolio.from_signals(CLOSE, rich, ~rich, init_cash=100.0, slippage=0.001)

    found = capture.check_replay(run)
    assert not found.independent
    assert "cash" in {o.perturbation for o in found.outcomes if o.change is not None}
