"""The figures of a database of signals: what was given, what became of it, what was delivered."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.contracts.outbox import OutboxCounts

__all__ = ["LifecycleFigures", "lifecycle_figures", "waiting_s"]

_NS: Final = 1_000_000_000
_HOUR_S: Final = 3600
_SKIPPED: Final = ("rejected", "cancelled", "expired", "missed", "error")


@dataclass(frozen=True, kw_only=True)
class LifecycleFigures:
    """How a database of signals stands.

    Attributes:
        place: which database.
        signals: signals in it.
        last_hour: those of them that were given within the last hour.
        by_status: signals by their state.
        executed: signals that were filled as far as they will be.
        skipped: signals that came to nothing: rejected, cancelled, expired, missed, in error.
        execution_rate: share of the finished signals that were executed.
        avg_slippage: mean slippage per unit; positive is worse.
        open_positions: positions not closed yet.
        realised_profit: of everything closed.
        unrealised_profit: of everything open, at the last marks.
        win_rate: share of closed positions with a profit.
        outbox: by sink: items that wait, were sent, and were given up.
    """

    place: str
    signals: int
    last_hour: int
    by_status: Mapping[str, int]
    executed: int
    skipped: int
    execution_rate: float | None
    avg_slippage: float | None
    open_positions: int
    realised_profit: float
    unrealised_profit: float
    win_rate: float | None
    outbox: Mapping[str, OutboxCounts] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        outbox = {
            sink: {
                "pending": counts.pending,
                "sent": counts.sent,
                "dead": counts.dead,
                "held": counts.held,
                "oldest_seconds": waiting_s(counts),
            }
            for sink, counts in self.outbox.items()
        }
        return {**plain, "by_status": dict(self.by_status), "outbox": outbox}


def waiting_s(counts: OutboxCounts) -> float:
    """Return how long the oldest item waits."""
    return 0.0 if counts.oldest_ns is None else max((time_ns() - counts.oldest_ns) / _NS, 0.0)


def lifecycle_figures(repository: Any) -> LifecycleFigures:
    """Return how a repository stands now."""
    stats = repository.get_execution_stats()
    recent = repository.get_execution_stats({"start": time_ns() - _HOUR_S * _NS})
    outbox = repository.outbox()
    by_status = {str(status): number for status, number in stats.by_status.items()}
    return LifecycleFigures(
        place=repository.place,
        signals=stats.total_signals,
        last_hour=recent.total_signals,
        by_status=by_status,
        executed=stats.executed_count,
        skipped=sum(by_status.get(status, 0) for status in _SKIPPED),
        execution_rate=stats.execution_rate,
        avg_slippage=stats.avg_slippage,
        open_positions=stats.open_positions,
        realised_profit=stats.realised_profit,
        unrealised_profit=stats.unrealised_profit,
        win_rate=stats.win_rate,
        outbox={sink: outbox.counts(sink) for sink in outbox.sinks()},
    )
