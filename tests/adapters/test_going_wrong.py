"""Runs that raise, are interrupted, nested or parallel, and what they leave behind."""

from __future__ import annotations

import gc
import pickle  # noqa: TID251 - the host's optimiser pickles what users give it
import sys
from typing import TYPE_CHECKING, Any

import pytest
from backtesting import Backtest, Strategy
from backtesting.backtesting import Order, Position, Trade, _Broker

import capture
from capture.recorder.current import current
from tests.adapters import strategies as s
from tests.adapters.runs import (
    CASES,
    Case,
    assert_same_results,
    captured,
    eurusd,
    goog,
    in_threads,
    recordings,
    run,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

FREE = {"cash": 10_000}


def states(folder: Path) -> list[str]:
    return [recording.state for recording in recordings(folder)]


@pytest.mark.parametrize(
    "raised", [RuntimeError("a"), KeyboardInterrupt(), SystemExit(3), AssertionError()], ids=repr
)
def test_what_the_strategy_raises_reaches_the_user_as_it_is(
    raised: BaseException, tmp_path: Path
) -> None:
    backtest = Case(s.Failing, goog, FREE).backtest(lambda it: capture.wrap(it, store=tmp_path))
    caught = None
    try:
        backtest.run(raises=raised)
    except BaseException as exc:
        caught = exc
    assert caught is raised
    raised.__traceback__ = caught = None
    assert type(backtest) is Backtest
    assert states(tmp_path) == ["failed"]
    recording = capture.open(tmp_path).latest()
    assert recording.signals()["bar_index"].max() < 400
    assert "raised" in recording.manifest["problem"]


def test_an_error_in_init_leaves_no_run(tmp_path: Path) -> None:
    backtest = Case(s.Broken, goog, FREE).backtest(lambda it: capture.wrap(it, store=tmp_path))
    with pytest.raises(LookupError, match="no model"):
        backtest.run()
    gc.collect()
    assert type(backtest) is Backtest
    assert not list(tmp_path.iterdir())
    assert current() is None


def test_a_run_whose_exception_somebody_keeps_ends_when_the_next_begins(tmp_path: Path) -> None:
    backtest = Case(s.Failing, goog, FREE).backtest(lambda it: capture.wrap(it, store=tmp_path))
    with pytest.raises(RuntimeError) as kept:
        backtest.run()
    with pytest.raises(RuntimeError):
        backtest.run()
    assert kept.traceback
    assert states(tmp_path)[0] == "failed"
    del kept


def test_notes_after_a_kept_exception_go_where_they_belong(tmp_path: Path) -> None:
    class Outer(s.SmaCross):
        def init(self) -> None:
            super().init()
            try:
                Case(s.Failing, goog, FREE)(lambda it: capture.wrap(it, store=tmp_path / "inner"))
            except RuntimeError as exc:
                self.kept = exc

        def next(self) -> None:
            if len(self.data) == 100:
                capture.note("of the outer", 1)

    _, recording = captured(Case(Outer, goog, FREE), tmp_path / "outer")
    assert list(recording.notes()["name"]) == ["of the outer"]
    assert states(tmp_path / "inner") == ["failed"]


def test_a_run_that_raised_is_followed_by_one_that_does_not(tmp_path: Path) -> None:
    backtest = Case(s.Failing, goog, FREE).backtest(lambda it: capture.wrap(it, store=tmp_path))
    plain = Case(s.SmaCross, goog, FREE)()
    with pytest.raises(RuntimeError):
        backtest.run()
    backtest._strategy = capture.wrap(s.SmaCross, store=tmp_path)
    assert_same_results(plain, run(backtest))
    assert states(tmp_path) == ["failed", "ended"]
    assert type(backtest) is Backtest


def test_after_a_run_the_hosts_objects_are_the_hosts_own(tmp_path: Path) -> None:
    case = CASES["nasty, exclusive"]
    backtest = case.backtest(lambda it: capture.wrap(it, store=tmp_path))
    results = run(backtest)
    plain = case()
    strategy, bare = results._strategy, plain._strategy
    broker = strategy._broker
    assert type(backtest) is Backtest
    assert type(broker) is _Broker
    assert type(broker.orders) is list
    assert type(broker.position) is Position
    assert {type(order) for order in broker.orders} <= {Order}
    assert {type(trade) for trade in (*broker.trades, *broker.closed_trades)} == {Trade}
    assert vars(strategy).keys() == vars(bare).keys()
    assert vars(broker).keys() == vars(bare._broker).keys()
    for mine, theirs in zip(broker.closed_trades, bare._broker.closed_trades, strict=True):
        assert vars(mine).keys() == vars(theirs).keys()
    for mine, theirs in zip(broker.orders, bare._broker.orders, strict=True):
        assert vars(mine).keys() == vars(theirs).keys()


def test_results_can_be_pickled_as_without_capture(tmp_path: Path) -> None:
    results, _ = captured(CASES["SMA cross, GOOG"], tmp_path)
    again = pickle.loads(pickle.dumps(results))  # noqa: S301 - made in this line
    assert again._trades.equals(results._trades)
    assert str(again._strategy) == str(results._strategy)


def test_the_same_backtest_and_class_can_run_again_with_other_parameters(tmp_path: Path) -> None:
    backtest = CASES["SMA cross, GOOG"].backtest(lambda it: capture.wrap(it, store=tmp_path))
    plain = CASES["SMA cross, GOOG"].backtest()
    for params in ({}, {"fast": 5}, {"fast": 5, "slow": 50}):
        assert_same_results(run(plain, **params), run(backtest, **params))
        assert type(backtest) is Backtest
    assert [set(r.signals()["param_fast"]) for r in recordings(tmp_path)] == [{10}, {5}, {5}]
    assert len(list((tmp_path / "base").iterdir())) == 1


@pytest.mark.parametrize("inner_captured", [False, True])
@pytest.mark.parametrize("when", ["init", "next"])
def test_a_strategy_may_run_another_backtest(
    when: str, inner_captured: bool, tmp_path: Path
) -> None:
    inside: list[Any] = []
    inner = Case(s.Noting, goog, FREE)

    class Outer(s.SmaCross):
        def init(self) -> None:
            super().init()
            if when == "init":
                self._try_out()

        def next(self) -> None:
            super().next()
            if when == "next" and len(self.data) == 300:
                self._try_out()
            if len(self.data) in (299, 301):
                capture.note("outer", len(self.data))

        def _try_out(self) -> None:
            wrap = (lambda it: capture.wrap(it, store=tmp_path / "inner")) if inner_captured else (
                lambda it: it
            )  # fmt: skip
            inside.append(inner(wrap))

    expected = Case(Outer, eurusd, FREE)()
    results, recording = captured(Case(Outer, eurusd, FREE), tmp_path / "outer")
    assert_same_results(expected, results)
    assert_same_results(inside[0], inside[1])
    notes = recording.notes()
    if inner_captured:
        inner_run = capture.open(tmp_path / "inner").latest()
        assert inner_run.state == "ended"
        assert set(inner_run.notes()["name"]) == {"confidence", "mood", "volume_filter"}
        assert list(notes["name"]) == ["outer", "outer"]
        assert len(capture.open(tmp_path / "outer")) == 1
    # The notes of a strategy that is not recorded itself belong to the run around it.
    assert list(notes[notes["name"] == "outer"]["bar_index"]) == [298, 300]


def test_a_strategy_may_run_its_own_backtest_again(tmp_path: Path) -> None:
    depth: list[int] = []
    kept: list[Any] = []

    class Again(s.SmaCross):
        def next(self) -> None:
            super().next()
            if len(self.data) == 200 and not depth:
                depth.append(1)
                kept.append(run(kept[0]))

    backtest = Case(Again, goog, FREE).backtest(lambda it: capture.wrap(it, store=tmp_path))
    kept.append(backtest)
    outer = run(backtest)
    assert_same_results(outer, kept[1])
    assert states(tmp_path) == ["ended", "ended"]
    one, two = recordings(tmp_path)
    assert len(one.signals()) == len(two.signals()) > 0
    assert type(backtest) is Backtest


def test_threads_may_run_different_backtests(tmp_path: Path) -> None:
    names = ["SMA cross, GOOG", "nasty, EURUSD", "notes", "trailing, GOOG"]
    expected = [CASES[name]() for name in names]
    backtests = [
        CASES[name].backtest(lambda it: capture.wrap(it, store=tmp_path)) for name in names
    ]
    got = in_threads(*(backtest.run for backtest in backtests))
    for one, other in zip(expected, got, strict=True):
        assert_same_results(one, other)
    assert states(tmp_path) == ["ended"] * 4
    by_strategy = {r.manifest["strategy"]: r for r in recordings(tmp_path)}
    assert len(by_strategy["Noting"].notes()) > 50
    assert by_strategy["SmaCross"].notes().empty


def test_threads_may_run_one_backtest(tmp_path: Path) -> None:
    case = CASES["SMA cross, GOOG"]
    backtest, expected = case.backtest(lambda it: capture.wrap(it, store=tmp_path)), case()
    got = in_threads(*[backtest.run] * 3)
    assert type(backtest) is Backtest
    assert states(tmp_path) == ["ended"] * 3
    for results in got:
        assert_same_results(expected, results)


def test_a_class_derived_from_a_captured_one_is_captured_under_its_own_name(
    tmp_path: Path,
) -> None:
    class Derived(capture.wrap(s.SmaCross, store=tmp_path)):  # type: ignore[misc]
        fast = 7

        def init(self) -> None:
            self.sma1 = self.I(s.SMA, self.data.Close, self.fast)
            self.sma2 = self.I(s.SMA, self.data.Close, self.slow)

    class Plain(s.SmaCross):
        fast = 7

    results, expected = Case(Derived, goog, FREE)(), Case(Plain, goog, FREE)()
    assert results._trades.equals(expected._trades)
    recording = capture.open(tmp_path).latest()
    assert recording.manifest["strategy"] == "Derived"
    assert len(recording.signals())


def test_to_wrap_twice_is_to_wrap_once(tmp_path: Path) -> None:
    once = capture.wrap(s.SmaCross, store=tmp_path / "a")
    Case(capture.wrap(once, store=tmp_path / "b"), goog, FREE)()
    assert not (tmp_path / "a").exists()
    assert len(capture.open(tmp_path / "b")) == 1


def test_the_wrapped_class_looks_like_the_strategy(tmp_path: Path) -> None:
    wrapped = capture.wrap(s.SmaCross, store=tmp_path)
    assert issubclass(wrapped, s.SmaCross)
    assert (wrapped.__name__, wrapped.__qualname__) == ("SmaCross", "SmaCross")
    assert (wrapped.__module__, wrapped.__doc__) == (s.SmaCross.__module__, s.SmaCross.__doc__)
    again = pickle.loads(pickle.dumps(wrapped))  # noqa: S301 - made in this line
    assert again.__mro__[1:] == wrapped.__mro__[1:]


def test_a_misspelt_parameter_is_the_hosts_to_refuse(tmp_path: Path) -> None:
    case = Case(s.SmaCross, goog, FREE)
    backtest = case.backtest(lambda it: capture.wrap(it, store=tmp_path))
    with pytest.raises(AttributeError, match="fats") as captured_error:
        backtest.run(fats=3)
    with pytest.raises(AttributeError) as plain_error:
        case.backtest().run(fats=3)
    assert str(captured_error.value) == str(plain_error.value)
    assert not list(tmp_path.iterdir())


def test_a_strategy_of_a_kind_of_its_own_keeps_its_metaclass(tmp_path: Path) -> None:
    class Kind(type(Strategy)):  # type: ignore[misc]
        pass

    class OfAKind(s.SmaCross, metaclass=Kind):
        pass

    wrapped = capture.wrap(OfAKind, store=tmp_path)
    assert isinstance(wrapped, Kind)
    assert_same_results(Case(OfAKind, goog, FREE)(), Case(wrapped, goog, FREE)())


def test_no_frame_or_trace_function_stays(tmp_path: Path) -> None:
    captured(CASES["SMA cross, GOOG"], tmp_path)
    assert sys.gettrace() is None
    assert sys.getprofile() is None
    assert current() is None
