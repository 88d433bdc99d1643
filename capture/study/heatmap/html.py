"""A heat map as one page that needs nothing else: plotly, light or dark as the reader's system."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

from capture.errors import MissingExtra
from capture.study.heatmap.colours import STOPS, shares
from capture.study.heatmap.svg import label, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.study.heatmap.mapping import HeatMap

__all__ = ["figure_of", "page_of"]

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ --page: #ffffff; --ink: #1c2430; --quiet: #5b6675; --line: #d5dae1; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --page: #14181f; --ink: #e8ecf2; --quiet: #9aa5b4; --line: #333b47; }}
}}
body {{ background: var(--page); color: var(--ink); font: 15px system-ui, sans-serif;
       margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }}
h1 {{ font-size: 1.4rem; margin-bottom: .2rem; }}
p {{ color: var(--quiet); margin-top: 0; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }}
th, td {{ border-bottom: 1px solid var(--line); padding: .3rem .8rem; text-align: right;
         white-space: nowrap; }}
th {{ color: var(--quiet); font-weight: 500; }}
</style></head><body>
<h1>{title}</h1>
<p>{summary}</p>
{figure}
<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table></div>
<script>
(function () {{
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const look = () => {{
    const ink = getComputedStyle(document.body).color;
    Plotly.update("heat-map", {{"colorbar.tickfont.color": ink}},
      {{"font.color": ink, "xaxis.color": ink, "yaxis.color": ink,
        "shapes[0].line.color": ink}});
  }};
  dark.addEventListener("change", look);
  look();
}})();
</script>
</body></html>
"""


def figure_of(found: HeatMap) -> Any:
    """Return a heat map as a plotly figure.

    Raises:
        MissingExtra: plotly is not installed.
    """
    try:
        import plotly.graph_objects as go
    except ImportError as exc:
        raise MissingExtra("a heat map as HTML", extra="report", library="plotly") from exc
    worst, best = shares(found.known, found.direction)
    turned = worst > best
    scale = [(share, f"rgb{colour}") for share, colour in STOPS]
    if turned:
        scale = [(1 - share, colour) for share, colour in reversed(scale)]
    trace = go.Heatmap(
        x=[escape(label(x)) for x in found.xs],
        y=[escape(label(y)) for y in found.ys],
        z=found.cells,
        text=[[number(value) for value in row] for row in found.cells],
        customdata=[[escape(trial) for trial in row] for row in found.trials],
        texttemplate="%{text}" if len(found.xs) * len(found.ys) <= 400 else None,
        hovertemplate="%{customdata}<br>%{z}<extra></extra>",
        colorscale=scale,
        zmin=min(worst, best),
        zmax=max(worst, best),
        xgap=1,
        ygap=1,
    )
    figure = go.Figure(trace)
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        height=min(max(260, 60 + 34 * len(found.ys)), 900),
        xaxis={"type": "category", "title": escape(found.x), "showgrid": False},
        yaxis={"type": "category", "title": escape(found.y), "showgrid": False},
    )
    _mark_best(figure, found)
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure


def _mark_best(figure: Any, found: HeatMap) -> None:
    if found.best is not None:
        row, column = found.best
        corners = {"x0": column - 0.5, "x1": column + 0.5, "y0": row - 0.5, "y1": row + 0.5}
        line = {"width": 2.5}  # the page gives it the colour of its writing
        figure.add_shape(type="rect", line=line, **corners)


def page_of(found: HeatMap, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a page with the heat map, and the best trials below it."""
    figure = figure_of(found).to_html(
        full_html=False, include_plotlyjs=True, div_id="heat-map", config={"displayModeBar": False}
    )
    head = "".join(f"<th>{escape(name)}</th>" for name in (rows[0] if rows else ()))
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(_cell(v))}</td>" for v in row.values()) + "</tr>"
        for row in rows
    )
    return _PAGE.format(
        title=escape(found.objective),
        summary=escape(found.summary()),
        figure=figure,
        head=head,
        rows=body,
    )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return number(value) if value == value else ""
    return label(value)
