"""Observers hear of bars, signals, fills and statuses while the backtester runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from backtesting.test import GOOG

from capture import hookimpl
from capture.errors import CaptureWarning
from tests.adapters import strategies as s
from tests.adapters.runs import CASES, Case, assert_same_results, captured, goog

if TYPE_CHECKING:
    from pathlib import Path

    from capture.host import Host

pytest_plugins = ["capture.testing.fixtures"]
pytestmark = pytest.mark.host

FREE = {"cash": 10_000, "commission": 0.001}


class Diary:
    """Writes down everything that it hears, as it is at that moment."""

    def __init__(self, *, read_late: bool = True) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.read_late = read_late

    @hookimpl
    def on_run_start(self, run: Any) -> None:
        self.heard.append(("run_start", run))

    @hookimpl
    def on_bar(self, bar: Any) -> None:
        self.heard.append(("bar", bar.to_dict()))

    @hookimpl
    def on_signal(self, signal: Any) -> None:
        self.heard.append(("signal", signal.to_dict() if self.read_late else signal))

    @hookimpl
    def on_fill(self, fill: Any) -> None:
        self.heard.append(("fill", fill.to_dict()))

    @hookimpl
    def on_status(self, change: Any) -> None:
        self.heard.append(("status", change.to_dict()))

    @hookimpl
    def on_run_stop(self, run: Any, summary: Any) -> None:
        self.heard.append(("run_stop", summary))

    def of(self, kind: str) -> list[Any]:
        return [event for name, event in self.heard if name == kind]


def assert_said(event: dict[str, Any], row: dict[str, Any], names: list[str]) -> None:
    for name in names:
        one, other = event[name], row[name]
        if pd.isna(other):
            assert one is None or one != one, name
        else:
            assert one == other, f"{name}: {one} is not {other}"


@pytest.mark.parametrize("read_late", [True, False], ids=["at once", "after the run"])
def test_signals_are_heard_as_they_are_stored(
    read_late: bool, capture_host: Host, tmp_path: Path
) -> None:
    diary = Diary(read_late=read_late)
    capture_host.register(diary, name="diary")
    _, recording = captured(Case(s.Snapshots, goog, FREE), tmp_path)
    signals = recording.signals().to_dict("records")
    heard = [e if read_late else e.to_dict() for e in diary.of("signal")]
    assert len(heard) == len(signals) > 50
    names = [name for name in signals[0] if name.startswith(("indicator_", "portfolio_"))]
    names += ["seq", "signal_id", "strategy_id", "symbol", "timeframe", "bar_index", "timestamp"]
    names += ["available_time", "direction", "signal_type", "position_before", "capital_available"]
    for event, row in zip(heard, signals, strict=True):
        assert_said(event, row, names)


@pytest.mark.parametrize("name", ["nasty, GOOG", "nasty, exclusive", "out of money"])
def test_fills_and_statuses_are_heard_as_they_are_stored(
    name: str, capture_host: Host, tmp_path: Path
) -> None:
    diary = Diary()
    capture_host.register(diary, name="diary")
    results, recording = captured(CASES[name], tmp_path)
    assert_same_results(CASES[name](), results)
    for kind, table in (("fill", recording.fills()), ("status", recording.statuses())):
        rows = table.to_dict("records")
        assert len(diary.of(kind)) == len(rows) > 0
        for event, row in zip(diary.of(kind), rows, strict=True):
            known = [name for name in event if name in row and name not in {"part", "segment"}]
            assert {"signal_id", "bar_index", "timestamp"} <= set(known)
            assert_said(event, row, known)


def test_statuses_are_the_same_whether_somebody_listens_or_not(
    capture_host: Host, tmp_path: Path
) -> None:
    case, names = CASES["nasty, GOOG"], ["bar_index", "status", "reason", "actor"]
    _, quiet = captured(case, tmp_path / "quiet")
    capture_host.register(Diary(), name="diary")
    _, heard = captured(case, tmp_path / "heard")
    assert quiet.statuses()[names].equals(heard.statuses()[names])


def test_every_bar_that_the_strategy_saw_is_heard_before_its_signals(
    capture_host: Host, tmp_path: Path
) -> None:
    diary = Diary()
    capture_host.register(diary, name="diary")
    results, recording = captured(Case(s.SmaCross, goog, FREE), tmp_path)
    bars = diary.of("bar")
    assert [bar["bar_index"] for bar in bars] == list(range(20, len(GOOG)))
    for bar in bars[::100]:
        row = GOOG.iloc[bar["bar_index"]]
        assert (bar["open"], bar["close"], bar["volume"]) == (row.Open, row.Close, row.Volume)
        assert bar["timestamp"] == GOOG.index[bar["bar_index"]]
    at = None
    for kind, event in diary.heard:
        if kind == "bar":
            at = event["bar_index"]
        elif kind == "signal":
            assert event["bar_index"] == at
    assert_same_results(Case(s.SmaCross, goog, FREE)(), results)
    assert recording.bars() is not None


def test_a_run_is_heard_from_its_start_to_its_end_in_order(
    capture_host: Host, tmp_path: Path
) -> None:
    diary = Diary()
    capture_host.register(diary, name="diary")
    _, recording = captured(Case(s.SmaCross, goog, FREE), tmp_path)
    kinds = [kind for kind, _ in diary.heard]
    assert (kinds[0], kinds[-1]) == ("run_start", "run_stop")
    start, stop = diary.of("run_start")[0], diary.of("run_stop")[0]
    assert (start.run_id, start.strategy, start.host) == (
        recording.run_id, "SmaCross", "backtesting",
    )  # fmt: skip
    assert stop.state == "ended"
    given: set[Any] = set()
    filled: set[Any] = set()
    for kind, event in diary.heard:
        if kind == "signal":
            given.add(event["signal_id"])
        elif kind == "fill":
            assert event["signal_id"] in given
            filled.add(event["signal_id"])
        elif kind == "status" and event["reason"] == "filled":
            assert event["signal_id"] in filled


# What `pytest.warns` did not wait for it warns of again, as if the host's warning were ours.
@pytest.mark.filterwarnings("ignore:.*dayofweek is deprecated")
def test_an_observer_that_raises_breaks_nothing(capture_host: Host, tmp_path: Path) -> None:
    class Clumsy:
        @hookimpl
        def on_bar(self) -> None:
            raise ZeroDivisionError("clumsy")

        @hookimpl
        def on_fill(self) -> None:
            raise ZeroDivisionError("clumsy")

    capture_host.register(Clumsy(), name="clumsy")
    case = CASES["nasty, GOOG"]
    with pytest.warns(CaptureWarning, match='plugin "clumsy" is disabled'):
        results, recording = captured(case, tmp_path)
    assert_same_results(case(), results)
    assert recording.state == "ended"
    assert recording.manifest["plugin_failures"]["clumsy"]["count"] == 1


def test_nothing_is_put_on_the_strategys_bars_when_nobody_hears_them(
    capture_host: Host, tmp_path: Path
) -> None:
    class OnlySignals:
        @hookimpl
        def on_signal(self) -> None:
            pass

    stepped: list[bool] = []

    class Looking(s.SmaCross):
        def next(self) -> None:
            stepped.append("next" in vars(self))

    capture_host.register(OnlySignals(), name="only-signals")
    captured(Case(Looking, goog, FREE), tmp_path / "a")
    assert not any(stepped)
    capture_host.register(Diary(), name="diary")
    captured(Case(Looking, goog, FREE), tmp_path / "b")
    assert stepped[-1]
