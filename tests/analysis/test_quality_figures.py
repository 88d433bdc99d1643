"""Figures of the quality of signals show its numbers, and are legible on any background."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from capture.analysis.material import Material, material_of
from capture.analysis.quality import SignalQualityReport, signal_quality

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.store.recording import Recording

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def report(eurusd_recording: Recording) -> SignalQualityReport:
    return signal_quality(material_of(eurusd_recording), horizons=[1, 5, 20])


def test_the_figure_of_forward_returns_has_the_means_and_their_intervals(
    report: SignalQualityReport,
) -> None:
    bars, usual = report.forward.plot().data
    rows = report.forward.rows
    assert list(bars.y) == [row.mean for row in rows]
    assert np.allclose(bars.error_y.array, [row.high - row.mean for row in rows])
    assert list(usual.y) == [row.usual for row in rows]


def test_the_figure_of_information_has_both_coefficients_and_their_bands(
    report: SignalQualityReport,
) -> None:
    drawn = {trace.name: trace for trace in report.information.plot().data if trace.name}
    assert list(drawn["IC"].y) == [row.ic for row in report.information.rows]
    assert list(drawn["rank IC"].y) == [row.rank_ic for row in report.information.rows]
    filled = [one for one in report.information.plot().data if one.fill == "tonexty"]
    assert list(filled[0].y) == [row.ic_low for row in report.information.rows]


TABLES = "forward information decay by_disposition taken_against_refused frequency activity"


@pytest.mark.parametrize("name", TABLES.split())
def test_every_table_has_a_figure_without_colours_that_need_a_background(
    report: SignalQualityReport, name: str
) -> None:
    figure = getattr(report, name).plot()
    assert len(figure.data) > 0
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    said = json.loads(figure.to_json())
    assert "#fff" not in json.dumps(said).lower() and "white" not in json.dumps(said["layout"])


def test_the_figure_of_the_whole_report_has_all_four_parts(report: SignalQualityReport) -> None:
    figure = report.plot()
    titles = {one.text for one in figure.layout.annotations}
    assert titles == {
        "Forward returns",
        "Information coefficient",
        "Decay",
        "Taken against refused",
    }
    assert {trace.xaxis for trace in figure.data} == {"x", "x2", "x3", "x4"}


def test_strengths_are_drawn_as_they_are_counted(
    make_bars: Callable[..., Any], make_material: Callable[..., Material]
) -> None:
    strength = np.linspace(-1, 1, 40)
    material = make_material([make_bars(range(1, 100))], bar_index=np.arange(40), strength=strength)
    (bars,) = signal_quality(material).strengths.plot().data
    assert sum(bars.y) == 40
