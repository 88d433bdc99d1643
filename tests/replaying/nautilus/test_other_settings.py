"""Under other settings: exact where the strategy was blind to its portfolio, refused where not."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from nautilus_trader.backtest.models import FillModel, LatencyModel, PerContractFeeModel
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.objects import Money

import capture
from capture.errors import ClosedLoop
from tests.adapters.nautilus import strategies as s
from tests.adapters.nautilus.runs import BOTH, CASES, Case, captured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

pytestmark = pytest.mark.host

OTHER: Mapping[str, dict[str, Any]] = {
    "balance": {"balance": 50_000.0},
    "too little": {"balance": 5_000.0},
    "fees": {"venue": {"fee_model": lambda: PerContractFeeModel(Money(0.5, USD))}},
    "slippage": {"venue": {"fill_model": lambda: FillModel(prob_slippage=1.0, random_seed=3)}},
    "few limits": {
        "venue": {"fill_model": lambda: FillModel(prob_fill_on_limit=0.3, random_seed=5)}
    },
    "latency": {"venue": {"latency_model": lambda: LatencyModel(base_latency_nanos=10**12)}},
    "hedging": {"venue": {"oms_type": OmsType.HEDGING}},
    "cash account": {"venue": {"account_type": AccountType.CASH}},
    "no contingencies": {"venue": {"support_contingent_orders": False}},
    "other highs and lows": {"venue": {"bar_adaptive_high_low_ordering": True}},
}
BLIND: Mapping[str, Case] = {
    "SMA cross": Case(s.SmaCross),
    "bands": Case(s.Banded),
    "brackets": Case(s.Brackets),
    "nasty": Case(s.Nasty),
    "names without hyphens": Case(s.Nasty, config={"use_hyphens_in_client_order_ids": False}),
    "two instruments": Case(s.Pair, BOTH),
}


def reads(recording: Any) -> list[str]:
    [part] = recording.parts
    found: list[str] = (part.record or {})["flags"].get("closed_loop", [])
    return found


@pytest.mark.parametrize("name", BLIND)
def test_an_open_loop_replays_as_a_fresh_run_under_other_settings(
    name: str, tmp_path: Path
) -> None:
    case = BLIND[name]
    original, recording = captured(case, tmp_path)
    assert reads(recording) == []
    replay = capture.replay(recording)
    differing = 0
    for changed, settings in OTHER.items():
        if changed == "cash account" and case.names == BOTH:
            continue  # the host trades no currencies in such an account
        other = replace(case, **settings)
        fresh = other()
        assert other(lambda _: replay.into("nautilus")) == fresh, changed
        differing += fresh != original
    assert differing >= 6


def test_an_order_that_names_an_earlier_one_names_it_under_other_settings_too(
    tmp_path: Path,
) -> None:
    class Twins(s.Counting):
        def on_bar(self, bar: Any) -> None:
            self.count += 1
            if self.count in {2, 4}:
                self.first = self.market(s.BUY)
            elif self.count == 6:  # of several positions where they are hedged
                self.close_all_positions(self.instrument_id)
            elif self.count == 8:
                self.market(s.BUY, client_order_id=self.first.client_order_id)

    case = Case(Twins)
    _, recording = captured(case, tmp_path)
    hedging = replace(case, venue={"oms_type": OmsType.HEDGING})
    assert hedging(lambda _: capture.replay(recording).into("nautilus")) == hedging()


class Looking(s.SmaCross):
    """Looks at its portfolio once."""

    def look(self) -> Any:
        return None

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        if self.count == 40:
            self.look()
        super().on_bar(bar)


LOOKS: Mapping[str, Callable[[Any], Any]] = {
    "portfolio.is_flat": lambda it: it.portfolio.is_flat(it.instrument_id),
    "portfolio.net_position": lambda it: it.portfolio.net_position(it.instrument_id),
    "portfolio.account": lambda it: it.portfolio.account(it.instrument_id.venue),
    "cache.positions_open": lambda it: it.cache.positions_open(),
    "cache.orders": lambda it: it.cache.orders(),
    "cache.account_for_venue": lambda it: it.cache.account_for_venue(it.instrument_id.venue),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_at_the_portfolio_is_remembered_and_binds_to_the_settings(
    name: str, tmp_path: Path
) -> None:
    looking = type("Looking", (Looking,), {"look": LOOKS[name], "__module__": __name__})
    case = Case(looking)
    original, recording = captured(case, tmp_path)
    assert reads(recording) == [name]
    replay = capture.replay(recording)
    assert case(lambda _: replay.into("nautilus")) == original
    with pytest.raises(ClosedLoop) as caught:
        replace(case, balance=5.0)(lambda _: replay.into("nautilus"))
    assert caught.value.reads == (name,)
    assert any("starting_balances" in changed for changed in caught.value.changed)


# The host allows a venue to borrow for as long as the process lives.
_BORROWING = """
import sys
import capture
from nautilus_trader.model.enums import AccountType
from tests.adapters.nautilus.runs import Case

replay = capture.replay(capture.open(sys.argv[1]).latest())
venue = {"account_type": AccountType.CASH, "allow_cash_borrowing": True}
Case(None, venue=venue)(lambda _: replay.into("nautilus"))
"""


def test_whether_an_account_may_borrow_is_a_setting(tmp_path: Path) -> None:
    class Careful(Looking):
        look = LOOKS["portfolio.account"]

    _, recording = captured(Case(Careful, venue={"account_type": AccountType.CASH}), tmp_path)
    assert recording.manifest["settings"]["XNAS.allow_cash_borrowing"] is False
    done = subprocess.run(
        [sys.executable, "-c", _BORROWING, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ClosedLoop" in done.stderr
    assert "XNAS.allow_cash_borrowing False -> True" in done.stderr


def test_a_look_at_the_market_is_none_at_the_portfolio(tmp_path: Path) -> None:
    class Reading(Looking):
        def look(self) -> Any:
            assert self.cache.bar(self.types[0]) is not None
            assert self.cache.bar_count(self.types[0]) == 40
            assert self.cache.instrument(self.instrument_id) is not None
            assert self.clock.timestamp_ns() > 0
            assert self.cache.order_book(self.instrument_id) is None

    assert reads(captured(Case(Reading), tmp_path)[1]) == []


def test_the_state_of_an_order_that_it_keeps_is_a_look_at_the_portfolio(tmp_path: Path) -> None:
    class Keeping(s.Counting):
        def on_bar(self, bar: Any) -> None:
            self.count += 1
            if self.count == 10:
                self.mine = self.market(s.BUY)
            elif self.count > 10 and self.mine.is_closed and self.count % 20 == 0:
                self.market(s.SELL)

    assert reads(captured(Case(Keeping), tmp_path)[1]) == ["order.is_closed"]


def test_what_it_is_told_of_its_orders_is_a_look_at_the_portfolio(tmp_path: Path) -> None:
    _, recording = captured(CASES["reacting"], tmp_path)
    assert {"on_order_filled", "on_event", "on_position_changed"} <= set(reads(recording))
    with pytest.raises(ClosedLoop):
        replace(CASES["reacting"], balance=7e6)(
            lambda _: capture.replay(recording).into("nautilus")
        )


def test_to_close_a_position_is_no_look_at_it(tmp_path: Path) -> None:
    _, recording = captured(Case(s.SmaCross), tmp_path)
    assert "close_all_positions" in set(recording.orders()["call"])
    assert reads(recording) == []


def test_a_forced_replay_goes_on_and_names_the_bar_where_it_leaves_the_recording(
    tmp_path: Path,
) -> None:
    case = CASES["holding"]
    _, recording = captured(case, tmp_path)
    slow = {"latency_model": lambda: LatencyModel(base_latency_nanos=3 * 10**15)}
    late = replace(case, venue=slow)
    replay = capture.replay(recording)
    late(lambda _: replay.into("nautilus", force=True))
    divergence = replay.divergence
    assert divergence is not None
    assert divergence.captured != divergence.replayed
    # Found without the detector: the first signal before which the two runs hold other units.
    again = late(
        lambda _: capture.replay(recording).into("nautilus", force=True, store=tmp_path / "replays")
    )
    assert again.orders
    other = capture.open(tmp_path / "replays").latest("replay").signals()
    held = recording.signals().set_index("signal_id")["position_before"]
    then = other["source_signal_id"].map(held)
    first = other[then.to_numpy() != other["position_before"].to_numpy()].iloc[0]
    assert divergence.bar_index == first["bar_index"]
    assert divergence.signal_id == first["source_signal_id"]


def test_a_forced_replay_under_the_same_settings_does_not_leave_the_recording(
    tmp_path: Path,
) -> None:
    original, recording = captured(CASES["holding"], tmp_path)
    replay = capture.replay(recording)
    assert CASES["holding"](lambda _: replay.into("nautilus", force=True)) == original
    assert replay.divergence is None
