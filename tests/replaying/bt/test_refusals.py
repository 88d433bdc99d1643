"""What cannot be replayed in bt is refused, and the message says why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bt
import pandas as pd
import pytest

import capture
from capture.errors import DataMismatch, NotReplayable
from tests.adapters.bt.runs import CASES, Case, captured, four

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.host


def _changed() -> pd.DataFrame:
    prices = four().copy()
    prices.iloc[120, 1] += 0.01
    return prices


OTHER: dict[str, tuple[Callable[[], pd.DataFrame], str]] = {
    "one price": (_changed, "close of bar 120 was "),
    "fewer bars": (lambda: four().iloc[:-3], "160 bars then, 157 now"),
    "a column less": (lambda: four()[["A", "B", "C"]], "no column D"),
    "a column more": (lambda: four().assign(E=1.0), "the column E is new"),
    "other days": (lambda: four().shift(1, freq="D"), "timestamp of bar 0 was 2010-01-04"),
}


@pytest.mark.parametrize("name", OTHER)
def test_other_data_are_refused_and_the_first_difference_is_named(
    name: str, tmp_path: Path
) -> None:
    case = CASES["SMA cross, four assets"]
    _, recording = captured(case, tmp_path)
    data, said = OTHER[name]
    with pytest.raises(DataMismatch, match=said):
        replace(case, data=data)(lambda _: capture.replay(recording).into("bt"))


def _splits(prices: pd.DataFrame) -> bt.Strategy:
    ones = prices * 0 + 1.0
    ones.iloc[50, 0] = 2.0
    actions = bt.algos.run_always(bt.algos.CorporateActions(prices * 0, ones))
    return bt.Strategy("splits", [actions, bt.algos.RunMonthly(), bt.algos.SelectAll(),
                                  bt.algos.WeighEqually(), bt.algos.Rebalance()])  # fmt: skip


class Own(bt.Security):
    """A security of the user's own."""


def _own_security(_prices: pd.DataFrame) -> bt.Strategy:
    algos = [bt.algos.RunOnce(), bt.algos.WeighSpecified(A=1.0), bt.algos.Rebalance()]
    return bt.Strategy("own", algos, [Own("A")])


class OwnBooks(bt.Strategy):
    """A strategy that books money in its own way."""

    def adjust(self, amount: float, update: bool = True, flow: bool = True, fee: float = 0) -> None:
        super().adjust(amount, update, flow, fee)


def _own_books(_prices: pd.DataFrame) -> bt.Strategy:
    return OwnBooks(
        "books", [bt.algos.RunOnce(), bt.algos.WeighSpecified(A=1.0), bt.algos.Rebalance()]
    )


def _grows(_prices: pd.DataFrame) -> bt.Strategy:
    def add(target: Any) -> bool:
        if len(target.universe) == 30:
            algos = [bt.algos.RunOnce(), bt.algos.WeighSpecified(A=1.0), bt.algos.Rebalance()]
            child = bt.Strategy("late", algos, children=["A"], parent=target)
            child.setup_from_parent()
            target.rebalance(0.5, "late")
        return True

    return bt.Strategy("grows", [add])


LOST = {
    "splits": (_splits, "positions that CorporateActions changes"),
    "a security of the user's own": (_own_security, "user's own class Own"),
    "books of the user's own": (_own_books, "OwnBooks.adjust"),
}


@pytest.mark.parametrize("name", LOST)
def test_what_was_lost_is_named_and_targets_are_offered(name: str, tmp_path: Path) -> None:
    strategy, said = LOST[name]
    case = Case(strategy, four)
    plain = case()
    results, recording = captured(case, tmp_path)
    assert results == plain
    assert len(recording.fills())
    with pytest.raises(NotReplayable, match=said) as caught:
        capture.replay(recording).into("bt")
    assert 'mode="target"' in str(caught.value)
    case(lambda _: capture.replay(recording, "target").into("bt"))


def test_a_strategy_that_comes_later_is_recorded_and_not_replayed(tmp_path: Path) -> None:
    case = Case(_grows, four)
    plain = case()
    results, recording = captured(case, tmp_path)
    assert results == plain
    assert recording.fills()["extra_node"].tolist() == ["grows>late"]
    with pytest.raises(NotReplayable, match="strategies that were added while it ran"):
        capture.replay(recording).into("bt")
    with pytest.raises(NotReplayable, match="a share of another"):
        capture.replay(recording, "target").into("bt")


def test_targets_of_nested_strategies_are_refused(tmp_path: Path) -> None:
    _, recording = captured(CASES["sleeves"], tmp_path)
    with pytest.raises(NotReplayable, match="a share of another"):
        capture.replay(recording, "target").into("bt")


def test_an_error_that_the_strategy_caught_is_caught_again(tmp_path: Path) -> None:
    def tries(target: Any) -> bool:
        bar = len(target.universe)
        if bar == 10:
            target.rebalance(0.5, "A")
        if bar == 20:
            with pytest.raises(KeyError):
                target.close("no such child")
        if bar == 30:
            target.close("A")
        return True

    case = Case(lambda _: bt.Strategy("tries", [tries]), four)
    results, recording = captured(case, tmp_path)
    assert recording.signals()["reason"].tolist() == ["filled", "invalid_order", "filled"]
    assert case(lambda _: capture.replay(recording).into("bt")) == results


def test_another_hosts_intents_are_refused(tmp_path: Path) -> None:
    _, recording = captured(CASES["SMA cross, GOOG"], tmp_path)
    with pytest.raises(NotReplayable, match="those of bt"):
        capture.replay(recording).into("backtrader")
