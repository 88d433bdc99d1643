"""The contract of a regime classifier: a stateless function from features to a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Bars = Mapping[str, NDArray[np.float64]]

__all__ = ["BarClassifier", "Classification", "Classifier", "SeriesClassifier"]


class Classification(NamedTuple):
    """A state of the market, and how sure the classifier is (0 to 1, None where it cannot say)."""

    state: str
    confidence: float | None = None


class Classifier(Protocol):
    """Names the state of the market at one bar.

    Equal features give an equal answer, whatever was asked before: a classifier keeps no memory.
    One that is nothing but this reads the bar itself: `open`, `high`, `low`, `close`, `volume`.
    """

    def __call__(self, features: Mapping[str, float]) -> Classification:
        """Return the state that the features describe."""
        ...


@runtime_checkable
class BarClassifier(Classifier, Protocol):
    """A classifier that makes its own features from bars.

    Attributes:
        lookback_bars: how many bars, the present one included, the features of a bar depend on.
    """

    @property
    def lookback_bars(self) -> int:
        """How many bars, the present one included, the features of a bar depend on."""
        ...

    def features_of(self, bars: Bars) -> Mapping[str, NDArray[np.float64]]:
        """Return the features of every bar; those of a bar depend on no later one.

        What is not known yet is NaN. The features of a bar are the same to the last bit however
        many bars come before its `lookback_bars`.
        """
        ...


@runtime_checkable
class SeriesClassifier(BarClassifier, Protocol):
    """A classifier that answers for many bars at once, as it would for each of them."""

    def series(
        self, features: Mapping[str, NDArray[np.float64]]
    ) -> tuple[Sequence[str] | NDArray[Any], NDArray[np.float64]]:
        """Return state and confidence of every bar; a confidence that is not known is NaN."""
        ...
