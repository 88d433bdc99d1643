"""The names that users learn, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import capture

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [
    "CaptureAwareStrategy",
    "CapturedSignal",
    "ClassifierChangeIndex",
    "HDF5StorageBackend",
    "IndexedClassifierChange",
    "IndexedEvent",
    "IndexedRegime",
    "IndexedSignal",
    "JSONStorageBackend",
    "MultiSymbolSignal",
    "ParquetStorageBackend",
    "PortfolioSettings",
    "SignalCaptureConfig",
    "SignalCaptureEngine",
    "SignalContext",
    "SignalIndex",
    "SignalRecord",
    "SignalRepository",
    "SignalStatus",
    "SignalStorageManager",
    "SignalTracker",
    "StorageBackend",
    "check_replay",
    "hookimpl",
    "note",
    "open",
    "replay_settings",
    "verify",
    "wrap",
]
FIRST_COLUMNS = [
    "part",
    "seq",
    "signal_id",
    "timestamp",
    "available_time",
    "recorded_time",
    "strategy_id",
    "symbol",
    "timeframe",
    "bar_index",
    "direction",
    "strength",
    "signal_type",
    "disposition",
    "reason",
    "position_before",
    "capital_available",
    "spread",
    "liquidity_score",
    "regime",
    "regime_confidence",
]
MOMENT = pd.Timestamp("2024-01-01", tz="UTC")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_imports_from_capture(name: str) -> None:
    assert getattr(capture, name) is not None
    assert name in dir(capture)


def test_every_name_that_is_promised_is_there() -> None:
    assert [name for name in capture.__all__ if not hasattr(capture, name)] == []
    with pytest.raises(AttributeError, match="has no attribute 'wrapp'"):
        _ = capture.wrapp


@pytest.mark.parametrize(
    "what",
    [
        "import capture",
        "import capture; capture.wrap; capture.note; capture.hookimpl",
        "from capture import SignalCaptureConfig; SignalCaptureConfig()",
        "import sys; sys.argv[1:] = ['--help']\nfrom capture.cli import main\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code",
        "import sys; sys.argv[1:] = ['--version']\nfrom capture.cli import main\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code",
    ],
    ids=["import", "wrap", "config", "help", "version"],
)
def test_nothing_heavy_is_imported_before_it_is_needed(what: str) -> None:
    code = (
        f"{what}\nimport sys\nheavy = {{'pyarrow', 'pandas', 'numpy', 'h5py'}} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nassert not heavy, heavy"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_signals_are_a_frame_with_every_field(tmp_path: Path) -> None:
    config = capture.SignalCaptureConfig(storage_path=tmp_path)
    with capture.SignalCaptureEngine(config) as engine:
        signal_id = engine.capture_signal(
            {"symbol": "GOOG", "direction": 1, "strength": 0.5},
            {
                "timestamp": MOMENT,
                "strategy_id": "cross",
                "current_bar": {"close": 10.0},
                "indicators": {"sma": 9.5},
                "portfolio_state": {"cash": 1.0},
                "risk_metrics": {"var": 0.1},
                "strategy_params": {"fast": 10},
            },
        )
        engine.note("why", "cross", signal_id=signal_id)
    found = capture.open(tmp_path).latest().signals()
    assert isinstance(found, pd.DataFrame)
    assert list(found.columns[: len(FIRST_COLUMNS)]) == FIRST_COLUMNS
    joined = {"market_close", "indicator_sma", "portfolio_cash", "risk_var", "param_fast"}
    assert joined | {"note_why"} <= set(found.columns)
    for name in ("timestamp", "available_time", "recorded_time"):
        assert str(found[name].dtype) == "datetime64[ns, UTC]"
    assert found["disposition"].iloc[0] == "generated"


def test_signals_are_ordered_by_part_and_sequence_and_never_by_time(tmp_path: Path) -> None:
    config = capture.SignalCaptureConfig(storage_path=tmp_path, buffer_size=3)
    with capture.SignalCaptureEngine(config) as engine:
        for n in range(10):
            when = {"timestamp": MOMENT - pd.Timedelta(days=n), "strategy_id": f"s{n}"}
            engine.capture_status(
                engine.capture_signal({"symbol": "GOOG", "direction": 1}, when), "submitted"
            )
    found = capture.open(tmp_path).latest().signals()
    assert list(found["seq"]) == list(range(0, 20, 2)), "one counter numbers all events"
    assert found["timestamp"].is_monotonic_decreasing
    assert len(found) == 10
