"""Regimes of a series of bars: what a classifier says of each, and where it changes its mind."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from capture.contracts.classifier import BarClassifier, SeriesClassifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from capture.contracts.classifier import Bars, Classifier

__all__ = ["Change", "Changes", "RegimeWatch", "changes_of"]


class Change(NamedTuple):
    """A change of mind: from `bar_index` on the state is `new`."""

    bar_index: int
    old: str | None
    new: str
    confidence: float | None


@dataclass(frozen=True)
class Changes:
    """Every change of mind over a series of bars; before the first one no state is known."""

    bar_index: NDArray[np.int64]
    states: tuple[str, ...]
    confidence: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.states)

    def __getitem__(self, place: int) -> Change:
        """Return one change."""
        sure = float(self.confidence[place])
        return Change(
            int(self.bar_index[place]),
            self.states[place - 1] if place else None,
            self.states[place],
            None if sure != sure else sure,
        )


def changes_of(classifier: Classifier, bars: Bars, *, hysteresis_bars: int = 0) -> Changes:
    """Return where a classifier changes its mind over these bars.

    Args:
        classifier: the classifier.
        bars: columns such as `close`, by bar.
        hysteresis_bars: how many further bars in a row must say the same before a new state
            counts. The change is at the last of them, where it became known; 0 believes it at once.
    """
    states, confidence = _answers(classifier, bars)
    names, codes = _coded(states)
    if not len(codes):
        return Changes(np.empty(0, np.int64), (), np.empty(0))
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    lengths = np.diff(np.r_[starts, len(codes)])
    believed = lengths > hysteresis_bars
    believed[0] = True  # where nothing was known, anything is better
    at = np.where(np.arange(len(starts)) == 0, 0, starts + hysteresis_bars)[believed]
    said = codes[starts][believed]
    new = np.r_[True, said[1:] != said[:-1]]
    at = at[new]
    return Changes(at, tuple(names[code] for code in said[new]), confidence[at])


def _answers(
    classifier: Classifier, bars: Bars
) -> tuple[Sequence[str] | NDArray[Any], NDArray[np.float64]]:
    """Return state and confidence of every bar."""
    features = classifier.features_of(bars) if isinstance(classifier, BarClassifier) else bars
    if isinstance(classifier, SeriesClassifier):
        return classifier.series(features)
    names = list(features)
    columns = [np.asarray(features[name], dtype=np.float64).tolist() for name in names]
    answers = [classifier(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]
    sure = [nan if answer.confidence is None else answer.confidence for answer in answers]
    return [answer.state for answer in answers], np.array(sure, dtype=np.float64)


def _coded(states: Sequence[str] | NDArray[Any]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the names of the states, and each bar's as a place among them."""
    names, codes = np.unique(np.asarray(states, dtype=object).astype(str), return_inverse=True)
    return [str(name) for name in names], codes


class RegimeWatch:
    """Hears bars one by one, and says when the classifier changes its mind.

    It says the same as `changes_of` of all the bars.
    """

    def __init__(self, classifier: Classifier, *, hysteresis_bars: int = 0) -> None:
        """Watch with this classifier; see `changes_of` for the hysteresis."""
        self._classifier = classifier
        self._hysteresis_bars = hysteresis_bars
        own = isinstance(classifier, BarClassifier)
        lookback = classifier.lookback_bars if isinstance(classifier, BarClassifier) else 1
        self._makes_features = own
        self._bars: deque[Mapping[str, float]] = deque(maxlen=lookback)
        self._state: str | None = None
        self._coming: str | None = None
        self._repeated = 0

    def bar(self, bar_index: int, values: Mapping[str, float]) -> Change | None:
        """Take a bar; return the change of mind that it brings, if it brings one."""
        self._bars.append(values)
        answer = self._classifier(self._features())
        self._repeated = self._repeated + 1 if answer.state == self._coming else 0
        self._coming = answer.state
        first = self._state is None
        if answer.state == self._state or (not first and self._repeated < self._hysteresis_bars):
            return None
        old, self._state = self._state, answer.state
        return Change(bar_index, old, answer.state, answer.confidence)

    def _features(self) -> Mapping[str, float]:
        classifier = self._classifier
        if not isinstance(classifier, BarClassifier):
            return self._bars[-1]
        names = self._bars[-1].keys()
        columns = {n: np.array([b.get(n, nan) for b in self._bars], np.float64) for n in names}
        return {n: float(column[-1]) for n, column in classifier.features_of(columns).items()}
