"""Figure of consistency: which checks were made, and what each of them found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from capture.analysis.canvas import FAINT, FIRST, SECOND, THIRD, canvas, label
from capture.analysis.consistency.report import ConsistencyReport, Severity
from capture.analysis.figures import figure_for

if TYPE_CHECKING:
    import plotly.graph_objects as go

_COLOURS: Final = {Severity.ERROR: SECOND, Severity.WARNING: FIRST, Severity.NOTE: FAINT}
_ROW: Final = 26


@figure_for(ConsistencyReport)
def consistency_figure(report: ConsistencyReport) -> go.Figure:
    """Draw how many events each check objects to, by severity; a sound check has a tick."""
    figure = canvas("events concerned")
    names = [*report.checks, *report.skipped][::-1]
    for severity, colour in _COLOURS.items():
        found = dict.fromkeys(names, 0)
        for one in report.findings:
            if one.severity is severity:
                found[one.check] += max(one.count, 1)
        if any(found.values()):
            figure.add_bar(
                y=[label(name) for name in names],
                x=list(found.values()),
                orientation="h",
                name=str(severity),
                marker={"color": colour},
            )
    concerned = {one.check for one in report.findings}
    clean = [label(name) for name in names if name in report.checks and name not in concerned]
    state = {"mode": "markers", "cliponaxis": False, "hoverinfo": "y+name"}
    mark = {"symbol": "circle", "color": THIRD, "size": 9}
    figure.add_scatter(x=[0] * len(clean), y=clean, name="nothing found", marker=mark, **state)
    left = [label(name) for name in names if name in report.skipped]
    if left:
        mark = {"symbol": "circle-open", "color": FAINT, "size": 9}
        figure.add_scatter(x=[0] * len(left), y=left, name="not checked", marker=mark, **state)
    figure.update_xaxes(rangemode="tozero", tickformat=",d")
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=[label(name) for name in names]
    )
    return figure.update_layout(barmode="stack", height=120 + _ROW * len(names))
