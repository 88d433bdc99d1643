"""Signals with regimes and filters laid over them, sparse until a dense series is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError
from capture.index.intervals import Intervals

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from capture.index.changes import ClassifierChangeIndex
    from capture.index.dense import Layout
    from capture.index.signals import SignalIndex

__all__ = ["Layers"]

_EVERYTHING = ~Intervals()


@dataclass(frozen=True)
class Layers:
    """Signals of one symbol and timeframe, and conditions of which each is a set of bars.

    Attributes:
        signals: the signals.
        regimes: classifiers by name, shown in the dense frame.
        conditions: sets of bars by name, all of which a signal must lie in.

    Example:
        ```python
        layers = Layers(momentum).regime(trend, "bull").filter("session", hours)
        layers.selected()  # the signals within the bull regime and the session
        layers.to_dense(n_bars)  # a frame with a row per bar
        ```
    """

    signals: SignalIndex
    regimes: Mapping[str, ClassifierChangeIndex] = field(default_factory=dict)
    conditions: Mapping[str, Intervals] = field(default_factory=dict)

    def regime(self, classifier: ClassifierChangeIndex, *states: str) -> Layers:
        """Lay a classifier over the signals; with states, one of them must hold."""
        made = replace(self, regimes={**self.regimes, classifier.name: classifier})
        return (
            made.filter(f"regime_{classifier.name}", classifier.ranges(*states)) if states else made
        )

    def filter(self, name: str, condition: Any) -> Layers:
        """Lay a condition over the signals: a set of bars, or a flag per bar."""
        if name in self.conditions:
            raise ConfigError("name", name, "there is a condition of this name; choose another")
        bars = condition if isinstance(condition, Intervals) else Intervals.from_mask(condition)
        return replace(self, conditions={**self.conditions, name: bars})

    def bars(self) -> Intervals:
        """Return the bars at which every condition holds."""
        met = _EVERYTHING
        for condition in self.conditions.values():
            met = met & condition
        return met

    def selected(self) -> SignalIndex:
        """Return the signals at these bars."""
        return self.signals.select(within=self.bars())

    def to_dense(self, n_bars: int, *, layout: Layout = "held") -> pd.DataFrame:
        """Return a row per bar.

        Its columns are `signal`, `regime_<classifier>` for each classifier, `filter_<name>` for
        each condition, and `passes`: whether all conditions hold.
        """
        import pandas as pd

        columns: dict[str, Any] = {"signal": self.signals.to_dense(n_bars, layout=layout)}
        for name, classifier in self.regimes.items():
            columns[f"regime_{name}"] = classifier.states(0, n_bars).to_pandas()
        for name, condition in self.conditions.items():
            columns[f"filter_{name}"] = condition.to_mask(n_bars)
        columns["passes"] = self.bars().to_mask(n_bars)
        return pd.DataFrame(columns, index=pd.RangeIndex(n_bars, name="bar_index"))
