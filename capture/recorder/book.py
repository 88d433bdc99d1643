"""What is remembered of the signals of a part: their identities, their owners and their times."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from capture.errors import InvalidEvent

if TYPE_CHECKING:
    from capture.recorder.intake import Intake

__all__ = ["SignalBook", "number_after"]

_MOST_DIGITS: Final = 18


class SignalBook:
    """Knows the signals of a part; what must hold between two signals is checked here."""

    def __init__(self, prefix: str) -> None:
        """Begin with none; an identity that the recorder gives is the prefix and a number."""
        self._prefix = prefix
        self._own_ids: dict[str, int] = {}
        self._last_ns: dict[tuple[str, str], int] = {}
        # From which signal on they were whose; one strategy after the other takes no space.
        self._firsts: list[int] = []
        self._owners: list[str] = []

    def seq_of(self, signal_id: str) -> int | None:
        """Return the sequence number of a signal of this part, by its identity."""
        own = self._own_ids.get(signal_id)
        return number_after(self._prefix, signal_id) if own is None else own

    def strategy_of(self, seq: int | None) -> str | None:
        """Return whose signal this is; without a signal, the only strategy if there is only one."""
        if seq is None:
            return self._owners[0] if len(set(self._owners[:2])) == 1 else None
        place = bisect_right(self._firsts, seq) - 1
        return self._owners[place] if place >= 0 else None

    def check(self, intake: Intake) -> None:
        """Refuse time that runs backwards, and identities that were used before."""
        last = self._last_ns.get((intake.strategy_id, intake.symbol))
        if last is not None and intake.timestamp_ns < last:
            raise InvalidEvent(
                "timestamp",
                intake.timestamp_ns,
                f"is before the last signal of {intake.strategy_id} for {intake.symbol} ({last})",
            )
        own = intake.signal_id
        if own is not None and own in self._own_ids:
            raise InvalidEvent("signal_id", own, "was used before in this run")
        if own is not None and number_after(self._prefix, own) is not None:
            raise InvalidEvent("signal_id", own, "is one that the recorder gives out itself")

    def enter(self, intake: Intake, seq: int) -> None:
        """Remember a signal that was accepted."""
        self._last_ns[intake.strategy_id, intake.symbol] = intake.timestamp_ns
        if intake.signal_id is not None:
            self._own_ids[intake.signal_id] = seq
        if not self._owners or self._owners[-1] != intake.strategy_id:
            self._firsts.append(seq)
            self._owners.append(intake.strategy_id)


def number_after(prefix: str, identity: str) -> int | None:
    """Return the sequence number in an identity that the recorder gave, or None."""
    rest = identity.removeprefix(prefix)
    given = rest != identity and rest.isascii() and rest.isdigit() and len(rest) <= _MOST_DIGITS
    return int(rest) if given else None
