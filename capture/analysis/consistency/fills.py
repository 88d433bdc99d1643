"""Fills against signals: none may come before its signal, or belong to one that is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.analysis.consistency.registry import Problem, named
from capture.analysis.consistency.report import Severity
from capture.analysis.consistency.subject import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import NDArray

    from capture.analysis.consistency.subject import Subject

__all__: list[str] = []

_FILL: Final = (
    "seq",
    "symbol",
    "timeframe",
    "bar_index",
    "timestamp",
    "signal_id",
    "signal_seq",
    "order_seq",
    "effect",
)
_SIGNAL: Final = ("seq", "signal_id", "symbol", "timeframe", "bar_index", "timestamp")


def _by_part(
    subject: Subject, table: str, columns: tuple[str, ...]
) -> dict[tuple[str, int], dict[str, NDArray[Any]]]:
    found = subject.by_part(table, columns)
    return {(recording.run_id, part): columns for recording, part, columns in found}


def _places(wanted: NDArray[np.int64], among: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each wanted number stands among others; -1 where it does not."""
    if not len(among):
        return np.full(len(wanted), -1)
    order = np.argsort(among, kind="stable")
    ranked = among[order]
    place = np.minimum(np.searchsorted(ranked, wanted), len(ranked) - 1)
    found: NDArray[np.int64] = np.where(ranked[place] == wanted, order[place], -1)
    return found


@named(
    "fill_before_signal",
    Severity.ERROR,
    "a fill that comes first was not caused by this signal: name the right one, or sort the data",
    needs_recording=True,
)
def fill_before_signal(subject: Subject) -> Iterator[Problem]:
    """Find fills that are numbered, placed or timed before the signal they belong to."""
    signals = _by_part(subject, "signals", _SIGNAL)
    for (run_id, part), fills in _by_part(subject, "fills", _FILL).items():
        given = signals.get((run_id, part))
        if given is None:
            continue
        at = _places(fills["signal_seq"], given["seq"])
        rows = np.flatnonzero(at >= 0)
        at = at[rows]
        early = fills["seq"][rows] < given["seq"][at]
        early &= fills["seq"][rows] != NOWHERE
        alike = (fills["symbol"][rows] == given["symbol"][at]) & (
            fills["timeframe"][rows] == given["timeframe"][at]
        )
        for name in ("bar_index", "timestamp"):
            then, now = given[name][at], fills[name][rows]
            early |= alike & (then != NOWHERE) & (now != NOWHERE) & (now < then)
        if early.any():
            message = "fills come before the signal that they belong to"
            yield Problem(message, run_id, part, fills["seq"][rows[early]])


@named(
    "orphan_fills",
    Severity.ERROR,
    "record the signal that a fill came of, or give the fill the identity of the one it did",
    needs_recording=True,
)
def orphan_fills(subject: Subject) -> Iterator[Problem]:
    """Find fills whose signal or order is not there; those that name none are noted."""
    signals = _by_part(subject, "signals", ("seq", "signal_id"))
    orders = _by_part(subject, "orders", ("seq",))
    none = np.empty(0, np.int64)
    for (run_id, part), fills in _by_part(subject, "fills", _FILL).items():
        given = signals.get((run_id, part), {"seq": none, "signal_id": none.astype(str)})
        numbered = fills["signal_seq"] != NOWHERE
        named_only = ~numbered & (fills["signal_id"] != "")
        lost = numbered & (_places(fills["signal_seq"], given["seq"]) < 0)
        if named_only.any():
            known = set(given["signal_id"])
            lost[named_only] = [one not in known for one in fills["signal_id"][named_only]]
        if lost.any():
            message = "fills belong to signals that are not there"
            yield Problem(message, run_id, part, fills["seq"][lost])
        placed = orders.get((run_id, part), {"seq": none})["seq"]
        ordered = fills["order_seq"] != NOWHERE
        stray = ordered & ~lost & (_places(fills["order_seq"], placed) < 0)
        if stray.any():
            message = "fills belong to orders that are not there"
            yield Problem(message, run_id, part, fills["seq"][stray])
        free = ~numbered & ~named_only & ~ordered
        opening = free & (fills["effect"] == "open")
        if opening.any():
            message = "fills opened a position and name neither signal nor order"
            yield Problem(message, run_id, part, fills["seq"][opening], Severity.WARNING)
        if (free & ~opening).any():
            message = "fills name neither signal nor order, as those at the end of the data"
            yield Problem(message, run_id, part, fills["seq"][free & ~opening], Severity.NOTE)
