"""What all figures share: colours that the colour-blind can tell apart, axes, and plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

__all__ = [
    "FAINT",
    "FIRST",
    "GOOD",
    "GRID",
    "PERCENT",
    "SECOND",
    "TEXT",
    "THIRD",
    "apart",
    "band",
    "canvas",
    "cleared",
    "label",
    "marks",
]

# Of Okabe and Ito's palette, in tones that can be read on white and on black. A colour never says
# alone what it says: shapes, names and signs do as well.
FIRST: Final = "#3f7fd0"
SECOND: Final = "#d9822b"
THIRD: Final = "#2a9d7f"
GOOD: Final = THIRD
FAINT: Final = "rgba(128,128,128,0.45)"
GRID: Final = "rgba(128,128,128,0.2)"
TEXT: Final = "#808080"
PERCENT: Final = ".4~%"
"""Not of significant digits: a tick may miss zero by the last bit of a sum, and is zero still."""
_LONGEST: Final = 60


def canvas(under: str, beside: str = "", tickformat: str | None = None) -> go.Figure:
    """Return an empty figure with its axes, without what is legible only on white or on black.

    Args:
        under: title of the horizontal axis.
        beside: title of the vertical axis.
        tickformat: of the vertical axis.
    """
    import plotly.graph_objects as go

    figure = cleared(go.Figure()).update_xaxes(title_text=under)
    return figure.update_yaxes(title_text=beside, tickformat=tickformat)


def cleared(figure: go.Figure) -> go.Figure:
    """Take away from a figure what would only be legible on white, or only on black."""
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": TEXT},
        margin={"l": 60, "r": 20, "t": 40, "b": 50},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, automargin=True)
    return figure.update_yaxes(gridcolor=GRID, zerolinecolor=FAINT, automargin=True)


def label(text: object, longest: int = _LONGEST) -> str:
    """Return a text from data as one that plotly draws as it stands.

    plotly reads some tags, entities, and templates in braces, so what begins one is written out.
    """
    said = str(text).encode("utf-8", "backslashreplace").decode()
    said = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    if len(said) > longest:
        said = said[: longest - 1] + "…"
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("%{", "%&#123;")):
        said = said.replace(sign, written)
    return said


def apart(high: Sequence[float], low: Sequence[float]) -> list[float | None]:
    """Return how far values lie apart; None where one of them is not known."""
    pairs = zip(high, low, strict=True)
    return [None if above != above or below != below else above - below for above, below in pairs]


def marks(
    figure: go.Figure, x: Sequence[Any], y: Sequence[float], name: str, colour: str = SECOND
) -> None:
    """Add single points."""
    figure.add_scatter(x=x, y=y, name=name, mode="markers", marker={"color": colour, "size": 9})


def band(
    figure: go.Figure, x: Sequence[Any], low: Sequence[float], high: Sequence[float], colour: str
) -> None:
    """Add the area between two lines."""
    edge = {"color": colour, "width": 0}
    said = {"mode": "lines", "line": edge, "showlegend": False, "hoverinfo": "skip"}
    figure.add_scatter(x=x, y=high, **said)
    figure.add_scatter(x=x, y=low, fill="tonexty", fillcolor=_shade(colour), **said)


def _shade(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"
