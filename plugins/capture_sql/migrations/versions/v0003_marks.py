"""Valuations of positions become links of a chain."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from capture_sql.chains import begun, linked, sealed

revision: Final = "0003"
down_revision: Final = "0002"

_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table; what positions are valued at by now is the first that it holds."""
    op.create_table(
        "marks",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("recorded_ns", sa.BigInteger, nullable=False),
        sa.Column("prices", sa.Text, nullable=False),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("link", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("prints", sa.Text, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_marks"),
        sa.UniqueConstraint("writer", "link", name="uq_marks_writer_link"),
    )
    outcomes = sa.table("outcomes", *map(sa.column, ("signal_id", "mark_price", "marked_ns")))
    held: dict[int, dict[str, float]] = {}
    valued = sa.select(outcomes).where(outcomes.c.marked_ns.is_not(None))
    for signal_id, price, at_ns in op.get_bind().execute(valued):
        held.setdefault(at_ns, {})[signal_id] = price
    if held:
        _link(held)


def _link(held: dict[int, dict[str, float]]) -> None:
    """Write what is held as the links of a chain that ends with them."""
    now, writer = time.time_ns(), secrets.token_hex(8)
    chain, rows = begun(writer, now), list[dict[str, Any]]()
    for link, (at_ns, prices) in enumerate(sorted(held.items()), 1):
        said = json.dumps(prices, sort_keys=True, separators=(",", ":"))
        row = {"at_ns": at_ns, "recorded_ns": now, "prices": said, "writer": writer, "link": link}
        chain = row["chain"] = linked(chain, sealed(row)["sha256"])
        rows.append(row)
    marks = sa.table("marks", *map(sa.column, rows[0]))
    writers = sa.table("writers", *map(sa.column, ("writer", "begun_ns", "links", "chain")))
    end = {"writer": writer, "begun_ns": now, "links": len(rows), "chain": chain}
    op.get_bind().execute(marks.insert(), rows)
    op.get_bind().execute(writers.insert(), [end])
