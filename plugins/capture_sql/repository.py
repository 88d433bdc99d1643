"""The repository of signals: what was wanted, what became of it, and how it got there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from capture.events import SignalStatus
from capture_sql import archiving, exits, expiry, fetching, moving, saving, statistics, verifying
from capture_sql.database import Database
from capture_sql.versions import make_ready, upgrade

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy.engine import Connection

    from capture.lifecycle.record import (
        ArchiveReport,
        ExecutionStats,
        FillRecord,
        HistoryRow,
        Outcome,
        SignalRecord,
    )
    from capture.lifecycle.verification import DatabaseVerification
    from capture.store.recording import Recording
    from capture_sql.outbox import SqlOutbox

__all__ = ["SignalRepository"]

_Answer = TypeVar("_Answer")


class SignalRepository:
    """Keeps signals in SQLite (with a write-ahead log) or PostgreSQL.

    Any number of threads and processes may use one database. An empty one is made ready on first
    use. Times are aware datetimes or UTC nanoseconds where they are given, and UTC nanoseconds
    where they are answered.

    Args:
        db_url: such as `sqlite:///signals.sqlite` or `postgresql://user@host/name`; a path is that
            of a SQLite file; None is the environment's `CAPTURE_DATABASE`, or `lifecycle.sqlite`.
        sinks: names of remote sinks: every change is put into the outbox for each of them, in the
            transaction that makes it.
        durability: "journal" survives a killed process, "fsync" in SQLite a power cut as well; what
            PostgreSQL survives is that server's own setting.
        pool_size: connections that are kept open.
    """

    def __init__(
        self,
        db_url: str | os.PathLike[str] | None = None,
        *,
        sinks: Sequence[str] = (),
        durability: str = "journal",
        pool_size: int = 5,
    ) -> None:
        self.database: Final = Database(db_url, durability, pool_size)
        self.sinks: Final = tuple(sinks)
        try:
            make_ready(self.database)
        except BaseException:
            self.database.close()
            raise

    @classmethod
    def migrate(cls, db_url: str | os.PathLike[str] | None = None) -> tuple[str | None, str | None]:
        """Bring a database to the newest version of its schema; return versions before and after.

        All steps are one transaction: a migration that is interrupted has changed nothing.
        """
        database = Database(db_url, "fsync", 1)
        try:
            return upgrade(database)
        finally:
            database.close()

    # --- writing ---

    def save_signal(
        self, signal: Any, status: SignalStatus | str = SignalStatus.GENERATED, **fields: Any
    ) -> SignalRecord:
        """Save a signal and return its record.

        Args:
            signal: a mapping or an object, with the field names of live systems.
            status: the state it is in already.
            **fields: further fields; those of no column are kept under `extra`.

        Raises:
            InvalidEvent: a field cannot be what it is, or the identity is taken.
        """
        row = saving.prepared(signal, status, fields)
        saved = self.database.write(
            lambda connection: saving.save(connection, [row], self.sinks),
            in_one_statement=not row.fill.there,
        )
        return fetching.as_record(saved[0])

    def save_signals(
        self,
        signals: Iterable[Any],
        status: SignalStatus | str = SignalStatus.GENERATED,
        **fields: Any,
    ) -> list[str]:
        """Save many signals in one transaction, all or none, and return their identities.

        A signal that is a mapping may bring its own `status`.
        """
        rows = saving.prepared_all(signals, status, fields)
        self._write(lambda connection: saving.save(connection, rows, self.sinks))
        return [new.row["signal_id"] for new in rows]

    def update_signal_status(
        self,
        signal_id: str,
        status: SignalStatus | str,
        *,
        expected_version: int | None = None,
        **fields: Any,
    ) -> SignalRecord:
        """Move a signal to another state and return its record.

        `executed_quantity` and `executed_price` are those of one fill: several accumulate.

        Args:
            signal_id: the signal.
            status: the state it goes to.
            expected_version: refuse with `StatusConflict` if it was changed since.
            **fields: `reason`, `actor`, `at`, `order_id`, `submitted_price`, `executed_price`,
                `executed_quantity`, `commission`, `fill_id`, and any other field.

        Raises:
            SignalNotFound: there is no such signal.
            IllegalTransition: its state does not lead there.
            StatusConflict: it has another version than expected.
        """
        change = moving.change(signal_id, status, expected_version, fields)
        moved = self._write(lambda connection: moving.move(connection, [change], self.sinks))
        return self._whole(moved[0])

    def update_signal_statuses(self, changes: Iterable[Mapping[str, Any]]) -> list[SignalRecord]:
        """Move many signals in one transaction, all or none.

        Each change is a mapping with `signal_id`, `status` and the fields of
        `update_signal_status`; several of one signal are made in the order given.
        """
        wanted = moving.changes(changes)
        moved = self._write(lambda connection: moving.move(connection, wanted, self.sinks))
        return [fetching.as_record(row) for row in moved]

    def record_fill(
        self, signal_id: str, quantity: float, price: float, **fields: Any
    ) -> SignalRecord:
        """Add a fill; the signal becomes partially filled, or executed once all is there.

        A fill whose `fill_id` is there already changes nothing, so that it may be told twice. One
        that comes when the state is final, as after a cancel that was too late, is kept as well.
        """
        fill = moving.fill_of(signal_id, quantity, price, fields)
        row = self._write(lambda connection: moving.add_fill(connection, fill, self.sinks))
        return self._whole(row)

    def update_outcome(
        self,
        signal_id: str,
        *,
        exit_price: float | None = None,
        quantity: float | None = None,
        mark_price: float | None = None,
        **fields: Any,
    ) -> Outcome:
        """Record a way out of the position that a signal opened, or what it is worth now.

        Args:
            signal_id: the signal that opened it.
            exit_price: price of a way out.
            quantity: units that were given back; all that is held, if none are named.
            mark_price: price at which what is still held is valued.
            **fields: `commission`, `at`, `fill_id`, `order_id`, `reason`, `actor`.
        """
        change = exits.change(signal_id, exit_price, quantity, mark_price, fields)
        return self._write(lambda connection: exits.update(connection, change, self.sinks))

    def mark_positions(self, prices: Mapping[str, float], at: datetime | int | None = None) -> int:
        """Value every open position of these symbols; return how many there are."""
        return self._write(lambda connection: exits.mark(connection, prices, at))

    def expire_signals(
        self,
        now: datetime | int | None = None,
        *,
        max_age: timedelta | None = None,
        dry_run: bool = False,
    ) -> dict[str, SignalStatus]:
        """Let signals whose time is over expire; return what each became.

        A signal's time is over after `valid_until`, or where it has none, `max_age` after the
        signal. One whose order stands is then expired, one of which no order went out is missed.
        """
        return expiry.expire(self, now, max_age, dry_run=dry_run)

    def import_recording(self, recording: Recording) -> int:
        """Write what a recording has of signals, and this repository has not.

        Returns how many events were new. It may be repeated at any time.
        """
        from capture_sql.feed import import_recording

        return import_recording(self, recording)

    # --- reading ---

    def get_signal_by_id(self, signal_id: str) -> SignalRecord | None:
        """Return the record of a signal with its outcome, or None if there is none."""
        with self.database.reading() as connection:
            return fetching.one(connection, signal_id)

    def get_signals(
        self,
        filters: Mapping[str, Any] | None = None,
        limit: int | None = None,
        *,
        offset: int = 0,
        oldest_first: bool = False,
    ) -> list[SignalRecord]:
        """Return signals, the newest first.

        Args:
            filters: by field: a value, a list of values, or conditions such as `{">=": 0.5}`;
                `start` and `end` limit the time of the signal, the end excluded.
            limit: most signals to return.
            offset: signals to leave out first.
            oldest_first: the other way round.
        """
        with self.database.reading() as connection:
            return fetching.many(connection, filters, limit, offset, oldest_first=oldest_first)

    def iter_signals(self, filters: Mapping[str, Any] | None = None) -> Iterator[SignalRecord]:
        """Yield signals in the order in which they were saved, of one state of the database."""
        with self.database.reading() as connection:
            yield from fetching.every(connection, filters)

    def get_signals_by_strategy(
        self, strategy_id: str, limit: int | None = None, **filters: Any
    ) -> list[SignalRecord]:
        """Return the signals of a strategy, the newest first."""
        return self.get_signals({**filters, "strategy_id": strategy_id}, limit)

    def get_history(self, signal_id: str, *, every: bool = False) -> list[HistoryRow]:
        """Return one row per state that a signal came to, the first being the one it was saved in.

        With `every`, other changes as well: events of single orders, late fills, outcomes.
        """
        with self.database.reading() as connection:
            return fetching.history_of(connection, signal_id, every=every)

    def get_fills(self, signal_id: str) -> list[FillRecord]:
        """Return the fills of a signal, and those of the way out of its position."""
        with self.database.reading() as connection:
            return fetching.fills_of(connection, signal_id)

    def get_execution_stats(
        self, filters: Mapping[str, Any] | None = None, **fields: Any
    ) -> ExecutionStats:
        """Return how signals fared; filters as in `get_signals`, also as keywords."""
        with self.database.reading() as connection:
            return statistics.execution(connection, {**(filters or {}), **fields})

    def get_rejection_summary(
        self, filters: Mapping[str, Any] | None = None, *, by: str | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Return how many signals were rejected for each reason, the most frequent first.

        With `by="strategy_id"` or `by="symbol"`, such a dictionary for each of them.
        """
        with self.database.reading() as connection:
            return statistics.rejections(connection, {**(filters or {}), **fields}, by)

    def verify(self) -> DatabaseVerification:
        """Check every stored field against its digest, every chain, and every archive."""
        with self.database.reading() as connection:
            return verifying.verify(connection, str(self.database))

    # --- retention ---

    def archive_signals(
        self,
        folder: str | os.PathLike[str],
        *,
        older_than: timedelta,
        now: datetime | int | None = None,
        filters: Mapping[str, Any] | None = None,
        dry_run: bool = False,
    ) -> ArchiveReport:
        """Move finished signals with all that belongs to them into Parquet files.

        Signals leave the database when their files are on disk and were read back, and not before.
        One whose position is open stays, whatever its age.

        Args:
            folder: where archives go, each in a folder of its own.
            older_than: how long ago a signal must have come to its final state.
            now: the moment to count from.
            filters: as in `get_signals`, to archive some of them only.
            dry_run: tell what would be moved, and move nothing.
        """
        return archiving.archive(self.database, folder, older_than, now, filters, dry_run=dry_run)

    def archives(self) -> list[dict[str, Any]]:
        """Return the archives that were made of this database, the oldest first."""
        with self.database.reading() as connection:
            return archiving.listed(connection)

    def restore_archive(self, archive_id: str, folder: str | os.PathLike[str] | None = None) -> int:
        """Bring the signals of an archive back, and return how many; its files stay.

        Args:
            archive_id: the archive.
            folder: where it lies now, if it was moved.
        """
        return archiving.restore(self.database, archive_id, folder)

    # --- for those that work beside it ---

    @property
    def place(self) -> str:
        """Which database this is, in a form that holds no password."""
        return str(self.database) if self.file is None else f"sqlite:///{self.file}"

    @property
    def file(self) -> Path | None:
        """The file of a SQLite database; None of any other, and of one in memory."""
        name = self.database.url.database
        in_file = self.database.is_sqlite and name not in (None, "", ":memory:")
        return Path(name).resolve() if in_file and name is not None else None

    def outbox(self) -> SqlOutbox:
        """Return the outbox: what remote systems are to be told."""
        from capture_sql.outbox import SqlOutbox

        return SqlOutbox(self.database)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, work: Callable[[Connection], _Answer]) -> _Answer:
        return self.database.write(work)

    def _whole(self, row: Mapping[str, Any]) -> SignalRecord:
        """Return a record with its outcome, as the reading side has it."""
        if row["executed_price"] is None:
            return fetching.as_record(row)
        with self.database.reading() as connection:
            return fetching.as_record(row, fetching.outcome_of(connection, row["signal_id"]))
