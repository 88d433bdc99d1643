"""A replay that is recorded: what it says of itself, and of the run that it repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from backtesting import Strategy

import capture
from tests.adapters.runs import CASES, Case, captured, goog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host


@pytest.fixture
def original(recorded: tuple[Any, Recording]) -> Recording:
    return recorded[1]


def test_it_names_the_run_that_it_repeats(
    original: Recording, replayed: Callable[..., Recording]
) -> None:
    replay = replayed()
    assert replay.kind == "replay"
    assert replay.manifest["parent"] == original.run_id
    assert replay.manifest["strategy"] == original.manifest["strategy"] == "SmaCross"
    assert replay.manifest["params"] == original.manifest["params"]
    assert replay.manifest["settings"] == original.manifest["settings"]
    assert original.manifest["parent"] is None


@pytest.mark.parametrize("options", [{}, {"buffer_size": 1}], ids=str)
@pytest.mark.parametrize("name", ["SMA cross, GOOG", "nasty, GOOG", "orders before the first bar"])
def test_every_signal_names_the_signal_that_it_repeats(
    name: str, options: dict[str, Any], tmp_path: Path, again: Callable[..., Any]
) -> None:
    case = CASES[name]
    _, recording = captured(case, tmp_path)
    again(case, capture.replay(recording).into("backtesting", store=tmp_path, **options))
    signals, repeated = recording.signals(), capture.open(tmp_path).latest("replay").signals()
    assert len(signals)
    assert repeated["source_signal_id"].tolist() == signals["signal_id"].tolist()
    joined = repeated.merge(signals, left_on="source_signal_id", right_on="signal_id")
    assert joined["bar_index_x"].tolist() == joined["bar_index_y"].tolist()
    assert joined["direction_x"].tolist() == joined["direction_y"].tolist()


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_so_does_every_signal_of_another_mode(
    mode: str, original: Recording, replayed: Callable[..., Recording]
) -> None:
    sources = replayed(mode).signals()["source_signal_id"]
    assert sources.notna().all()
    assert set(sources) <= set(original.signals()["signal_id"])


def test_the_latest_recording_stays_the_latest(
    original: Recording, replayed: Callable[..., Recording]
) -> None:
    replay = replayed()
    store = capture.open(original.store.root)
    assert store.latest().run_id == original.run_id
    assert store.latest("replay").run_id == replay.run_id != original.run_id
    assert store.runs().set_index("run_id")["parent"][replay.run_id] == original.run_id


def test_symbol_and_timeframe_are_those_of_the_recording_unless_they_are_given(
    tmp_path: Path, sma_cross: Case, again: Callable[..., Any]
) -> None:
    _, recording = captured(sma_cross, tmp_path, symbol="GOOG", timeframe="session")
    again(sma_cross, capture.replay(recording).into("backtesting", store=tmp_path))
    replay = capture.open(tmp_path).latest("replay")
    assert set(replay.signals()["symbol"]) == set(replay.fills()["symbol"]) == {"GOOG"}
    assert set(replay.signals()["timeframe"]) == {"session"}
    assert capture.parity(recording, replay).exact
    assert len(list((tmp_path / "base").iterdir())) == 1

    words = {"store": tmp_path, "symbol": "ABC"}
    again(sma_cross, capture.replay(recording).into("backtesting", **words))
    assert set(capture.open(tmp_path).latest("replay").signals()["symbol"]) == {"ABC"}


def test_the_store_is_clean_and_keeps_the_bars_once(
    original: Recording, replayed: Callable[..., Recording]
) -> None:
    replayed()
    store = capture.open(original.store.root)
    found = capture.verify(store)
    assert (found.ok, found.runs) == (True, 2)
    assert len(list(store.root.glob("base/*"))) == 1


def test_a_replay_may_go_to_another_store_than_its_original(
    original: Recording, sma_cross: Case, again: Callable[..., Any], tmp_path: Path
) -> None:
    place = tmp_path / "other"
    again(sma_cross, capture.replay(original).into("backtesting", store=place, backend="sql"))
    replay = capture.open(place).latest("replay")
    assert replay.manifest["backend"] == "sql"
    assert capture.parity(original, replay).exact


def test_a_replay_of_a_replay_is_the_run_itself(
    original: Recording,
    replayed: Callable[..., Recording],
    sma_cross: Case,
    again: Callable[..., Any],
) -> None:
    first = replayed()
    again(sma_cross, capture.replay(first).into("backtesting", store=original.store.root))
    second = capture.open(original.store.root).latest("replay")
    assert second.manifest["parent"] == first.run_id
    assert capture.parity(original, second).exact


def test_without_a_store_nothing_is_written(
    original: Recording,
    sma_cross: Case,
    again: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    again(sma_cross, capture.replay(original).into("backtesting"))
    assert sorted(tmp_path.rglob("*")) == before


class _Tagging(Strategy):
    """Gives every order a tag."""

    def init(self) -> None:
        """Declare nothing."""

    def next(self) -> None:
        if len(self.data) in (10, 20):
            self.buy(size=1, tag=f"bar {len(self.data)}")


def test_tags_come_again(tmp_path: Path, again: Callable[..., Any]) -> None:
    case = Case(_Tagging, goog, {"cash": 10_000, "finalize_trades": True})
    _, recording = captured(case, tmp_path)
    results = again(case, capture.replay(recording).into("backtesting"))
    assert results._trades["Tag"].tolist() == ["bar 10", "bar 20"]
