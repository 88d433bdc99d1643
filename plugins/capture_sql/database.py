"""A database of signals: its engine, its transactions, and what goes wrong with either."""

from __future__ import annotations

import os
import random
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.pool import QueuePool

from capture.errors import CaptureError, ConfigError, MissingExtra, StorageFull, StoreError
from capture_sql.address import address_of
from capture_sql.chains import chain_kept, has_chain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Connection, Engine

    from capture_sql.address import Address

__all__ = ["DATABASE", "Database", "is_alone"]

DATABASE: Final = "CAPTURE_DATABASE"
"""Environment variable that names the database where none is given."""

_DEFAULT: Final = "sqlite:///lifecycle.sqlite"
_WRITES: Final = "capture_writes"
_ALONE: Final = "capture_alone"
_USED: Final = "capture_used"
_IDLE_SECONDS: Final = 1.0
"""After that a connection is asked whether its server is still there, before it is used."""
_BUSY_SECONDS: Final = 60.0
_TRIES: Final = 8
# Serialisation failure, deadlock, lock not available; and a key that somebody else wrote between
# our look and our insert, which looking again finds.
_AGAIN: Final = ("40001", "40P01", "55P03", "23505")
_FULL: Final = ("53100",)
_SYNCHRONOUS: Final = {"journal": "NORMAL", "fsync": "FULL"}

_Answer = TypeVar("_Answer")

_TURNS: Final[dict[str, Any]] = {}
"""By file: whose turn it is to write, of the threads of this process."""

os.register_at_fork(after_in_child=_TURNS.clear)  # a thread that is not in the child may have one


class Database:
    """Gives out connections: those that write hold the write lock from their first statement on.

    In SQLite a transaction that begins by reading and then writes may be refused half-way; so one
    that writes begins with BEGIN IMMEDIATE, and waits its turn. In PostgreSQL rows are locked in
    the order of their identity, and what is refused for another's sake all the same is done again.
    """

    def __init__(self, url: str | os.PathLike[str] | None, durability: str, pool_size: int) -> None:
        self.address: Final = _understood(url)
        self.url: Final = self.address.url
        if durability not in _SYNCHRONOUS:
            raise ConfigError("durability", durability, "choose journal or fsync")
        self._synchronous: Final = _SYNCHRONOUS[durability]
        self._pool_size: Final = pool_size
        self._lock: Final = Lock()
        self._engine: Engine | None = None
        self._process = 0
        self._closed = False

    def __str__(self) -> str:
        return str(self.address)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite."""
        return self.address.is_sqlite

    @property
    def engine(self) -> Engine:
        """The engine; a forked process makes one of its own."""
        with self._lock:
            if self._closed:
                raise StoreError(str(self), "this repository is closed", "make a new one")
            if self._engine is not None and self._process != os.getpid():
                self._engine.dispose(close=False)  # the connections are the parent's
                self._engine = None
            if self._engine is None:
                self._engine, self._process = self._made(), os.getpid()
            return self._engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the database."""
        with self._told(), self.engine.connect() as connection:
            if self.is_sqlite:
                yield connection
            else:
                yield connection.execution_options(isolation_level="REPEATABLE READ")

    def write(
        self, work: Callable[[Connection], _Answer], *, in_one_statement: bool = False
    ) -> _Answer:
        """Do work in one transaction, again if the database gave another one the preference.

        Args:
            work: what is done with the connection.
            in_one_statement: it can do all its writing in one statement, and does if `is_alone`
                says so; in PostgreSQL that is a transaction of its own.
        """
        for number in range(_TRIES):
            try:
                with self._turn(), self._told(), self.engine.connect() as plain:
                    alone = in_one_statement and not self.is_sqlite and has_chain(plain)
                    options = {_ALONE: True, "isolation_level": "AUTOCOMMIT"} if alone else {}
                    connection = plain.execution_options(**{_WRITES: True, **options})
                    with chain_kept(connection), connection.begin():
                        return work(connection)
            except _Again:
                if number == _TRIES - 1:
                    raise
                time.sleep(random.uniform(0, 0.01 * 2**number))
        raise AssertionError("the last attempt returns or raises")

    def _turn(self) -> AbstractContextManager[Any]:
        """Return what lets the writers of this process into a SQLite file one after the other.

        SQLite itself lets who comes second sleep for longer and longer, and look again.
        """
        if not self.is_sqlite:
            return nullcontext()
        turn: AbstractContextManager[Any] = _TURNS.setdefault(str(self.url.database), RLock())
        return turn

    def compact(self) -> None:
        """Give the room of what was deleted from a SQLite file back, as far as nobody reads."""
        with self._told(), self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA incremental_vacuum").close()
            connection.commit()
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").close()

    def close(self) -> None:
        """Let go of every connection."""
        with self._lock:
            engine, self._engine, self._closed = self._engine, None, True
            if engine is not None:
                engine.dispose(close=self._process == os.getpid())

    def _made(self) -> Engine:
        in_memory = self.is_sqlite and self.url.database in (None, "", ":memory:")
        pool: dict[str, Any] = {"poolclass": QueuePool, "pool_size": self._pool_size}
        if in_memory:  # one connection is the database
            pool |= {"pool_size": 1, "max_overflow": 0}
        if self.is_sqlite:
            pool["connect_args"] = {"check_same_thread": False, "timeout": _BUSY_SECONDS}
        else:
            # Text is UTF-8 on the way, whatever the server's own idea of an encoding is.
            pool["connect_args"] = {"client_encoding": "utf8", **self.address.secrets()}
        try:
            engine = sa.create_engine(self.url, **pool)
        except ImportError as error:
            raise MissingExtra("PostgreSQL", extra="postgres", library="psycopg") from error
        except exc.NoSuchModuleError as error:
            raise ConfigError("db_url", str(self), "use sqlite:/// or postgresql://") from error
        if self.is_sqlite:
            event.listen(engine, "connect", self._begin_sqlite)
            event.listen(engine, "begin", _begin)
        else:
            event.listen(engine, "checkin", _note_time)
            event.listen(engine, "checkout", _ping_if_idle)
        return engine

    def _begin_sqlite(self, connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where `_begin` says so
        cursor = connection.cursor()
        cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file; ignored by others
        # Several processes may do this at the same moment, and SQLite does not wait for them here.
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                if cursor.execute("PRAGMA journal_mode").fetchone()[0] not in ("wal", "memory"):
                    cursor.execute("PRAGMA journal_mode = WAL")
                break
            except Exception as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        cursor.execute(f"PRAGMA synchronous = {self._synchronous}")
        cursor.execute("PRAGMA journal_size_limit = 67108864")  # a large log is cut after use
        cursor.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the database says into this package's errors."""
        try:
            yield
        except exc.SQLAlchemyError as error:
            raise _translated(error, self.address) from error


def _note_time(_connection: Any, record: Any) -> None:
    record.info[_USED] = time.monotonic()


def _ping_if_idle(connection: Any, record: Any, _proxy: Any) -> None:
    """Have the pool open another connection if this one rested, and its server went away."""
    used = record.info.get(_USED)
    if used is None or time.monotonic() - used < _IDLE_SECONDS:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except Exception as error:
        raise exc.DisconnectionError from error


class _Again(StoreError):
    """The database gave another transaction the preference."""


def is_alone(connection: Connection) -> bool:
    """Say whether every statement is a transaction of its own, so that there may be one only."""
    return bool(connection.get_execution_options().get(_ALONE))


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _translated(error: exc.SQLAlchemyError, address: Address) -> CaptureError:
    cause, place = getattr(error, "orig", None) or error, str(address)
    said = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    said = address.scrubbed(said)
    state = getattr(cause, "sqlstate", None)
    if state in _AGAIN:
        return _Again(place, f"another transaction was in the way ({said})", "try again")
    if state in _FULL or "database or disk is full" in said:
        return StorageFull(place, f"no room to write ({said})", "free some space there")
    if isinstance(error, exc.TimeoutError):
        return StoreError(place, "no connection became free in time", "raise pool_size")
    mend = "check that the database is there, and that it may be read and written"
    return StoreError(place, f"the database refused: {said}", mend)


def _understood(given: str | os.PathLike[str] | None) -> Address:
    """Return the address that was given, or that the environment names."""
    if given is not None:
        return address_of(given)
    named = os.environ.get(DATABASE)
    return address_of(named, DATABASE) if named else address_of(_DEFAULT)
