"""Figures of the quality of signals: what they earned, what they knew, how that fades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.analysis.figures import figure_for
from capture.analysis.quality import SignalQualityReport
from capture.analysis.quality_counts import Activity, Frequency, Strengths
from capture.analysis.quality_tables import Contrast, Decay, ForwardTable, Information, Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

_FIRST: Final = "#4c8bf5"
_SECOND: Final = "#e8833a"
_FAINT: Final = "rgba(128,128,128,0.45)"
_PERCENT: Final = ".2%"


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
    return _clear(drawn).update_layout(height=720)


@figure_for(ForwardTable)
def forward_figure(table: ForwardTable) -> go.Figure:
    """Draw the mean return by horizon with its interval, and the drift of the market."""
    rows = table.rows
    bars = [str(row.horizon_bars) for row in rows]
    figure = _empty("bars after the signal", _PERCENT)
    _with_errors(figure, bars, rows, "mean", _FIRST)
    _marks(figure, bars, [row.usual for row in rows], "usual at any bar")
    return figure


@figure_for(Information)
def information_figure(table: Information) -> go.Figure:
    """Draw both information coefficients by horizon, with their intervals as bands."""
    rows = table.rows
    bars = [row.horizon_bars for row in rows]
    figure = _empty("bars after the signal", ".3f")
    for name, said, colour in (("ic", "IC", _FIRST), ("rank_ic", "rank IC", _SECOND)):
        low = [getattr(row, f"{name}_low") for row in rows]
        high = [getattr(row, f"{name}_high") for row in rows]
        _band(figure, bars, low, high, colour)
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
    figure = _empty("bar behind the signal", _PERCENT)
    _with_errors(figure, bars, rows, "return of the bar", _FIRST)
    figure.add_scatter(
        x=bars, y=[row.total for row in rows], name="sum", line={"color": _SECOND}, mode="lines"
    )
    return figure


@figure_for(Contrast)
def contrast_figure(table: Contrast) -> go.Figure:
    """Draw what taken signals earned beside what refused ones would have."""
    rows = table.rows
    bars = [str(row.horizon_bars) for row in rows]
    figure = _empty("bars after the signal", _PERCENT)
    _marks(figure, bars, [row.mean_taken for row in rows], "taken", _FIRST)
    high = [row.refused_high - row.mean_refused for row in rows]
    low = [row.mean_refused - row.refused_low for row in rows]
    figure.add_scatter(
        x=bars,
        y=[row.mean_refused for row in rows],
        name="refused",
        mode="markers",
        marker={"color": _SECOND, "size": 9},
        error_y={"type": "data", "array": high, "arrayminus": low, "color": _SECOND},
    )
    return figure


@figure_for(Split)
def split_figure(table: Split) -> go.Figure:
    """Draw the mean return of each group over the longest horizon, with its interval."""
    longest = max((row.horizon_bars for row in table.rows), default=0)
    rows = [row for row in table.rows if row.horizon_bars == longest]
    figure = _empty(f"{table.by}, over {longest} bars", _PERCENT)
    _with_errors(figure, [row.group for row in rows], rows, "mean", _FIRST)
    return figure.update_xaxes(type="category")


@figure_for(Strengths)
def strengths_figure(table: Strengths) -> go.Figure:
    """Draw the distribution of strength."""
    figure = _empty("strength", None)
    middles = [(row.low + row.high) / 2 for row in table.rows]
    widths = [row.high - row.low for row in table.rows]
    counts = [row.signals for row in table.rows]
    figure.add_bar(x=middles, y=counts, width=widths, name="signals", marker={"color": _FIRST})
    return figure


@figure_for(Frequency)
def frequency_figure(table: Frequency) -> go.Figure:
    """Draw signals per day by symbol."""
    figure = _empty("symbol", None)
    symbols, per_day = [r.symbol for r in table.rows], [r.per_day for r in table.rows]
    figure.add_bar(x=symbols, y=per_day, name="signals a day", marker={"color": _FIRST})
    return figure.update_xaxes(type="category")


@figure_for(Activity)
def activity_figure(table: Activity) -> go.Figure:
    """Draw the time in the market of each account, long and short."""
    figure = _empty("account", ".0%")
    names = [f"{r.strategy_id}, {r.symbol} ({r.run_id}, {r.part})" for r in table.rows]
    for word, colour in (("long", _FIRST), ("short", _SECOND)):
        shares = [getattr(row, f"{word}_share") for row in table.rows]
        figure.add_bar(x=names, y=shares, name=word, marker={"color": colour})
    return figure.update_layout(barmode="stack").update_xaxes(type="category")


def _empty(under: str, tickformat: str | None) -> go.Figure:
    import plotly.graph_objects as go

    figure = _clear(go.Figure())
    return figure.update_xaxes(title_text=under).update_yaxes(tickformat=tickformat)


def _clear(figure: go.Figure) -> go.Figure:
    """Take away what would only be legible on white, or only on black."""
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#808080"},
        margin={"l": 60, "r": 20, "t": 40, "b": 50},
    )
    figure.update_xaxes(gridcolor="rgba(128,128,128,0.2)", zeroline=False)
    return figure.update_yaxes(gridcolor="rgba(128,128,128,0.2)", zerolinecolor=_FAINT)


def _with_errors(
    figure: go.Figure, x: Sequence[Any], rows: Sequence[Any], name: str, colour: str
) -> None:
    figure.add_bar(
        x=x,
        y=[row.mean for row in rows],
        name=name,
        marker={"color": colour},
        error_y={
            "type": "data",
            "array": [row.high - row.mean for row in rows],
            "arrayminus": [row.mean - row.low for row in rows],
            "color": "#808080",
        },
    )


def _marks(
    figure: go.Figure, x: Sequence[Any], y: Sequence[float], name: str, colour: str = _SECOND
) -> None:
    figure.add_scatter(x=x, y=y, name=name, mode="markers", marker={"color": colour, "size": 9})


def _band(
    figure: go.Figure, x: Sequence[Any], low: Sequence[float], high: Sequence[float], colour: str
) -> None:
    shade = {"color": colour, "width": 0}
    figure.add_scatter(x=x, y=high, line=shade, mode="lines", showlegend=False, hoverinfo="skip")
    figure.add_scatter(
        x=x,
        y=low,
        line=shade,
        mode="lines",
        fill="tonexty",
        showlegend=False,
        hoverinfo="skip",
    )
