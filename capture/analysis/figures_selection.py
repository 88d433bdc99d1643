"""Figures of selection: what the best of the past did in the future."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.analysis.canvas import FIRST, SECOND, canvas
from capture.analysis.figures import figure_for
from capture.analysis.selection.overfitting import Overfitting
from capture.analysis.selection.report import SelectionReport

if TYPE_CHECKING:
    import plotly.graph_objects as go

_BINS: Final = 40


@figure_for(Overfitting)
def overfitting_figure(found: Overfitting) -> go.Figure:
    """Draw where among all trials the best of the past came out in the future."""
    counts, edges = np.histogram(found.rank, bins=_BINS, range=(0.0, 1.0))
    figure = canvas("rank in the future of the best of the past", "share of the ways")
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts / max(found.ways, 1),
        marker={"color": FIRST},
        name="ways to part the time",
    )
    figure.add_vline(x=0.5, line={"color": SECOND, "dash": "dash"})
    return figure.update_layout(yaxis={"tickformat": ".0%"}, showlegend=False)


@figure_for(SelectionReport)
def selection_figure(report: SelectionReport) -> go.Figure:
    """Draw the Sharpe ratio of all trials against what the best reaches by luck."""
    yearly = report.periods_per_year
    scale, unit = (yearly**0.5, "a year") if np.isfinite(yearly) else (1.0, "a period")
    figure = canvas(f"Sharpe ratio {unit}", "trials")
    figure.add_histogram(
        x=[row.sharpe * scale for row in report.rows],
        nbinsx=_BINS,
        marker={"color": FIRST},
        name="trials",
    )
    marks = {"best by luck": (report.best_by_luck, "dash")}
    if report.chosen is not None:
        marks["chosen"] = (report.chosen.sharpe, "solid")
    for name, (value, dash) in marks.items():
        line = {"color": SECOND, "dash": dash}
        figure.add_vline(x=value * scale, line=line, annotation_text=name)
    return figure.update_layout(showlegend=False)
