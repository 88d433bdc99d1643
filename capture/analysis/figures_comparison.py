"""Figures of comparisons: two runs, and one strategy on data that were cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from capture.analysis.canvas import FAINT, FIRST, SECOND, THIRD, canvas, label
from capture.analysis.comparison.lookahead import LookAhead
from capture.analysis.comparison.result import Diff
from capture.analysis.comparison.warmup import WarmUp
from capture.analysis.figures import figure_for

if TYPE_CHECKING:
    import plotly.graph_objects as go

_ROW: Final = 30
_MOST: Final = 30


@figure_for(Diff)
def diff_figure(found: Diff) -> go.Figure:
    """Draw how many signals are the same, and in which columns those that changed differ."""
    figure = canvas("signals")
    rows = [("the same", found.same, THIRD), ("changed", found.changed, SECOND)]
    rows += [("only in A", found.only_a, SECOND), ("only in B", found.only_b, SECOND)]
    beyond = (("of A beyond B's data", found.beyond_a), ("of B beyond A's data", found.beyond_b))
    rows += [(name, count, FAINT) for name, count in beyond if count]
    differing = sorted(found.by_column.items(), key=lambda one: -one[1])[:_MOST]
    rows += [(f"differ in {name}", count, FIRST) for name, count in differing]
    _bars(figure, rows)
    return figure.update_xaxes(rangemode="tozero", tickformat=",d")


@figure_for(LookAhead)
def lookahead_figure(found: LookAhead) -> go.Figure:
    """Draw at how many bars each indicator changed when later bars were cut off."""
    figure = canvas("bars or signals that changed without later bars")
    bars: dict[str, int] = {}
    for peek in found.peeks:
        name = f"{peek.indicator} of {peek.strategy_id}"
        bars[name] = bars.get(name, 0) + peek.bars
    rows = [("signals", found.signals_changed, SECOND if found.signals_changed else THIRD)]
    _bars(figure, [*rows, *((name, count, FIRST) for name, count in bars.items())])
    return figure.update_xaxes(rangemode="tozero", tickformat=",d")


@figure_for(WarmUp)
def warmup_figure(found: WarmUp) -> go.Figure:
    """Draw how many bars the signals and each indicator need; a cross is one that never settles."""
    figure = canvas("bars until the values are right")
    needed = {"signals": found.signal_bars, **found.indicator_bars}
    colours = {"signals": SECOND}
    _bars(figure, [(name, bars or 0, colours.get(name, FIRST)) for name, bars in needed.items()])
    never = [label(name) for name, bars in needed.items() if bars is None]
    if never:
        mark = {"symbol": "x", "color": SECOND, "size": 10}
        figure.add_scatter(
            x=[0] * len(never), y=never, mode="markers", marker=mark, name="never", cliponaxis=False
        )
    if found.begins is not None:
        line = {"color": FAINT, "dash": "dash"}
        figure.add_vline(x=found.begins, line=line, annotation_text="first signal")
    return figure.update_xaxes(rangemode="tozero", tickformat=",d")


def _bars(figure: go.Figure, rows: list[tuple[str, int, str]]) -> None:
    """Add horizontal bars, the first at the top, each with its number."""
    figure.add_bar(
        x=[count for _, count, _ in rows],
        y=[label(name) for name, _, _ in rows],
        orientation="h",
        marker={"color": [colour for _, _, colour in rows]},
        text=[f"{count:,}" for _, count, _ in rows],
        textposition="auto",
        hoverinfo="x+y",
        showlegend=False,
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_layout(height=110 + _ROW * len(rows))
