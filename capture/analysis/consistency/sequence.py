"""Times that run backwards, and numbers that are missing or used twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.analysis.consistency.registry import Problem, named
from capture.analysis.consistency.report import Severity
from capture.analysis.consistency.subject import NOWHERE, rows_in_groups
from capture.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from capture.analysis.consistency.subject import Subject
    from capture.store.recording import Recording

__all__: list[str] = []

_SERIES: Final = ("run_id", "part", "strategy_id", "symbol", "timeframe")


@named(
    "backwards_time",
    Severity.ERROR,
    "sort the data by time before the run, and give signals the time of the bar they saw",
)
def backwards_time(subject: Subject) -> Iterator[Problem]:
    """Find signals that are earlier than the one before them, or seen before they were known."""
    order = rows_in_groups(subject.groups(*_SERIES))
    groups = subject.groups(*_SERIES)[order]
    for name, what in (("timestamp", "time"), ("bar_index", "bar")):
        values = subject.numbers(name)[order]
        known = np.flatnonzero(values != NOWHERE)
        ahead, behind = known[1:], known[:-1]
        back = (groups[ahead] == groups[behind]) & (values[ahead] < values[behind])
        rows = order[ahead[back]]
        yield from subject.problems(
            rows, f"signals have an earlier {what} than the signal before them"
        )
    times, available = subject.numbers("timestamp"), subject.numbers("available_time")
    early = (available != NOWHERE) & (times != NOWHERE) & (available < times)
    yield from subject.problems(
        np.flatnonzero(early), "signals saw a bar that was available before it began"
    )


@named(
    "sequence_gaps",
    Severity.ERROR,
    "events were lost or a file is not the one that was written: `capture verify` says which; "
    'record with overload="block" so that nothing is dropped',
    needs_recording=True,
)
def sequence_gaps(subject: Subject) -> Iterator[Problem]:
    """Find numbers of events that no table holds, and numbers that two events have."""
    numbers: dict[tuple[str, int], list[NDArray[np.int64]]] = {}
    known: dict[str, Recording] = {}
    for name in TABLES:
        for recording, part, columns in subject.by_part(name, ("seq",)):
            seqs = columns["seq"]
            known[recording.run_id] = recording
            numbers.setdefault((recording.run_id, part), []).append(seqs[seqs != NOWHERE])
    for (run_id, part), pieces in numbers.items():
        seqs = np.concatenate(pieces)
        if not len(seqs) or seqs.min() < 0:
            continue
        record = next(p.record for p in known[run_id].parts if p.number == part) or {}
        first = int(record.get("first_seq") or 0)
        last = max(int(record.get("last_seq") or 0), int(seqs.max()))
        counts = np.bincount(seqs, minlength=last + 1)
        told = _told_missing(record.get("missing_seqs") or ())
        missing = np.flatnonzero(counts[first:] == 0) + first
        lost = missing[np.isin(missing, told)]
        gone = missing[~np.isin(missing, told)]
        if len(gone):
            yield Problem("numbers of events are missing", run_id, part, gone)
        if len(lost):
            message = "events were lost, as the recording itself says"
            yield Problem(message, run_id, part, lost, Severity.WARNING)
        twice = np.flatnonzero(counts > 1)
        if len(twice):
            yield Problem("numbers are those of several events", run_id, part, twice)


def _told_missing(said: object) -> NDArray[np.int64]:
    """Return the numbers that a part's record names as lost, one by one."""
    if not isinstance(said, (list, tuple)):
        return np.empty(0, np.int64)
    pieces = [np.arange(one[0], one[-1] + 1) if isinstance(one, list) else [one] for one in said]
    return np.concatenate([np.empty(0, np.int64), *map(np.asarray, pieces)]).astype(np.int64)
