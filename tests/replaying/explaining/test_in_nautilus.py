"""Replays in NautilusTrader: what its rules come to, to the cent, and what they leave open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from nautilus_trader.backtest.models import BestPriceFillModel, FillModel, PerContractFeeModel
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.objects import Money

import capture
from capture.store.explanations import Cause
from tests.adapters.nautilus import strategies as s
from tests.adapters.nautilus.runs import GOOG, Case, captured

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.explanations import Explanation

pytestmark = pytest.mark.host

LAST = "EUR/USD.SIM-1-HOUR-LAST-EXTERNAL"
BEST: dict[str, Any] = {"fill_model": BestPriceFillModel}


class Turning(s.Counting):
    """Enters, turns round with one order, and leaves, in sizes whose gains are no whole cents."""

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        step = {3: (s.BUY, 7), 7: (s.SELL, 18), 11: (s.BUY, 11)}.get(self.count % 15)
        if step is not None:
            self.market(*step)

    def on_stop(self) -> None:
        """Leave what is held."""


HOURS = Case(Turning, ((LAST, 400),), {"size": 211}, BEST)
DAYS = Case(Turning, ((GOOG, 300),), {"size": 1}, BEST)


def explained(folder: Path, then: Case, now: Case) -> Explanation:
    _, recording = captured(then, folder)
    replay = capture.replay(recording, "target")
    now(lambda _: replay.into("nautilus", store=folder, force=True))
    certificate = capture.parity(recording, capture.open(folder).latest("replay"), explain=True)
    assert certificate.explanation is not None
    assert certificate.explanation.fills.matched == certificate.explanation.fills.original > 50
    return certificate.explanation


def test_a_target_replay_is_the_run_itself(tmp_path: Path) -> None:
    found = explained(tmp_path, HOURS, HOURS)
    assert found.gaps == ()
    assert found.equity.differing == 0


def test_worth_is_reckoned_where_gains_are_rounded_to_cents(tmp_path: Path) -> None:
    found = explained(tmp_path, HOURS, replace(HOURS, balance=50_000.0))
    assert found.gaps == ()
    assert found.equity.differing == found.equity.reckoned == 400


@pytest.mark.parametrize(
    ("case", "venue", "column"),
    [
        (DAYS, {"fee_model": lambda: PerContractFeeModel(Money(0.5, USD))}, "commission"),
        (DAYS, {"fill_model": lambda: FillModel(prob_slippage=1.0, random_seed=3)}, "price"),
    ],
    ids=["fees of another kind", "slippage by chance"],
)
def test_what_the_rules_leave_out_is_counted_as_unexplained(
    case: Case, venue: dict[str, Any], column: str, tmp_path: Path
) -> None:
    found = explained(tmp_path, case, replace(case, venue={**BEST, **venue}))
    assert set(found.causes) == {Cause.UNEXPLAINED}
    assert {gap.column for gap in found.gaps} == {column}
    assert len(found.unexplained) == found.fills.original


def test_what_exceeds_the_volume_of_a_bar_is_counted_as_unexplained(tmp_path: Path) -> None:
    found = explained(tmp_path, HOURS, replace(HOURS, venue={}))
    assert found.fills.replayed > found.fills.original
    assert not found.complete
    added = [gap for gap in found.gaps if gap.column == "added"]
    assert len(added) == found.fills.replayed - found.fills.original
    assert {gap.cause for gap in added} == {Cause.UNEXPLAINED}
