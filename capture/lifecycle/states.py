"""The states of a signal, and the one table of ways between them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from capture.errors import IllegalTransition
from capture.events import SignalStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FINAL", "TRANSITIONS", "check_transition"]

_S = SignalStatus

TRANSITIONS: Final[Mapping[SignalStatus, tuple[SignalStatus, ...]]] = MappingProxyType(
    {
        # A step may be skipped, because not every host reports each: Backtesting.py fills a market
        # order without ever calling it submitted. None is ever taken back.
        _S.GENERATED: (
            _S.PASSED_RISK,
            _S.REJECTED,
            _S.SUBMITTED,
            _S.PARTIALLY_FILLED,
            _S.EXECUTED,
            _S.CANCELLED,
            _S.EXPIRED,
            _S.MISSED,
            _S.ERROR,
        ),
        _S.PASSED_RISK: (
            _S.REJECTED,
            _S.SUBMITTED,
            _S.PARTIALLY_FILLED,
            _S.EXECUTED,
            _S.CANCELLED,
            _S.EXPIRED,
            _S.MISSED,
            _S.ERROR,
        ),
        # What was submitted cannot be missed: its order stands, and expires.
        _S.SUBMITTED: (
            _S.REJECTED,
            _S.PARTIALLY_FILLED,
            _S.EXECUTED,
            _S.CANCELLED,
            _S.EXPIRED,
            _S.ERROR,
        ),
        # Each further fill is a transition of its own. Nothing filled can be rejected as a whole.
        _S.PARTIALLY_FILLED: (
            _S.PARTIALLY_FILLED,
            _S.EXECUTED,
            _S.CANCELLED,
            _S.EXPIRED,
            _S.ERROR,
        ),
        # An order whose fate was unknown, say after a time-out: what the broker says later counts.
        _S.ERROR: (
            _S.SUBMITTED,
            _S.REJECTED,
            _S.PARTIALLY_FILLED,
            _S.EXECUTED,
            _S.CANCELLED,
            _S.EXPIRED,
        ),
        _S.EXECUTED: (),
        _S.REJECTED: (),
        _S.CANCELLED: (),
        _S.EXPIRED: (),
        _S.MISSED: (),
    }
)
"""The states that each state may turn into; `docs/lifecycle.md` prints this table."""

FINAL: Final = frozenset(state for state, onward in TRANSITIONS.items() if not onward)
"""The states that a signal never leaves."""


def check_transition(signal_id: str, current: SignalStatus, wanted: SignalStatus) -> None:
    """Raise `IllegalTransition` unless a signal may go from one state to the other."""
    allowed = TRANSITIONS[current]
    if wanted not in allowed:
        raise IllegalTransition(signal_id, current, wanted, allowed)
