"""The charts that only a report has: timeline, fates, directions, distribution of returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.analysis.canvas import PERCENT, apart, label
from capture.report.ink import STATES, ink, packed
from capture.report.model import Side
from capture.report.words import cause

if TYPE_CHECKING:
    from capture.analysis.quality_tables import SplitRow
    from capture.report.model import Activity, Curve, Fates, Histogram, Marks, Ribbon, Timeline

__all__ = [
    "activity_chart",
    "directions_chart",
    "fates_chart",
    "groups_chart",
    "returns_chart",
    "ribbon_inks",
    "timeline_chart",
]

_SYMBOLS: Final = {1: "triangle-up", -1: "triangle-down", 0: "circle"}
_WORDS: Final = {1: "long", -1: "short", 0: "flat"}
_INKS: Final = {Side.TAKEN: "first", Side.REFUSED: "second", Side.OPEN: "faint"}
_MARK_PX: Final = ((600, 8), (2_000, 6), (float("inf"), 4))
"""Below so many signals, so large."""
_MOST_STEPS: Final = 10
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
            "color": ink(_INKS[held.side]),
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


def fates_chart(fates: Fates) -> dict[str, Any]:
    """Draw how all signals become those that traded, step by step, as a waterfall."""
    steps = [(_why(what, why), count) for what, why, count in fates.steps]
    if len(steps) > _MOST_STEPS:
        rest = sum(count for _, count in steps[_MOST_STEPS:])
        steps = [*steps[:_MOST_STEPS], (f"{len(steps) - _MOST_STEPS} more reasons", rest)]
    names = ["all signals", *(name for name, _ in steps), "traded"]
    counts = [fates.total, *(-count for _, count in steps), fates.taken]
    whole = max(fates.total, 1)
    return {
        "data": [
            {
                "type": "waterfall",
                "orientation": "h",
                "measure": ["absolute", *["relative"] * len(steps), "total"],
                "y": names,
                "x": counts,
                "text": [f"{abs(count):,} ({abs(count) / whole:.1%})" for count in counts],
                "textposition": "auto",
                "cliponaxis": False,
                "connector": {"line": {"color": ink("faint"), "width": 1}},
                "decreasing": {"marker": {"color": ink("second")}},
                "increasing": {"marker": {"color": ink("second")}},
                "totals": {"marker": {"color": ink("first")}},
                "hovertemplate": "%{y}<br>%{text}<extra></extra>",
                "showlegend": False,
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": "signals"}, "tickformat": ",d", "rangemode": "tozero"},
            "yaxis": {"autorange": "reversed", "type": "category"},
            "height": 130 + 34 * len(names),
        },
    }


def _why(what: str, why: str) -> str:
    return label(cause(what, why), 40)


def directions_chart(fates: Fates) -> dict[str, Any]:
    """Draw how many signals of each direction were taken and refused."""
    words = [word for word, sides in fates.by_direction.items() if sum(sides.values())]
    data = []
    for side in Side:
        counts = [fates.by_direction[word][side] for word in words]
        if any(counts):
            data.append(
                {
                    "type": "bar",
                    "name": str(side),
                    "x": words,
                    "y": counts,
                    "marker": {"color": ink(_INKS[side])},
                    "hovertemplate": f"%{{x}}, {side}: %{{y:,d}}<extra></extra>",
                }
            )
    axis = {"title": {"text": "signals"}, "tickformat": ",d", "rangemode": "tozero"}
    layout = {"barmode": "stack", "xaxis": {"title": {"text": "direction"}}, "yaxis": axis}
    return {"data": data, "layout": layout}


def activity_chart(held: Activity) -> dict[str, Any]:
    """Draw how many signals came in each stretch of time, by what became of them."""
    data = [
        {
            "type": "bar",
            "name": str(side),
            "x": packed((held.edges[:-1] + held.edges[1:]) / 2, "f8"),
            "y": counts.tolist(),
            "marker": {"color": ink(_INKS[side])},
            "hovertemplate": f"from about %{{x|%Y-%m-%d}}, {side}: %{{y:,d}}<extra></extra>",
        }
        for side, counts in held.counts.items()
        if counts.any()
    ]
    axis = {"title": {"text": "signals"}, "tickformat": ",d", "rangemode": "tozero"}
    layout = {"barmode": "stack", "bargap": 0.08, "xaxis": {"type": "date"}, "yaxis": axis}
    return {"data": data, "layout": layout}


def returns_chart(held: Histogram) -> dict[str, Any]:
    """Draw the distribution of forward returns, taken and refused signals over one another."""
    middles = (held.edges[:-1] + held.edges[1:]) / 2
    data = []
    for side, counts in held.counts.items():
        whole = int(counts.sum())
        if not whole:
            continue
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "line": {"shape": "hvh", "color": ink(_INKS[side]), "width": 2},
                "fill": "tozeroy",
                "fillcolor": ink(f"{_INKS[side]}-faint"),
                "name": f"{side} ({whole:,})",
                "x": np.round(middles, 6).tolist(),
                "y": np.round(counts / whole, 5).tolist(),
                "hovertemplate": f"%{{x:.3~p}}: %{{y:.1%}} of the {side}<extra></extra>",
            }
        )
    return {
        "data": data,
        "layout": {
            "xaxis": {
                "title": {
                    "text": f"return over {held.horizon_bars} bars, in the signal's direction"
                },
                "tickformat": PERCENT,
                "zeroline": True,
            },
            "yaxis": {"title": {"text": "share of signals"}, "tickformat": ".0%"},
        },
    }


def groups_chart(rows: list[tuple[str, str, SplitRow]]) -> dict[str, Any]:
    """Draw the mean return of each group with its interval, the groups of one kind together."""
    data = []
    kinds = list(dict.fromkeys(by for by, _, _ in rows))
    for place, kind in enumerate(kinds):
        mine = [(name, row) for by, name, row in rows if by == kind]
        means = [row.mean for _, row in mine]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": kind,
                "x": means,
                # Two categories: the kind stands once beside its groups.
                "y": [[kind] * len(mine), [f"{name} ({row.signals:,})" for name, row in mine]],
                "marker": {"color": ink(STATES[place % len(STATES)]), "size": 9},
                "error_x": {
                    "type": "data",
                    "array": apart([row.high for _, row in mine], means),
                    "arrayminus": apart(means, [row.low for _, row in mine]),
                    "color": ink(STATES[place % len(STATES)]),
                    "thickness": 1.5,
                    "width": 4,
                },
                "hovertemplate": "%{y}: %{x:.3~p}<extra></extra>",
                "showlegend": False,
            }
        )
    return {
        "data": data,
        "layout": {
            "xaxis": {
                "title": {"text": "mean return"},
                "tickformat": PERCENT,
                "zeroline": True,
            },
            "yaxis": {
                "type": "multicategory",
                "autorange": "reversed",
                "dividercolor": ink("grid"),
            },
            "height": 110 + 27 * len(rows),
        },
    }
