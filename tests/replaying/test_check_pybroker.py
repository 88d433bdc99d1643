"""The same check in pybroker, whose portfolio is made before an execution is called."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import capture
from tests.adapters.pybroker.runs import Case, goog, one

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.host


def by_turns(ctx: Any) -> None:
    """Buy and sell at a pace."""
    if ctx.bars % 50 == 0:
        ctx.buy_shares = 3
    elif ctx.bars % 50 == 25:
        ctx.sell_shares = 3


def until_costly(ctx: Any) -> None:
    """The same until it has cost something."""
    if not any(order.fees > 1 for order in ctx.orders()):
        by_turns(ctx)


def _run(function: Callable[..., None], store: Path) -> Any:
    return Case(one(function, "GOOG"), goog)(lambda each: capture.wrap(each, store=store))


def test_signals_that_follow_prices_alone_do_not_change(tmp_path: Path) -> None:
    found = capture.check_replay(partial(_run, by_turns, tmp_path))
    assert found.independent, str(found)
    changed = {outcome.perturbation: outcome.settings for outcome in found.outcomes}
    assert changed["cash"] == ("initial_cash 100000 -> 1000000.0",)
    assert changed["little_cash"] == ("initial_cash 100000 -> 10000.0",)
    [commission] = changed["commission"]
    assert "0.01 of the value" in commission


def test_signals_that_follow_what_orders_cost_are_found(tmp_path: Path) -> None:
    found = capture.check_replay(partial(_run, until_costly, tmp_path))
    assert [o.perturbation for o in found.outcomes if o.change is not None] == ["commission"]
