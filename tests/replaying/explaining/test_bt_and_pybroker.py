"""Real runs of bt and pybroker under other settings: each difference is led to its setting."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bt
import pytest
from pybroker import FeeMode, FixedSlippageModel

import capture
from capture.store.explanations import Cause
from tests.adapters.bt.runs import Case as BtCase
from tests.adapters.bt.runs import captured as bt_captured
from tests.adapters.bt.runs import dollars, google, share, spread
from tests.adapters.pybroker.runs import Case, captured, goog, one

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.explanations import Explanation

pytestmark = pytest.mark.host

TURNS = (0.5, -0.5, 0.3, 0.6, 0.0, -0.4, 0.45)


def swinging(_prices: Any) -> Any:
    """A strategy of bt that turns round, adds and leaves, by shares of what it is worth."""

    def swing(target: Any) -> bool:
        turn, rest = divmod(len(target.data.index[: target.data.index.get_loc(target.now)]), 12)
        if rest == 5:
            target.rebalance(TURNS[turn % len(TURNS)], "GOOG")
        return True

    return bt.Strategy("swinging", [swing])


def in_bt(folder: Path, **options: Any) -> Explanation:
    """Explain what these settings change."""
    case = BtCase(swinging, google, {"initial_capital": 20_000.0, "commissions": share})
    bt_captured(case, folder)
    recording = capture.open(folder).latest()
    more = options.pop("more", {})
    other = replace(case, settings={**case.settings, **options}, more=more)
    other(lambda _: capture.replay(recording, "target").into("bt", store=folder, force=True))
    return explained(folder)


def explained(folder: Path) -> Explanation:
    certificate = capture.parity(capture.open(folder).latest("replay"), explain=True)
    assert certificate.explanation is not None
    assert certificate.explanation.trades.matched == certificate.explanation.trades.original > 5
    return certificate.explanation


def fixed(q: float, p: float) -> float:
    return 3 + abs(q) * (0.02 + p * 0.001)


@pytest.mark.parametrize(
    ("options", "causes"),
    [
        ({}, set()),
        ({"initial_capital": 7_000.0}, {Cause.SIZING}),
        ({"integer_positions": False}, {Cause.ROUNDING, Cause.SIZING}),
        ({"commissions": fixed}, {Cause.COMMISSION}),
        ({"commissions": None, "initial_capital": 55_000.0}, {Cause.COMMISSION, Cause.SIZING}),
    ],
)
def test_what_settings_of_bt_change_has_a_cause(
    options: dict[str, Any], causes: set[Cause], tmp_path: Path
) -> None:
    found = in_bt(tmp_path, **options)
    assert found.complete, found
    assert set(found.causes) - {Cause.CONSEQUENCE, *causes} <= {Cause.SIZING, Cause.ROUNDING}
    assert not causes or causes & set(found.causes)
    assert bool(found.gaps) == bool(options)


def test_a_commission_of_bt_that_is_no_plain_one_stays_unexplained(tmp_path: Path) -> None:
    found = in_bt(tmp_path, commissions=dollars)
    assert {gap.column for gap in found.unexplained} >= {"commission"}
    assert len([gap for gap in found.unexplained if gap.column == "commission"]) > 10


def test_a_spread_of_bt_stays_unexplained(tmp_path: Path) -> None:
    found = in_bt(tmp_path, more={"bidoffer": spread})
    assert len([gap for gap in found.unexplained if gap.column == "price"]) > 10


def halves(ctx: Any) -> None:
    """Be long by a part of the capital, and short by ten shares, by turns."""
    turn, rest = divmod(ctx.bars, 23)
    if rest == 0 and turn % 3 == 0:
        ctx.buy_shares = ctx.calc_target_shares(0.9)
    elif rest == 0 and turn % 3 == 1:
        ctx.set_target_shares(0, dir="long")
    elif rest == 0:
        ctx.sell_shares = 10
    elif rest == 15 and ctx.short_pos():
        ctx.cover_all_shares()


def in_pybroker(folder: Path, prepare: Any = None, **config: Any) -> Explanation:
    """Explain what this configuration changes."""
    case = Case(one(halves, "GOOG"), goog, {"initial_cash": 20_000})
    captured(case, folder)
    recording = capture.open(folder).latest()
    other = replace(case, config={**case.config, **config})
    if prepare is not None:
        other = replace(other, prepare=prepare)
    other(lambda _: capture.replay(recording, "target").into("pybroker", store=folder, force=True))
    return explained(folder)


@pytest.mark.parametrize(
    ("config", "cause"),
    [
        ({}, None),
        ({"initial_cash": 9_000}, Cause.SIZING),
        ({"enable_fractional_shares": True}, Cause.ROUNDING),
        ({"fee_mode": FeeMode.ORDER_PERCENT, "fee_amount": 0.2}, Cause.COMMISSION),
        ({"fee_mode": FeeMode.PER_ORDER, "fee_amount": 4}, Cause.COMMISSION),
        ({"fee_mode": FeeMode.PER_SHARE, "fee_amount": 0.05}, Cause.COMMISSION),
        ({"round_fill_price": False}, Cause.PRICE_RULE),
        ({"buy_delay": 2, "sell_delay": 2}, Cause.FILL_TIME),
        ({"leverage": 1.5}, Cause.SIZING),
        ({"exit_on_last_bar": True}, Cause.FINALISED),
    ],
)
def test_what_settings_of_pybroker_change_has_a_cause(
    config: dict[str, Any], cause: Cause | None, tmp_path: Path
) -> None:
    found = in_pybroker(tmp_path, **config)
    assert found.complete, found
    assert cause is None or cause in found.causes
    assert bool(found.gaps) == bool(config)


def turning(ctx: Any) -> None:
    """Turn round with all of the capital, so that cash does not go as far as what is wanted."""
    turn, rest = divmod(ctx.bars, 23)
    if rest == 0:
        held = ctx.long_pos() or ctx.short_pos()
        shares = ctx.calc_target_shares(1) + (0 if held is None else int(held.shares))
        if turn % 2:
            ctx.buy_shares = shares
        else:
            ctx.sell_shares = shares


def test_sizes_of_pybroker_that_cash_does_not_reach_for_have_a_cause(tmp_path: Path) -> None:
    fees = {"fee_mode": FeeMode.ORDER_PERCENT, "fee_amount": 0.3}
    case = Case(one(turning, "GOOG"), goog, {"initial_cash": 20_000, **fees})
    captured(case, tmp_path)
    recording = capture.open(tmp_path).latest()
    replay = capture.replay(recording, "signal").into("pybroker", store=tmp_path, force=True)
    other = replace(case, config={**case.config, "initial_cash": 9_000})
    other(lambda _: replay)
    found = explained(tmp_path)
    assert found.complete, found
    assert any("as far as" in gap.detail for gap in found.gaps)


def test_a_slippage_model_of_pybroker_stays_unexplained(tmp_path: Path) -> None:
    found = in_pybroker(
        tmp_path, lambda strategy: strategy.set_slippage_model(FixedSlippageModel(bps=12))
    )
    assert len([gap for gap in found.unexplained if gap.column == "price"]) > 10


def test_delays_of_pybroker_that_differ_stay_unexplained(tmp_path: Path) -> None:
    found = in_pybroker(tmp_path, buy_delay=2)
    late = [gap for gap in found.unexplained if gap.column == "bar_index"]
    assert len(late) > 10
