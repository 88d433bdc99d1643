"""Figures of patterns: their effects with intervals, where they were found and later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from capture.analysis.figures import figure_for
from capture.analysis.patterns.report import PatternReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

_FOUND: Final = "#4c8bf5"
_LATER: Final = "#e8833a"
_FAINT: Final = "rgba(128,128,128,0.45)"
_TEXT: Final = "rgb(128,128,128)"
_MOST: Final = 20
_LONGEST: Final = 60


@figure_for(PatternReport)
def patterns_figure(report: PatternReport) -> go.Figure:
    """Draw the effect of each pattern, the clearest at the top."""
    import plotly.graph_objects as go

    shown = report.patterns[:_MOST][::-1]
    labels = [_label(number, one.items) for number, one in enumerate(report.patterns[:_MOST], 1)]
    figure = go.Figure()
    for prefix, name, colour in (("", "searched", _FOUND), ("later_", "later", _LATER)):
        value = "effect" if not prefix else "later_effect"
        middle = [getattr(one, value) for one in shown]
        low = [getattr(one, f"{prefix}low") for one in shown]
        high = [getattr(one, f"{prefix}high") for one in shown]
        figure.add_scatter(
            x=middle,
            y=labels[::-1],
            mode="markers",
            name=name,
            marker={"color": colour, "size": 8, "symbol": "circle" if not prefix else "diamond"},
            error_x={
                "array": _apart(high, middle),
                "arrayminus": _apart(middle, low),
                "color": colour,
                "thickness": 1.5,
            },
        )
    figure.add_vline(x=0, line={"color": _FAINT, "width": 1})
    grid = {"gridcolor": _FAINT, "zeroline": False, "automargin": True}
    return figure.update_layout(
        xaxis={**grid, "tickformat": "+.2%", "title": "excess return against the other signals"},
        yaxis=grid,
        height=140 + 34 * max(len(shown), 1),
        font={"color": _TEXT},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.1},
        margin={"t": 30, "r": 20},
    )


def _label(number: int, items: Sequence[str]) -> str:
    """Return the pattern in short; plotly reads some tags, so what opens one is written out."""
    text = " and ".join(items)
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    return f"{number}. " + text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _apart(high: Sequence[float], low: Sequence[float]) -> list[float | None]:
    pairs = zip(high, low, strict=True)
    return [None if above != above or below != below else above - below for above, below in pairs]
