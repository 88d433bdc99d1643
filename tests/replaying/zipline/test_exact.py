"""A replay does what was recorded and nothing else; what decides its last digits is repeated."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from zipline.api import cancel_order, order, symbol

import capture
from tests.adapters.zipline import strategies as s
from tests.adapters.zipline.bundle import ingested
from tests.adapters.zipline.runs import CASES, Case, captured

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

_AGAIN = """
import json, sys
import capture
from tests.adapters.zipline.runs import CASES

recording = capture.open(sys.argv[1]).latest()
results = CASES[sys.argv[2]](lambda _: capture.replay(recording).into("zipline"))
print(json.dumps({name: repr(column) for name, column in results.plain.items()}))
"""


def test_the_strategy_is_not_called_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES["nasty"]
    results, recording = captured(case, tmp_path)

    def never(*_: Any) -> None:
        raise AssertionError("the strategy was called")

    for function in (s.nasty_start, s.nasty, s.nasty_morning, s.weekly):
        monkeypatch.setattr(function, "__code__", never.__code__)
    results.like(case(lambda _: capture.replay(recording).into("zipline")))


@pytest.mark.parametrize("name", ["nasty", "looks at its portfolio"])
def test_another_process_says_the_same_to_the_last_digit(tmp_path: Path, name: str) -> None:
    import json

    results, _ = captured(CASES[name], tmp_path)
    ingested()
    done = subprocess.run(
        [sys.executable, "-c", _AGAIN, str(tmp_path), name],
        capture_output=True, text=True, check=True, cwd=sys.path[0] or None,
    )  # fmt: skip
    again = json.loads(done.stdout)
    assert {"transactions", "orders", "portfolio_value", "sharpe", "returns"} <= again.keys()
    assert again == {name: repr(results.plain[name]) for name in again}


def test_the_host_reckons_its_portfolio_as_often_as_it_did(tmp_path: Path) -> None:
    """How often it does decides last digits of its returns, and so of all that follow them."""

    def looks(context: Any, _data: Any) -> None:
        if context.bars % 3:
            _ = context.portfolio.cash

    case = Case(s.made(s.sma, s.cross, looks))
    results, recording = captured(case, tmp_path)
    assert recording.manifest["flags"]["closed_loop"] == ["portfolio"]
    results.like(case(lambda _: capture.replay(recording).into("zipline")))
    never = CASES["SMA cross"](lambda functions: functions)
    assert never.transactions[0]["price"] == results.transactions[0]["price"]
    assert never.plain["portfolio_value"] == results.plain["portfolio_value"]
    assert never.plain["returns"] != results.plain["returns"]


def test_a_replay_can_be_recorded_and_replayed(tmp_path: Path) -> None:
    case = CASES["scheduled rebalancing"]
    results, recording = captured(case, tmp_path / "one")
    case(lambda _: capture.replay(recording).into("zipline", store=tmp_path / "two"))
    second = capture.open(tmp_path / "two").latest("replay")
    results.like(case(lambda _: capture.replay(second).into("zipline")))


def test_a_replay_inside_a_captured_run_disturbs_neither(tmp_path: Path) -> None:
    inner = CASES["SMA cross"]
    expected, recording = captured(inner, tmp_path / "inner")
    found = []

    def outer(context: Any, data: Any) -> None:
        s.cross(context, data)
        if context.bars == 30:
            found.append(inner(lambda _: capture.replay(recording).into("zipline")))

    case = Case(s.made(s.sma, outer))
    got, kept = captured(case, tmp_path / "outer")
    expected.like(found[0])
    got.like(expected)
    assert len(kept.signals()) == len(recording.signals())


def test_a_cancel_of_no_order_is_none_in_the_replay_either(tmp_path: Path) -> None:
    def start(context: Any) -> None:
        context.asset = symbol("GOOG")

    def step(context: Any, _data: Any) -> None:
        cancel_order(order(context.asset, 0.3))  # of nothing the host makes no order
        cancel_order("an order of yesterday")
        order(context.asset, 1)

    case = Case({"initialize": start, "handle_data": step}, end="2004-08-26")
    results, recording = captured(case, tmp_path)
    orders = recording.orders()
    assert (orders["action"] == "cancel").sum() == 12
    results.like(case(lambda _: capture.replay(recording).into("zipline")))
