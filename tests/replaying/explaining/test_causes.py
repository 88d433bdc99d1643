"""Each cause, by two runs that differ in that alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import capture
from capture.replaying.explaining.explain import explain
from capture.replaying.slices import Slice
from capture.store.explanations import Cause
from tests.replaying.explaining.scripts import (
    Tampered,
    recorded,
    replayed,
    up_and_down,
    wandering,
)

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.explanations import Explanation
    from capture.store.recording import Recording

TURNS = up_and_down(5, 12, 20, 27, 33, 41)
SIZED = up_and_down(5, 12, 20, 27, 33, 41, size=10.0)


def explained(original: Recording, replay: Recording) -> Explanation:
    found = capture.parity(original, replay, explain=True).explanation
    assert found is not None
    assert len(found.unexplained) == found.causes.get(Cause.UNEXPLAINED, 0)
    return found


def pair(
    folder: Path, steps: Any, then: dict[str, Any], now: dict[str, Any]
) -> tuple[Explanation, Recording, Recording]:
    original = recorded(folder, steps, **then)
    replay = replayed(original, **now)
    return explained(original, replay), original, replay


def test_runs_that_are_the_same_have_nothing_to_explain(tmp_path: Path) -> None:
    found, *_ = pair(tmp_path, SIZED, {}, {})
    assert found.gaps == ()
    assert found.complete
    assert (found.trades.original, found.trades.matched, found.trades.equal) == (4, 4, 4)
    assert found.equity.differing == 0


def test_another_bar_and_another_price_of_it(tmp_path: Path) -> None:
    found, original, replay = pair(tmp_path, SIZED, {}, {"fill": "close"})
    assert set(found.causes) == {Cause.FILL_TIME, Cause.PRICE_RULE}
    assert found.complete
    bars, fills = wandering(), original.fills()
    prices = [gap for gap in found.gaps if gap.column == "price"]
    assert [gap.original for gap in prices] == fills["price"].tolist()
    for gap in prices:
        assert gap.original == bars["Open"].iloc[gap.decision_bar + 1]
        assert gap.replayed == bars["Close"].iloc[gap.decision_bar]
    assert prices[0].detail == "close of bar 5, not open of bar 6"
    assert len(replay.fills()) == len(fills) == len(prices)
    assert found.equity.differing == found.equity.reckoned > 30


def test_slippage(tmp_path: Path) -> None:
    found, original, _ = pair(tmp_path, SIZED, {}, {"slippage_fraction": 0.001})
    assert found.causes == {Cause.SLIPPAGE: len(original.fills())}
    assert found.complete


def test_a_price_and_its_slippage_are_two_differences(tmp_path: Path) -> None:
    found, original, _ = pair(tmp_path, SIZED, {}, {"slippage_fixed": 0.2, "fill": "close"})
    fills = len(original.fills())
    assert found.causes == {
        Cause.FILL_TIME: fills, Cause.PRICE_RULE: fills, Cause.SLIPPAGE: fills
    }  # fmt: skip


def test_commission(tmp_path: Path) -> None:
    found, original, _ = pair(tmp_path, SIZED, {"commission_rate": 0.001}, {})
    assert found.causes == {Cause.COMMISSION: len(original.fills())}
    assert found.gaps[0].replayed == 0.0
    assert found.equity.unexplained == 0


def test_the_same_commission_of_another_size_is_a_consequence(tmp_path: Path) -> None:
    words = {"commission_rate": 0.001}
    found, *_ = pair(tmp_path, TURNS, {**words, "size": 5.0}, {**words, "size": 8.0})
    assert set(found.causes) == {Cause.SIZING, Cause.CONSEQUENCE}
    assert found.complete
    costs = [gap for gap in found.gaps if gap.column == "commission"]
    assert {found.gaps[gap.follows].column for gap in costs} == {"size"}  # type: ignore[index]


def test_a_size_that_the_backtester_chooses(tmp_path: Path) -> None:
    share = {"sizer": "equity_fraction", "size": 0.5}
    found, *_ = pair(tmp_path, TURNS, {"size": 5.0}, share)
    entries = [gap for gap in found.gaps if not gap.closes]
    assert {gap.cause for gap in entries} == {Cause.SIZING}
    assert {gap.cause for gap in found.gaps if gap.closes} == {Cause.CONSEQUENCE}
    assert found.complete
    assert entries[0].detail.endswith("not the sizer's 5")


def test_a_size_of_an_order_that_turns_a_position_later(tmp_path: Path) -> None:
    steps = {
        2: lambda s, _c: s.sell(),
        5: lambda s, c: s.buy(limit=c * 0.997),
        40: lambda s, _c: s.close(),
    }
    share = {"sizer": "equity_fraction", "size": 0.6}
    found, original, _ = pair(tmp_path, steps, share, {"size": 7.0})
    assert original.fills()["effect"].tolist() == ["open", "close", "open", "close"]
    assert original.fills()["bar_index"].iloc[1] > 6
    sizes = [gap for gap in found.gaps if gap.column == "size" and not gap.closes]
    assert [gap.cause for gap in sizes] == [Cause.SIZING, Cause.SIZING]
    assert found.complete


def test_a_size_that_is_rounded(tmp_path: Path) -> None:
    share = {"sizer": "equity_fraction", "size": 0.5}
    found, *_ = pair(tmp_path, up_and_down(5, 12), share, {**share, "lot": 1.0})
    assert [gap.cause for gap in found.gaps] == [Cause.ROUNDING, Cause.CONSEQUENCE]
    assert found.complete


def test_a_size_that_is_rounded_to_nothing(tmp_path: Path) -> None:
    found, *_ = pair(tmp_path, up_and_down(5, 12), {"size": 0.5}, {"size": 0.5, "lot": 1.0})
    assert [gap.cause for gap in found.gaps] == [Cause.ROUNDING, Cause.CONSEQUENCE]
    assert [gap.column for gap in found.gaps] == ["missing", "missing"]
    assert found.trades.matched == 0


def test_an_order_that_cannot_be_paid(tmp_path: Path) -> None:
    found, _, replay = pair(tmp_path, up_and_down(5, 12, size=50.0), {}, {"cash": 1_000.0})
    assert len(replay.fills()) == 0
    assert [gap.cause for gap in found.gaps] == [Cause.REFUSED, Cause.CONSEQUENCE]
    assert found.gaps[1].follows == 0
    assert "insufficient" in found.gaps[0].detail
    assert found.complete


def test_an_order_that_could_not_be_paid_then(tmp_path: Path) -> None:
    found, original, _ = pair(tmp_path, up_and_down(5, 12, size=50.0), {"cash": 1_000.0}, {})
    assert len(original.fills()) == 0
    assert [(gap.column, gap.cause) for gap in found.gaps] == [
        ("added", Cause.REFUSED),
        ("added", Cause.CONSEQUENCE),
    ]


def test_a_stop_loss_is_no_part_of_a_target(tmp_path: Path) -> None:
    steps = {
        5: lambda s, c: s.buy(size=10.0, stop_loss=c * 0.995),
        40: lambda s, _c: s.close(),
    }
    found, original, replay = pair(tmp_path, steps, {}, {})
    assert original.fills()["bar_index"].iloc[1] < replay.fills()["bar_index"].iloc[1] == 41
    assert [(gap.column, gap.cause) for gap in found.gaps] == [
        ("missing", Cause.ORDER_TYPE),
        ("added", Cause.CONSEQUENCE),
    ]
    assert (found.trades.matched, found.trades.equal) == (1, 0)
    assert found.complete


def test_a_limit_that_was_reached_later_is_a_target_at_once(tmp_path: Path) -> None:
    steps = {
        5: lambda s, c: s.buy(size=10.0, limit=c * 0.995),
        40: lambda s, _c: s.close(),
    }
    found, original, _ = pair(tmp_path, steps, {}, {})
    assert original.fills()["bar_index"].iloc[0] > 6
    assert [(gap.column, gap.cause) for gap in found.gaps] == [
        ("bar_index", Cause.ORDER_TYPE),
        ("price", Cause.ORDER_TYPE),
    ]


def test_a_limit_that_was_never_reached_is_a_target_all_the_same(tmp_path: Path) -> None:
    steps = {
        5: lambda s, c: s.buy(size=10.0, limit=c * 0.5, valid_bars=3),
        40: lambda s, _c: s.close(),
    }
    found, original, _ = pair(tmp_path, steps, {}, {})
    assert len(original.fills()) == 0
    assert [(gap.column, gap.cause) for gap in found.gaps] == [
        ("added", Cause.ORDER_TYPE),
        ("added", Cause.CONSEQUENCE),
    ]


def test_a_position_of_unknown_size_is_not_added_to(tmp_path: Path) -> None:
    steps = {n: lambda s, _c: s.buy() for n in (5, 9)} | {20: lambda s, _c: s.close()}
    found, original, replay = pair(tmp_path, steps, {"pyramiding": 2}, {"pyramiding": 1})
    assert (len(original.fills()), len(replay.fills())) == (3, 2)
    assert found.gaps[0].cause == Cause.HELD
    assert found.gaps[0].column == "missing"
    assert found.complete


def test_a_known_size_is_added_to(tmp_path: Path) -> None:
    steps = {n: lambda s, _c: s.buy(size=3.0) for n in (5, 9)} | {20: lambda s, _c: s.close()}
    found, _, replay = pair(tmp_path, steps, {"pyramiding": 2}, {"pyramiding": 1})
    assert replay.fills()["position_after"].tolist() == [3.0, 6.0, 0.0]
    assert found.gaps == ()


def test_signals_that_the_replay_was_told_to_leave_out(tmp_path: Path) -> None:
    original = recorded(tmp_path, SIZED)
    replay = replayed(original, words={"where": "bar_index < 10 or bar_index > 15"})
    found = explained(original, replay)
    assert found.causes[Cause.FILTERED] == 1
    assert found.gaps[0].cause == Cause.FILTERED
    assert found.complete


def test_data_that_end_before_the_fill(tmp_path: Path) -> None:
    found, *_ = pair(tmp_path, up_and_down(59, size=10.0), {"fill": "close"}, {})
    assert [(gap.column, gap.cause) for gap in found.gaps] == [("missing", Cause.AT_THE_END)]


def test_a_backtester_that_nobody_knows_is_unexplained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = recorded(tmp_path, SIZED)
    replay = replayed(original, fill="close")
    monkeypatch.setattr("capture.replaying.explaining.sides.get_host", _Nobody)
    found = explained(original, replay)
    assert set(found.causes) == {Cause.UNEXPLAINED}
    assert len(found.gaps) == 2 * len(original.fills())
    assert not found.complete


class _Nobody:
    """A plugin host that knows no backtester."""

    def adapters(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize(
    ("column", "change"),
    [("price", 1e-12), ("size", 1e-6), ("commission", 1e-6), ("bar_index", 2)],
)
def test_what_nothing_explains_is_said_to_be_unexplained(
    column: str, change: float, tmp_path: Path
) -> None:
    settings = {"commission_rate": 0.001}
    original = recorded(tmp_path, SIZED, **settings)
    replay = replayed(original, fill="close", **settings)
    value = replay.table("fills", [column]).column(column).to_pylist()[2]
    changed = value + change if column == "bar_index" else value * (1 + change)
    assert changed != value
    found = explain(Slice(original), Tampered(replay, None, 2, column, changed))
    assert not found.complete
    planted = [gap for gap in found.unexplained if gap.decision_bar == 20]
    assert column in {gap.column for gap in planted}
    assert "unexplained" in str(found)
    # It is told with its place, and everything before it is still explained.
    assert all(gap.decision_bar >= 20 for gap in found.unexplained)  # type: ignore[operator]
