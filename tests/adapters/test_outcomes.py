"""Why did it not trade? Every signal has an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from backtesting import Strategy

import capture
from capture.errors import CaptureWarning
from tests.adapters import strategies as s
from tests.adapters.runs import Case, captured, goog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.host

FREE = {"cash": 10_000}


def steps(**by_bar: Callable[[Any], Any]) -> type[Strategy]:
    """Return a strategy that does one thing at each of the bars named, such as `at5`."""

    class Steps(Strategy):
        def init(self) -> None:
            pass

        def next(self) -> None:
            step = by_bar.get(f"at{len(self.data) - 1}")
            if step is not None:
                step(self)

    return Steps


def outcomes(folder: Path, settings: dict[str, Any], **by_bar: Callable[[Any], Any]) -> list[Any]:
    """Run the steps and return (bar, disposition, reason) of each signal."""
    _, recording = captured(Case(steps(**by_bar), goog, {**FREE, **settings}), folder)
    signals = recording.signals()
    return list(zip(signals["bar_index"], signals["disposition"], signals["reason"], strict=True))


def test_filled(tmp_path: Path) -> None:
    assert outcomes(tmp_path, {}, at5=lambda it: it.buy(size=1)) == [(5, "executed", "filled")]


def test_refused_for_want_of_margin(tmp_path: Path) -> None:
    got = outcomes(
        tmp_path,
        {},
        at5=lambda it: it.buy(size=10_000),
        at8=lambda it: it.buy(size=0.0001),
    )
    assert got == [
        (5, "rejected", "insufficient_margin"),
        (8, "rejected", "insufficient_margin"),
    ]


def test_closed_what_there_was_and_had_no_money_for_the_rest(tmp_path: Path) -> None:
    got = outcomes(
        tmp_path,
        {},
        at5=lambda it: it.buy(size=10),
        at9=lambda it: it.sell(size=10_000),
        at20=lambda it: it.buy(size=10),
        at25=lambda it: it.sell(size=10),
        at30=lambda it: it.buy(size=10),
        at35=lambda it: it.sell(size=4),
    )
    assert got == [
        (5, "executed", "filled"),
        (9, "partially_filled", "insufficient_margin"),
        (20, "executed", "filled"),
        (25, "executed", "filled"),
        (30, "executed", "filled"),
        (35, "executed", "filled"),
    ]


def test_cancelled_by_the_strategy(tmp_path: Path) -> None:
    kept: list[Any] = []
    got = outcomes(
        tmp_path,
        {},
        at5=lambda it: kept.append(it.buy(size=1, limit=1)),
        at9=lambda _it: kept[0].cancel(),
    )
    assert got == [(5, "cancelled", "cancelled_by_strategy")]


def test_superseded_by_a_later_order(tmp_path: Path) -> None:
    got = outcomes(
        tmp_path,
        {"exclusive_orders": True},
        at5=lambda it: it.buy(size=1, limit=1),
        at9=lambda it: it.buy(size=1),
    )
    assert got == [(5, "cancelled", "superseded"), (9, "executed", "filled")]


def test_an_exclusive_order_is_judged_by_itself_and_not_by_the_close_it_brought(
    tmp_path: Path,
) -> None:
    got = outcomes(
        tmp_path,
        {"exclusive_orders": True},
        at5=lambda it: it.buy(size=1),
        at9=lambda it: it.buy(size=10_000),
    )
    assert got == [(5, "executed", "filled"), (9, "rejected", "insufficient_margin")]


def test_nothing_to_close(tmp_path: Path) -> None:
    def twice(it: Any) -> None:
        it.position.close()
        it.position.close()

    got = outcomes(
        tmp_path,
        {},
        at5=lambda it: it.position.close(),
        at6=lambda it: it.buy(size=2),
        at9=twice,
    )
    assert got == [
        (5, "rejected", "nothing_to_close"),
        (6, "executed", "filled"),
        (9, "rejected", "nothing_to_close"),  # the host serves the later one first
        (9, "executed", "filled"),
    ]


def test_a_close_of_several_trades_is_one_signal_that_is_filled_once(tmp_path: Path) -> None:
    def three(it: Any) -> None:
        for _ in range(3):
            it.buy(size=2)

    strategy = steps(at5=three, at9=lambda it: it.position.close())
    _, recording = captured(Case(strategy, goog, FREE), tmp_path)
    signals, fills = recording.signals(), recording.fills()
    assert list(signals["reason"]) == ["filled"] * 4
    last = signals["seq"].iloc[-1]
    assert len(fills[fills["signal_seq"] == last]) == 3
    assert len(recording.statuses().query("signal_seq == @last")) == 1


def test_a_bracket_that_is_touched_settles_no_signal_again(tmp_path: Path) -> None:
    strategy = steps(at5=lambda it: it.buy(size=2, sl=it.data.Close[-1] * 0.99, tp=10_000))
    _, recording = captured(Case(strategy, goog, FREE), tmp_path)
    fills, signals = recording.fills(), recording.signals()
    assert list(fills["effect"]) == ["open", "close"]
    assert set(fills["signal_id"]) == set(signals["signal_id"])
    assert list(recording.statuses()["reason"]) == ["filled"]
    # No decision of the strategy's led to the second fill, so it has no slippage.
    assert list(fills["decision_bar"].isna()) == [False, True]
    assert list(fills["slippage"].isna()) == [False, True]


def test_a_strategy_that_cancels_its_stop_loss_is_heard(tmp_path: Path) -> None:
    def cancel(it: Any) -> None:
        (order,) = it.orders
        order.cancel()

    strategy = steps(at5=lambda it: it.buy(size=2, sl=1.0), at9=cancel)
    _, recording = captured(Case(strategy, goog, FREE), tmp_path)
    orders = recording.orders()
    assert list(orders["action"]) == ["new", "cancel"]
    assert orders["stop_loss"].iloc[1] == 1.0
    assert orders["parent_id"].iloc[1] == "t1"
    assert list(recording.signals()["reason"]) == ["filled"]


def test_still_waiting_when_the_data_end(tmp_path: Path) -> None:
    got = outcomes(tmp_path, {}, at5=lambda it: it.buy(size=1, limit=1))
    assert got == [(5, "expired", "end_of_data")]


def test_an_order_of_the_last_bar_waits_for_ever(tmp_path: Path) -> None:
    got = outcomes(tmp_path, {}, at2147=lambda it: it.buy(size=1))
    assert got == [(2147, "expired", "end_of_data")]


def test_orders_that_waited_when_the_money_was_gone(tmp_path: Path) -> None:
    def order(it: Any) -> None:
        it.sell(size=1, limit=1e6)
        it.sell(size=0.99)

    got = outcomes(tmp_path, {"margin": 0.05}, at5=order)
    assert got == [(5, "cancelled", "out_of_money"), (5, "executed", "filled")]


def test_an_order_that_the_host_refuses_is_a_signal_and_the_error_is_the_users(
    tmp_path: Path,
) -> None:
    results, recording = captured(Case(s.Wrong, goog, FREE), tmp_path)
    signals = recording.signals()
    refused = signals[signals["reason"] == "invalid_order"]
    assert len(refused) == len(results._strategy.refused) > 100
    assert set(refused["disposition"]) == {"rejected"}
    assert set(results._strategy.refused) == {"AssertionError", "ValueError"}


def test_an_order_of_no_size_at_all_is_kept_aside_and_refused_by_the_host(tmp_path: Path) -> None:
    def order(it: Any) -> None:
        with pytest.raises(TypeError):
            it.buy(size="many")
        it.buy(size=1)

    _, recording = captured(Case(steps(at5=order), goog, FREE), tmp_path)
    assert list(recording.signals()["reason"])[-1] == "filled"
    (problem,) = recording.quarantine()["problem"]
    assert problem


# --- notes ---------------------------------------------------------------------------------------


def test_a_note_is_kept_with_its_signal_with_its_bar_or_as_a_refused_signal(tmp_path: Path) -> None:
    _, recording = captured(Case(s.Noting, goog, FREE), tmp_path)
    signals, notes = recording.signals(), recording.notes()
    refused = signals[signals["reason"] == "filtered_by_strategy"]
    assert set(refused["disposition"]) == {"rejected"}
    assert set(refused["direction"]) == {-1}
    assert len(refused) > 20
    for note in notes[notes["name"] == "volume_filter"].itertuples():
        assert note.value == {"reason": "too quiet", "value": note.bar_index}
        assert note.signal_seq in set(refused["seq"])
    buys = set(recording.orders().query("call == 'buy'")["signal_seq"])
    assert set(notes[notes["name"] == "confidence"]["signal_seq"]) == buys
    assert signals[signals["seq"].isin(buys)]["note_confidence"].eq(0.25).all()
    moods = notes[notes["name"] == "mood"]
    assert moods["signal_seq"].isna().all()
    assert set(moods["bar_index"]) == set(signals[signals["seq"].isin(buys)]["bar_index"])


def test_a_note_says_when_it_was(tmp_path: Path) -> None:
    results, recording = captured(Case(s.Noting, goog, FREE), tmp_path)
    index = results._equity_curve.index.tz_localize("UTC")
    notes = recording.notes()
    assert list(notes["timestamp"]) == [index[bar] for bar in notes["bar_index"]]


def test_a_note_without_a_recording_is_nothing(tmp_path: Path) -> None:
    assert Case(s.Noting, goog, FREE)() is not None
    capture.note("nobody listens", 1)
    assert not list(tmp_path.iterdir())


def test_a_note_that_cannot_be_kept_does_not_break_the_run(tmp_path: Path) -> None:
    strategy = steps(at5=lambda _it: capture.note("filter", direction="up", reason="?"))
    expected = Case(strategy, goog, FREE)()
    with pytest.warns(CaptureWarning, match="was not kept"):
        results, _ = captured(Case(strategy, goog, FREE), tmp_path)
    assert results["Equity Final [$]"] == expected["Equity Final [$]"]
