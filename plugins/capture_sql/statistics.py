"""How signals fared, computed by the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from capture.errors import UnknownName
from capture.events import SignalStatus
from capture.lifecycle.record import ExecutionStats
from capture.lifecycle.states import FINAL
from capture_sql.changes import rows_of
from capture_sql.filtering import conditions
from capture_sql.tables import outcomes, signals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import Connection

__all__ = ["execution", "rejections"]

_GROUPS: Final = ("strategy_id", "symbol", "actor", "signal_type", "side", "timeframe", "run_id")
_S: Final = signals.c


def execution(connection: Connection, filters: Mapping[str, Any]) -> ExecutionStats:
    """Return how the signals fared that meet the filters."""
    where = tuple(conditions(connection, filters))
    counted = sa.select(_S.status, sa.func.count()).where(*where).group_by(_S.status)
    by_status = {str(row[0]): int(row[1]) for row in sorted(connection.execute(counted))}
    means = rows_of(connection, _means().where(*where))[0]
    held = rows_of(connection, _held().where(*where))[0]
    total = sum(by_status.values())
    finished = sum(n for status, n in by_status.items() if status in FINAL)
    executed = by_status.get(SignalStatus.EXECUTED, 0)
    closed = held["closed"] or 0
    return ExecutionStats(
        total_signals=total,
        by_status=by_status,
        executed_count=executed,
        partially_filled_count=by_status.get(SignalStatus.PARTIALLY_FILLED, 0),
        rejected_count=by_status.get(SignalStatus.REJECTED, 0),
        open_count=total - finished,
        execution_rate=executed / finished if finished else None,
        fill_rate=means["filled"] / means["asked"] if means["asked"] else None,
        avg_slippage=means["slippage"],
        avg_slippage_bps=means["slippage_bps"],
        avg_delay_slippage=means["delay_slippage"],
        avg_fill_slippage=means["fill_slippage"],
        avg_quality_score=means["quality_score"],
        avg_confidence=means["confidence"],
        avg_seconds_to_execution=means["seconds"],
        total_commission=float(means["commission"] or 0.0),
        open_positions=int(held["opened"] or 0),
        realised_profit=float(held["realised"] or 0.0),
        unrealised_profit=float(held["unrealised"] or 0.0),
        win_rate=int(held["won"] or 0) / closed if closed else None,
    )


def _means() -> sa.Select[Any]:
    mean, whole = sa.func.avg, sa.func.sum
    both = _S.requested_quantity.is_not(None) & _S.executed_quantity.is_not(None)
    apart = sa.case((_S.entry_price != 0, _S.slippage / sa.func.abs(_S.entry_price) * 10_000.0))
    waited = _S.executed_ns - _S.signal_ns
    return sa.select(
        mean(_S.slippage).label("slippage"),
        mean(apart).label("slippage_bps"),
        mean(_S.delay_slippage).label("delay_slippage"),
        mean(_S.fill_slippage).label("fill_slippage"),
        mean(_S.quality_score).label("quality_score"),
        mean(_S.confidence).label("confidence"),
        (mean(sa.cast(waited, sa.Double)) / 1e9).label("seconds"),
        whole(sa.case((both, _S.requested_quantity))).label("asked"),
        whole(sa.case((both, _S.executed_quantity))).label("filled"),
        whole(_S.commission).label("commission"),
    )


def _held() -> sa.Select[Any]:
    whole, table = sa.func.sum, outcomes.c
    closed = table.state == "closed"
    won = closed & (table.realised_profit > 0)
    return sa.select(
        whole(sa.case((closed, 1), else_=0)).label("closed"),
        whole(sa.case((table.state == "open", 1), else_=0)).label("opened"),
        whole(sa.case((won, 1), else_=0)).label("won"),
        whole(table.realised_profit).label("realised"),
        whole(table.unrealised_profit).label("unrealised"),
    ).select_from(signals.join(outcomes, _S.signal_id == table.signal_id))


def rejections(
    connection: Connection, filters: Mapping[str, Any], by: str | None
) -> dict[str, Any]:
    """Return how many signals were rejected for each reason, in all or for each of a group."""
    if by is not None and by not in _GROUPS:
        raise UnknownName("group of rejections", by, _GROUPS)
    reason = sa.func.coalesce(_S.reason, "unknown")
    group = sa.literal("") if by is None else sa.func.coalesce(_S[by], "")
    query = (
        sa.select(group.label("of"), reason.label("why"), sa.func.count().label("times"))
        .where(_S.status == SignalStatus.REJECTED, *conditions(connection, filters))
        .group_by("of", "why")
    )
    found: dict[str, dict[str, int]] = {}
    ranked = sorted(rows_of(connection, query), key=lambda r: (r["of"], -r["times"], r["why"]))
    for row in ranked:
        found.setdefault(row["of"], {})[row["why"]] = int(row["times"])
    return found if by is not None else found.get("", {})
