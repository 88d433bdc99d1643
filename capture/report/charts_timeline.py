"""The chart of one strategy on one symbol over time: all panels on one axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.analysis.canvas import PERCENT, label
from capture.report.ink import SIDES, STATES, ink, packed
from capture.report.model import Side

if TYPE_CHECKING:
    from capture.report.model import Curve, Marks, Ribbon, Timeline

__all__ = ["ribbon_inks", "timeline_chart"]

_SYMBOLS: Final = {1: "triangle-up", -1: "triangle-down", 0: "circle"}
_WORDS: Final = {1: "long", -1: "short", 0: "flat"}
_MARK_PX: Final = ((600, 8), (2_000, 6), (float("inf"), 4))
"""Below so many signals, so large."""
_NO_STATE: Final = ("unknown", "None", "")
_SHARES: Final = {"price": 6.0, "regime": 0.45, "equity": 2.2, "drawdown": 1.5}
_GAP: Final = 0.035


def timeline_chart(timeline: Timeline) -> dict[str, Any]:
    """Draw price and signals, and below them regimes, equity and drawdown on the same axis."""
    panels = ["price", *(["regime"] * bool(timeline.ribbons))]
    panels += ["equity", "drawdown"] if timeline.equity is not None else []
    domains = _domains(panels, len(timeline.ribbons))
    axes = {name: f"y{place + 1}" if place else "y" for place, name in enumerate(panels)}
    data: list[dict[str, Any]] = []
    if timeline.price is not None:
        data.append(_line(timeline, timeline.price, "close", "text", axes["price"]))
    # What traded is drawn last, above what did not.
    for mark in sorted(timeline.marks, key=lambda one: one.side is Side.TAKEN):
        data.append(_signals(timeline, mark, axes["price"]))
    if timeline.ribbons:
        data += _ribbon_bars(timeline.ribbons, axes["regime"])
    if timeline.equity is not None and timeline.drawdown is not None:
        data.append(_line(timeline, timeline.equity, "equity", "first", axes["equity"]))
        fall = _line(timeline, timeline.drawdown, "drawdown", "second", axes["drawdown"])
        data.append({**fall, "fill": "tozeroy", "fillcolor": ink("second-faint")})
    layout: dict[str, Any] = {
        "xaxis": {
            "type": "date" if timeline.timed else "linear",
            "title": {"text": "" if timeline.timed else "bar"},
            "anchor": axes[panels[-1]],
        },
        "barmode": "overlay",
        "hovermode": "closest",
    }
    for name, axis in axes.items():
        layout[axis.replace("y", "yaxis")] = {"domain": domains[name], **_axis(name)}
    return {"data": data, "layout": layout}


def _domains(panels: list[str], ribbons: int) -> dict[str, list[float]]:
    """Return where each panel begins and ends, from the top down."""
    sizes = {name: _SHARES[name] * (ribbons if name == "regime" else 1) for name in panels}
    room = (1 - _GAP * (len(panels) - 1)) / sum(sizes.values())
    top, found = 1.0, {}
    for name in panels:
        bottom = top - sizes[name] * room
        found[name] = [max(round(bottom, 4), 0.0), round(top, 4)]
        top = bottom - _GAP
    return found


def _axis(name: str) -> dict[str, Any]:
    if name == "regime":
        return {"showgrid": False, "type": "category", "fixedrange": True, "ticks": ""}
    if name == "drawdown":
        return {"title": {"text": "drawdown"}, "tickformat": PERCENT, "nticks": 4}
    if name == "equity":
        return {"title": {"text": "equity"}, "nticks": 5}
    return {"title": {"text": "price"}}


def _line(timeline: Timeline, held: Curve, name: str, colour: str, axis: str) -> dict[str, Any]:
    value = "%{y:.2%}" if name == "drawdown" else "%{y:,.6~g}"
    where = "%{x|%Y-%m-%d %H:%M}" if timeline.timed else "bar %{x}"
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": packed(held.x, "f8"),
        "y": packed(held.y, "f8" if name == "equity" else "f4"),
        "yaxis": axis,
        "line": {"color": ink(colour), "width": 1.3},
        "hovertemplate": f"{where}<br>{name} {value}<extra></extra>",
        "showlegend": False,
    }


def _signals(timeline: Timeline, held: Marks, axis: str) -> dict[str, Any]:
    where = "%{x|%Y-%m-%d %H:%M}" if timeline.timed else "bar %{x}"
    name = f"{held.side}, {_WORDS[held.direction]}"
    hollow = held.side is not Side.TAKEN
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{name} ({held.whole:,})",
        "x": packed(held.x, "f8"),
        "y": packed(held.y, "f4"),
        "yaxis": axis,
        "customdata": packed(held.seqs, "i4"),
        "words": {
            "of": [label(one) for one in held.reasons],
            "codes": packed(held.why, "u1" if len(held.reasons) < 256 else "i4"),
        },
        "marker": {
            "symbol": _SYMBOLS[held.direction] + ("-open" if hollow else ""),
            "color": ink(SIDES[held.side]),
            "size": next(size for most, size in _MARK_PX if timeline.signals < most),
            "opacity": 0.65 if hollow else 0.95,
            "line": {"width": 1.1 if hollow else 0},
        },
        "hovertemplate": (
            f"{where}<br>{_WORDS[held.direction]} at %{{y:,.6~g}}<br>%{{text}}"
            "<br>signal %{customdata}<extra></extra>"
        ),
    }


def ribbon_inks(ribbons: tuple[Ribbon, ...]) -> dict[tuple[str, str], str]:
    """Return a colour for each state of each classifier; what is unknown or rare has none."""
    found: dict[tuple[str, str], str] = {}
    taken = 0
    for ribbon in ribbons:
        lengths: dict[str, float] = {}
        for one in ribbon.stretches:
            lengths[one.state] = lengths.get(one.state, 0.0) + one.end - one.start
        for place, state in enumerate(sorted(lengths, key=lambda state: -lengths[state])):
            plain = state in _NO_STATE or place >= len(STATES)
            found[ribbon.classifier, state] = "faint" if plain else STATES[taken % len(STATES)]
            taken += not plain
    return found


def _ribbon_bars(ribbons: tuple[Ribbon, ...], axis: str) -> list[dict[str, Any]]:
    """Draw each state of each classifier as bars along the time; the page has the key to them."""
    held = {ribbon.classifier: ribbon for ribbon in ribbons}
    traces = []
    for (classifier, state), colour in ribbon_inks(ribbons).items():
        mine = [one for one in held[classifier].stretches if one.state == state]
        said = f"{label(classifier)}: {label(state)}"
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": said,
                "y": [label(classifier, 18)] * len(mine),
                "base": packed([one.start for one in mine], "f8"),
                "x": packed([one.end - one.start for one in mine], "f8"),
                "width": 0.9,
                "yaxis": axis,
                "marker": {"color": ink(colour), "line": {"width": 0}},
                "hovertemplate": f"{said}<extra></extra>",
                "showlegend": False,
            }
        )
    return traces
