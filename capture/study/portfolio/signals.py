"""The signals of a recording as arrays: what a portfolio is told, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.errors import NotReplayable
from capture.study.portfolio.arithmetic import ADJUSTMENT, ENTRY, EXIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from capture.replaying.source import Source

__all__ = ["SYNTHETIC", "Signals", "signals_of"]

SYNTHETIC: Final = -1
"""The sequence number of an exit that a boundary policy adds; it comes before the others."""

_TYPES: Final = {"entry": ENTRY, "exit": EXIT, "adjustment": ADJUSTMENT}


@dataclass(frozen=True, eq=False)
class Signals:
    """Signals in order of their sequence numbers, a row each.

    Attributes:
        seqs: sequence numbers; `SYNTHETIC` for exits that a policy adds.
        symbols: names.
        bars: bar of each.
        directions: 1, -1, or 0 for "go flat".
        types: ENTRY, EXIT or ADJUSTMENT.
        strengths: without sign; 1 where the strategy said nothing.
        known_ns: when each was given, where that may be later than the close of its bar: when a bar
            of another symbol closed; 0 where it is that close.
    """

    seqs: NDArray[np.int64]
    symbols: NDArray[np.object_]
    bars: NDArray[np.int64]
    directions: NDArray[np.float64]
    types: NDArray[np.int64]
    strengths: NDArray[np.float64]
    known_ns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.seqs)

    @classmethod
    def of(cls, rows: list[tuple[Any, ...]]) -> Signals:
        """Make signals of rows, whose last value may be missing; they are brought into order."""
        rows = [(*row, 0)[:7] for row in sorted(rows, key=lambda row: row[0])]
        columns = list(zip(*rows, strict=True)) or [()] * 7
        kinds = (np.int64, object, np.int64, np.float64, np.int64, np.float64, np.int64)
        return cls(*(np.array(c, dtype=k) for c, k in zip(columns, kinds, strict=True)))


def signals_of(source: Source) -> tuple[Signals, Mapping[str, str | None]]:
    """Return what a portfolio is told of a recording, and the timeframe of each symbol.

    Raises:
        NotReplayable: a signal has no bar, or a symbol has signals of several timeframes.
    """
    frame = _kept(source)
    if frame["bar_index"].isna().any():
        seq = frame.loc[frame["bar_index"].isna(), "seq"].iloc[0]
        raise NotReplayable(
            source.run_id,
            f"signal {seq} has no bar",
            "give signals a bar_index when they are recorded",
        )
    plan = source.plan
    closed = frozenset() if plan is None else plan.closed
    names = ("seq", "symbol", "bar_index", "direction", "signal_type", "strength")
    columns = [*(frame[name].tolist() for name in names), _known(source, frame)]
    rows: list[tuple[Any, ...]] = [
        (seq, symbol, bar, *_wanted(seq in closed, direction, kind), _strength(strength), known)
        for seq, symbol, bar, direction, kind, strength, known in zip(*columns, strict=True)
    ]
    for symbol, bar, _ in () if plan is None else plan.flattened:
        rows.append((SYNTHETIC, symbol, bar, 0.0, EXIT, 1.0))
    return Signals.of(rows), _timeframes(source, frame)


def _kept(source: Source) -> pd.DataFrame:
    """Return the signals that are replayed."""
    columns = ["part", "seq", "strategy_id", "symbol", "timeframe", "bar_index"]
    columns += ["direction", "signal_type", "strength", "available_time"]
    frame = source.recording.signals(columns, [("part", "=", source.part), *source.where])
    if source.strategy_id:
        frame = frame[frame["strategy_id"] == source.strategy_id]
    if source.plan is not None:
        frame = frame[frame["seq"].isin(source.plan.kept | source.plan.closed)]
    return frame


def _known(source: Source, frame: pd.DataFrame) -> list[int]:
    """Return when signals were given, in the clock of the host whose clock this replay has."""
    times = frame["available_time"]
    if source.host != "builtin" or times.isna().any():
        return [0] * len(frame)
    return times.astype("datetime64[ns, UTC]").astype("int64").tolist()


def _wanted(closes: bool, direction: int, kind: Any) -> tuple[float, int]:
    if closes or not direction:
        return 0.0, EXIT
    return float(direction), _TYPES.get(kind, ENTRY)


def _strength(value: Any) -> float:
    return 1.0 if value is None or value != value else abs(float(value))


def _timeframes(source: Source, frame: pd.DataFrame) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    pairs = frame[["symbol", "timeframe"]].drop_duplicates()
    for symbol, timeframe in zip(pairs["symbol"], pairs["timeframe"], strict=True):
        said = timeframe if isinstance(timeframe, str) else None
        if symbol in found and found[symbol] != said:
            raise NotReplayable(
                source.run_id,
                f"{symbol} has signals of {found[symbol]} and of {said}",
                f"replay those of one: where=\"timeframe == '{said}'\"",
            )
        found[symbol] = said
    return found
