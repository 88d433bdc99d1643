"""Figures of patterns: their effects with intervals, where they were found and later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from capture.analysis.canvas import FAINT, FIRST, PERCENT, SECOND, apart, canvas, label
from capture.analysis.figures import figure_for
from capture.analysis.patterns.report import PatternReport

if TYPE_CHECKING:
    import plotly.graph_objects as go

_MOST: Final = 20


@figure_for(PatternReport)
def patterns_figure(report: PatternReport) -> go.Figure:
    """Draw the effect of each pattern, the clearest at the top."""
    shown = report.patterns[:_MOST][::-1]
    count = len(shown)
    labels = [f"{count - n}. {label(' and '.join(one.items))}" for n, one in enumerate(shown)]
    figure = canvas("excess return against the other signals")
    for prefix, name, colour in (("", "searched", FIRST), ("later_", "later", SECOND)):
        value = "effect" if not prefix else "later_effect"
        middle = [getattr(one, value) for one in shown]
        low = [getattr(one, f"{prefix}low") for one in shown]
        high = [getattr(one, f"{prefix}high") for one in shown]
        figure.add_scatter(
            x=middle,
            y=labels,
            mode="markers",
            name=name,
            marker={"color": colour, "size": 8, "symbol": "circle" if not prefix else "diamond"},
            error_x={
                "array": apart(high, middle),
                "arrayminus": apart(middle, low),
                "color": colour,
                "thickness": 1.5,
            },
        )
    figure.add_vline(x=0, line={"color": FAINT, "width": 1})
    figure.update_xaxes(tickformat=PERCENT)
    return figure.update_layout(height=140 + 34 * max(len(shown), 1))
