"""What a repository answers: records whose fields are read as attributes or by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from capture.lifecycle.amounts import difference, total

if TYPE_CHECKING:
    from capture.events import SignalStatus

__all__ = [
    "ArchiveReport",
    "ExecutionStats",
    "FillRecord",
    "HistoryRow",
    "Outcome",
    "Row",
    "SignalRecord",
]


class Row(Mapping[str, Any]):
    """A frozen record that is also a mapping of its fields."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        if name in _names(type(self)):
            return getattr(self, name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_names(type(self)))

    def __len__(self) -> int:
        return len(_names(type(self)))

    def to_dict(self) -> dict[str, Any]:
        """Return every field by name, ready for JSON."""
        return {name: _plain(value) for name, value in self.items()}


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))


def _plain(value: Any) -> Any:
    if isinstance(value, Row):
        return value.to_dict()
    return dict(value) if isinstance(value, Mapping) else value


@dataclass(frozen=True, eq=False)
class Outcome(Row):
    """What the position that a signal opened has come to.

    Attributes:
        signal_id: the signal that opened it.
        strategy_id: whose it is.
        symbol: instrument.
        direction: 1 long, -1 short.
        state: open, or closed when nothing is held any more.
        entry_price: mean price of the way in.
        entry_quantity: units that were taken.
        exit_price: mean price of the ways out so far.
        exit_quantity: units that were given back.
        commission: paid on both ways.
        realised_profit: of the units given back, after their share of all commissions paid.
        unrealised_profit: of the units still held, at `mark_price`.
        mark_price: the last price it was valued at.
        marked_ns: when that was.
        opened_ns: time of the first fill.
        closed_ns: time of the last way out, once it is closed.
        version: number of changes so far.
    """

    signal_id: str
    strategy_id: str | None
    symbol: str
    direction: int
    state: str
    entry_price: float
    entry_quantity: float
    exit_price: float | None
    exit_quantity: float
    commission: float
    realised_profit: float
    unrealised_profit: float | None
    mark_price: float | None
    marked_ns: int | None
    opened_ns: int
    closed_ns: int | None
    version: int

    @property
    def open_quantity(self) -> float:
        """Units still held."""
        return difference(self.entry_quantity, self.exit_quantity)

    @property
    def profit(self) -> float:
        """Realised and unrealised profit together."""
        return total([self.realised_profit, self.unrealised_profit or 0.0])


@dataclass(frozen=True, eq=False)
class SignalRecord(Row):
    """A signal with everything that became of it; times are UTC nanoseconds.

    The fields are the columns of `signals` in `docs/lifecycle.md`; `extra` has those that are none.
    """

    signal_id: str
    symbol: str
    side: str
    signal_type: str
    status: SignalStatus
    strategy_id: str | None
    run_id: str | None
    timeframe: str | None
    strength: float | None
    confidence: float | None
    quality_score: float | None
    regime: str | None
    entry_price: float | None
    target_price: float | None
    stop_price: float | None
    requested_quantity: float | None
    order_id: str | None
    reason: str | None
    actor: str | None
    submitted_price: float | None
    executed_price: float | None
    executed_quantity: float | None
    commission: float | None
    slippage: float | None
    delay_slippage: float | None
    fill_slippage: float | None
    signal_ns: int
    created_ns: int
    updated_ns: int
    submitted_ns: int | None
    executed_ns: int | None
    valid_until_ns: int | None
    finished_ns: int | None
    version: int
    sha256: str
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    outcome: Outcome | None = None

    @property
    def remaining_quantity(self) -> float | None:
        """What was asked for and not filled yet; None where no quantity was asked for."""
        if self.requested_quantity is None:
            return None
        return difference(self.requested_quantity, self.executed_quantity or 0.0)


@dataclass(frozen=True, eq=False)
class HistoryRow(Row):
    """One change of a signal.

    Attributes:
        signal_id: the signal.
        version: its version after the change; the first is 1.
        kind: saved, status, order (of one order among several), fill, or outcome.
        from_status: state before, None for the first row.
        status: state after.
        at_ns: when it happened, as told.
        recorded_ns: when it was written.
        actor: who decided.
        reason: why.
        order_id: the order it is about.
        detail: the fields that came with it.
        event_key: the event of a recording that it comes from.
    """

    signal_id: str
    version: int
    kind: str
    from_status: SignalStatus | None
    status: SignalStatus
    at_ns: int
    recorded_ns: int
    actor: str | None
    reason: str | None
    order_id: str | None
    detail: Mapping[str, Any]
    event_key: str | None


@dataclass(frozen=True, eq=False)
class FillRecord(Row):
    """One fill: of what the signal asked for (entry, reduce), or of its position's way out (exit).

    One that is `reduce` was asked for by the signal, and only gave back what others had taken.
    """

    signal_id: str
    fill_id: str
    role: str
    quantity: float | None
    price: float | None
    commission: float
    at_ns: int
    order_id: str | None
    version: int


@dataclass(frozen=True, eq=False)
class ExecutionStats(Row):
    """How signals fared.

    Attributes:
        total_signals: signals that were counted.
        by_status: how many of them are in each state that occurs.
        executed_count: filled as far as they will be.
        partially_filled_count: filled in part, and their order stands.
        rejected_count: refused.
        open_count: in no final state.
        execution_rate: share of the finished signals that were executed.
        fill_rate: executed units as a share of the units asked for, of those that say both.
        avg_slippage: mean slippage per unit of those that have one; positive is worse.
        avg_slippage_bps: mean of slippage over expected price, in basis points.
        avg_delay_slippage: its mean part from decision to submission.
        avg_fill_slippage: its mean part from submission to fill.
        avg_quality_score: mean over the signals that have one.
        avg_confidence: mean over the signals that have one.
        avg_seconds_to_execution: from the signal to its last fill.
        total_commission: paid for what these signals asked for.
        open_positions: positions not closed yet.
        realised_profit: of everything closed.
        unrealised_profit: of everything open, at the last marks.
        win_rate: share of closed positions with a profit.
    """

    total_signals: int
    by_status: Mapping[str, int]
    executed_count: int
    partially_filled_count: int
    rejected_count: int
    open_count: int
    execution_rate: float | None
    fill_rate: float | None
    avg_slippage: float | None
    avg_slippage_bps: float | None
    avg_delay_slippage: float | None
    avg_fill_slippage: float | None
    avg_quality_score: float | None
    avg_confidence: float | None
    avg_seconds_to_execution: float | None
    total_commission: float
    open_positions: int
    realised_profit: float
    unrealised_profit: float
    win_rate: float | None


@dataclass(frozen=True, eq=False)
class ArchiveReport(Row):
    """What was moved into archives, or would be.

    Attributes:
        signals: signals that were moved.
        changes: rows of history that went with them.
        fills: fills that went with them.
        by_status: how many signals of each state.
        archives: identities of the archives that were made.
        bytes: size of their files.
        kept: signals that were old enough, and changed while they were being moved: they stay.
        dry_run: nothing was moved.
    """

    signals: int
    changes: int
    fills: int
    by_status: Mapping[str, int]
    archives: tuple[str, ...]
    bytes: int
    kept: int
    dry_run: bool
