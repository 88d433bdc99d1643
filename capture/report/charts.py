"""Charts of what became of signals and of what they earned, as plotly reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.analysis.canvas import PERCENT, apart, label
from capture.report.ink import SIDES, STATES, ink, packed
from capture.report.model import Side
from capture.report.words import cause

if TYPE_CHECKING:
    from capture.analysis.quality_tables import SplitRow
    from capture.report.model import Activity, Fates, Histogram

__all__ = ["activity_chart", "directions_chart", "fates_chart", "groups_chart", "returns_chart"]

_MOST_STEPS: Final = 10


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
                    "marker": {"color": ink(SIDES[side])},
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
            "marker": {"color": ink(SIDES[side])},
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
                "line": {"shape": "hvh", "color": ink(SIDES[side]), "width": 2},
                "fill": "tozeroy",
                "fillcolor": ink(f"{SIDES[side]}-faint"),
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
