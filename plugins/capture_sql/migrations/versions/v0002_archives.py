"""Archives; slippage split by stage; when a signal came to its final state."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

_FINAL: Final = ("executed", "rejected", "cancelled", "expired", "missed")


def upgrade() -> None:
    """Add the columns and the table, and fill in what is known of signals that are there.

    The new columns that count for a signal's digest are null, and null columns are no part of its
    canonical form; so the digests of signals that are there still hold.
    """
    for name in ("submitted_price", "delay_slippage", "fill_slippage"):
        op.add_column("signals", sa.Column(name, sa.Double))
    op.add_column("signals", sa.Column("finished_ns", sa.BigInteger))
    op.create_index("ix_signals_finished_ns", "signals", ["finished_ns"])
    signals = sa.table("signals", *map(sa.column, ("signal_id", "status", "finished_ns")))
    history = sa.table("history", *map(sa.column, ("signal_id", "to_status", "kind", "at_ns")))
    came = (
        sa.select(sa.func.max(history.c.at_ns))
        .where(
            history.c.signal_id == signals.c.signal_id,
            history.c.to_status == signals.c.status,
            history.c.kind.in_(["saved", "status"]),
        )
        .scalar_subquery()
    )
    op.execute(signals.update().where(signals.c.status.in_(_FINAL)).values(finished_ns=came))
    op.create_table(
        "archives",
        sa.Column("archive_id", sa.Text, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("begun_ns", sa.BigInteger, nullable=False),
        sa.Column("signals", sa.BigInteger, nullable=False),
        sa.Column("files", sa.Text, nullable=False),
        sa.Column("links", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("archive_id", name="pk_archives"),
    )
