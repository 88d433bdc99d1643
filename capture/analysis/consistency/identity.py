"""Signals that stand there twice, and signals that contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from capture.analysis.consistency.registry import named
from capture.analysis.consistency.report import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from capture.analysis.consistency.registry import Problem
    from capture.analysis.consistency.subject import Subject

__all__: list[str] = []

_PLACE: Final = ("run_id", "part", "strategy_id", "symbol", "timeframe")
_INTENT: Final = (
    "order_type",
    "call",
    "size",
    "limit_price",
    "stop_price",
    "trail",
    "stop_loss",
    "take_profit",
    "parent_id",
    "tag",
)


@named(
    "duplicate_ids",
    Severity.ERROR,
    "give every signal an identity of its own; a recording that was imported twice holds both",
)
def duplicate_ids(subject: Subject) -> Iterator[Problem]:
    """Find signals that share their identity with another."""
    ids = subject.column("signal_id")
    rows = np.flatnonzero((ids.duplicated(keep=False) & ids.notna()).to_numpy())
    return subject.problems(rows, "signals share their identity with another")


@named(
    "duplicates",
    Severity.WARNING,
    "see whether the strategy, or what feeds it, is called twice per bar; if two equal orders are "
    "meant, give one of twice the size",
)
def duplicates(subject: Subject) -> Iterator[Problem]:
    """Find signals that repeat an earlier one of the same bar in everything they want."""
    keys: dict[str, Any] = {
        "place": subject.groups(*_PLACE),
        "bar": subject.bars_of_signals(),
        "want": subject.groups("direction", "strength", "signal_type"),
    }
    frame = pd.DataFrame(keys)
    alike = np.flatnonzero(frame.duplicated(keep=False).to_numpy())
    if len(alike):
        # Orders of one bar may differ in their prices alone, as those of a ladder do.
        told = pd.concat(
            [frame.iloc[alike].reset_index(drop=True), _intents(subject, alike)], axis=1
        )
        alike = alike[told.duplicated(keep="first").to_numpy()]
    return subject.problems(alike, "signals repeat an earlier one of the same bar")


def _intents(subject: Subject, rows: NDArray[np.int64]) -> pd.DataFrame:
    """Return what the first order of each of these signals says."""
    found = pd.DataFrame(index=range(len(rows)), columns=list(_INTENT), dtype=object)
    seqs, groups = subject.numbers("seq")[rows], subject.numbers("part")[rows]
    runs = subject.column("run_id").to_numpy()[rows]
    for recording, part, orders in subject.by_part("orders", ("signal_seq", *_INTENT)):
        mine = np.flatnonzero((groups == part) & (runs == recording.run_id))
        first = pd.DataFrame(orders).drop_duplicates("signal_seq").set_index("signal_seq")
        found.iloc[mine] = first.reindex(seqs[mine]).to_numpy()
    return found


@named(
    "conflicts",
    Severity.WARNING,
    "let the strategy decide for one direction per bar, or record its halves as two strategies",
)
def conflicts(subject: Subject) -> Iterator[Problem]:
    """Find signals of one strategy that want opposite directions on one bar."""
    directions = subject.numbers("direction")
    rows = _opposed(subject, np.flatnonzero((directions == 1) | (directions == -1)))
    if len(rows):
        # An order that waits for its price, such as a stop beside an entry, wants nothing yet.
        kinds = _intents(subject, rows)["order_type"].fillna("")
        rows = _opposed(subject, rows[kinds.isin(("", "market")).to_numpy()])
    return subject.problems(
        rows, "signals want the opposite of another of the same bar, symbol and strategy"
    )


def _opposed(subject: Subject, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return those of these rows whose place and bar others share in another direction."""
    directions = subject.numbers("direction")[rows].astype(np.float64)
    frame = pd.DataFrame(
        {"place": subject.groups(*_PLACE)[rows], "bar": subject.bars_of_signals()[rows]}
    )
    whole = frame.groupby(["place", "bar"], sort=False).ngroup().to_numpy()
    total = np.bincount(whole, minlength=1)
    signed = np.bincount(whole, weights=directions, minlength=1)
    return rows[np.abs(signed[whole]) != total[whole]] if len(rows) else rows
