"""Signals whose time is over: what was submitted expires, what never was is missed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from capture import checks
from capture.errors import ConfigError
from capture.events import Reason, SignalStatus
from capture.lifecycle.states import TRANSITIONS
from capture_sql.changes import locked, rows_of
from capture_sql.moving import Change, move
from capture_sql.tables import signals

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlalchemy.engine import Connection

    from capture_sql.repository import SignalRepository

__all__ = ["expire"]

_AT_ONCE: Final = 500
_MISSED: Final = frozenset(s for s, onward in TRANSITIONS.items() if SignalStatus.MISSED in onward)
_EXPIRED: Final = frozenset(
    s for s, onward in TRANSITIONS.items() if SignalStatus.EXPIRED in onward and s not in _MISSED
)


def expire(
    repository: SignalRepository,
    now: datetime | int | None,
    max_age: timedelta | None,
    *,
    dry_run: bool,
) -> dict[str, SignalStatus]:
    """Let signals whose time is over expire, some at a time, and return what each became."""
    moment = time.time_ns() if now is None else checks.time_ns("now", now)
    oldest = None
    if max_age is not None:
        seconds = max_age.total_seconds()
        if seconds <= 0:
            raise ConfigError("max_age", max_age, "must be a length of time")
        oldest = moment - round(seconds * 1e9)
    database = repository.database
    found: dict[str, SignalStatus] = {}
    after = 0
    while True:
        with database.reading() as connection:
            page = _page(connection, moment, oldest, after)
        if not page:
            return found
        after = page[-1]["number"]
        if dry_run:
            found |= {row["signal_id"]: _becomes(row["status"]) for row in page}
            continue
        chosen = [row["signal_id"] for row in page]

        def work(connection: Connection, chosen: list[str] = chosen) -> dict[str, SignalStatus]:
            return _expire(connection, chosen, moment, oldest, repository.sinks)

        found |= database.write(work)


def _page(connection: Connection, moment: int, oldest: int | None, after: int) -> list[Any]:
    table = signals.c
    over = table.valid_until_ns < moment
    if oldest is not None:
        over |= table.valid_until_ns.is_(None) & (table.signal_ns < oldest)
    states = [*_MISSED, *_EXPIRED]
    query = sa.select(table.number, table.signal_id, table.status).where(
        over, table.status.in_(states), table.number > after
    )
    return rows_of(connection, query.order_by(table.number).limit(_AT_ONCE))


def _becomes(status: str) -> SignalStatus:
    return SignalStatus.MISSED if status in _MISSED else SignalStatus.EXPIRED


def _expire(
    connection: Connection,
    chosen: list[str],
    moment: int,
    oldest: int | None,
    sinks: tuple[str, ...],
) -> dict[str, SignalStatus]:
    """Look again under the lock: what was filled meanwhile is left alone."""
    wanted = []
    for row in locked(connection, chosen).values():
        until = row["valid_until_ns"]
        over = (
            until < moment
            if until is not None
            else oldest is not None and row["signal_ns"] < oldest
        )
        if over and row["status"] in _MISSED | _EXPIRED:
            said = {"actor": "expiry", "reason": str(Reason.EXPIRED)}
            status = _becomes(row["status"])
            at_ns = max(moment, row["signal_ns"])
            wanted.append(Change(row["signal_id"], status, at_ns=at_ns, values=said))
    move(connection, wanted, sinks)
    return {each.signal_id: each.status for each in wanted}
