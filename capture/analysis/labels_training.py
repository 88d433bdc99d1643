"""A training set: what was known at each signal, its label, its span in time, its weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from capture.analysis.labels import Labels, forward_labels, meta_labels, triple_barrier
from capture.analysis.results import Result
from capture.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.analysis.material import Material

__all__ = ["KINDS", "KNOWN", "KNOWN_PREFIXES", "TrainingSet", "training_set"]

KINDS: Final = ("triple_barrier", "forward", "meta")

KNOWN: Final = (
    "symbol",
    "timeframe",
    "strategy_id",
    "direction",
    "strength",
    "signal_type",
    "position_before",
    "capital_available",
    "spread",
    "liquidity_score",
    "regime",
    "regime_confidence",
)
"""Columns of the signals that were known when the signal was given."""

KNOWN_PREFIXES: Final = (
    "market_",
    "indicator_",
    "portfolio_",
    "risk_",
    "limit_",
    "param_",
    "regime_",
    "extra_",
)
"""Columns that begin so were known, too: the signal's bar had closed before its label begins."""

_LATER: Final = ("disposition", "reason")


@dataclass(frozen=True, eq=False)
class TrainingSet(Result):
    """What a model learns from. All four have a row per label and one index: the signal's identity.

    Attributes:
        X: what was known at the signal.
        y: its label.
        times: `start` and `end` of what the label depends on, as labels of bars (the label is known
            when the last of them closes), and the same as `start_bar` and `end_bar`. Purge what
            overlaps with it from a training fold.
        weights: average uniqueness: how much of the label is not shared with others.
        labels: the labels themselves, with the count of signals that have none.
        left_out: columns that are not in X, as they were not known, or are empty.
    """

    title = "Training set"

    X: pd.DataFrame
    y: pd.Series[float]
    times: pd.DataFrame
    weights: pd.Series[float]
    labels: Labels
    left_out: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return everything in one frame: times, X, then `label` and `weight`."""
        whole = pd.concat([self.times, self.X], axis=1)
        return whole.assign(label=self.y, weight=self.weights).reset_index()

    def to_dict(self) -> dict[str, Any]:
        """Return the counts, not the rows; those are frames."""
        return {
            "kind": self.labels.kind,
            "rows": len(self.X),
            "columns": list(self.X.columns),
            "left_out": list(self.left_out),
            "dropped": dict(self.labels.dropped),
        }

    def summary(self) -> str:
        """Say how large it is, and what is left out."""
        return f"{self.labels.summary()}; {self.X.shape[1]} columns are known at the signal"


def training_set(
    material: Material,
    *,
    kind: str = "triple_barrier",
    columns: Iterable[str] | None = None,
    cost: float = 0.0,
    **options: Any,
) -> TrainingSet:
    """Return what was known at each signal beside its label.

    X has only columns that were known when the signal was given. What became of a signal and notes,
    which may be written later, are not among them.

    Args:
        material: signals and bars.
        kind: "triple_barrier", "forward", or "meta": whether the triple barrier's side earned.
        columns: which columns X has; a note that was written with the signal may be named here.
        cost: of a trade, for "meta".
        options: as `triple_barrier` takes them, or `forward_labels` for "forward".
    """
    if kind not in KINDS:
        raise ConfigError("kind", kind, f"choose one of {', '.join(KINDS)}")
    labels = (
        forward_labels(material, **options)
        if kind == "forward"
        else triple_barrier(material, **options)
    )
    if kind == "meta":
        labels = meta_labels(labels, cost=cost)
    signals = material.signals.iloc[labels.row]
    chosen = _chosen(material.signals, columns)
    index = _index(signals)
    known = signals[chosen].set_axis(index, axis=0)
    frame = labels.to_frame().set_axis(index, axis=0)
    times = frame[["start", "end", "start_bar", "end_bar"]]
    left = tuple(name for name in material.signals.columns if name not in chosen)
    return TrainingSet(known, frame["label"], times, frame["uniqueness"], labels, left)


def _chosen(signals: pd.DataFrame, columns: Iterable[str] | None) -> list[str]:
    if columns is None:
        known = [n for n in signals.columns if n in KNOWN or str(n).startswith(KNOWN_PREFIXES)]
        return [name for name in known if signals[name].notna().any()]
    wanted = list(columns)
    may = [*KNOWN, *(n for n in signals.columns if str(n).startswith((*KNOWN_PREFIXES, "note_")))]
    for name in wanted:
        if name in _LATER:
            raise ConfigError("columns", name, "it was not known when the signal was given")
        if name not in signals or name not in may:
            raise UnknownName("column known at the signal", name, may)
    return wanted


def _index(signals: pd.DataFrame) -> pd.Index[Any]:
    if "signal_id" in signals and signals["signal_id"].notna().all():
        named: pd.Index[Any] = pd.Index(signals["signal_id"], name="signal_id")
        return named
    return pd.RangeIndex(len(signals), name="signal")
