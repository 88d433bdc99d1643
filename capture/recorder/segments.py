"""Schema segments: from which signal on a strategy had which parameters and indicators."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

from capture.recorder.facts import as_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.recorder.parts import OpenPart

__all__ = ["Segments"]


class _Segment(NamedTuple):
    params: Mapping[str, Any]
    indicators: Mapping[str, Any]
    number: int


class Segments:
    """The present segment of each strategy; a change of parameters opens a new one."""

    def __init__(self, part: OpenPart) -> None:
        """Begin with none."""
        self._part = part
        self._present: dict[str, _Segment] = {}

    def of(self, strategy_id: str, params: Mapping[str, Any], indicators: Mapping[str, Any]) -> int:
        """Return the number of the segment with these parameters; called with the lock held."""
        known = self._present.get(strategy_id)
        if (
            known is not None
            and _same(known.params, params)
            and _same(known.indicators, indicators)
        ):
            return known.number
        number = self._part.segment(strategy_id, params, indicators)
        self._present[strategy_id] = _Segment(_copy(params), _copy(indicators), number)
        return number


def _same(known: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    try:
        if known == given:
            return True
    except Exception:  # numpy arrays do not say whether they are equal
        return as_json(known) == as_json(given)
    return as_json(known) == as_json(given)  # a NaN is not equal to itself


def _copy(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what stays as it is when the strategy changes its own in place."""
    try:
        return deepcopy(facts)
    except Exception:  # not everything can be copied
        return dict(facts)
