"""Signals handed over with their context, one by one."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from capture.errors import CaptureError, InvalidEvent
from capture.events import CapturedSignal
from capture.journal import Layout
from capture.recorder.intake import SIGNAL_FIELDS, SIGNAL_GROUPS, Intake, take_in
from capture.recorder.plans import RowPlans, column_of
from capture.recorder.row_events import event_of
from capture.recorder.segments import Segments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.recorder.book import SignalBook
    from capture.recorder.parts import OpenPart

__all__ = ["SignalWriter"]


class SignalWriter:
    """Checks signals, numbers them and journals them."""

    def __init__(
        self, part: OpenPart, book: SignalBook, check_order: Callable[[Any], None]
    ) -> None:
        """Write into a part.

        Args:
            part: the part.
            book: remembers the signals.
            check_order: raises what is wrong with an order that comes along with a signal.
        """
        self._part = part
        self._book = book
        self._check_order = check_order
        self._journal = part.journal
        self._observe = part.observer("signals")
        self._plans: dict[str, RowPlans] = {}
        self._segments = Segments(part)

    def write(self, signal: Any, context: Any) -> tuple[int, str | None, Intake]:
        """Record a signal.

        Returns:
            Its sequence number (-1 if it was dropped), its identity, and what was taken in.
        """
        started = perf_counter_ns()
        intake = self._take_in(signal, context)
        if intake.order is not None:
            self._check_order(intake.order)
        with self._journal.lock:
            self._book.check(intake)
            strategy_id = intake.strategy_id
            segment = self._segments.of(strategy_id, intake.params, intake.indicator_metadata)
            plans = self._plans.get(strategy_id) or self._plan(strategy_id)
            fixed = (*intake.fixed, segment, perf_counter_ns() - started)
            seq = plans.append(fixed, *intake.groups)
            if seq < 0:
                return seq, None, intake
            self._book.enter(intake, seq)
            self._part.counters.capture_ns += perf_counter_ns() - started
        signal_id = intake.signal_id or f"{self._part.prefix}{seq}"
        if self._observe is not None:
            said = {"seq": seq, "signal_id": signal_id}
            self._observe(CapturedSignal.lazy(said, lambda: self._seen(intake, fixed, seq)))
        return seq, signal_id, intake

    def _take_in(self, signal: Any, context: Any) -> Intake:
        try:
            return take_in(signal, context, self._journal.word)
        except CaptureError:
            raise
        except Exception as exc:  # an attribute or a mapping of the user's that raises
            problem = f"could not be read: {type(exc).__name__}: {exc}"
            raise InvalidEvent("signal", type(signal).__name__, problem) from exc

    def _plan(self, strategy_id: str) -> RowPlans:
        plans = self._plans[strategy_id] = RowPlans(
            self._journal,
            "signals",
            SIGNAL_FIELDS,
            SIGNAL_GROUPS,
            kinds=self._part.kinds("signals"),
            constants=self._part.constants("signals", {"strategy_id": strategy_id}),
            derived=self._part.derived("signals", SIGNAL_FIELDS),
        )
        return plans

    def _seen(self, intake: Intake, fixed: Sequence[Any], seq: int) -> dict[str, Any]:
        """Return a signal's values as an observer reads them."""
        constants = self._part.constants("signals", {"strategy_id": intake.strategy_id})
        derived = self._part.derived("signals", SIGNAL_FIELDS)
        layout = Layout(0, "signals", SIGNAL_FIELDS, constants, derived)
        event = dict(event_of(layout, seq, fixed, self._journal.words))
        for prefix, group in zip(SIGNAL_GROUPS, intake.groups, strict=True):
            for key, value in group.items():
                event.setdefault(column_of(prefix, key), value)
        event["signal_id"] = intake.signal_id or event["signal_id"]
        return event
