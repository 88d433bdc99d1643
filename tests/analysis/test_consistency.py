"""Each check finds the recording that is broken in its way, and none accuses a sound one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import capture
from capture.analysis.consistency import Severity, check, check_names
from capture.analysis.material import Material, material_of
from capture.errors import UnknownName
from tests.adapters import strategies as s
from tests.adapters.runs import CASES, Case, captured, eurusd, goog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host

FINALIZED = Case(s.SmaCross, goog, {"cash": 10_000, "finalize_trades": True})


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one sound run, which carries its market data itself; never to be changed."""
    folder = tmp_path_factory.mktemp("consistency") / "signals"
    captured(FINALIZED, folder, self_contained=True)
    return folder


@pytest.fixture
def sound(pristine: Path) -> Recording:
    """A sound run."""
    return capture.open(pristine).latest()


@pytest.fixture
def broken(pristine: Path, tmp_path: Path) -> Callable[..., Recording]:
    """Return the run after one cell of a table was changed in its file."""

    def change(table: str, row: int, **cells: Any) -> Recording:
        folder = tmp_path / "signals"
        if not folder.exists():
            shutil.copytree(pristine, folder)
        (file,) = folder.glob(f"runs/*/parts/0000/{table}.parquet")
        held = pq.read_table(file)
        for name, value in cells.items():
            if name not in held.column_names:  # a column that holds nothing is not stored
                held = held.append_column(name, pa.nulls(len(held), pa.float64()))
            place = held.schema.get_field_index(name)
            kind = pa.string() if pa.types.is_dictionary(held.schema.types[place]) else None
            values = held.column(name).cast(kind or held.schema.types[place]).to_pylist()
            values[row] = value
            kind = kind or held.schema.types[place]
            held = held.set_column(place, name, pa.array(values, kind))
        pq.write_table(held, file)
        return capture.open(folder).latest()

    return change


def found(source: Any, *, hashes: bool = False) -> dict[str, tuple[Severity, tuple[int, ...]]]:
    """Return the findings by check: how bad, and which events."""
    return {one.check: (one.severity, one.seqs) for one in check(source, hashes=hashes).findings}


def changed(recording: Recording, row: int, **cells: Any) -> Material:
    """Return the material of a run with cells of one signal changed."""
    material = material_of(recording)
    signals = material.signals.copy()
    for name, value in cells.items():
        signals.loc[row, name] = value
    return replace(material, signals=signals)


# --- sound recordings ----------------------------------------------------------------------------


def test_a_sound_recording_is_consistent_and_every_check_was_made(sound: Recording) -> None:
    report = check(sound)
    assert report.is_consistent
    assert report.findings == ()
    assert report.issues == ()
    assert report.checks == check_names()
    assert report.total_signals_checked == len(sound.signals())


@pytest.mark.parametrize(
    "case",
    [
        FINALIZED,
        Case(s.SmaCross, eurusd, {"cash": 10_000}),
        CASES["trailing, GOOG"],
        CASES["vector signals, GOOG"],
        CASES["reversing, hedging"],
        CASES["numbered bars"],
        CASES["unsorted bars, some twice"],
        CASES["fractional"],
        CASES["no signals"],
        CASES["out of money"],
    ],
    ids=lambda case: f"{case.strategy.__name__}-{case.data.__name__}",
)
def test_no_run_of_a_real_strategy_is_accused(case: Case, tmp_path: Path) -> None:
    _, recording = captured(case, tmp_path / "signals")
    report = check(recording)
    assert report.is_consistent, str(report)


def test_a_position_that_is_still_open_at_the_end_is_a_note_and_no_issue(tmp_path: Path) -> None:
    _, recording = captured(Case(s.SmaCross, goog, {"cash": 10_000}), tmp_path / "signals")
    (finding,) = check(recording).findings
    last = recording.fills(["seq", "effect"]).iloc[-1]
    assert (finding.check, finding.severity) == ("entries_without_exits", Severity.NOTE)
    assert finding.seqs == (last["seq"],)
    assert last["effect"] == "open"


# --- broken ones ---------------------------------------------------------------------------------


def test_an_identity_that_two_signals_share_is_found(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    signals = sound.signals(["seq", "signal_id"])
    recording = broken("signals", 4, signal_id=signals["signal_id"][2])
    expected = (Severity.ERROR, (signals["seq"][2], signals["seq"][4]))
    assert found(recording)["duplicate_ids"] == expected


def test_a_signal_given_twice_is_found(sound: Recording) -> None:
    material = material_of(sound)
    again = material.signals.iloc[[5]].assign(signal_id="another", seq=5_000)
    rows = material.signals
    signals = pd.concat([rows.iloc[:6], again, rows.iloc[6:]], ignore_index=True)
    report = found(replace(material, signals=signals))
    # The copy has no order, so it differs from its original in what it wants.
    assert "duplicates" not in report
    frame = signals.drop(columns=["run_id"])
    assert found(frame) == {"duplicates": (Severity.WARNING, (5_000,))}


def test_orders_of_one_bar_at_several_prices_are_no_duplicates(tmp_path: Path) -> None:
    assert "duplicates" not in _ladder(tmp_path / "apart", (99.0, 98.0))
    assert _ladder(tmp_path / "alike", (99.0, 99.0))["duplicates"][0] is Severity.WARNING


def test_a_stop_beside_an_entry_is_no_conflict(tmp_path: Path) -> None:
    stop = {"order_type": "stop", "stop_price": 90.0, "size": 1.0}
    assert "conflicts" not in _both_ways(tmp_path / "stop", stop)
    assert _both_ways(tmp_path / "market", {"size": 1.0})["conflicts"][0] is Severity.WARNING


def _both_ways(folder: Path, selling: dict[str, Any]) -> dict[str, Any]:
    with capture.SignalCaptureEngine(capture.SignalCaptureConfig(storage_path=folder)) as engine:
        for side, order in ((1, {"order_type": "market", "size": 1.0}), (-1, selling)):
            engine.capture_signal(
                {"symbol": "GOOG", "direction": side, "bar_index": 3, "order": order},
                {"timestamp": pd.Timestamp("2024-01-04", tz="UTC"), "strategy_id": "both"},
            )
    return found(capture.open(folder).latest())


def _ladder(folder: Path, prices: tuple[float, float]) -> dict[str, Any]:
    with capture.SignalCaptureEngine(capture.SignalCaptureConfig(storage_path=folder)) as engine:
        for price in prices:
            order = {"order_type": "limit", "limit_price": price, "size": 1.0, "side": 1}
            engine.capture_signal(
                {"symbol": "GOOG", "direction": 1, "bar_index": 3, "order": order},
                {"timestamp": pd.Timestamp("2024-01-04", tz="UTC"), "strategy_id": "ladder"},
            )
    return found(capture.open(folder).latest())


def test_opposite_directions_on_one_bar_are_a_conflict(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    signals = sound.signals(["seq", "direction", "bar_index"])
    row = next(r for r in range(1, 9) if signals["bar_index"][r] == signals["bar_index"][r - 1])
    other = -int(signals["direction"][row])
    recording = broken("signals", row - 1, direction=other)
    expected = (Severity.WARNING, (signals["seq"][row - 1], signals["seq"][row]))
    assert found(recording) == {"conflicts": expected}


@pytest.mark.parametrize("name", ["signal_id", "strategy_id", "symbol", "direction"])
def test_a_missing_critical_value_is_found(sound: Recording, name: str) -> None:
    report = check(changed(sound, 3, **{name: None}), checks=["missing_values"])
    (finding,) = report.findings
    assert finding.seqs == (sound.signals(["seq"])["seq"][3],)
    assert finding.message == f"signals have no {name}"
    assert not report.is_consistent


def test_an_infinite_value_is_an_error_and_an_absent_one_a_note(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    seqs = sound.signals(["seq"])["seq"]
    recording = broken("signals", 7, indicator_sma1=np.inf, strength=-np.inf)
    report = check(recording, checks=["non_finite_values"])
    assert {(f.message, f.severity, f.seqs) for f in report.findings} == {
        ("signals have an infinite strength", Severity.ERROR, (seqs[7],)),
        ("signals have an infinite indicator_sma1", Severity.ERROR, (seqs[7],)),
    }
    noted = check(broken("signals", 7, indicator_sma1=np.nan, strength=None), hashes=False)
    assert [one.severity for one in noted.findings] == [Severity.NOTE]
    assert noted.is_consistent


def test_a_direction_that_is_none_is_found(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    seqs = sound.signals(["seq"])["seq"]
    assert found(broken("signals", 6, direction=3)) == {
        "non_finite_values": (Severity.ERROR, (seqs[6],))
    }


def test_time_that_runs_backwards_is_found(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    signals = sound.signals(["seq", "timestamp", "available_time", "bar_index"])
    early = {name: signals[name][2] for name in ("timestamp", "available_time", "bar_index")}
    report = check(
        broken("signals", 20, **{**early, "bar_index": int(early["bar_index"])}),
        checks=["backwards_time"],
    )
    assert {f.seqs for f in report.findings} == {(signals["seq"][20],)}
    assert [f.severity for f in report.findings] == [Severity.ERROR] * 2


def test_a_bar_that_was_known_before_it_began_is_found(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    signals = sound.signals(["seq", "timestamp"])
    early = signals["timestamp"][9] - pd.Timedelta("1h")
    recording = broken("signals", 9, available_time=early)
    assert found(recording) == {"backwards_time": (Severity.ERROR, (signals["seq"][9],))}


def test_numbers_that_are_missing_or_used_twice_are_found(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    statuses = sound.statuses(["seq"])["seq"]
    report = check(broken("statuses", 10, seq=int(statuses[11])), checks=["sequence_gaps"])
    assert {(f.message, f.seqs) for f in report.findings} == {
        ("numbers of events are missing", (statuses[10],)),
        ("numbers are those of several events", (statuses[11],)),
    }


def test_a_price_that_differs_from_the_base_data_is_found(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    signals = sound.signals(["seq", "market_close"])
    recording = broken("signals", 8, market_close=signals["market_close"][8] * 1.0001)
    assert found(recording) == {"price_differs": (Severity.ERROR, (signals["seq"][8],))}


def test_an_expected_price_that_is_not_the_close_is_found(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    seqs = sound.fills(["seq"])["seq"]
    recording = broken("fills", 5, expected_price=1.0)
    assert found(recording) == {"price_differs": (Severity.ERROR, (seqs[5],))}


def test_a_signal_outside_the_data_is_found(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    last = len(sound.signals(["seq"])) - 1
    seq = sound.signals(["seq"])["seq"][last]
    report = check(broken("signals", last, bar_index=9_999), checks=["outside_data"])
    assert [f.seqs for f in report.findings] == [(seq,)]
    assert "2,148 stored" in report.issues[0]


def test_a_signal_with_another_time_than_its_bar_is_found(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    *_, last = sound.signals(["seq", "timestamp"]).itertuples(index=False)
    recording = broken("signals", -1, timestamp=last.timestamp + pd.Timedelta("1h"))
    assert found(recording) == {"outside_data": (Severity.ERROR, (last.seq,))}


def test_a_signal_of_a_symbol_without_bars_is_found(sound: Recording) -> None:
    material = changed(sound, 4, symbol="MSFT")
    report = check(material, checks=["outside_data"])
    assert [f.seqs for f in report.findings] == [(sound.signals(["seq"])["seq"][4],)]


def test_a_fill_before_its_signal_is_found(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    fills = sound.fills(["seq", "bar_index", "signal_seq"])
    later = int(fills["signal_seq"][12])
    recording = broken("fills", 4, signal_seq=later)
    assert found(recording) == {"fill_before_signal": (Severity.ERROR, (fills["seq"][4],))}


@pytest.mark.parametrize("name", ["signal_seq", "order_seq"])
def test_a_fill_of_a_signal_or_an_order_that_is_not_there_is_found(
    sound: Recording, broken: Callable[..., Recording], name: str
) -> None:
    seqs = sound.fills(["seq"])["seq"]
    recording = broken("fills", 4, **{name: 1_000_000})
    assert found(recording) == {"orphan_fills": (Severity.ERROR, (seqs[4],))}


def test_an_entry_without_an_exit_is_found(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    fills = sound.fills(["seq", "size"])
    last = len(fills) - 1
    report = check(broken("fills", last, size=0.0), checks=["entries_without_exits"])
    (finding,) = report.findings
    assert finding.severity is Severity.WARNING
    assert finding.seqs == (fills["seq"][last - 1],)
    assert f"{fills['size'][last]:g} open, and the host says 0" in finding.message.replace("-", "")


def test_a_changed_byte_is_found_with_the_events_that_it_concerns(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    recording = broken("signals", 3, strength=0.5)
    assert found(recording) == {}
    findings = [f for f in check(recording).findings if f.check == "hash_mismatches"]
    assert findings
    assert {f.severity for f in findings} == {Severity.ERROR}
    assert any(sound.signals(["seq"])["seq"][3] in f.seqs for f in findings)


# --- the report ----------------------------------------------------------------------------------


def test_a_finding_names_run_part_events_and_mend(
    sound: Recording, broken: Callable[..., Recording]
) -> None:
    recording = broken("fills", 5, expected_price=1.0)
    report = check(recording, hashes=False)
    (row,) = report.to_frame().to_dict("records")
    assert (row["check"], row["severity"], row["run_id"]) == (
        "price_differs",
        "error",
        sound.run_id,
    )
    assert (row["part"], row["count"]) == (0, 1)
    assert "store the bars" in row["mend"]
    assert report.skipped == {"hash_mismatches": "left out"}
    assert report.summary().startswith("Not consistent: 1 error (188 signals, 12 checks")
    assert report.to_dict()["findings"][0]["seqs"] == [report.findings[0].seqs[0]]
    assert row["mend"] in str(report)


def test_a_frame_of_signals_is_checked_as_far_as_it_goes(sound: Recording) -> None:
    report = check(sound.signals())
    assert report.is_consistent
    assert "orphan_fills" in report.skipped
    assert "conflicts" in report.checks


def test_a_misspelt_check_is_refused(sound: Recording) -> None:
    with pytest.raises(UnknownName, match='Did you mean "conflicts"'):
        check(sound, checks=["conflict"])
