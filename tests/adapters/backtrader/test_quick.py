"""What is recorded in the quickest way is what the general way records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import backtrader as bt
import pytest

import capture
from tests.adapters.backtrader.runs import Case, a_year, captured, three_lengths

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

FREE = {"cash": 50_000.0}
OWN = {"seq", "recorded_time", "arguments", "strategy_id", "signal_id"}


class Plain(bt.Strategy):  # type: ignore[misc]
    """Makes calls that are as plain as can be."""

    def next(self) -> None:
        """Turn to every side, also twice in a bar."""
        step = len(self) % 12
        if step == 1:
            self.enter(2)
        elif step == 3:
            self.enter(1.5)
        elif step == 5:
            self.leave()
            self.turn(3)
        elif step == 7:
            self.enter(9)
        elif step == 9:
            self.leave()
        elif step == 10:
            self.leave()
            self.enter(None)

    def enter(self, size: float | None) -> None:
        """Buy."""
        self.buy() if size is None else self.buy(size=size)

    def turn(self, size: float) -> None:
        """Sell."""
        self.sell(size=size)

    def leave(self) -> None:
        """Close."""
        self.close()


class Wordy(Plain):
    """Makes the same calls, and says what goes without saying."""

    def enter(self, size: float | None) -> None:
        """Buy."""
        self.buy(None, size)

    def turn(self, size: float) -> None:
        """Sell."""
        self.sell(self.data, size)

    def leave(self) -> None:
        """Close."""
        self.close(self.data)


@pytest.mark.parametrize("feeds", [a_year, three_lengths])
def test_the_quick_way_records_what_the_general_way_records(feeds: Any, tmp_path: Path) -> None:
    results, plain = captured(Case(Plain, feeds, FREE), tmp_path / "plain")
    same, wordy = captured(Case(Wordy, feeds, FREE), tmp_path / "wordy")
    assert results == same
    for table in ("signals", "orders", "fills", "statuses", "trades", "equity"):
        quick, general = (run.table(table).to_pandas() for run in (plain, wordy))
        kept = [name for name in quick if name not in OWN]
        assert len(quick) > 10
        assert quick[kept].equals(general[kept]), table


class Holding(Plain):
    """Keeps the verbs before the run, and puts one of its own in their place."""

    def __init__(self) -> None:
        """Keep them."""
        self.kept = {"buy": self.buy, "sell": self.sell, "close": self.close}
        self.buy = self.also_buy

    def also_buy(self, **said: Any) -> Any:
        """Buy."""
        return self.kept["buy"](**said)

    def turn(self, size: float) -> None:
        """Sell."""
        self.kept["sell"](size=size)

    def leave(self) -> None:
        """Close, by a verb that is put in the place of the host's while the run goes on."""
        self.close = self.kept["close"]
        self.close()


def test_who_has_verbs_of_its_own_is_recorded_like_who_has_not(tmp_path: Path) -> None:
    results, plain = captured(Case(Plain, a_year, FREE), tmp_path / "plain")
    same, own = captured(Case(Holding, a_year, FREE), tmp_path / "own")
    assert results == same
    for table in ("signals", "orders", "fills", "statuses"):
        quick, other = (run.table(table).to_pandas() for run in (plain, own))
        kept = [name for name in quick if name not in OWN]
        assert len(quick) > 10
        assert quick[kept].equals(other[kept]), table


def test_what_a_strategy_puts_among_its_attributes_is_there_after_the_run(tmp_path: Path) -> None:
    cerebro = bt.Cerebro(stdstats=False)
    a_year(cerebro)
    cerebro.addstrategy(capture.wrap(Holding, store=tmp_path))
    [strategy] = cerebro.run()
    assert vars(strategy)["close"] == strategy.kept["close"]
    assert not {"sell", "notify_cashvalue", "_addnotification"} & vars(strategy).keys()


def test_an_order_that_another_one_cancelled_is_not_cancelled_again(tmp_path: Path) -> None:
    class TooLate(bt.Strategy):  # type: ignore[misc]
        def next(self) -> None:
            if len(self) == 5:
                first = self.buy(size=1)
                self.other = self.buy(size=1, exectype=bt.Order.Limit, price=1.0, oco=first)
            elif len(self) == 9:
                self.cancel(self.other)

    _, recording = captured(Case(TooLate, a_year, FREE), tmp_path)
    statuses = recording.table("statuses").to_pandas()
    cancelled = statuses[statuses["status"] == "cancelled"]
    assert cancelled["reason"].tolist() == ["cancelled_by_oco"]


def test_what_a_strategy_keeps_on_itself_is_there_again(tmp_path: Path) -> None:
    told: list[tuple[float, float]] = []

    class Told(Plain):
        def __init__(self) -> None:
            self.notify_cashvalue = self.keep

        def keep(self, cash: float, value: float) -> None:
            told.append((cash, value))

    results, recording = captured(Case(Told, a_year, FREE), tmp_path)
    equity = recording.table("equity").to_pandas()
    assert told == list(zip(equity["cash"], equity["equity"], strict=True))
    (strategy,) = results.strategies
    assert strategy.notify_cashvalue == strategy.keep
    assert not {"_addnotification", "_notify", "_capture"} & vars(strategy).keys()


def test_a_run_without_a_signal_has_its_account_by_bar(tmp_path: Path) -> None:
    class Idle(bt.Strategy):  # type: ignore[misc]
        pass

    captured(Case(Idle, a_year, FREE), tmp_path)
    equity = capture.open(tmp_path).latest().table("equity").to_pandas()
    assert equity["bar_index"].tolist() == list(range(250))
    assert set(equity["equity"]) == {50_000.0}
