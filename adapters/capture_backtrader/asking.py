"""Who looks at the portfolio: the strategy's logic, or what the host's user put beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import backtrader as bt

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["by_strategy"]

_OTHERS: Final = (bt.Analyzer, bt.Observer, bt.Sizer, bt.CommInfoBase, bt.WriterBase, bt.Cerebro)
_HOST: Final = frozenset(
    getattr(bt.Strategy, name).__code__
    for name in (
        "_notify",
        "getwriterinfo",
        "getwritervalues",
        "_next_observers",
        "_start",
        "getposition",
        "getpositionbyname",
    )
)
"""Methods of the host's that look at the broker on their own account, or are heard themselves."""


def by_strategy(frame: FrameType | None) -> Any:
    """Return the strategy whose logic is asking from this frame; None if it is another's."""
    while frame is not None:
        asking = frame.f_locals.get("self")
        if isinstance(asking, bt.Strategy):
            return None if frame.f_code in _HOST else asking
        if isinstance(asking, _OTHERS):
            return None
        frame = frame.f_back
    return None
