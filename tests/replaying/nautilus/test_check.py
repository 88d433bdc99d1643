"""Whether signals depend on the balance is found by running the same script under others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from backtesting import test
from nautilus_trader.model.data import BarType
from nautilus_trader.persistence.wranglers import BarDataWrangler

import capture
from tests.adapters.nautilus import strategies as s
from tests.adapters.nautilus.runs import BOTH, GOOG, Case, captured, instrument

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host


def test_signals_that_follow_prices_alone_do_not_change(tmp_path: Path) -> None:
    found = capture.check_replay(lambda: captured(Case(s.Pair, BOTH), tmp_path))
    assert found.independent, str(found)
    assert [outcome.perturbation for outcome in found.outcomes] == ["cash", "little_cash"]
    for outcome, times in zip(found.outcomes, (10, 0.1), strict=True):
        said = f"{1_000_000 * times:.2f} USD"
        assert all(said in setting for setting in outcome.settings)
        assert len(outcome.settings) == 2  # two venues
        assert outcome.signals > 50


def test_signals_that_follow_the_balance_are_found(tmp_path: Path) -> None:
    class Rich(s.Counting):
        def on_bar(self, bar: Any) -> None:
            self.count += 1
            account = self.portfolio.account(bar.bar_type.instrument_id.venue)
            if self.count % 20 == 0 and account.balance_total(s.USD).as_double() > 500_000:
                self.market(s.BUY)

    found = capture.check_replay(lambda: captured(Case(Rich), tmp_path))
    assert not found.independent
    assert [o.perturbation for o in found.outcomes if o.change is not None] == ["little_cash"]


def test_two_strategies_of_one_engine_are_perturbed_once(tmp_path: Path) -> None:
    class Second(s.SmaCross):
        pass

    found = capture.check_replay(lambda: captured(Case((s.SmaCross, Second)), tmp_path))
    assert found.independent, str(found)
    assert any("10000000.00 USD" in text for text in found.outcomes[0].settings)


def test_a_look_ahead_is_found_where_the_script_takes_the_data(tmp_path: Path) -> None:
    class Peeking(s.Counting):
        closes: ClassVar[list[float]] = []

        def on_bar(self, bar: Any) -> None:
            self.count += 1
            if self.count % 10 == 0:
                tomorrow = self.closes[min(self.count, len(self.closes) - 1)]
                self.market(s.BUY if tomorrow > bar.close.as_double() else s.SELL)

    def run(frame: Any) -> None:
        Peeking.closes = frame["close"].tolist()
        wrangler = BarDataWrangler(BarType.from_str(GOOG), instrument(GOOG))
        engine = Case(Peeking, ((GOOG, 0),)).engine()
        engine.add_data(wrangler.process(frame))
        engine.add_strategy(capture.wrap(Peeking, store=tmp_path)(s.Config()))
        engine.run()
        engine.dispose()

    prices = test.GOOG.rename(columns=str.lower).tz_localize("UTC").iloc[:120]
    found = capture.lookahead(run, data=prices)
    assert not found.clean, str(found)
