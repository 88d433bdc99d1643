"""What is changed in the host while a run is captured, and that nothing of it stays."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from backtesting import Backtest, Strategy
from backtesting.backtesting import Order, Position, Trade, _Broker

import capture
from tests.adapters.runs import CASES, assert_same_results, captured, goog, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

OWN = {cls: dict(vars(cls)) for cls in (Order, Trade, Position, _Broker)}


def assert_untouched() -> None:
    for cls, own in OWN.items():
        now = vars(cls)
        assert {name: now.get(name) for name in own} == own


def test_after_a_run_the_hosts_classes_are_as_they_were(tmp_path: Path) -> None:
    captured(CASES["nasty, GOOG"], tmp_path)
    assert_untouched()


class Raises(Strategy):
    """Gives an order, and then raises."""

    def init(self) -> None:
        pass

    def next(self) -> None:
        if len(self.data) == 20:
            raise ZeroDivisionError
        self.buy(size=1, sl=1.0)


def test_after_a_run_that_raised_they_are_too(tmp_path: Path) -> None:
    backtest = Backtest(goog(), capture.wrap(Raises, store=tmp_path))
    with pytest.raises(ZeroDivisionError):
        backtest.run()
    del backtest
    gc.collect()
    assert_untouched()


class Nests(Strategy):
    """Runs another captured backtest on one of its bars, and an uncaptured one."""

    store: Any = None

    def init(self) -> None:
        pass

    def next(self) -> None:
        if len(self.data) == 30:
            case = CASES["nasty, exclusive"]
            inner, _ = captured(case, self.store)
            assert_same_results(case(), inner)
        if self.position:
            self.trades[0].sl = self.data.Close[-1] * 0.9
            self.position.close()
        else:
            self.buy(size=5, tp=self.data.Close[-1] * 1.5)


def test_a_run_within_a_run_leaves_the_outer_one_heard(tmp_path: Path) -> None:
    inner = type("Nests", (Nests,), {"store": tmp_path / "inner"})
    data = goog().iloc[:100]
    plain = run(Backtest(data, inner))
    results = run(Backtest(data, capture.wrap(inner, store=tmp_path / "outer")))
    assert_same_results(plain, results)
    calls = capture.open(tmp_path / "outer").latest().orders()["call"].value_counts()
    assert calls["Trade.sl"] == calls["Position.close"] > 20
    assert_untouched()


def test_runs_beside_captured_ones_are_not_disturbed(tmp_path: Path) -> None:
    case = CASES["nasty, GOOG"]
    plain = case()
    with ThreadPoolExecutor(2) as threads:
        heard = threads.submit(captured, case, tmp_path)
        beside = threads.submit(case)
        assert_same_results(plain, beside.result())
        assert_same_results(plain, heard.result()[0])
    assert_untouched()


class Looks(Strategy):
    """Looks at its position in every way there is, again and again."""

    def init(self) -> None:
        self.seen: list[Any] = []

    def next(self) -> None:
        position = self.position
        names = ("size", "pl", "pl_pct", "is_long", "is_short")
        self.seen.append([getattr(position, name) for name in names])
        if len(self.data) % 5 == 0:
            self.buy(size=1)
        elif position:
            position.close()


def test_what_it_read_of_its_position_is_known_and_right(tmp_path: Path) -> None:
    plain = run(Backtest(goog(), Looks))
    results = run(Backtest(goog(), capture.wrap(Looks, store=tmp_path)))
    assert results._strategy.seen == plain._strategy.seen
    flags = capture.open(tmp_path).latest().manifest["flags"]
    names = ("is_long", "is_short", "pl", "pl_pct", "size")
    assert flags["closed_loop"] == [f"position.{name}" for name in names]
