"""The same check in zipline, whose settings are made by the strategy itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from zipline.api import order

import capture
from tests.adapters.zipline import strategies as s
from tests.adapters.zipline.runs import CASES, Case

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host


def _run(case: Case, store: Path) -> Any:
    return case(lambda functions: capture.wrap(**functions, store=store))


def test_signals_that_follow_prices_alone_do_not_change(tmp_path: Path) -> None:
    found = capture.check_replay(partial(_run, CASES["SMA cross"], tmp_path))
    assert found.independent, str(found)
    changed = {outcome.perturbation: outcome.settings for outcome in found.outcomes}
    assert changed["cash"] == ("capital_base 100000.0 -> 1000000.0",)
    assert changed["little_cash"] == ("capital_base 100000.0 -> 10000.0",)
    assert "PerShare + 0.01" in " ".join(changed["commission"])
    assert "FixedBasisPointsSlippage + 0.01" in " ".join(changed["slippage"])


def test_signals_that_follow_what_orders_cost_are_found(tmp_path: Path) -> None:
    """The blotter is found by a way on which nobody hears of it."""

    def spends(context: Any, data: Any) -> None:
        context.bars += 1
        spent = sum(one.commission for one in vars(context)["blotter"].orders.values())
        if context.bars % 10 == 0 and spent < 5:
            order(context.asset, 10)

    found = capture.check_replay(partial(_run, Case(s.made(s.sma, spends)), tmp_path))
    assert [o.perturbation for o in found.outcomes if o.change is not None] == ["commission"]
