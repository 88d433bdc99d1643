"""Under other settings a replay is what a fresh run under these settings is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import capture
from tests.adapters.vectorbt import prices as p
from tests.adapters.vectorbt.cases import CASES
from tests.adapters.vectorbt.results import assert_same, outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

    Recorded = Callable[[str], tuple[Any, Recording]]

pytestmark = [pytest.mark.host, pytest.mark.slow]

SIGNALS: dict[str, dict[str, Any]] = {
    "cash": {"init_cash": 2_500},
    "fees": {"fees": 0.01},
    "fixed fees": {"fixed_fees": 3.0},
    "slippage": {"slippage": 0.004},
    "size": {"size": 5.0},
    "a share": {"size": 0.3, "size_type": "percent"},
    "stop-loss": {"sl_stop": 0.02},
    "trailing stop": {"sl_stop": 0.04, "sl_trail": True},
    "take-profit": {"tp_stop": 0.03},
    "short only": {"direction": "shortonly"},
    "both directions": {"direction": "both", "size": 1.0},
    "accumulating": {"accumulate": True, "size": 3.0},
    "grains": {"size_granularity": 1.0, "max_size": 10.0},
    "chance": {"reject_prob": 0.5, "seed": 3},
    "all at once": {"init_cash": 99_999, "fees": 0.003, "slippage": 0.001, "tp_stop": 0.1},
}
ASSETS: dict[str, dict[str, Any]] = {
    "one account": {"cash_sharing": True, "group_by": True, "init_cash": 5_000},
    "called by value": {"cash_sharing": True, "group_by": True, "call_seq": "auto", "fees": 0.01},
    "two accounts": {"cash_sharing": True, "group_by": [0, 0, 1], "size": 30.0},
    "cash of each": {"init_cash": [100, 200, 300]},
}
ORDERS: dict[str, dict[str, Any]] = {
    "fees": {"fees": 0.02},
    "fixed fees": {"fixed_fees": 5.0},
    "cash": {"init_cash": 7_777},
    "long only": {"direction": "longonly"},
    "all or nothing": {"allow_partial": False, "init_cash": 300},
    "a target": {"size_type": "targetamount", "init_cash": 9_000},
}
MATRIX = [
    *(("SMA cross, GOOG", name, changed) for name, changed in SIGNALS.items()),
    *(("several assets", name, changed) for name, changed in ASSETS.items()),
    *(("orders of an amount", name, changed) for name, changed in ORDERS.items()),
    ("a grid", "fees", {"fees": 0.01}),
    ("a grid over assets", "grouped", {"group_by": "ma_window", "cash_sharing": True}),
    ("stop-loss", "no stop", {"sl_stop": float("nan")}),
    ("several assets, one account", "apart", {"cash_sharing": False, "group_by": False}),
    ("random signals", "fees", {"fees": 0.01}),
    ("holding", "less cash", {"init_cash": 50}),
]


@pytest.mark.parametrize(
    ("name", "changed"), [m[::2] for m in MATRIX], ids=[f"{m[0]}: {m[1]}" for m in MATRIX]
)
def test_a_replay_under_other_settings_is_a_fresh_run_under_them(
    name: str, changed: dict[str, Any], recorded: Recorded
) -> None:
    portfolio, recording = recorded(name)
    fresh = CASES[name](**changed)
    replayed = capture.replay(recording).into("vectorbt", **changed)
    assert_same(fresh, replayed)
    one, other = outcome(portfolio), outcome(replayed)
    assert any(one[n].tobytes() != other[n].tobytes() for n in ("value", "orders.price"))


def test_other_prices_of_the_orders_are_taken(recorded: Recorded) -> None:
    _, recording = recorded("SMA cross, GOOG")
    changed = {"price": p.goog()["Open"]}
    fresh = CASES["SMA cross, GOOG"](**changed)
    assert_same(fresh, capture.replay(recording).into("vectorbt", **changed))


def test_a_change_is_recorded_as_a_setting(recorded: Recorded, tmp_path: Path) -> None:
    _, recording = recorded("SMA cross, GOOG")
    capture.replay(recording).into("vectorbt", fees=0.01, store=tmp_path)
    again = capture.open(tmp_path).latest("replay")
    assert again.manifest["settings"] == {**recording.manifest["settings"], "fees": 0.01}
    assert again.signals()["source_signal_id"].tolist() == (
        recording.signals()["signal_id"].tolist()
    )
    certificate = capture.parity(recording, again)
    assert not certificate.exact
    assert certificate.first_difference is not None


def test_a_recorded_replay_draws_its_random_numbers_from_the_seed_that_it_is_given(
    recorded: Recorded, tmp_path: Path
) -> None:
    _, recording = recorded("rejected at random")
    fresh = CASES["rejected at random"](seed=3)
    replay = capture.replay(recording)
    assert_same(fresh, replay.into("vectorbt", seed=3))
    assert_same(fresh, replay.into("vectorbt", seed=3, store=tmp_path))
    assert capture.open(tmp_path).latest("replay").manifest["seed"] == 3


def test_the_same_bars_may_be_given_and_others_may_not(recorded: Recorded) -> None:
    portfolio, recording = recorded("SMA cross, GOOG")
    close = p.close_of(p.goog())
    replay = capture.replay(recording)
    assert_same(portfolio, replay.into("vectorbt", close=close))
    other = close.copy()
    other.iloc[700] += 0.01
    for wrong in (other, close.iloc[:-1], close * 2):
        with pytest.raises(capture.errors.DataMismatch):
            replay.into("vectorbt", close=wrong)
