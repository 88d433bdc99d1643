"""What becomes of a signal in a portfolio, and why."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from capture.events import Reason, SignalStatus

__all__ = ["Verdict"]


class Verdict(IntEnum):
    """What became of one signal.

    A reversal whose opening half was refused has the verdict of that half; its closing half is
    filled all the same, for an exit is never refused.
    """

    FILLED = 0
    ALREADY_IN_POSITION = 1
    NOTHING_TO_CLOSE = 2
    SIZED_TO_ZERO = 3
    MAX_OPEN_POSITIONS = 4
    MAX_TRADES_PER_DAY = 5
    MAX_POSITION = 6
    MAX_GROSS_EXPOSURE = 7
    MAX_DRAWDOWN = 8
    MAX_DAILY_LOSS = 9
    INSUFFICIENT_CASH = 10
    END_OF_DATA = 11

    @property
    def reason(self) -> Reason:
        """The word that all backtesters share."""
        return _REASONS.get(self, Reason.RISK_LIMIT)

    @property
    def status(self) -> SignalStatus:
        """How far the signal came."""
        if self is Verdict.FILLED:
            return SignalStatus.EXECUTED
        return SignalStatus.EXPIRED if self is Verdict.END_OF_DATA else SignalStatus.REJECTED

    @property
    def word(self) -> str:
        """What counts of it are called, such as `max_drawdown`."""
        return self.name.lower()


_REASONS: Final = {
    Verdict.FILLED: Reason.FILLED,
    Verdict.ALREADY_IN_POSITION: Reason.ALREADY_IN_POSITION,
    Verdict.NOTHING_TO_CLOSE: Reason.NOTHING_TO_CLOSE,
    Verdict.SIZED_TO_ZERO: Reason.SIZED_TO_ZERO,
    Verdict.INSUFFICIENT_CASH: Reason.INSUFFICIENT_CASH,
    Verdict.END_OF_DATA: Reason.END_OF_DATA,
}
"""Those that are no limit of the portfolio."""
