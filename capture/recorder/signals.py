"""Signals handed over with their context, one by one."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from capture.errors import InvalidEvent
from capture.events import CapturedSignal
from capture.journal import Layout
from capture.recorder.channel import event_of
from capture.recorder.intake import SIGNAL_FIELDS, SIGNAL_GROUPS, Intake, take_in
from capture.recorder.plans import RowPlans

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.recorder.parts import OpenPart

__all__ = ["SignalWriter"]


class SignalWriter:
    """Checks signals, numbers them and journals them; owns what must hold between two signals.

    Attributes:
        own_ids: sequence numbers of the signals that brought an identity of their own.
    """

    def __init__(self, part: OpenPart) -> None:
        """Write into a part."""
        self._part = part
        self._journal = part.journal
        self._observe = part.observer("signals")
        self._plans: dict[int, RowPlans] = {}
        self._segments: dict[str, tuple[Mapping[str, Any], Mapping[str, Any], int]] = {}
        self._last_ns: dict[tuple[str, str], int] = {}
        self.own_ids: dict[str, int] = {}

    def write(self, signal: Any, context: Any) -> tuple[int, str | None, Any]:
        """Record a signal.

        Returns:
            Its sequence number (-1 if it was dropped), its identity, and the order it brought.
        """
        started = perf_counter_ns()
        intake = take_in(signal, context, self._journal.word)
        with self._journal.lock:
            self._check_sequence(intake)
            segment = self._segment(intake)
            fixed = (*intake.fixed, perf_counter_ns() - started)
            seq = self._plans[segment].append(fixed, *intake.groups)
            if seq < 0:
                return seq, None, None
            self._last_ns[intake.strategy_id, intake.symbol] = intake.timestamp_ns
            if intake.signal_id is not None:
                self.own_ids[intake.signal_id] = seq
            self._part.counters.capture_ns += perf_counter_ns() - started
        signal_id = intake.signal_id or f"{self._part.prefix}{seq}"
        if self._observe is not None:
            said = {"seq": seq, "signal_id": signal_id}
            self._observe(
                CapturedSignal.lazy(said, lambda: self._seen(intake, segment, fixed, seq))
            )
        return seq, signal_id, intake.order

    def _check_sequence(self, intake: Intake) -> None:
        """Refuse time that runs backwards, and identities that were used before."""
        last = self._last_ns.get((intake.strategy_id, intake.symbol))
        if last is not None and intake.timestamp_ns < last:
            raise InvalidEvent(
                "timestamp",
                intake.timestamp_ns,
                f"is before the last signal of {intake.strategy_id} for {intake.symbol} ({last})",
            )
        if intake.signal_id is not None and intake.signal_id in self.own_ids:
            raise InvalidEvent("signal_id", intake.signal_id, "was used before in this run")

    def _segment(self, intake: Intake) -> int:
        """Return the strategy's schema segment; open one if its parameters changed."""
        known = self._segments.get(intake.strategy_id)
        params, metadata = intake.params, intake.indicator_metadata
        if known is not None and known[0] == params and known[1] == metadata:
            return known[2]
        number = self._part.segment(intake.strategy_id, params, metadata)
        self._segments[intake.strategy_id] = (dict(params), dict(metadata), number)
        self._plans[number] = RowPlans(
            self._journal,
            "signals",
            SIGNAL_FIELDS,
            SIGNAL_GROUPS,
            constants=self._constants(intake, number),
            derived=self._part.derived("signals", SIGNAL_FIELDS),
        )
        return number

    def _constants(self, intake: Intake, segment: int) -> dict[str, Any]:
        own = {"strategy_id": intake.strategy_id, "segment": segment}
        return self._part.constants("signals", own)

    def _seen(self, intake: Intake, segment: int, fixed: Sequence[Any], seq: int) -> dict[str, Any]:
        """Return a signal's values as an observer reads them."""
        layout = Layout(0, "signals", SIGNAL_FIELDS, self._constants(intake, segment))
        event = dict(event_of(layout, seq, fixed, self._journal.words))
        for prefix, group in zip(SIGNAL_GROUPS, intake.groups, strict=True):
            event.update({f"{prefix}{name}": value for name, value in group.items()})
        return event
