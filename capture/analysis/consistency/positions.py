"""Entries without exits: what the fills leave open, against what the host says is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from capture.analysis.consistency.registry import Problem, named
from capture.analysis.consistency.report import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.analysis.consistency.subject import Subject

__all__: list[str] = []

_FILL: Final = ("seq", "strategy_id", "symbol", "side", "size", "position_after")
_TRADE: Final = ("strategy_id", "symbol", "size", "exit_bar", "exit_price")
_ROUNDING: Final = 1e-9


@named(
    "entries_without_exits",
    Severity.WARNING,
    "an exit was not recorded: look at the events after the entry, and record every fill; a "
    "position that is only still open can be closed by the host at the end of the data",
    needs_recording=True,
)
def entries_without_exits(subject: Subject) -> Iterator[Problem]:
    """Find positions that the fills leave open."""
    open_trades = _left_open_by_trades(subject)
    filled = set()
    for recording, part, columns in subject.by_part("fills", _FILL):
        filled.add((recording.run_id, part))
        frame = pd.DataFrame(columns)
        frame["change"] = frame["side"] * frame["size"]
        by_symbol: Any = frame.groupby(["strategy_id", "symbol"], sort=False)
        for (strategy, symbol), fills in by_symbol:
            left = float(fills["change"].sum())
            scale = _ROUNDING * max(1.0, float(fills["size"].max()))
            told = fills["position_after"].iloc[-1]
            account = open_trades.get((recording.run_id, part, strategy, symbol))
            expected = account if account is not None else None if np.isnan(told) else float(told)
            entry = _last_entry(fills)
            who = f"{strategy} in {symbol}"
            if expected is not None and abs(left - expected) > scale:
                yield Problem(
                    f"the fills of {who} leave {left:g} open, and the host says {expected:g}",
                    recording.run_id,
                    part,
                    entry,
                )
            elif abs(left) > scale:
                message = f"the position of {who} is still open at the end: {left:g}"
                yield Problem(message, recording.run_id, part, entry, Severity.NOTE)
    yield from _by_signals(subject, filled)


def _last_entry(fills: pd.DataFrame) -> list[int]:
    """Return the fill that last left flat, after which no exit came."""
    held = fills["change"].cumsum().to_numpy()
    flat = np.flatnonzero(np.abs(np.concatenate([[0.0], held[:-1]])) <= _ROUNDING)
    return [int(fills["seq"].iloc[flat[-1]])] if len(flat) else []


def _left_open_by_trades(subject: Subject) -> dict[tuple[str, int, str, str], float]:
    """Return what the host's own account leaves open, where it has one."""
    found: dict[tuple[str, int, str, str], float] = {}
    for recording, part, columns in subject.by_part("trades", _TRADE):
        trades = pd.DataFrame(columns)
        still = (trades["exit_bar"] < 0) & trades["exit_price"].isna()
        trades["left"] = trades["size"].where(still, 0.0)
        sums = trades.groupby(["strategy_id", "symbol"], as_index=False)["left"].sum()
        for strategy, symbol, left in sums.itertuples(index=False, name=None):
            found[recording.run_id, part, str(strategy), str(symbol)] = float(left)
    return found


def _by_signals(subject: Subject, filled: set[tuple[str, int]]) -> Iterator[Problem]:
    """Of parts that hold no fills, note entries after which no exit was wanted."""
    kinds = subject.column("signal_type")
    typed = np.flatnonzero(kinds.isin(["entry", "exit"]).to_numpy())
    if not len(typed) or not subject.has("seq"):
        return
    runs, parts = subject.column("run_id").to_numpy(), subject.numbers("part")
    order = subject.groups("run_id", "part", "strategy_id", "symbol")[typed]
    last = typed[~pd.Series(order).duplicated(keep="last").to_numpy()]
    rows = [
        row
        for row in last[kinds.iloc[last].to_numpy() == "entry"]
        if (str(runs[row]), int(parts[row])) not in filled
    ]
    message = "entries are followed by no exit, and no fill was recorded"
    yield from subject.problems(np.array(rows, np.int64), message, Severity.NOTE)
