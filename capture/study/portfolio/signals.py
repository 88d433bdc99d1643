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
    """

    seqs: NDArray[np.int64]
    symbols: NDArray[np.object_]
    bars: NDArray[np.int64]
    directions: NDArray[np.float64]
    types: NDArray[np.int64]
    strengths: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.seqs)

    @classmethod
    def of(cls, rows: list[tuple[int, str, int, float, int, float]]) -> Signals:
        """Make signals of rows; they are brought into order."""
        rows = sorted(rows, key=lambda row: row[0])
        columns = list(zip(*rows, strict=True)) or [()] * 6
        kinds = (np.int64, object, np.int64, np.float64, np.int64, np.float64)
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
    rows = [
        (seq, symbol, bar, *_wanted(seq in closed, direction, kind), _strength(strength))
        for seq, symbol, bar, direction, kind, strength in zip(
            *(
                frame[name].tolist()
                for name in ("seq", "symbol", "bar_index", "direction", "signal_type", "strength")
            ),
            strict=True,
        )
    ]
    for symbol, bar, _ in () if plan is None else plan.flattened:
        rows.append((SYNTHETIC, symbol, bar, 0.0, EXIT, 1.0))
    return Signals.of(rows), _timeframes(source, frame)


def _kept(source: Source) -> pd.DataFrame:
    """Return the signals that are replayed."""
    columns = ["part", "seq", "strategy_id", "symbol", "timeframe", "bar_index"]
    columns += ["direction", "signal_type", "strength"]
    frame = source.recording.signals(columns, [("part", "=", source.part), *source.where])
    if source.strategy_id:
        frame = frame[frame["strategy_id"] == source.strategy_id]
    if source.plan is not None:
        frame = frame[frame["seq"].isin(source.plan.kept | source.plan.closed)]
    return frame


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
