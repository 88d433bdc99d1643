"""The moment of a call: where the strategy is, and what it has."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_nautilus.market import Series

__all__ = ["State", "state_of"]


class State(NamedTuple):
    """What changes hands in the moment of a call: where the strategy is, and what it has."""

    series: Series | None
    bar: int
    time_ns: int
    position: float
    capital: float
    phase: str
    callback: int


state_of: Final[Callable[[tuple[Any, ...]], State]] = partial(tuple.__new__, State)
"""Makes one of its values, without a call of Python's."""
