"""Replays of zipline under other costs: what its rules come to, and what they leave open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from zipline.api import commission, order, set_commission, set_slippage, slippage, symbol

import capture
from capture.store.explanations import Cause
from tests.adapters.zipline.runs import Case, captured

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.explanations import Explanation

pytestmark = pytest.mark.host

COSTS: dict[str, tuple[Any, Any]] = {
    "nothing": (slippage.NoSlippage, commission.NoCommission),
    "per value": (lambda: slippage.FixedSlippage(spread=0.25), lambda: commission.PerDollar(0.002)),
    "per order": (lambda: slippage.FixedBasisPointsSlippage(7.0), lambda: commission.PerTrade(3.0)),
    "per share": (
        lambda: slippage.FixedSlippage(spread=0.5),
        lambda: commission.PerShare(cost=0.05, min_trade_cost=2.0),
    ),
}
FREE = COSTS["nothing"]


def costing(slips: Any, charges: Any) -> Any:
    def initialize(context: Any) -> None:
        context.asset, context.bars = symbol("GOOG"), 0
        set_slippage(slips())
        set_commission(charges())

    return initialize


def turning(context: Any, _data: Any) -> None:
    """Enter, turn round with one order, and leave, again and again."""
    context.bars += 1
    units = {3: 20, 7: -50, 11: 30}.get(context.bars % 15)
    if units:
        order(context.asset, units)


def explained(folder: Path, then: tuple[Any, Any], now: tuple[Any, Any]) -> Explanation:
    functions = {"initialize": costing(*then), "handle_data": turning}
    case = Case(functions, end="2005-03-31")
    _, recording = captured(case, folder)
    replay = capture.replay(recording, "target")
    case(lambda _: replay.into("zipline", store=folder, initialize=costing_again(*now)))
    certificate = capture.parity(recording, capture.open(folder).latest("replay"), explain=True)
    assert certificate.explanation is not None
    assert certificate.explanation.fills.matched == certificate.explanation.fills.original > 30
    return certificate.explanation


def costing_again(slips: Any, charges: Any) -> Any:
    def initialize(_context: Any) -> None:
        set_slippage(slips())
        set_commission(charges())

    return initialize


@pytest.mark.parametrize("name", COSTS)
def test_costs_are_explained(name: str, tmp_path: Path) -> None:
    found = explained(tmp_path, FREE, COSTS[name])
    expected = set() if name == "nothing" else {Cause.SLIPPAGE, Cause.COMMISSION}
    assert set(found.causes) == expected
    assert found.complete
    assert len(found.gaps) == 2 * found.fills.original * bool(expected)


def test_what_volume_does_to_a_price_is_counted_as_unexplained(tmp_path: Path) -> None:
    impact = (lambda: slippage.VolumeShareSlippage(0.5, 1e6), commission.NoCommission)
    found = explained(tmp_path, FREE, impact)
    assert set(found.causes) == {Cause.UNEXPLAINED}
    assert len(found.unexplained) == found.fills.original
    assert not found.complete
