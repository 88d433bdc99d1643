"""A certificate is kept beside the replay, is read again, and cannot be changed unnoticed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

import capture
from capture.errors import CorruptRecording, NotReplayable, StoreError
from capture.store.records import read_record, write_record
from capture.store.run import RunStart
from tests.adapters import strategies as s
from tests.adapters.runs import Case, goog, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host


@pytest.fixture
def pair(
    recorded: tuple[Any, Recording], replayed: Callable[..., Recording]
) -> tuple[Recording, Recording]:
    """The SMA cross, and its replay."""
    return recorded[1], replayed()


@pytest.fixture
def other(recorded: tuple[Any, Recording]) -> Recording:
    """The SMA cross replayed with less commission."""
    store = recorded[1].store.root
    cheaper = Case(s.SmaCross, goog, {"cash": 10_000, "spread": 0.0005})
    replay = capture.replay(recorded[1]).into("backtesting", store=store)
    run(cheaper.backtest(lambda _: replay))
    return capture.open(store).latest("replay")


def _file(replay: Recording) -> Path:
    [file] = (replay.path / "certificates").iterdir()
    return file


# --- keeping -------------------------------------------------------------------------------------


def test_nothing_is_kept_unless_asked(pair: tuple[Recording, Recording]) -> None:
    original, replay = pair
    assert capture.parity(original, replay).saved is None
    assert replay.certificates == ()
    assert not (replay.path / "certificates").exists()


def test_a_certificate_that_was_kept_is_read_again(pair: tuple[Recording, Recording]) -> None:
    original, replay = pair
    kept = capture.parity(original, replay, save=True)
    assert kept.exact
    assert kept.saved is not None
    [again] = capture.open(replay.store.root)[replay.run_id].certificates
    assert again == kept == capture.parity(original, replay)
    assert again.saved == kept.saved
    assert capture.verify(replay.store).ok


def test_so_is_one_of_runs_that_differ(recorded: tuple[Any, Recording], other: Recording) -> None:
    kept = capture.parity(recorded[1], other, save=True)
    assert not kept.exact
    [again] = other.certificates
    assert again == kept
    assert str(again) == str(kept)


def test_a_second_comparison_takes_the_place_of_the_first(
    pair: tuple[Recording, Recording],
) -> None:
    for _ in range(2):
        last = capture.parity(*pair, save=True)
    [kept] = pair[1].certificates
    assert kept.saved == last.saved


def test_the_original_may_be_left_out(pair: tuple[Recording, Recording]) -> None:
    original, replay = pair
    assert capture.parity(replay) == capture.parity(original, replay)
    with pytest.raises(NotReplayable, match="it replays no other run"):
        capture.parity(original)


def test_a_replay_says_what_it_replays(pair: tuple[Recording, Recording]) -> None:
    original, replay = pair
    [strategy] = {s["strategy_id"] for part in original.parts for s in part.segments}
    source = {
        "strategy_id": strategy,
        "mode": "intent",
        "where": [],
        "boundaries": None,
        "forced": False,
    }
    assert replay.manifest["source"] == replay.start["source"] == source
    assert original.manifest["source"] == {}


def test_a_run_that_goes_on_gets_no_certificate(
    pair: tuple[Recording, Recording], tmp_path: Path
) -> None:
    config = capture.SignalCaptureConfig(storage_path=tmp_path / "store")
    start = RunStart(host="engine", strategy="Cross", kind="replay")
    engine = capture.SignalCaptureEngine(config, run=start)
    with engine, pytest.raises(StoreError, match="has not ended"):
        capture.parity(pair[0], engine.recording, save=True)
    assert not (engine.recording.path / "certificates").exists()


def test_the_runs_may_be_in_different_stores(
    recorded: tuple[Any, Recording], sma_cross: Case, again: Callable[..., Any], tmp_path: Path
) -> None:
    place = tmp_path / "replays"
    again(sma_cross, capture.replay(recorded[1]).into("backtesting", store=place))
    replay = capture.open(place).latest("replay")
    kept = capture.parity(recorded[1], replay, save=True)
    assert kept.exact
    assert capture.verify(place).ok
    assert replay.certificates == (kept,)


# --- verification --------------------------------------------------------------------------------


def test_any_changed_byte_of_a_certificate_is_found(pair: tuple[Recording, Recording]) -> None:
    capture.parity(*pair, save=True)
    replay, file = pair[1], _file(pair[1])
    content = file.read_bytes()
    name = file.relative_to(replay.store.root).as_posix()
    for place in range(0, len(content), 41):
        damaged = bytearray(content)
        damaged[place] ^= 1
        file.write_bytes(damaged)
        [finding] = capture.verify(replay.store, replay.run_id).findings
        assert (finding.run_id, finding.file) == (replay.run_id, name)
        with pytest.raises(CorruptRecording):
            _ = replay.certificates
    file.write_bytes(content)
    assert capture.verify(replay.store).ok


def test_a_certificate_of_another_run_is_found(
    pair: tuple[Recording, Recording], other: Recording
) -> None:
    capture.parity(*pair, save=True)
    shutil.copytree(pair[1].path / "certificates", other.path / "certificates")
    [finding] = capture.verify(other.store).findings
    assert (finding.run_id, finding.problem) == (
        other.run_id,
        "the certificate is another run's",
    )


@pytest.mark.parametrize("side", ["original", "replayed"])
def test_a_certificate_of_another_state_of_a_run_is_found(
    side: str, pair: tuple[Recording, Recording]
) -> None:
    capture.parity(*pair, save=True)
    file = _file(pair[1])
    write_record(file, {**read_record(file), f"{side}_sha256": "0" * 64})
    [finding] = capture.verify(pair[1].store).findings
    assert pair[side == "replayed"].run_id in finding.problem
    assert finding.problem.endswith("compare again: capture parity")
    capture.parity(*pair, save=True)
    assert capture.verify(pair[1].store).ok


def test_other_files_beside_certificates_do_not_belong_there(
    pair: tuple[Recording, Recording],
) -> None:
    capture.parity(*pair, save=True)
    (pair[1].path / "certificates" / "note.txt").write_text("x")
    [finding] = capture.verify(pair[1].store).findings
    assert finding.problem == "the file does not belong to the run"


def test_the_original_may_be_gone(pair: tuple[Recording, Recording]) -> None:
    original, replay = pair
    kept = capture.parity(original, replay, save=True)
    shutil.rmtree(original.path)
    assert capture.verify(replay.store).ok
    assert replay.certificates == (kept,)


def test_a_remote_store_keeps_certificates_too(
    sma_cross: Case, tmp_path: Path, again: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec

    monkeypatch.setenv("CAPTURE_SPOOL", str(tmp_path / "here"))
    url = "memory://certificates/signals"
    sma_cross(lambda strategy: capture.wrap(strategy, store=url))
    recording = capture.open(url).latest()
    again(sma_cross, capture.replay(recording).into("backtesting", store=url))
    kept = capture.parity(capture.open(url).latest("replay"), save=True)
    monkeypatch.setenv("CAPTURE_SPOOL", str(tmp_path / "there"))
    elsewhere = capture.open(url)
    assert elsewhere.latest("replay").certificates == (kept,)
    assert capture.verify(elsewhere).ok
    fsspec.filesystem("memory").rm("/certificates", recursive=True)


# --- the first difference ------------------------------------------------------------------------


def test_a_difference_shows_what_was_there_on_both_sides(
    recorded: tuple[Any, Recording], other: Recording
) -> None:
    original = recorded[1]
    difference = capture.parity(original, other).first_difference
    assert difference is not None
    assert difference.table == "trades"
    assert difference.columns == ("commission", "profit")  # so it is the exit that differs
    assert difference.original is not None
    one, two = difference.original_context, difference.replayed_context
    assert one is not None and two is not None
    bars, fills = original.bars(), original.fills()
    for context, recording in ((one, original), (two, other)):
        bar = context.bar_index
        assert bar is not None
        assert bar == difference.original["exit_bar"]
        assert context.symbol == "data"
        assert context.timestamp == bars["timestamp"][bar].isoformat()
        assert context.bar["close"] == bars["close"][bar]
        before = recording.fills()["position_after"][fills["bar_index"] < bar]
        assert context.position == (before.iloc[-1] if len(before) else 0.0)
        signals = recording.signals()
        last = signals[signals["bar_index"] <= bar].iloc[-1]
        assert context.signal is not None and context.order is not None
        assert context.signal["signal_id"] == last["signal_id"]
        orders = recording.orders()
        assert context.order["call"] == orders[orders["bar_index"] <= bar]["call"].iloc[-1]
    said = str(capture.parity(original, other))
    assert f"original: data bar {one.bar_index} {one.timestamp}" in said
    assert "replay: order action new, call buy, bar_index" in said


# --- runs of several strategies ------------------------------------------------------------------


def _grid(store: Path, parts: int = 3) -> Recording:
    """Record a run of several parts, one strategy and another equity each."""
    import pyarrow as pa

    from capture.events import RunState
    from capture.store.store import Store

    config = capture.SignalCaptureConfig(storage_path=store)
    folder = Store(store, create=True).begin_run(RunStart(host="engine", strategy="Cross"))
    for part in range(parts):
        with capture.SignalCaptureEngine(config, run=folder) as engine:
            moment = {"timestamp": 10**18, "strategy_id": f"cross_{part}"}
            engine.capture_signal({"symbol": "GOOG", "direction": 1}, moment)
            rows = {
                "symbol": ["GOOG"] * 2,
                "bar_index": [0, 1],
                "timestamp": pa.array([0, 1], pa.timestamp("ns", tz="UTC")),
                "equity": [100.0, 100.0 + part],
            }
            engine.append_table("equity", pa.table(rows))
    if folder.owned:
        folder.finish(RunState.ENDED)
    return capture.open(store)[folder.run_id]


def _single(store: Path, part: int, **start: Any) -> Recording:
    import pyarrow as pa

    config = capture.SignalCaptureConfig(storage_path=store)
    run = RunStart(host="engine", strategy="Cross", kind="replay", **start)
    with capture.SignalCaptureEngine(config, run=run) as engine:
        rows = {
            "symbol": ["GOOG"] * 2,
            "bar_index": [0, 1],
            "timestamp": pa.array([0, 1], pa.timestamp("ns", tz="UTC")),
            "equity": [100.0, 100.0 + part],
        }
        engine.append_table("equity", pa.table(rows))
    return engine.recording


def test_one_strategy_of_a_grid_is_compared_alone(tmp_path: Path) -> None:
    grid = _grid(tmp_path)
    replay = _single(
        tmp_path, 1, parent=grid.run_id, source={"strategy_id": "cross_1", "mode": "intent"}
    )
    certificate = capture.parity(grid, replay)
    assert certificate.exact
    assert certificate.strategy == "cross_1"
    assert [c.original_rows for c in certificate.comparisons] == [0, 0, 2]
    wrong = capture.parity(grid, replay, strategy="cross_2", save=True)
    assert not wrong.exact
    right = capture.parity(replay, save=True)
    assert {c.strategy: c.exact for c in replay.certificates} == {
        right.strategy: True,
        wrong.strategy: False,
    }
    assert capture.verify(tmp_path).ok


def test_where_nothing_says_which_strategy_it_must_be_named(tmp_path: Path) -> None:
    grid, replay = _grid(tmp_path), _single(tmp_path, 1)
    with pytest.raises(capture.errors.ConfigError, match="holds 3 strategies; name one"):
        capture.parity(grid, replay)
    with pytest.raises(capture.errors.UnknownName, match='Did you mean "cross_'):
        capture.parity(grid, replay, strategy="cross_7")
    assert capture.parity(grid, replay, strategy="cross_1").exact


def test_two_runs_of_the_same_strategies_are_compared_as_wholes(tmp_path: Path) -> None:
    certificate = capture.parity(_grid(tmp_path), _grid(tmp_path))
    assert certificate.exact
    assert certificate.strategy is None
    assert [c.original_rows for c in certificate.comparisons] == [0, 0, 6]
