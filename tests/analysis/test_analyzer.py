"""The analyzer chooses signals once and answers every question about them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import capture
from capture.analysis.results import Result
from capture.contracts.info import AnalysisInfo
from capture.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.analysis.material import Material
    from capture.store.recording import Recording

pytestmark = pytest.mark.host


@pytest.fixture
def analyzer(goog_recording: Recording) -> capture.SignalAnalyzer:
    return capture.SignalAnalyzer(goog_recording)


def test_without_a_choice_every_signal_is_analysed(
    analyzer: capture.SignalAnalyzer, goog_recording: Recording
) -> None:
    report = analyzer.analyze_signal_quality()
    assert isinstance(report, capture.SignalQualityReport)
    assert report.total_signals == len(goog_recording.signals())


def test_chosen_signals_are_returned_and_remembered(analyzer: capture.SignalAnalyzer) -> None:
    frame = analyzer.load_signals("2008-01-01", "2009-12-31", symbols=["GOOG"])
    assert 0 < len(frame) < 188
    assert frame["timestamp"].min() >= pd.Timestamp("2008-01-01", tz="UTC")
    assert frame["timestamp"].max() < pd.Timestamp("2010-01-01", tz="UTC")
    report = analyzer.analyze_signal_quality(horizons=[5])
    assert report.total_signals == len(frame)
    (row,) = report.frequency.rows
    assert row.bars < 2 * 262, "only the bars of the time that was asked for count"
    analyzer.load_signals()
    assert analyzer.analyze_signal_quality(horizons=[5]).total_signals == 188


@pytest.mark.parametrize(
    "choice",
    [{"symbols": ["OTHER"]}, {"symbols": "OTHER"}, {"strategies": ["Other"]}, {"regime": "bull"}],
)
def test_other_symbols_strategies_and_regimes_are_left_out(
    analyzer: capture.SignalAnalyzer, choice: dict[str, Any]
) -> None:
    assert analyzer.load_signals(**choice).empty
    assert analyzer.analyze_signal_quality().total_signals == 0


def test_one_symbol_or_strategy_may_be_given_as_a_word(analyzer: capture.SignalAnalyzer) -> None:
    frame = analyzer.load_signals(symbols="GOOG", strategies="SmaCross", where="direction != 0")
    assert len(frame) == 94


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ("2017-05-31", "2017-06-01"),
        (datetime.date(2017, 5, 31), "2017-06-01"),
        ("2017-05", "2017-06-01"),
        ("2017-05-31 12:00", "2017-05-31 12:00:01"),
        (pd.Timestamp("2017-05-31 12:00", tz="UTC"), "2017-05-31 12:00:01"),
    ],
)
def test_a_last_day_is_included_whole(eurusd_recording: Recording, end: Any, last: str) -> None:
    frame = capture.SignalAnalyzer(eurusd_recording).load_signals(end_date=end)
    every = eurusd_recording.signals()
    expected = every[every["timestamp"] < pd.Timestamp(last, tz="UTC")]
    assert len(frame) == len(expected) > 0


def test_a_date_that_is_none_is_refused(analyzer: capture.SignalAnalyzer) -> None:
    for choice in ({"start_date": "soon"}, {"end_date": "later"}):
        with pytest.raises(ConfigError, match="_date"):
            analyzer.load_signals(**choice)


def test_other_forms_of_the_same_signals_are_at_hand(analyzer: capture.SignalAnalyzer) -> None:
    assert len(analyzer.to_training_set(kind="forward", horizon_bars=3).X) == 94
    assert "5D" in analyzer.to_factor_frame(horizons=[5])
    assert np.isfinite(analyzer.to_returns()).all()
    assert analyzer.forward_returns(horizons=[2]).horizons == (2,)


def test_a_frame_has_its_distributions_but_no_returns(goog_recording: Recording) -> None:
    report = capture.SignalAnalyzer(goog_recording.signals()).analyze_signal_quality(horizons=[5])
    assert report.total_signals == 188
    assert report.forward.rows[0].no_bar == 94


@dataclass(frozen=True)
class Longest(Result):
    """The longest time without a signal."""

    title = "Longest silence"

    bars: int

    def to_frame(self) -> pd.DataFrame:
        return pd.DataFrame({"bars": [self.bars]})


class Plugin:
    """Offers an analysis, as a third party would."""

    @capture.hookimpl
    def register_analyses(self) -> Iterator[AnalysisInfo]:
        yield AnalysisInfo("silence", load=lambda: longest_silence)


def longest_silence(material: Material, *, symbol: str | None = None) -> Longest:
    signals = material.signals
    mine = signals if symbol is None else signals[signals["symbol"] == symbol]
    return Longest(int(mine["bar_index"].diff().max()))


def test_an_analysis_of_a_plugin_is_run_by_its_name(analyzer: capture.SignalAnalyzer) -> None:
    plugin = Plugin()
    capture.get_host().register(plugin)
    try:
        found = analyzer.run("silence", symbol="GOOG")
        expected = int(analyzer.material.signals["bar_index"].diff().max())
        assert found == Longest(expected)
        assert "Longest silence" in str(found)
    finally:
        capture.get_host().unregister(plugin)


def test_an_analysis_that_there_is_not_is_named(analyzer: capture.SignalAnalyzer) -> None:
    with pytest.raises(UnknownName, match="silenc"):
        analyzer.run("silenc")
