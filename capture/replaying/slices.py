"""One strategy of a recording: which part holds it, and its rows alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow.compute as pc

from capture.errors import NotReplayable, UnknownName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from capture.store.recording import Recording

__all__ = ["WHOLE", "Slice", "segment_of", "strategies_of", "strategy_of"]

ONE_CALL: Final = "one_call"
"""The flag of a run whose strategies are columns of one call, which are replayed together."""

WHOLE: Final = ""
"""Stands for all strategies of such a run."""


def strategies_of(recording: Recording) -> dict[str, Mapping[str, Any]]:
    """Return the schema segment of every strategy, with its part.

    A strategy that several parts ran, such as the best one of a grid once more, is that of the
    first part that came to its end.
    """
    found: dict[str, dict[str, Any]] = {}
    for part in recording.parts:
        ended = (part.record or {}).get("state") == "ended"
        for segment in part.segments:
            strategy_id = segment["strategy_id"]
            known = found.get(strategy_id)
            if known is None or known["part"] == part.number or (ended and not known["ended"]):
                found[strategy_id] = {**segment, "part": part.number, "ended": ended}
    return dict(found)


def strategy_of(recording: Recording, wanted: str | None) -> str:
    """Return the strategy that is meant; where there are several, one must be named."""
    known = strategies_of(recording)
    if wanted is not None and wanted != WHOLE:
        if wanted not in known:
            raise UnknownName("strategy of this recording", wanted, known)
        return wanted
    if not known:
        raise NotReplayable(recording.run_id, "it holds no strategy", "record a run with signals")
    if len(known) > 1 and (recording.start.get("flags") or {}).get(ONE_CALL):
        return WHOLE
    if len(known) > 1:
        raise NotReplayable(
            recording.run_id,
            f"it holds {len(known)} strategies",
            f'name one: strategy="{min(known)}"',
        )
    return next(iter(known))


def segment_of(recording: Recording, strategy_id: str) -> Mapping[str, Any]:
    """Return the schema segment of a strategy, with its part."""
    known = strategies_of(recording)
    if strategy_id == WHOLE and known:
        return next(iter(known.values()))
    if strategy_id not in known:
        raise UnknownName("strategy of this recording", strategy_id, known)
    return known[strategy_id]


@dataclass(frozen=True)
class Slice:
    """A recording, or of one that holds several strategies, what belongs to one of them."""

    recording: Recording
    strategy_id: str | None = None

    def table(self, name: str, columns: Sequence[str]) -> pa.Table:
        """Return the rows of a table, in order; columns that it lacks are left out."""
        if self.strategy_id is None:
            return self.recording.table(name, columns)
        part = segment_of(self.recording, self.strategy_id)["part"]
        wanted = list(dict.fromkeys([*columns, "part", "strategy_id"]))
        rows = self.recording.table(name, wanted, [("part", "=", part)])
        if "strategy_id" in rows.column_names:
            # Several strategies may share a part; what belongs to none belongs to each.
            of = rows.column("strategy_id")
            rows = rows.filter(pc.or_kleene(pc.is_null(of), pc.equal(of, self.strategy_id)))
        return rows.select([n for n in columns if n in rows.column_names])
