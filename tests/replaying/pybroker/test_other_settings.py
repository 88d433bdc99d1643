"""Under other settings: exact where an execution was blind to its portfolio, refused where not."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from pybroker import FeeMode, FixedSlippageModel, PositionMode, PriceType

import capture
from capture.errors import ClosedLoop
from capture.testing.adapter import identical
from tests.adapters.pybroker import strategies as s
from tests.adapters.pybroker.runs import (
    CROSS,
    Case,
    Execution,
    assert_same_results,
    captured,
    eurusd,
    goog,
    one,
    several,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

pytestmark = pytest.mark.host


def _at_most(count: int) -> Callable[[Any], None]:
    def prepare(strategy: Any) -> None:
        strategy.set_max_long_positions(count)
        strategy.set_max_short_positions(count)

    return prepare


def _slips(strategy: Any) -> None:
    strategy.set_slippage_model(FixedSlippageModel(bps=20))


OTHER: Mapping[str, dict[str, Any]] = {
    "cash": {"config": {"initial_cash": 3_000}},
    "more cash": {"config": {"initial_cash": 1_000_000}},
    "fees, percent": {"config": {"fee_mode": FeeMode.ORDER_PERCENT, "fee_amount": 1.0}},
    "fees, each order": {"config": {"fee_mode": FeeMode.PER_ORDER, "fee_amount": 30.0}},
    "fractional shares": {"config": {"enable_fractional_shares": True, "initial_cash": 2_000}},
    "buys later": {"config": {"buy_delay": 3}},
    "sells later": {"config": {"sell_delay": 2, "initial_cash": 9_000}},
    "prices not rounded": {"config": {"round_fill_price": False, "initial_cash": 4_321}},
    "long only": {"config": {"position_mode": PositionMode.LONG_ONLY}},
    "leverage": {"config": {"leverage": 3.0, "initial_cash": 4_000}},
    "interest": {"config": {"interest_rate": 5.0, "bars_per_year": 252}},
    "sold at the end": {
        "config": {"exit_on_last_bar": True, "exit_sell_fill_price": PriceType.LOW}
    },
    "one position": {"config": {"initial_cash": 50_000}, "prepare": _at_most(1)},
    "slippage": {"config": {}, "prepare": _slips},
}


def _limits(ctx: Any) -> None:
    turn = ctx.bars % 13
    if turn == 2:
        ctx.buy_shares = ctx.calc_target_shares(0.3)
        ctx.buy_limit_price = ctx.close_price * 0.99
        ctx.buy_timeout_bars = 3
        ctx.stop_trailing_pct = 4
    elif turn == 7:
        ctx.cancel_all_pending_orders(ctx.symbol)
        ctx.cancel_stops(ctx.symbol)
        ctx.sell_shares = 6
        ctx.hold_bars = 4


BLIND = {
    "SMA cross": Case(one(s.sma_cross, "GOOG", **CROSS), goog),
    "SMA cross, hours": Case(one(s.sma_cross, "EURUSD", **CROSS, shares=9), eurusd),
    "a part of the capital": Case(one(s.sized_cross, "GOOG", **CROSS), goog),
    "limits and stops": Case(one(_limits, "GOOG"), goog),
    "ranked": Case((Execution(s.ranked, ("AAA", "BBB", "CCC")),), several),
    "targets": Case(one(s.aiming, "GOOG", **CROSS), goog),
}


@pytest.mark.parametrize("name", BLIND)
def test_an_open_loop_replays_as_a_fresh_run_under_other_settings(
    name: str, tmp_path: Path
) -> None:
    case = BLIND[name]
    original, recording = captured(case, tmp_path)
    assert "closed_loop" not in recording.parts[0].record["flags"]
    replay = capture.replay(recording).into("pybroker")
    differing = 0
    for changed, words in OTHER.items():
        other = replace(case, **words)
        fresh, again = other(), other(lambda _: replay)
        try:
            assert_same_results(fresh, again)
        except AssertionError as exc:
            pytest.fail(f"{changed}: {exc}")
        differing += not identical(fresh.portfolio, original.portfolio)
    assert differing >= 9


def test_windows_are_settings_too(tmp_path: Path) -> None:
    case = BLIND["SMA cross"]
    _, recording = captured(case, tmp_path)
    replay = capture.replay(recording).into("pybroker")
    # Each window begins without a cross, which needs two bars; here none lies there.
    other = replace(case, words={"windows": 2, "warmup": 40})
    fresh, again = other(), other(lambda _: replay)
    assert len(again.orders)
    assert set(fresh.orders["date"]) <= set(again.orders["date"])


def test_a_closed_loop_is_refused_unless_forced_and_says_where_it_left(tmp_path: Path) -> None:
    case = Case(one(s.flipping, "GOOG", **CROSS), goog)
    original, recording = captured(case, tmp_path)
    assert_same_results(original, case(lambda _: capture.replay(recording).into("pybroker")))
    poor = replace(case, config={"initial_cash": 100})
    with pytest.raises(ClosedLoop, match=r"long_positions.*initial_cash 100000 -> 100"):
        poor(lambda _: capture.replay(recording).into("pybroker"))
    replay = capture.replay(recording)
    poor(lambda _: replay.into("pybroker", force=True))
    assert replay.divergence is not None
    signals = recording.signals()
    first = signals.loc[signals["position_before"] != 0, "bar_index"].iloc[0]
    assert replay.divergence.bar_index == first
    assert f"from bar {first} on the replay differs" in str(replay.divergence)


def test_what_changes_only_the_report_is_no_other_setting(tmp_path: Path) -> None:
    case = Case(one(s.flipping, "GOOG", **CROSS), goog)
    original, recording = captured(case, tmp_path)
    report = {"bootstrap_samples": 20, "return_stops": True, "record_position_bars": True}
    other = replace(case, config=report)
    again = other(lambda _: capture.replay(recording).into("pybroker"))
    assert identical(original.trades, again.trades)


def test_who_orders_a_part_of_what_a_method_said_has_looked_at_the_portfolio(
    tmp_path: Path,
) -> None:
    def careful(ctx: Any) -> None:
        if ctx.bars == 5:
            ctx.set_target_shares(0.5, dir="long")
            ctx.buy_shares //= 2

    case = Case(one(careful, "GOOG"), goog, {"initial_cash": 200_000})
    original, recording = captured(case, tmp_path)
    assert_same_results(original, case(lambda _: capture.replay(recording).into("pybroker")))
    with pytest.raises(ClosedLoop, match="set_target_shares"):
        replace(case, config={"initial_cash": 20_000})(
            lambda _: capture.replay(recording).into("pybroker")
        )


def test_who_was_refused_to_sell_what_is_not_held_has_looked_at_the_portfolio(
    tmp_path: Path,
) -> None:
    def hopeful(ctx: Any) -> None:
        if ctx.bars == 5:
            ctx.buy_shares = 10
        elif ctx.bars == 9:
            with suppress(ValueError):
                ctx.sell_all_shares()

    case = Case(one(hopeful, "GOOG"), goog, {"position_mode": PositionMode.SHORT_ONLY})
    _, recording = captured(case, tmp_path)
    with pytest.raises(ClosedLoop, match="sell_all_shares"):
        replace(case, config={})(lambda _: capture.replay(recording).into("pybroker"))
