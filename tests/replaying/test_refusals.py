"""What cannot be replayed is refused before the first bar, and the message says why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from backtesting import Backtest
from backtesting.test import GOOG

import capture
from capture.errors import ConfigError, DataMismatch, NotReplayable, UnknownName
from capture.store.run import RunStart
from tests.adapters.runs import CASES, Case, captured, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from capture.store.recording import Recording

pytestmark = pytest.mark.host


@pytest.fixture
def recording(recorded: tuple[Any, Recording]) -> Recording:
    return recorded[1]


@pytest.mark.parametrize(
    ("said", "call"),
    [
        ("recording", capture.replay),
        ("original", capture.parity),
        ("a", lambda it: capture.diff(it, it)),
        ("recording", lambda it: capture.replay_settings(it, [{}])),
        ("recording", lambda it: capture.write_report(it, "report.html")),
    ],
)
def test_what_is_no_recording_is_named(
    recording: Recording, said: str, call: Callable[[Any], Any]
) -> None:
    for it in (None, str(recording.store.url), recording.store, recording.run_id):
        with pytest.raises(ConfigError, match=rf"^{said}=.*give a recording, such as"):
            call(it)
    with pytest.raises(ConfigError, match=r"^replayed="):
        capture.parity(recording, recording.run_id)  # type: ignore[arg-type]


def _one_value(frame: pd.DataFrame) -> pd.DataFrame:
    changed = frame.copy()
    changed.iloc[700, changed.columns.get_loc("Low")] -= 0.01
    return changed


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (_one_value, "low of bar 700 was "),
        (lambda frame: frame.iloc[:-3], "2148 bars then, 2145 now"),
        (lambda frame: frame.drop(columns="Volume"), "volume of bar 0 was 22351900 and is "),
        (lambda frame: frame.assign(Mood=1.0), "new columns mood"),
        (lambda frame: frame.shift(1, freq="D"), "timestamp of bar 0 was 2004-08-19"),
    ],
    ids=["one value", "fewer bars", "no volume", "one more column", "other days"],
)
def test_other_bars_are_refused_and_the_first_difference_is_named(
    recording: Recording, change: Callable[[pd.DataFrame], pd.DataFrame], difference: str
) -> None:
    replay = capture.replay(recording).into("backtesting")
    with pytest.raises(DataMismatch) as caught:
        run(Backtest(change(GOOG), replay, cash=10_000))
    assert difference in caught.value.difference
    assert caught.value.run_id == recording.run_id
    assert str(caught.value).startswith(f"{recording.run_id} was recorded on other data: ")


def test_a_column_that_is_missing_is_named(tmp_path: Path) -> None:
    case = CASES["further columns"]
    _, recording = captured(case, tmp_path)
    replay = capture.replay(recording).into("backtesting")
    with pytest.raises(DataMismatch, match="column mood is missing"):
        run(Backtest(case.data().drop(columns="Mood"), replay, cash=10_000))


def test_a_gap_in_the_data_is_not_taken_for_the_difference(tmp_path: Path) -> None:
    case = CASES["SMA cross, GOOG"]

    def gappy() -> pd.DataFrame:
        return GOOG.assign(Aside=float("nan"))

    _, recording = captured(Case(case.strategy, gappy, {"cash": 10_000}), tmp_path)
    replay = capture.replay(recording).into("backtesting")
    run(Backtest(gappy(), replay, cash=10_000))
    changed = gappy()
    changed.iloc[5, changed.columns.get_loc("Aside")] = 1.0
    with pytest.raises(DataMismatch, match="aside of bar 5 was nan and is 1"):
        run(Backtest(changed, replay, cash=10_000))


def test_the_same_bars_under_other_column_order_are_the_same(
    recording: Recording,
    recorded: tuple[Any, Recording],
    sma_cross: Case,
    same: Callable[..., bool],
) -> None:
    replay = capture.replay(recording).into("backtesting")
    backtest = Backtest(
        GOOG[["Volume", "Close", "Low", "High", "Open"]], replay, **sma_cross.settings
    )
    assert same(recorded[0], run(backtest))


def _by_hand(place: Path, host: str = "another") -> Recording:
    config = capture.SignalCaptureConfig(storage_path=place)
    start = RunStart(host=host, strategy="breakout")
    with capture.SignalCaptureEngine(config, run=start) as engine:
        engine.capture_signal(
            {"symbol": "GOOG", "direction": 1, "bar_index": 40},
            {"timestamp": datetime(2024, 3, 1, tzinfo=UTC), "strategy_id": "breakout"},
        )
    return engine.recording


def test_intents_of_another_backtester_are_refused(tmp_path: Path) -> None:
    replay = capture.replay(_by_hand(tmp_path))
    with pytest.raises(NotReplayable, match=r"those of another, not of backtesting; .*target"):
        replay.into("backtesting")


def test_a_recording_without_signals_by_anyone_is_refused(tmp_path: Path) -> None:
    with capture.SignalCaptureEngine(capture.SignalCaptureConfig(storage_path=tmp_path)) as engine:
        engine.note("nothing", 1)
    with pytest.raises(NotReplayable, match="it holds no strategy"):
        capture.replay(engine.recording)


def test_a_recording_without_bars_is_refused(tmp_path: Path) -> None:
    replay = capture.replay(_by_hand(tmp_path), "signal").into("backtesting")
    with pytest.raises(NotReplayable, match="it holds no bars"):
        run(Backtest(GOOG, replay))


def test_of_several_strategies_one_must_be_named(tmp_path: Path) -> None:
    config = capture.SignalCaptureConfig(storage_path=tmp_path)
    with capture.SignalCaptureEngine(config) as engine:
        for name in ("one", "other"):
            engine.capture_signal(
                {"symbol": "GOOG", "direction": 1},
                {"timestamp": datetime(2024, 3, 1, tzinfo=UTC), "strategy_id": name},
            )
    with pytest.raises(NotReplayable, match=r'name one: .*strategy="one"'):
        capture.replay(engine.recording)
    assert capture.replay(engine.recording, strategy="other").strategy_id == "other"
    with pytest.raises(UnknownName, match='Did you mean "other"'):
        capture.replay(engine.recording, strategy="othr")


def test_a_misspelt_backtester_is_told(recording: Recording) -> None:
    with pytest.raises(UnknownName, match='Did you mean "backtesting"'):
        capture.replay(recording).into("backtestin")


def test_a_misspelt_mode_is_told(recording: Recording) -> None:
    with pytest.raises(ConfigError, match=r"mode='intents' .*intent, target, signal"):
        capture.replay(recording, "intents")  # type: ignore[arg-type]


@pytest.mark.parametrize("words", [{}, {"store": "there"}], ids=["plain", "recorded"])
def test_a_misspelt_option_is_told(
    recording: Recording, words: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r'bufer_size=7 .*Did you mean "buffer_size"'):
        capture.replay(recording).into("backtesting", bufer_size=7, **words)
    with pytest.raises(ConfigError, match=r'siz=7 .*Did you mean "size"'):
        capture.replay(recording).into("backtesting", siz=7, **words)
    assert not (tmp_path / "there").exists()


def test_a_setting_of_the_recorder_needs_a_store(recording: Recording) -> None:
    with pytest.raises(ConfigError, match=r"buffer_size=7 .*it needs store="):
        capture.replay(recording).into("backtesting", buffer_size=7)


def test_what_is_no_time_is_named(recording: Recording) -> None:
    for words in ({"start": "soon"}, {"end": "later"}, {"end": "NaT"}):
        (said,) = words
        with pytest.raises(ConfigError, match=rf"^{said}=.*is no time; write one such as"):
            capture.replay(recording, **words)
