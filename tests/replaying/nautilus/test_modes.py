"""Targets and directions instead of calls, parts of a recording, and what is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.model.enums import OmsType

import capture
from capture.errors import ConfigError, DataMismatch, NotReplayable, UnsupportedStrategy
from tests.adapters import runs as backtesting_runs
from tests.adapters import strategies as backtesting_strategies
from tests.adapters.nautilus import strategies as s
from tests.adapters.nautilus.runs import CASES, EURUSD, GOOG, Case, captured

pytestmark = pytest.mark.host

CROSS = Case(s.SmaCross)
ROOT = Path(__file__).parents[3]

_KILLED = """
import os, signal, sys
from tests.adapters.nautilus import strategies as s
from tests.adapters.nautilus.runs import Case, captured

class Dying(s.SmaCross):
    def on_bar(self, bar):
        super().on_bar(bar)
        self.count += 1
        if self.count == 200:
            os.kill(os.getpid(), signal.SIGKILL)

captured(Case(Dying), sys.argv[1])
"""


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_a_cross_that_turns_from_side_to_side_is_the_same_in_every_mode(
    mode: Any, tmp_path: Path
) -> None:
    original, recording = captured(CROSS, tmp_path)
    size = {} if mode == "target" else {"size": 100}
    results = CROSS(lambda _: capture.replay(recording, mode).into("nautilus", **size))
    assert len(results.fills) > 10
    assert results.accounts == original.accounts
    assert results.traded == original.traded


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_every_signal_of_a_recorded_replay_names_the_one_that_it_repeats(
    mode: Any, tmp_path: Path
) -> None:
    _, recording = captured(CROSS, tmp_path)
    replay = capture.replay(recording, mode)
    CROSS(lambda _: replay.into("nautilus", store=tmp_path / "replays", size=50))
    again = capture.open(tmp_path / "replays").latest("replay")
    sources = again.signals()["source_signal_id"]
    assert sources.notna().all()
    assert set(sources) <= set(recording.signals()["signal_id"])


def test_without_a_size_nothing_can_be_ordered(tmp_path: Path) -> None:
    _, recording = captured(CROSS, tmp_path)
    with pytest.raises(NotReplayable, match="size="):
        capture.replay(recording, "signal").into("nautilus")
    with pytest.raises(ConfigError, match="sizes"):
        capture.replay(recording, "signal").into("nautilus", sizes=1)


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_what_backtesting_py_wanted_is_carried_out_in_nautilus(mode: Any, tmp_path: Path) -> None:
    theirs = backtesting_runs.Case(
        backtesting_strategies.SmaCross, backtesting_runs.goog, {"cash": 10_000}
    )
    stats, recording = backtesting_runs.captured(theirs, tmp_path)
    case = Case(None, ((GOOG, 2148),))
    with pytest.raises(NotReplayable, match="not of nautilus"):
        capture.replay(recording).into("nautilus")
    results = case(lambda _: capture.replay(recording, mode).into("nautilus", size=10))
    # They carry an order out at the next open; nautilus at the close that it was given on.
    wanted = sorted(bar - 1 for bar in stats._trades["EntryBar"])
    entered = sorted({bar for bar, _, _ in results.traded})
    assert set(wanted) <= set(entered)
    assert len(wanted) > 50


def test_a_filter_leaves_out_whole_signals_and_what_belongs_to_them(tmp_path: Path) -> None:
    original, recording = captured(CASES["brackets"], tmp_path)
    replay = capture.replay(recording, where="direction > 0")
    results = CASES["brackets"](lambda _: replay.into("nautilus"))
    entries = [row for row in results.orders if row["parent_order_id"] == "None"]
    assert entries
    assert all(row["side"] == "BUY" for row in entries if row["is_reduce_only"] == "False")
    assert len(results.orders) < len(original.orders)


def test_only_what_was_wanted_in_a_regime_is_replayed(tmp_path: Path) -> None:
    original, recording = captured(CROSS, tmp_path, classifiers=("trend",))
    signals = recording.signals(where=[("direction", "!=", 0)])
    for boundary in ("honour_exit", "force_flat", "carry", "block_reentry"):
        replay = capture.replay(recording, regime="bull", boundary=boundary)
        results = CROSS(
            lambda _, replay=replay: replay.into("nautilus", store=tmp_path / "replays")
        )
        assert results.fills
        assert results.fills != original.fills
        again = capture.open(tmp_path / "replays").latest("replay")
        entries = again.signals(where=[("direction", "!=", 0)])
        assert set(entries["bar_index"]) <= set(
            signals.loc[signals["regime"] == "bull", "bar_index"]
        )
        if boundary == "force_flat":
            bull = states(recording)
            held = again.equity()["position"].to_numpy()
            assert not held[~bull].any()
            assert held[bull].any()


def states(recording: Any) -> Any:
    """Return at which bars the trend is up."""
    changes = recording.regimes()
    at = changes["bar_index"].to_numpy().searchsorted(range(300), side="right") - 1
    up: Any = (changes["new"].to_numpy()[at] == "bull") & (at >= 0)
    return up


def test_nothing_is_computed_in_a_replay(tmp_path: Path) -> None:
    case = Case(s.Banded)
    original, recording = captured(case, tmp_path)
    own = s.Momentum.handle_bar
    try:
        s.Momentum.handle_bar = None  # type: ignore[assignment, method-assign]
        made = capture.replay(recording).into("nautilus")
        assert case(lambda _: made) == original
    finally:
        s.Momentum.handle_bar = own  # type: ignore[method-assign]
    assert made.registered_indicators == []


def test_an_order_under_the_name_of_one_that_the_host_never_saw_is_denied_again(
    tmp_path: Path,
) -> None:
    class Twins(s.Counting):
        def on_bar(self, bar: Any) -> None:
            self.count += 1
            if self.count == 3:  # too small: the entry is denied, the others never reach the host
                prices = {
                    "sl_trigger_price": self.price(bar, 0.9),
                    "tp_price": self.price(bar, 2.0),
                }
                self.orders = self.order_factory.bracket(
                    self.instrument_id, s.BUY, self.size(), **prices
                )
                self.submit_order_list(self.orders)
            elif self.count == 5:
                name = self.orders.orders[1].client_order_id
                self.market(s.BUY, client_order_id=name)

    case = Case(Twins, ((EURUSD, 10),))
    original, recording = captured(case, tmp_path)
    assert case(lambda _: capture.replay(recording).into("nautilus")) == original


def test_bars_that_are_not_there_are_named(tmp_path: Path) -> None:
    _, recording = captured(CROSS, tmp_path)
    with pytest.raises(DataMismatch, match=r"GOOG\.XNAS-1-DAY-LAST-EXTERNAL"):
        CASES["SMA cross, EURUSD hours"](lambda _: capture.replay(recording).into("nautilus"))
    with pytest.raises(DataMismatch, match="300 bars then, 200 now"):
        Case(s.SmaCross, ((GOOG, 200),))(lambda _: capture.replay(recording).into("nautilus"))


def test_what_cannot_be_kept_is_named_and_not_replayed(tmp_path: Path) -> None:
    class Opaque(s.Counting):
        def on_bar(self, bar: Any) -> None:
            self.count += 1
            if self.count == 10:
                order = self.order_factory.market(self.instrument_id, s.BUY, self.size())
                self.submit_order(order, params={"how": object()})

    _, recording = captured(Case(Opaque), tmp_path)
    [part] = recording.parts
    assert (part.record or {})["flags"]["not_captured"] == ["submit_order.params"]
    with pytest.raises(NotReplayable, match=r"submit_order\.params"):
        capture.replay(recording).into("nautilus")
    replay = capture.replay(recording, "target").into("nautilus")
    assert Case(Opaque)(lambda _: replay).fills


def test_orders_outside_of_callbacks_are_recorded_and_not_replayed(tmp_path: Path) -> None:
    class Listening(s.Counting):
        def on_start(self) -> None:
            super().on_start()
            self.msgbus.subscribe("data.bars.*", self.on_message)

        def on_message(self, bar: Any) -> None:
            self.count += 1
            if self.count == 20:
                self.market(s.BUY)

    case = Case(Listening)
    results, recording = captured(case, tmp_path)
    assert results == case()
    assert len(recording.signals()) == 2
    with pytest.raises(NotReplayable, match="outside of the strategy's callbacks"):
        capture.replay(recording).into("nautilus")


def test_only_a_class_can_be_wrapped(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedStrategy):
        capture.wrap(s.SmaCross(s.Config()), store=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_wrapped_strategy_keeps_its_name_and_is_wrapped_once(tmp_path: Path) -> None:
    once = capture.wrap(s.SmaCross, store=tmp_path)
    twice = capture.wrap(once, store=tmp_path)
    assert once.__name__ == twice.__name__ == "SmaCross"
    assert once.__qualname__ == s.SmaCross.__qualname__
    CROSS(lambda _: twice)
    assert len(capture.open(tmp_path).runs()) == 1


def test_a_run_that_was_killed_is_recovered_and_replayed_as_targets(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    recording = capture.open(tmp_path).latest()
    assert recording.state == "crashed-recovered"
    signals = recording.signals()
    assert len(signals) > 10
    assert signals[["market_close", "indicator_fast", "position_before"]].notna().all(axis=None)
    with pytest.raises(NotReplayable, match="what the strategy subscribed to"):
        capture.replay(recording).into("nautilus")
    assert CROSS(lambda _: capture.replay(recording, "target").into("nautilus")).fills


@pytest.mark.parametrize("act", ["orders", "closes", "makes a list"])
def test_what_is_done_when_told_of_an_order_that_closes_is_done_again(
    act: str, tmp_path: Path
) -> None:
    class Hurried(s.Counting):
        told = 0

        def on_bar(self, bar: Any) -> None:
            self.count += 1
            self.last = bar
            if self.count in {2, 4, 6, 10, 14}:
                self.market(s.BUY)
            elif self.count in {8, 16}:
                self.close_all_positions(self.instrument_id)
            elif self.count == 18:  # more than there is
                self.told = 10
                self.close_all_positions(self.instrument_id)

        def on_order_initialized(self, event: Any) -> None:
            if not event.reduce_only or self.told > 2:
                return
            self.told += 1
            if act == "orders":
                self.market(s.SELL)
            elif act == "closes":
                self.close_all_positions(self.instrument_id)
            else:
                prices = {
                    "sl_trigger_price": self.price(self.last, 0.9),
                    "tp_price": self.price(self.last, 2.0),
                }
                self.submit_order_list(
                    self.order_factory.bracket(self.instrument_id, s.BUY, self.size(), **prices)
                )

    for venue in ({}, {"oms_type": OmsType.HEDGING}):
        case = Case(Hurried, ((GOOG, 25),), venue=venue)
        original, recording = captured(case, tmp_path / str(len(venue)))
        assert original == case()
        replay = capture.replay(recording).into("nautilus", store=tmp_path / "again")
        assert case(lambda _, it=replay: it) == original
        again = capture.open(tmp_path / "again").latest("replay")
        assert capture.parity(recording, again).exact
