"""The tables of a signal repository, as the newest version of the schema has them.

Time is UTC nanoseconds since 1970 as whole numbers, as in the rest of the product: no database's
idea of a time zone is involved, and no digit is lost. Prices and amounts are doubles, as in
recordings; sums over fills are taken over their decimal digits (`capture.lifecycle.amounts`).
Digests are SHA-256 in hexadecimal.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "METADATA",
    "archives",
    "fills",
    "history",
    "marks",
    "outbox",
    "outcomes",
    "signals",
    "writers",
]

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only this type


def _number() -> Column[int]:
    return Column("number", _NUMBER, primary_key=True, autoincrement=True)


signals: Final = Table(
    "signals",
    METADATA,
    _number(),  # in the order in which signals were saved
    Column("signal_id", Text, nullable=False, unique=True),
    Column("run_id", Text),  # recording that the signal is also in
    Column("strategy_id", Text),
    Column("symbol", Text, nullable=False),
    Column("timeframe", Text),
    Column("signal_type", Text, nullable=False),  # entry, exit or adjustment
    Column("side", Text, nullable=False),  # buy, sell or flat
    Column("strength", Double),
    Column("confidence", Double),  # 0 to 1
    Column("quality_score", Double),
    Column("regime", Text),
    Column("entry_price", Double),  # expected when the decision was made
    Column("target_price", Double),
    Column("stop_price", Double),
    Column("requested_quantity", Double),
    Column("order_id", Text),  # the broker's, as far as it is known
    Column("status", Text, nullable=False),
    Column("reason", Text),  # of the last change of state
    Column("actor", Text),
    Column("submitted_price", Double),  # price of the market when the order went out
    Column("executed_price", Double),  # mean over the fills, weighted by quantity
    Column("executed_quantity", Double),
    Column("commission", Double),
    Column("slippage", Double),  # executed less expected price for a buy, the reverse for a sell
    Column("delay_slippage", Double),  # its part from decision to submission
    Column("fill_slippage", Double),  # its part from submission to fill
    Column("signal_ns", BigInteger, nullable=False),  # time of the signal itself
    Column("created_ns", BigInteger, nullable=False),  # when it was saved
    Column("updated_ns", BigInteger, nullable=False),
    Column("submitted_ns", BigInteger),
    Column("executed_ns", BigInteger),  # of the last fill
    Column("valid_until_ns", BigInteger),  # after that it expires, or is missed
    Column("finished_ns", BigInteger),  # when it came to a final state
    Column("extra", Text),  # fields of no column, as JSON
    Column("version", BigInteger, nullable=False),  # number of changes so far
    Column("sha256", Text, nullable=False),  # over all of the above but number and finished_ns
    Column("prints", Text, nullable=False),  # a few bytes of each field, to name what was changed
    Index(None, "strategy_id", "signal_ns"),
    Index(None, "symbol", "signal_ns"),
    Index(None, "status", "signal_ns"),
    Index(None, "signal_ns"),
    Index(None, "valid_until_ns"),
    Index(None, "finished_ns"),
)

history: Final = Table(
    "history",
    METADATA,
    _number(),
    Column("signal_id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),  # of the signal, after this change
    Column("kind", Text, nullable=False),  # saved, status, order, fill or outcome
    Column("from_status", Text),
    Column("to_status", Text, nullable=False),
    Column("at_ns", BigInteger, nullable=False),  # when it happened
    Column("recorded_ns", BigInteger, nullable=False),  # when it was written
    Column("actor", Text),
    Column("reason", Text),
    Column("order_id", Text),
    Column("detail", Text),  # the fields that came with it, JSON
    Column("event_key", Text, unique=True),  # event of a recording: run/part/seq
    Column("signal_sha256", Text, nullable=False),  # of the signal, after this change
    Column("fill_sha256", Text),  # of the fill that came with it
    Column("writer", Text, nullable=False),  # chain that this row is a link of
    Column("link", BigInteger, nullable=False),  # its place there, from 1
    Column("sha256", Text, nullable=False),  # over all of the above but number
    Column("prints", Text, nullable=False),
    Column("chain", Text, nullable=False),  # over the chain before and sha256
    # Two updates of one version cannot both be there, whatever a program does.
    UniqueConstraint("signal_id", "version"),
    UniqueConstraint("writer", "link"),
    Index(None, "recorded_ns"),
)

writers: Final = Table(
    "writers",
    METADATA,
    Column("writer", Text, primary_key=True),  # one per connection, so that none waits for another
    Column("begun_ns", BigInteger, nullable=False),
    Column("links", BigInteger, nullable=False),
    Column("chain", Text, nullable=False),  # the last link's
)

fills: Final = Table(
    "fills",
    METADATA,
    _number(),
    Column("signal_id", Text, nullable=False),
    Column("fill_id", Text, nullable=False),
    # entry: what the signal asked for; reduce: that, but it only gave back what others had taken;
    # exit: the way out of the position that the signal opened
    Column("role", Text, nullable=False),
    Column("quantity", Double),
    Column("price", Double),
    Column("commission", Double, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("order_id", Text),
    Column("version", BigInteger, nullable=False),  # of the signal, after this fill
    Column("sha256", Text, nullable=False),
    Column("prints", Text, nullable=False),
    UniqueConstraint("signal_id", "fill_id"),
)

outcomes: Final = Table(
    "outcomes",
    METADATA,
    Column("signal_id", Text, primary_key=True),
    Column("strategy_id", Text),
    Column("symbol", Text, nullable=False),
    Column("direction", Integer, nullable=False),  # 1 long, -1 short
    Column("state", Text, nullable=False),  # open or closed
    Column("entry_price", Double, nullable=False),
    Column("entry_quantity", Double, nullable=False),
    Column("exit_price", Double),  # mean over the exits
    Column("exit_quantity", Double, nullable=False),
    Column("commission", Double, nullable=False),
    Column("realised_profit", Double, nullable=False),  # of what was closed, all commissions paid
    Column("unrealised_profit", Double),  # of what is open, at the last mark
    Column("mark_price", Double),
    Column("marked_ns", BigInteger),
    Column("opened_ns", BigInteger, nullable=False),
    Column("closed_ns", BigInteger),
    Column("version", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("prints", Text, nullable=False),
    Index(None, "state", "symbol"),
)

marks: Final = Table(
    "marks",
    METADATA,
    _number(),
    Column("at_ns", BigInteger, nullable=False),  # of the prices
    Column("recorded_ns", BigInteger, nullable=False),
    Column("prices", Text, nullable=False),  # by signal whose position was valued, JSON
    Column("writer", Text, nullable=False),  # the chain is that of history
    Column("link", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("prints", Text, nullable=False),
    Column("chain", Text, nullable=False),
    UniqueConstraint("writer", "link"),
)

outbox: Final = Table(
    "outbox",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("signal_id", Text, nullable=False),
    Column("sink", Text, nullable=False),
    Column("kind", Text, nullable=False),  # what changed, as in history
    Column("payload", Text, nullable=False),  # JSON
    Column("idempotency_key", Text, nullable=False, unique=True),  # signal, version and sink
    Column("created_ns", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_attempt_ns", BigInteger, nullable=False),
    Column("state", Text, nullable=False, default="pending"),  # pending, sent or dead
    Column("last_error", Text),
    Column("sent_ns", BigInteger),
    Index(None, "sink", "state", "next_attempt_ns"),
    Index(None, "signal_id"),
)

archives: Final = Table(
    "archives",
    METADATA,
    Column("archive_id", Text, primary_key=True),
    Column("folder", Text, nullable=False),
    Column("state", Text, nullable=False),  # writing, archived or restored
    Column("begun_ns", BigInteger, nullable=False),
    Column("signals", BigInteger, nullable=False),
    Column("files", Text, nullable=False),  # SHA-256 of each file, JSON
    Column("links", Text, nullable=False),  # digests of the links that left the chains, JSON
)
