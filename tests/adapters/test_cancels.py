"""What a strategy of Backtesting.py does to one of several orders, and to what is gone already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from backtesting import Strategy

import capture
from capture.errors import ClosedLoop
from capture.testing.adapter import identical
from tests.adapters.runs import Case, assert_same_results, captured, goog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.host


class _Counting(Strategy):
    """Knows which bar it is, as it sees it."""

    def init(self) -> None:
        self.bar = 0

    def next(self) -> None:
        self.bar += 1
        self.act(self.bar)

    def act(self, bar: int) -> None:
        """Do what this strategy is about."""
        raise NotImplementedError


class Stale(_Counting):
    """Reaches for a trade that is closed by then."""

    what: Callable[[Any], None]

    def act(self, bar: int) -> None:
        if bar in {1, 8}:
            self.buy(size=3)
        elif bar == 3:
            self.mine = self.trades[0]
        elif bar == 4:
            self.position.close()
        elif bar == 6:
            assert self.mine not in self.trades
            type(self).what(self)


def _sl(strategy: Any) -> None:
    strategy.mine.sl = 50.0


def _tp(strategy: Any) -> None:
    strategy.mine.tp = 5000.0


def _close(strategy: Any) -> None:
    strategy.mine.close()


def _last(strategy: Any) -> None:
    strategy.closed_trades[-1].sl = 50.0


class StaleAndWaiting(Stale):
    """The same, beside an order that waits for its price: fills are told as they happen."""

    def act(self, bar: int) -> None:
        if bar == 1:
            self.buy(size=1, limit=1.0)
        super().act(bar)


@pytest.mark.parametrize("what", [_sl, _tp, _close, _last])
@pytest.mark.parametrize("kind", [Stale, StaleAndWaiting])
def test_what_is_done_to_a_closed_trade_is_done_by_the_replay_too(
    kind: type[Stale], what: Any, tmp_path: Path
) -> None:
    case = Case(type(kind.__name__, (kind,), {"what": what}), goog)
    results, recording = captured(case, tmp_path)
    assert_same_results(case(), results)
    assert recording.state == "ended"
    closes = what is _close
    assert recording.orders()["parent_id"].dropna().tolist() == ["t1" if closes else "t1.0"]
    for options in ({}, {"store": tmp_path}):
        again = case(lambda _s, told=options: capture.replay(recording).into("backtesting", **told))
        assert_same_results(results, again)
    assert capture.parity(recording, capture.open(tmp_path).latest("replay")).exact


class ClosesOne(_Counting):
    """Closes its position, which is two trades, and takes the closing of one of them back."""

    which = 0

    def act(self, bar: int) -> None:
        if bar in {1, 3}:
            self.buy(size=bar)
        elif bar == 6:
            self.position.close()
            self.orders[self.which].cancel()


class TurnsAndStays(_Counting):
    """Gives an order that closes all else, and takes a part of that back."""

    which = 0

    def act(self, bar: int) -> None:
        if bar == 1:
            self.buy(size=3)
        elif bar == 5:
            self.sell(size=1)
            self.orders[self.which].cancel()


@pytest.mark.parametrize("which", [0, 1, -1])
@pytest.mark.parametrize(
    ("kind", "settings"), [(ClosesOne, {}), (TurnsAndStays, {"exclusive_orders": True})]
)
def test_of_several_orders_the_replay_cancels_the_one_that_was_cancelled(
    kind: Any, settings: dict[str, Any], which: int, tmp_path: Path
) -> None:
    settings = {**settings, "finalize_trades": True}
    case = Case(type(kind.__name__, (kind,), {"which": which}), goog, settings)
    results, recording = captured(case, tmp_path)
    assert_same_results(case(), results)
    assert recording.orders()["action"].tolist().count("cancel") == 1
    for options in ({}, {"store": tmp_path}):
        again = case(lambda _s, told=options: capture.replay(recording).into("backtesting", **told))
        assert_same_results(results, again)
    assert capture.parity(recording, capture.open(tmp_path).latest("replay")).exact


class CancelsWhatIsGone(_Counting):
    """Cancels an order that a later one may have superseded."""

    def act(self, bar: int) -> None:
        if bar == 1:
            self.first = self.buy(size=3, limit=float(self.data.Close[-1]) * 0.5)
        elif bar == 2:
            self.buy(size=1)
        elif bar == 3:
            try:
                self.first.cancel()
            except ValueError:
                self.gone = True


def test_a_cancel_that_the_host_refused_is_a_look_at_the_orders(tmp_path: Path) -> None:
    case = Case(CancelsWhatIsGone, goog, {"exclusive_orders": True})
    results, recording = captured(case, tmp_path)
    assert_same_results(case(), results)
    assert recording.manifest["flags"]["closed_loop"] == ["orders"]
    other = Case(CancelsWhatIsGone, goog)
    with pytest.raises(ClosedLoop, match="read orders"):
        other(lambda _strategy: capture.replay(recording).into("backtesting"))


class Prepared(Strategy):
    """Orders before the first bar, and takes the first of three orders back."""

    def init(self) -> None:
        self.buy(size=5).cancel()
        self.buy(size=3)
        self.sell(size=1, tag="last")

    def next(self) -> None:
        pass


@pytest.mark.parametrize("exclusive", [False, True])
def test_an_order_that_is_cancelled_before_the_first_bar_is_cancelled_by_the_replay_too(
    exclusive: bool, tmp_path: Path
) -> None:
    settings = {"cash": 10_000, "exclusive_orders": exclusive, "finalize_trades": True}
    case = Case(Prepared, goog, settings)
    results, recording = captured(case, tmp_path)
    cancels = recording.orders(where=[("action", "=", "cancel")])
    assert cancels[["phase", "parent_id", "bar_index"]].values.tolist() == [["init", "o1", 0]]
    reasons = ["cancelled_by_strategy", "superseded" if exclusive else "filled"]
    assert recording.signals()["reason"].tolist() == [*reasons, "filled"]
    replay = case(lambda _: capture.replay(recording).into("backtesting"))
    assert identical(results._equity_curve, replay._equity_curve)
    elsewhere = Case(Prepared, goog, {**settings, "exclusive_orders": not exclusive})
    fresh = elsewhere()
    again = elsewhere(lambda _: capture.replay(recording).into("backtesting"))
    assert identical(fresh._equity_curve, again._equity_curve)
