"""What an index holds, one by one: immutable values with the bar they belong to."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from capture.errors import InvalidEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "END",
    "IndexedClassifierChange",
    "IndexedEvent",
    "IndexedRegime",
    "IndexedSignal",
    "bar_number",
    "signal_value",
]

END: Final = 2**63 - 1
"""The bar after the last one, where nobody knows yet which that is."""


@dataclass(frozen=True, slots=True)
class IndexedEvent:
    """Something that happened at a bar of the base data.

    Attributes:
        bar_index: number of the bar.
    """

    bar_index: int


@dataclass(frozen=True, slots=True)
class IndexedSignal(IndexedEvent):
    """The position that is wanted from a bar on.

    Attributes:
        value: its direction (1, -1, 0 for flat) or a continuous value; None where it is not known
            from this bar on.
        classifiers: states of classifiers when the signal was given.
        metadata: whatever was kept with it.
    """

    value: float | None
    classifiers: Mapping[str, str] | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class IndexedClassifierChange(IndexedEvent):
    """A classifier's change of mind.

    Attributes:
        classifier: its name.
        old: the state before; None where it was not known.
        new: the state from this bar on; None where it is not known.
        confidence: how sure the classifier was, 0 to 1.
    """

    classifier: str
    old: str | None
    new: str | None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class IndexedRegime(IndexedEvent):
    """A stretch of bars in one state; `bar_index` is its first bar.

    Attributes:
        classifier: name of the classifier.
        state: the state.
        stop: the first bar after the stretch; None where it lasts until further notice.
        confidence: how sure the classifier was when the state began.
    """

    classifier: str
    state: str
    stop: int | None = None
    confidence: float | None = None


def bar_number(value: Any, field: str = "bar_index") -> int:
    """Return the number of a bar, or say why it is none."""
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if isinstance(value, bool) or not 0 <= number < END:
        raise InvalidEvent(field, value, "must be the number of a bar: a whole number from 0 on")
    return number


def signal_value(value: Any) -> float:
    """Return the value of a signal as a real; what is missing becomes NaN."""
    if value is None:
        return math.nan
    if isinstance(value, str):
        raise InvalidEvent("value", value, "must be a number; 1 is long, -1 short, 0 flat")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as exc:
        problem = "must be a number; 1 is long, -1 short, 0 flat"
        raise InvalidEvent("value", value, problem) from exc
    if math.isinf(number):
        raise InvalidEvent("value", value, "must be finite; None says that it is not known")
    return number + 0.0  # -0.0 becomes 0.0: both mean flat
