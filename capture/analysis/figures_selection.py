"""Figures of selection: what the best of the past did in the future."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.analysis.figures import figure_for
from capture.analysis.selection.overfitting import Overfitting
from capture.analysis.selection.report import SelectionReport

if TYPE_CHECKING:
    import plotly.graph_objects as go

_COLOUR: Final = "#4c8bf5"
_MARK: Final = "#e8833a"
_FAINT: Final = "rgba(128,128,128,0.45)"
_TEXT: Final = "rgb(128,128,128)"
_BINS: Final = 40


@figure_for(Overfitting)
def overfitting_figure(found: Overfitting) -> go.Figure:
    """Draw where among all trials the best of the past came out in the future."""
    counts, edges = np.histogram(found.rank, bins=_BINS, range=(0.0, 1.0))
    figure = _empty("rank in the future of the best of the past", "share of the ways")
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts / max(found.ways, 1),
        marker={"color": _COLOUR},
        name="ways to part the time",
    )
    figure.add_vline(x=0.5, line={"color": _MARK, "dash": "dash"})
    return figure.update_layout(yaxis={"tickformat": ".0%"}, showlegend=False)


@figure_for(SelectionReport)
def selection_figure(report: SelectionReport) -> go.Figure:
    """Draw the Sharpe ratio of all trials against what the best reaches by luck."""
    yearly = report.periods_per_year
    scale, unit = (yearly**0.5, "a year") if np.isfinite(yearly) else (1.0, "a period")
    figure = _empty(f"Sharpe ratio {unit}", "trials")
    figure.add_histogram(
        x=[row.sharpe * scale for row in report.rows],
        nbinsx=_BINS,
        marker={"color": _COLOUR},
        name="trials",
    )
    marks = {"best by luck": (report.best_by_luck, "dash")}
    if report.chosen is not None:
        marks["chosen"] = (report.chosen.sharpe, "solid")
    for name, (value, dash) in marks.items():
        line = {"color": _MARK, "dash": dash}
        figure.add_vline(x=value * scale, line=line, annotation_text=name)
    return figure.update_layout(showlegend=False)


def _empty(x: str, y: str) -> go.Figure:
    import plotly.graph_objects as go

    grid = {"gridcolor": _FAINT, "zeroline": False, "automargin": True}
    return go.Figure().update_layout(
        xaxis={**grid, "title": x},
        yaxis={**grid, "title": y},
        font={"color": _TEXT},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"t": 30, "r": 20},
    )
