"""The contract of a regime classifier: a stateless function from features to a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Classification", "Classifier"]


class Classification(NamedTuple):
    """A state of the market, and how sure the classifier is (0 to 1, None where it cannot say)."""

    state: str
    confidence: float | None = None


class Classifier(Protocol):
    """Names the state of the market at one bar.

    Equal features give an equal answer, whatever was asked before: a classifier keeps no memory.
    """

    def __call__(self, features: Mapping[str, float]) -> Classification:
        """Return the state that the features describe."""
        ...
