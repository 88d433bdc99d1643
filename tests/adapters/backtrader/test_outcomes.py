"""Why did it not trade? Every signal has an answer, and every fill belongs to a signal."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import backtrader as bt
import pytest

import capture
from tests.adapters.backtrader.runs import Case, a_year, captured

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host

FREE = {"cash": 10_000.0}


def steps(**by_bar: Callable[[Any], Any]) -> type[bt.Strategy]:
    """Return a strategy that does one thing at each of the bars named, such as `at5`."""

    class Steps(bt.Strategy):
        def next(self) -> None:
            step = by_bar.get(f"at{len(self) - 1}")
            if step is not None:
                self.made = step(self)

    return Steps


def recorded(
    folder: Path, settings: dict[str, Any] | None = None, **by_bar: Callable[[Any], Any]
) -> Recording:
    """Run the steps and return the recording."""
    case = Case(steps(**by_bar), a_year, {**FREE, **(settings or {})})
    return captured(case, folder)[1]


def outcomes(recording: Recording) -> list[tuple[int, str, str]]:
    """Return bar, disposition and reason of each signal."""
    signals = recording.signals()
    return list(zip(signals["bar_index"], signals["disposition"], signals["reason"], strict=True))


LOW = {"exectype": bt.Order.Limit, "price": 1.0}


@pytest.mark.parametrize(
    ("settings", "call", "outcome"),
    [
        ({}, lambda it: it.buy(size=1), ("executed", "filled")),
        ({}, lambda it: it.buy(size=1000), ("rejected", "insufficient_margin")),
        ({}, lambda it: it.buy(size=0), ("rejected", "sized_to_zero")),
        ({}, lambda it: it.close(), ("rejected", "nothing_to_close")),
        ({}, lambda it: it.order_target_size(target=0), ("rejected", "nothing_to_close")),
        ({}, lambda it: it.buy(size=1, **LOW), ("expired", "end_of_data")),
        (
            {},
            lambda it: it.buy(size=1, valid=datetime.timedelta(days=3), **LOW),
            ("expired", "expired"),
        ),
        (
            {},
            lambda it: it.cancel(it.buy(size=1, **LOW)),
            ("expired", "end_of_data"),  # the broker has not taken it yet, and so cancels nothing
        ),
        (
            {"filler": lambda: bt.fillers.FixedSize(size=1)},
            lambda it: it.buy(
                size=1000, exectype=bt.Order.Limit, price=1e6, valid=datetime.timedelta(days=9)
            ),
            ("partially_filled", "expired"),
        ),
    ],
)
def test_what_became_of_a_signal(
    settings: dict[str, Any],
    call: Callable[[Any], Any],
    outcome: tuple[str, str],
    tmp_path: Path,
) -> None:
    if outcome[0] == "partially_filled":
        settings = {**settings, "cash": 1e9}
    assert outcomes(recorded(tmp_path, settings, at5=call)) == [(5, *outcome)]


def test_an_order_that_the_strategy_cancels(tmp_path: Path) -> None:
    recording = recorded(
        tmp_path, at5=lambda it: it.buy(size=1, **LOW), at9=lambda it: it.cancel(it.made)
    )
    assert outcomes(recording) == [(5, "cancelled", "cancelled_by_strategy")]
    orders = recording.orders()
    assert orders["action"].tolist() == ["new", "cancel"]
    assert orders["parent_id"].isna().tolist() == [True, False]
    assert orders["parent_id"][1] == orders["order_id"][0]


def test_an_order_that_another_one_cancels(tmp_path: Path) -> None:
    def pair(it: Any) -> None:
        low = it.buy(size=1, **LOW)
        it.buy(size=1, oco=low)

    assert outcomes(recorded(tmp_path, at5=pair)) == [
        (5, "cancelled", "cancelled_by_oco"),
        (5, "executed", "filled"),
    ]


def test_a_reversal_that_cannot_be_paid_is_filled_in_part(tmp_path: Path) -> None:
    recording = recorded(
        tmp_path,
        {"shortcash": False, "checksubmit": False, "cash": 1_000.0},
        at5=lambda it: it.buy(size=3),
        at9=lambda it: it.sell(size=300),
    )
    assert outcomes(recording) == [
        (5, "executed", "filled"),
        (9, "partially_filled", "insufficient_margin"),
    ]
    assert recording.fills()["position_after"].tolist() == [3.0, 0.0]


def test_a_bracket_is_one_signal_with_three_orders(tmp_path: Path) -> None:
    def bracket(it: Any) -> None:
        price = it.data.close[0]
        it.buy_bracket(
            size=2, exectype=bt.Order.Market, stopprice=price * 0.5, limitprice=price * 1.02
        )

    recording = recorded(tmp_path, at5=bracket)
    assert outcomes(recording) == [(5, "executed", "filled")]
    orders, fills = recording.orders(), recording.fills()
    assert orders["call"].dropna().tolist() == ["buy_bracket"]
    assert orders["order_type"].tolist() == ["market", "stop", "limit"]
    assert orders["parent_id"].isna().tolist() == [True, False, False]
    assert orders["parent_id"].dropna().tolist() == [orders["order_id"][0]] * 2
    assert fills["effect"].tolist() == ["open", "close"]
    assert fills["order_id"].tolist() == [orders["order_id"][0], orders["order_id"][2]]
    assert set(fills["signal_id"]) == set(orders["signal_id"])
    # The other side of the bracket was cancelled by this one: its own fate, not the signal's.
    last = recording.table("statuses").to_pandas().groupby("order_id")["reason"].last()
    assert last[orders["order_id"][1]] == "cancelled_by_oco"


@pytest.mark.parametrize("held", [0, 3])
def test_what_a_target_wants(held: int, tmp_path: Path) -> None:
    def first(it: Any) -> None:
        if held:
            it.buy(size=held)

    recording = recorded(tmp_path, at5=first, at9=lambda it: it.order_target_size(target=3))
    last = recording.signals().iloc[-1]
    assert (last["direction"], last["signal_type"]) == (1, "adjustment" if held else "entry")
    assert last["reason"] == ("sized_to_zero" if held else "filled")


def test_a_reversal_after_a_close_is_an_entry(tmp_path: Path) -> None:
    def turn(it: Any) -> None:
        it.close()
        it.sell(size=1)

    recording = recorded(tmp_path, at5=lambda it: it.buy(size=2), at9=turn)
    signals = recording.signals()
    assert signals["signal_type"].tolist() == ["entry", "exit", "entry"]
    assert signals["direction"].tolist() == [1, 0, -1]


def test_an_order_that_the_host_refuses_with_an_error(tmp_path: Path) -> None:
    def wrong(it: Any) -> None:
        with pytest.raises(AttributeError):
            it.buy_bracket(size=0)  # the host has no order to hang the others on

    assert outcomes(recorded(tmp_path, at5=wrong)) == [(5, "rejected", "invalid_order")]


def test_a_refusal_by_the_strategy_is_a_signal(tmp_path: Path) -> None:
    def refuse(_it: Any) -> None:
        capture.note("spread", 0.3, direction=1, reason="too wide")

    recording = recorded(tmp_path, at5=refuse)
    assert outcomes(recording) == [(5, "rejected", "filtered_by_strategy")]
    assert recording.signals()["note_spread"].notna().all()
