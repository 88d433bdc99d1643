"""The outbox: what remote systems are to be told, claimed by one sender at a time."""

from __future__ import annotations

import json
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from capture.contracts.outbox import DeadLetter, OutboxCounts
from capture.contracts.remote_sink import Delivery
from capture_sql.changes import any_of
from capture_sql.tables import outbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

    from capture.contracts.outbox import Verdict
    from capture_sql.database import Database

__all__ = ["SqlOutbox"]

_NS: Final = 1_000_000_000
_FORGOTTEN_AT_ONCE: Final = 2_000
"""Items that one transaction takes away: others want to write as well."""
_LONGEST_PROBLEM: Final = 500
"""Characters of a problem that are kept."""


class SqlOutbox:
    """Hands out the items of a repository's outbox, in SQLite and PostgreSQL.

    A claim is a lease: it moves the time at which an item is due to the lease's end. Nobody claims
    it before that, and it is due again by itself if its sender was killed. No two leases of an item
    end at the same moment, so that the end also tells whose lease it is.
    """

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    def claim(self, sink: str, limit: int, lease_s: float) -> list[Delivery]:
        """Return items that are due, which are nobody else's until the lease has run out."""
        now = time_ns()
        # Asked without the write lock first, which whoever saves signals may need.
        if self._first(sink, _unsent_first(), outbox.c.next_attempt_ns <= now) is None:
            return []
        lease_ns = now + int(lease_s * _NS)
        return self._database.write(lambda it: _claim(it, sink, limit, now, lease_ns))

    def settle(self, verdicts: Sequence[Verdict]) -> int:
        """Keep verdicts, and return how many counted."""
        if not verdicts:
            return 0
        return self._database.write(lambda connection: _settle(connection, verdicts))

    def next_due_ns(self, sink: str) -> int | None:
        """Return when the next item may be claimed; None if none is pending that ever may."""
        return self._first(sink, _unsent_first())

    def _first(self, sink: str, *conditions: sa.ColumnElement[bool]) -> int | None:
        due = outbox.c.next_attempt_ns
        found = sa.select(due).where(*_pending(sink), *conditions).order_by(due).limit(1)
        with self._database.reading() as connection:
            first: int | None = connection.execute(found).scalar()
        return first

    def counts(self, sink: str) -> OutboxCounts:
        """Return how many items are in which state."""
        states = (
            sa.select(outbox.c.state, sa.func.count(), sa.func.min(outbox.c.created_ns))
            .where(outbox.c.sink == sink)
            .group_by(outbox.c.state)
        )
        held = sa.select(sa.func.count()).where(*_pending(sink), _earlier("dead"))
        with self._database.reading() as connection:
            found = {state: (count, oldest) for state, count, oldest in connection.execute(states)}
            waiting = connection.execute(held).scalar_one() if "dead" in found else 0
        pending, oldest = found.get("pending", (0, None))
        return OutboxCounts(
            pending=pending,
            sent=found.get("sent", (0, None))[0],
            dead=found.get("dead", (0, None))[0],
            held=waiting,
            oldest_ns=oldest,
        )

    def sinks(self) -> tuple[str, ...]:
        """Return the names of the sinks that there are items for."""
        with self._database.reading() as connection:
            found = connection.execute(sa.select(outbox.c.sink).distinct())
            return tuple(sorted(name for (name,) in found))

    def dead(self, sink: str, limit: int = 1000) -> list[DeadLetter]:
        """Return the items that were given up, oldest first."""
        found = (
            sa.select(outbox)
            .where(outbox.c.sink == sink, outbox.c.state == "dead")
            .order_by(outbox.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [
                DeadLetter(
                    id=row.id,
                    signal_id=row.signal_id,
                    sink=row.sink,
                    kind=row.kind,
                    attempts=row.attempts,
                    created_ns=row.created_ns,
                    problem=row.last_error,
                )
                for row in connection.execute(found)
            ]

    def forget(self, sink: str, before_ns: int, *, dry_run: bool = False) -> int:
        """Take away the items that were sent before a moment, some at a time; return how many."""
        gone = (outbox.c.sink == sink, outbox.c.state == "sent", outbox.c.sent_ns < before_ns)
        if dry_run:
            with self._database.reading() as connection:
                count = sa.select(sa.func.count()).select_from(outbox).where(*gone)
                return int(connection.execute(count).scalar_one())
        some = sa.select(outbox.c.id).where(*gone).order_by(outbox.c.id).limit(_FORGOTTEN_AT_ONCE)
        forget = sa.delete(outbox).where(outbox.c.id.in_(some))
        total = 0
        while number := self._database.write(lambda it: it.execute(forget).rowcount):
            total += number
        if total and self._database.is_sqlite:
            self._database.compact()
        return total

    def resend(self, sink: str, ids: Sequence[int] | None = None) -> int:
        """Make dead items pending again, all or those named, and return how many."""
        again = (
            sa.update(outbox)
            .where(outbox.c.sink == sink, outbox.c.state == "dead")
            .values(state="pending", attempts=0, next_attempt_ns=time_ns())
        )
        if ids is not None:
            again = again.where(outbox.c.id.in_(list(ids)))
        return self._database.write(lambda connection: connection.execute(again).rowcount)


def _pending(sink: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (outbox.c.sink == sink, outbox.c.state == "pending")


def _earlier(*states: str) -> sa.ColumnElement[bool]:
    """Return the condition that an earlier item of the signal and sink is in such a state."""
    before = outbox.alias("before")
    return (
        sa.select(sa.literal(1))
        .where(
            before.c.signal_id == outbox.c.signal_id,
            before.c.sink == outbox.c.sink,
            before.c.id < outbox.c.id,
            before.c.state.in_(states),
        )
        .correlate(outbox)
        .exists()
    )


def _unsent_first() -> sa.ColumnElement[bool]:
    """Return the condition that an item is the first of its signal that was not sent."""
    return ~_earlier("pending", "dead")


def _claim(
    connection: Connection, sink: str, limit: int, now: int, lease_ns: int
) -> list[Delivery]:
    """Claim the first item of each signal, and what comes after those that were claimed.

    Whoever holds a signal's first unsent item holds those behind it, for nobody else looks at them.
    """
    heads = (
        sa.select(outbox)
        .where(*_pending(sink), outbox.c.next_attempt_ns <= now, _unsent_first())
        .order_by(outbox.c.next_attempt_ns, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=outbox)  # SQLite knows no such words, and needs none
    )
    rows = list(connection.execute(heads))
    if 0 < len(rows) < limit:
        behind = (
            sa.select(outbox)
            .where(
                *_pending(sink),
                outbox.c.next_attempt_ns <= now,
                outbox.c.signal_id.in_([row.signal_id for row in rows]),
                outbox.c.id.not_in([row.id for row in rows]),
            )
            .order_by(outbox.c.id)
            .limit(limit - len(rows))
        )
        rows += connection.execute(behind)
    if rows:
        ids = [row.id for row in rows]
        lease = sa.update(outbox).where(outbox.c.id.in_(ids)).values(next_attempt_ns=lease_ns)
        connection.execute(lease)
    return [_delivery(row, lease_ns) for row in sorted(rows, key=lambda row: row.id)]


def _delivery(row: Any, lease_ns: int) -> Delivery:
    return Delivery(
        id=row.id,
        signal_id=row.signal_id,
        sink=row.sink,
        kind=row.kind,
        payload=json.loads(row.payload),
        idempotency_key=row.idempotency_key,
        created_ns=row.created_ns,
        attempts=row.attempts,
        lease_ns=lease_ns,
    )


def _settle(connection: Connection, verdicts: Sequence[Verdict]) -> int:
    """Keep verdicts by the key of each item: SQLite gives the number of one that left again."""
    sent = [verdict for verdict in verdicts if verdict.state == "sent"]
    counted = 0
    if sent:
        # What the remote has, it has, whoever holds the lease by now.
        keys = [verdict.delivery.idempotency_key for verdict in sent]
        arrived = (
            sa.update(outbox)
            .where(any_of(connection, outbox.c.idempotency_key, keys), outbox.c.state != "sent")
            .values(state="sent", sent_ns=sent[0].at_ns, last_error=None)
        )
        counted += connection.execute(arrived).rowcount
    for verdict in verdicts:
        if verdict.state != "sent":
            said: dict[str, Any] = {
                "state": verdict.state,
                "attempts": verdict.attempts,
                "next_attempt_ns": verdict.at_ns,
            }
            if verdict.problem is not None:  # what is only given back keeps what was said before
                said["last_error"] = verdict.problem[:_LONGEST_PROBLEM]
            kept = (
                sa.update(outbox)
                .where(
                    outbox.c.idempotency_key == verdict.delivery.idempotency_key,
                    outbox.c.state == "pending",
                    outbox.c.next_attempt_ns == verdict.delivery.lease_ns,
                )
                .values(**said)
            )
            counted += connection.execute(kept).rowcount
    return counted
