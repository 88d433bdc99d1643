"""The repository is fed from runs as they are recorded, and a run never notices."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import backtrader as bt
import pytest
from backtesting import Backtest, Strategy
from backtesting.test import GOOG, SMA

import capture
from capture.errors import CaptureWarning
from capture_sql import LifecycleFeed, SignalRepository

START = datetime(2026, 1, 1, tzinfo=UTC)


class Cross(Strategy):
    """Reverses its position where two means cross, and now and then wants too much."""

    def init(self) -> None:
        self.fast, self.slow = self.I(SMA, self.data.Close, 10), self.I(SMA, self.data.Close, 30)

    def next(self) -> None:
        above = self.fast[-1] > self.slow[-1]
        if above and not self.position.is_long:
            self.position.close()
            self.buy(size=10, sl=self.data.Close[-1] * 0.9)
        elif not above and not self.position.is_short:
            self.position.close()
            self.sell(size=10)
        if len(self.data) % 500 == 0:
            self.buy(size=10**9)


class Bracket(bt.Strategy):
    """Enters with a stop-loss and a take-profit."""

    def next(self) -> None:
        if not self.position and len(self) % 20 == 0:
            price = self.data.close[0]
            self.buy_bracket(price=price, stopprice=price * 0.97, limitprice=price * 1.03, size=10)


def _backtesting(store: Path) -> None:
    strategy = capture.wrap(Cross, store=store)
    Backtest(GOOG.iloc[:1200], strategy, cash=1_000_000, commission=0.002).run()


def _backtrader(store: Path) -> None:
    cerebro = bt.Cerebro()
    cerebro.adddata(bt.feeds.PandasData(dataname=GOOG.iloc[:600]))
    cerebro.broker.setcash(100_000)
    cerebro.broker.setcommission(0.001)
    cerebro.addstrategy(capture.wrap(Bracket, store=store))
    cerebro.run()


@pytest.mark.host
@pytest.mark.filterwarnings("ignore:.*insufficient margin", "ignore:Some trades remain open")
@pytest.mark.parametrize("run", [_backtesting, _backtrader])
def test_a_backtest_is_in_the_repository_as_it_is_in_the_recording(
    repository: SignalRepository, tmp_path: Path, run: Any
) -> None:
    with LifecycleFeed(repository, seconds=0.05) as feed:
        run(tmp_path / "signals")
        feed.flush()
    assert feed.incomplete == {}
    recording = capture.open(tmp_path / "signals").latest()
    signals = recording.signals().set_index("signal_id")
    found = {each.signal_id: each for each in repository.iter_signals()}
    assert len(signals) > 10
    assert list(found) == list(signals.index)
    for signal_id, record in found.items():
        row = signals.loc[signal_id]
        assert record.status == row.disposition
        assert (record.symbol, record.strategy_id) == (row.symbol, row.strategy_id)
        assert record.signal_ns == row.timestamp.value
        assert record.run_id == recording.run_id
        if record.side == "flat":
            assert record.requested_quantity is None, "a portion of a position, and no units"
        elif record.status == "executed":
            assert record.requested_quantity == 10.0
            assert record.executed_quantity == 10.0, "the way out by its own bracket is no fill"
    trades = recording.trades()
    closed = trades[trades["exit_bar"].notna()]
    stats = repository.get_execution_stats()
    assert stats.fill_rate is not None and stats.fill_rate <= 1.0
    assert stats.realised_profit == pytest.approx(closed["profit"].sum(), rel=1e-9)
    assert stats.open_positions == len(trades) - len(closed)
    assert repository.verify().ok
    assert repository.import_recording(recording) == 0, "everything is there already"


@pytest.mark.host
@pytest.mark.filterwarnings("ignore:.*insufficient margin", "ignore:Some trades remain open")
def test_an_import_comes_to_the_same_as_a_feed(
    repository: SignalRepository, tmp_path: Path
) -> None:
    store = tmp_path / "signals"
    with LifecycleFeed(tmp_path / "fed.sqlite") as feed:
        _backtesting(store)
        feed.flush()
        fed = {each.signal_id: each for each in feed.repository.iter_signals()}
    recording = capture.open(store).latest()
    assert repository.import_recording(recording) == feed.written
    for each in repository.iter_signals():
        other = fed[each.signal_id].to_dict()
        ours = each.to_dict()
        for name in ("created_ns", "updated_ns", "sha256"):
            del ours[name], other[name]
        assert ours == other
    assert repository.verify().ok
    assert repository.import_recording(recording) == 0


def _engine(store: Path) -> capture.SignalCaptureEngine:
    return capture.SignalCaptureEngine(capture.SignalCaptureConfig(storage_path=store))


def _given(engine: capture.SignalCaptureEngine, day: int, **fields: Any) -> str:
    context = {"timestamp": START + timedelta(days=day), "strategy_id": "live"}
    signal_id = engine.capture_signal({"symbol": "GOOG", "direction": 1, **fields}, context)
    assert signal_id is not None
    return signal_id


def test_a_live_run_is_there_while_it_goes_on(repository: SignalRepository, tmp_path: Path) -> None:
    with LifecycleFeed(repository, seconds=0.02), _engine(tmp_path / "signals") as engine:
        signal_id = _given(engine, 1)
        engine.capture_status(signal_id, "submitted", actor="me")
        deadline = time.monotonic() + 20
        while (found := repository.get_signal_by_id(signal_id)) is None or found.version < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert found.status == "submitted"


def test_what_no_way_leads_to_is_kept_and_moves_nothing(
    repository: SignalRepository, tmp_path: Path
) -> None:
    with LifecycleFeed(repository) as feed, _engine(tmp_path / "signals") as engine:
        signal_id = _given(engine, 1)
        for status in ("executed", "cancelled", "submitted"):
            engine.capture_status(signal_id, status, order_id=f"o-{status}")
        feed.flush()
    history = repository.get_history(signal_id, every=True)
    assert [each.kind for each in history] == ["saved", "status", "order", "order"]
    assert [each.order_id for each in history] == [None, "o-executed", "o-cancelled", "o-submitted"]
    assert {each.status for each in history[1:]} == {"executed"}
    assert history[2].detail["status"] == "cancelled"
    assert repository.verify().ok


def _twenty(place: Path, store: Path) -> LifecycleFeed:
    with LifecycleFeed(place, most_waiting=5, seconds=600) as feed, _engine(store) as engine:
        for day in range(20):
            _given(engine, day)
    return feed


def test_what_a_full_queue_cannot_take_is_brought_from_the_recording(tmp_path: Path) -> None:
    store, place = tmp_path / "signals", tmp_path / "lifecycle.sqlite"
    with pytest.warns(CaptureWarning, match="capture lifecycle import"):
        feed = _twenty(place, store)
    recording = capture.open(store).latest()
    assert len(recording.signals()) == 20
    assert list(feed.incomplete) == [recording.run_id]
    with SignalRepository(place) as repository:
        assert repository.import_recording(recording) == 20
        assert repository.import_recording(recording) == 0


def _one(repository: SignalRepository, store: Path) -> LifecycleFeed:
    with LifecycleFeed(repository) as feed, _engine(store) as engine:
        _given(engine, 1)
        feed.flush()
    return feed


def test_a_database_that_breaks_costs_the_run_nothing(tmp_path: Path) -> None:
    store = tmp_path / "signals"
    with SignalRepository(tmp_path / "lifecycle.sqlite") as repository:
        repository.database.write(lambda c: c.exec_driver_sql("DROP TABLE history"))
        with pytest.warns(CaptureWarning, match="no such table"):
            feed = _one(repository, store)
    recording = capture.open(store).latest()
    assert (len(recording.signals()), recording.state) == (1, "ended")
    assert list(feed.incomplete) == [recording.run_id]


def test_the_caller_waits_for_nothing_while_the_database_is_locked(tmp_path: Path) -> None:
    """The queue takes what comes; it is written when the lock is free."""
    place = tmp_path / "lifecycle.sqlite"
    with LifecycleFeed(place, seconds=0.01) as feed, _engine(tmp_path / "signals") as engine:
        held, free = threading.Event(), threading.Event()

        def hold(_connection: Any) -> None:
            held.set()
            free.wait(30)

        thread = threading.Thread(target=feed.repository.database.write, args=(hold,))
        thread.start()
        assert held.wait(10)
        for day in range(50):
            _given(engine, day)
        assert feed.written == 0
        free.set()
        thread.join()
        feed.flush()
        assert feed.written == 50


_FORKED = """
import os, sys, multiprocessing
from datetime import UTC, datetime
import capture
from capture_sql import LifecycleFeed

CONFIG = capture.SignalCaptureConfig(storage_path=sys.argv[2])

def work(number):
    with capture.SignalCaptureEngine(CONFIG) as engine:
        for day in range(1, 11):
            engine.capture_signal({"symbol": "GOOG", "direction": 1},
                {"timestamp": datetime(2026, 1, day, tzinfo=UTC), "strategy_id": f"w{number}"})

with LifecycleFeed(sys.argv[1]) as feed:
    work(0)
    running = [multiprocessing.get_context("fork").Process(target=work, args=(n,)) for n in (1, 2)]
    for process in running: process.start()
    for process in running: process.join()
    print(feed.incomplete)
"""


def test_forked_workers_feed_as_well(
    repository: SignalRepository, db_url: str, tmp_path: Path
) -> None:
    words = [sys.executable, "-W", "ignore", "-c", _FORKED, db_url, str(tmp_path / "signals")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert (done.stdout, done.returncode) == ("{}\n", 0), done.stderr
    assert repository.get_execution_stats().total_signals == 30
    assert repository.verify().ok
