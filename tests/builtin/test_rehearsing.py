"""What the product asks of any host: other settings, part of the data, notes, observers."""

from __future__ import annotations

from typing import Any

import pytest

import capture
from capture.host import get_host
from capture_builtin import Backtest, Feature, Feed, Needs, Strategy
from tests.builtin import strategies
from tests.builtin.market import bars


def feed() -> Feed:
    return Feed.from_frame(bars(300), "A")


def running(strategy: type[Strategy], folder: Any, **settings: Any) -> Any:
    def run() -> None:
        Backtest(feed(), capture.wrap(strategy, store=folder), **settings).run()

    return run


class Ahead(Strategy):
    """Compares the close with the mean of the whole series."""

    def needs(self) -> Needs:
        whole = Feature(lambda bars: bars["close"] * 0 + bars["close"].mean())
        return Needs(features={"mean": whole})

    def generate_signal(self, market: Any) -> int | None:
        return (
            (1 if market.close > market.feature("mean") else -1) if market.index % 9 == 0 else None
        )


def test_signals_that_depend_on_the_portfolio_are_found(tmp_path):
    independent = capture.check_replay(running(strategies.Cross, tmp_path, cash=10_000))
    assert independent.independent
    perturbed = {outcome.perturbation for outcome in independent.outcomes}
    assert {"cash", "little_cash", "commission", "slippage", "fill_on_close"} <= perturbed
    assert not capture.check_replay(running(strategies.Reads, tmp_path, cash=10_000)).independent


def test_what_looks_ahead_is_found_by_cutting_the_data(tmp_path):
    def run() -> None:
        wrapped = capture.wrap(Ahead, store=tmp_path)
        Backtest(feed(), wrapped, verify_features=False).run()

    found = capture.lookahead(run)
    assert "indicator_mean" in str(found)
    clean = capture.lookahead(running(strategies.Cross, tmp_path))
    assert "indicator_sma" not in str(clean)


@pytest.mark.parametrize("observed", ["on_bar", "on_signal", "on_fill", "on_status"])
def test_observers_hear_of_everything_and_change_nothing(tmp_path, observed):
    heard: list[Any] = []

    def hear(event: Any = None) -> None:
        heard.append(event)

    names = {"on_bar": "bar", "on_signal": "signal", "on_fill": "fill", "on_status": "change"}
    scope: dict[str, Any] = {"hear": hear, "capture": capture}
    argument = names[observed]
    source = f"@capture.hookimpl\ndef {observed}({argument}): hear({argument})"
    exec(source, scope)  # noqa: S102 - a hook's argument has a name of its own
    plugin = type("Plugin", (), {observed: staticmethod(scope[observed])})()
    plain = Backtest(feed(), strategies.Cross).run()
    get_host().register(plugin, "hears")
    try:
        results = Backtest(feed(), capture.wrap(strategies.Cross, store=tmp_path)).run()
    finally:
        get_host().unregister("hears")
    assert results.equity.equals(plain.equity)
    recording = capture.open(tmp_path).latest()
    if observed == "on_bar":
        assert [event.bar_index for event in heard] == list(range(300))
        assert heard[7].close == feed().columns["close"][7]
        return
    table = {"on_signal": recording.signals, "on_fill": recording.fills,
             "on_status": recording.statuses}[observed]()  # fmt: skip
    assert [event.seq for event in heard] == table["seq"].tolist()


def test_what_a_strategy_refused_itself_is_a_signal_with_its_reason(tmp_path):
    Backtest(feed(), capture.wrap(strategies.Orders, store=tmp_path)).run()
    recording = capture.open(tmp_path).latest()
    signals = recording.signals()
    refused = signals[signals["reason"] == "filtered_by_strategy"]
    assert len(refused) and set(refused["direction"]) == {-1}
    notes = recording.notes()
    assert set(notes.loc[notes["name"] == "mood", "signal_id"]) == set(refused["signal_id"])
    sized = notes[notes["name"] == "size"]
    assert len(sized) and sized["signal_id"].notna().all()


def test_every_way_a_signal_can_end_is_reached_by_the_nasty_strategy(tmp_path):
    wrapped = capture.wrap(strategies.Orders, store=tmp_path)
    Backtest(Feed.from_frame(bars(2_000), "A"), wrapped, cash=500, size=9, lot=1.0).run()
    reasons = set(capture.open(tmp_path).latest().signals()["reason"])
    assert reasons >= {
        "filled", "expired", "superseded", "cancelled_by_strategy", "insufficient_cash",
        "nothing_to_close", "already_in_position",
    }  # fmt: skip
