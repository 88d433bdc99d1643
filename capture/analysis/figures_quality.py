"""Figures of the quality of signals: what they earned, what they knew, how that fades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.analysis.canvas import (
    FIRST,
    PERCENT,
    SECOND,
    TEXT,
    apart,
    band,
    canvas,
    cleared,
    label,
    marks,
)
from capture.analysis.figures import figure_for
from capture.analysis.quality import SignalQualityReport
from capture.analysis.quality_counts import Activity, Frequency, Strengths
from capture.analysis.quality_tables import Contrast, Decay, ForwardTable, Information, Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go


@figure_for(SignalQualityReport)
def quality_figure(report: SignalQualityReport) -> go.Figure:
    """Draw what signals earned, what they knew, how it fades, and what refusals came to."""
    from plotly.subplots import make_subplots

    parts: tuple[Any, ...] = (
        report.forward,
        report.information,
        report.decay,
        report.taken_against_refused,
    )
    drawn = make_subplots(2, 2, subplot_titles=[part.title for part in parts])
    makers: tuple[Any, ...] = (forward_figure, information_figure, decay_figure, contrast_figure)
    for place, (part, make) in enumerate(zip(parts, makers, strict=True)):
        row, column = divmod(place, 2)
        one = make(part)
        for trace in one.data:
            drawn.add_trace(trace.update(showlegend=False), row + 1, column + 1)
        drawn.update_xaxes(title_text=one.layout.xaxis.title.text, row=row + 1, col=column + 1)
        drawn.update_yaxes(tickformat=one.layout.yaxis.tickformat, row=row + 1, col=column + 1)
    return cleared(drawn).update_layout(height=720)


@figure_for(ForwardTable)
def forward_figure(table: ForwardTable) -> go.Figure:
    """Draw the mean return by horizon with its interval, and the drift of the market."""
    rows = table.rows
    bars = [str(row.horizon_bars) for row in rows]
    figure = canvas("bars after the signal", "mean return", PERCENT)
    _with_errors(figure, bars, rows, "mean", FIRST)
    marks(figure, bars, [row.usual for row in rows], "usual at any bar")
    return figure.update_xaxes(type="category")


@figure_for(Information)
def information_figure(table: Information) -> go.Figure:
    """Draw both information coefficients by horizon, with their intervals as bands."""
    rows = table.rows
    bars = [row.horizon_bars for row in rows]
    figure = canvas("bars after the signal", "correlation", ".3f")
    for name, said, colour in (("ic", "IC", FIRST), ("rank_ic", "rank IC", SECOND)):
        low = [getattr(row, f"{name}_low") for row in rows]
        high = [getattr(row, f"{name}_high") for row in rows]
        band(figure, bars, low, high, colour)
        figure.add_scatter(
            x=bars,
            y=[getattr(row, name) for row in rows],
            name=said,
            mode="lines+markers",
            line={"color": colour},
        )
    return figure


@figure_for(Decay)
def decay_figure(table: Decay) -> go.Figure:
    """Draw what each single bar behind the signals returned, and the sum."""
    rows = table.rows
    bars = [row.lag_bars for row in rows]
    figure = canvas("bar after the signal", "mean return", PERCENT)
    _with_errors(figure, bars, rows, "return of the bar", FIRST)
    figure.add_scatter(
        x=bars, y=[row.total for row in rows], name="sum", line={"color": SECOND}, mode="lines"
    )
    return figure


@figure_for(Contrast)
def contrast_figure(table: Contrast) -> go.Figure:
    """Draw what taken signals earned beside what refused ones would have."""
    rows = table.rows
    bars = [str(row.horizon_bars) for row in rows]
    figure = canvas("bars after the signal", "mean return", PERCENT)
    marks(figure, bars, [row.mean_taken for row in rows], "taken", FIRST)
    middle = [row.mean_refused for row in rows]
    high = apart([row.refused_high for row in rows], middle)
    low = apart(middle, [row.refused_low for row in rows])
    figure.add_scatter(
        x=bars,
        y=middle,
        name="refused",
        mode="markers",
        marker={"color": SECOND, "size": 9, "symbol": "diamond"},
        error_y={"type": "data", "array": high, "arrayminus": low, "color": SECOND},
    )
    return figure.update_xaxes(type="category")


@figure_for(Split)
def split_figure(table: Split) -> go.Figure:
    """Draw the mean return of each group over the longest horizon, with its interval."""
    longest = max((row.horizon_bars for row in table.rows), default=0)
    rows = [row for row in table.rows if row.horizon_bars == longest]
    figure = canvas(f"{table.by}, over {longest} bars", "mean return", PERCENT)
    _with_errors(figure, [label(row.group) for row in rows], rows, "mean", FIRST)
    return figure.update_xaxes(type="category")


@figure_for(Strengths)
def strengths_figure(table: Strengths) -> go.Figure:
    """Draw the distribution of strength."""
    figure = canvas("strength", "signals")
    middles = [(row.low + row.high) / 2 for row in table.rows]
    widths = [row.high - row.low for row in table.rows]
    counts = [row.signals for row in table.rows]
    figure.add_bar(x=middles, y=counts, width=widths, name="signals", marker={"color": FIRST})
    return figure


@figure_for(Frequency)
def frequency_figure(table: Frequency) -> go.Figure:
    """Draw signals per day by symbol."""
    figure = canvas("symbol", "signals a day")
    symbols, per_day = [label(r.symbol) for r in table.rows], [r.per_day for r in table.rows]
    figure.add_bar(x=symbols, y=per_day, name="signals a day", marker={"color": FIRST})
    return figure.update_xaxes(type="category")


@figure_for(Activity)
def activity_figure(table: Activity) -> go.Figure:
    """Draw the time in the market of each account, long and short."""
    figure = canvas("account", "share of the bars", ".0%")
    names = [label(f"{r.strategy_id}, {r.symbol} ({r.run_id}, {r.part})", 90) for r in table.rows]
    for word, colour in (("long", FIRST), ("short", SECOND)):
        shares = [getattr(row, f"{word}_share") for row in table.rows]
        figure.add_bar(x=names, y=shares, name=word, marker={"color": colour})
    return figure.update_layout(barmode="stack").update_xaxes(type="category")


def _with_errors(
    figure: go.Figure, x: Sequence[Any], rows: Sequence[Any], name: str, colour: str
) -> None:
    middle = [row.mean for row in rows]
    figure.add_bar(
        x=x,
        y=middle,
        name=name,
        marker={"color": colour},
        error_y={
            "type": "data",
            "array": apart([row.high for row in rows], middle),
            "arrayminus": apart(middle, [row.low for row in rows]),
            "color": TEXT,
        },
    )
