"""Figures of labels: how many there are of each, and what they earned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.analysis.canvas import FAINT, FIRST, PERCENT, SECOND, THIRD, canvas, label
from capture.analysis.figures import figure_for
from capture.analysis.labels import Labels
from capture.analysis.labels_training import TrainingSet

if TYPE_CHECKING:
    import plotly.graph_objects as go

_BINS: Final = 40
_COLOURS: Final = {"profit": THIRD, "stop": SECOND, "time": FIRST}


@figure_for(Labels)
def labels_figure(labels: Labels) -> go.Figure:
    """Draw the distribution of what the labelled signals earned, by what ended them."""
    figure = canvas("return in the signal's direction", "signals")
    known = labels.earned[np.isfinite(labels.earned)]
    edges = np.histogram_bin_edges(known, bins=_BINS) if len(known) else np.linspace(0, 1, 2)
    for word in dict.fromkeys(map(str, labels.ended_by)):
        mine = labels.earned[(labels.ended_by == word) & np.isfinite(labels.earned)]
        figure.add_bar(
            x=((edges[:-1] + edges[1:]) / 2).tolist(),
            y=np.histogram(mine, bins=edges)[0].tolist(),
            width=np.diff(edges).tolist(),
            name=f"ended by {label(word)}",
            marker={"color": _COLOURS.get(word, FAINT)},
        )
    figure.update_xaxes(tickformat=PERCENT)
    return figure.update_layout(barmode="stack", bargap=0)


@figure_for(TrainingSet)
def training_figure(training: TrainingSet) -> go.Figure:
    """Draw what its labels are made of."""
    return labels_figure(training.labels)
