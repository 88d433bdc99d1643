"""A recording that goes on: appended to after it had ended, or after its process had died."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import capture
from capture import SignalCaptureConfig, SignalCaptureEngine
from capture.errors import ConfigError, PartBusy, RunNotFound

if TYPE_CHECKING:
    from pathlib import Path


def signal(number: int) -> dict[str, Any]:
    return {"symbol": "GOOG", "direction": 1, "timestamp": number, "strategy_id": "live"}


def config(store: Path, **more: Any) -> SignalCaptureConfig:
    return SignalCaptureConfig(storage_path=store, **more)


def test_a_resumed_run_holds_what_was_recorded_before_and_after(tmp_path: Path) -> None:
    with SignalCaptureEngine(config(tmp_path / "s")) as first:
        before = [first.capture_signal(signal(i)) for i in range(3)]
    with SignalCaptureEngine(config(tmp_path / "s"), resume="latest") as second:
        assert second.run_id == first.run_id
        assert second.part == 1
        after = [second.capture_signal(signal(i)) for i in range(3, 5)]
    store = capture.open(tmp_path / "s")
    assert len(store) == 1
    assert store.latest().signals()["signal_id"].tolist() == before + after
    assert store.runs().iloc[0]["signals"] == 5
    assert capture.verify(store).ok


def test_while_it_goes_on_it_counts_as_running(tmp_path: Path) -> None:
    with SignalCaptureEngine(config(tmp_path / "s")) as first:
        first.capture_signal(signal(0))
    with SignalCaptureEngine(config(tmp_path / "s"), resume=first.run_id) as second:
        second.capture_signal(signal(1))
        recording = capture.open(tmp_path / "s").latest()
        assert recording.state == "running"
        assert len(recording.signals()) == 2


def test_only_one_process_resumes_a_run(tmp_path: Path) -> None:
    with SignalCaptureEngine(config(tmp_path / "s")) as first:
        first.capture_signal(signal(0))
    with (
        SignalCaptureEngine(config(tmp_path / "s"), resume=first.run_id),
        pytest.raises(PartBusy),
    ):
        SignalCaptureEngine(config(tmp_path / "s"), resume=first.run_id)


def test_a_run_is_resumed_with_its_own_backend(tmp_path: Path) -> None:
    with SignalCaptureEngine(config(tmp_path / "s", backend="json")) as first:
        first.capture_signal(signal(0))
    with pytest.raises(ConfigError, match="is kept in 'json'"):
        SignalCaptureEngine(config(tmp_path / "s"), resume=first.run_id)
    store = capture.open(tmp_path / "s")
    assert len(store.latest().signals()) == 1
    assert capture.verify(store).ok


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    with SignalCaptureEngine(config(tmp_path / "s")) as first:
        first.capture_signal(signal(0))
    with pytest.raises(RunNotFound, match="nobody"):
        SignalCaptureEngine(config(tmp_path / "s"), resume="nobody")
