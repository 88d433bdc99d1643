"""First release: signals, their history, fills and outcomes, and the outbox."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None

_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _signals()
    _history()
    _positions()
    _outbox()


def _signals() -> None:
    op.create_table(
        "signals",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("signal_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("strategy_id", sa.Text),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("timeframe", sa.Text),
        sa.Column("signal_type", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("strength", sa.Double),
        sa.Column("confidence", sa.Double),
        sa.Column("quality_score", sa.Double),
        sa.Column("regime", sa.Text),
        sa.Column("entry_price", sa.Double),
        sa.Column("target_price", sa.Double),
        sa.Column("stop_price", sa.Double),
        sa.Column("requested_quantity", sa.Double),
        sa.Column("order_id", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("actor", sa.Text),
        sa.Column("executed_price", sa.Double),
        sa.Column("executed_quantity", sa.Double),
        sa.Column("commission", sa.Double),
        sa.Column("slippage", sa.Double),
        sa.Column("signal_ns", sa.BigInteger, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("updated_ns", sa.BigInteger, nullable=False),
        sa.Column("submitted_ns", sa.BigInteger),
        sa.Column("executed_ns", sa.BigInteger),
        sa.Column("valid_until_ns", sa.BigInteger),
        sa.Column("extra", sa.Text),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("prints", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_signals"),
        sa.UniqueConstraint("signal_id", name="uq_signals_signal_id"),
    )
    op.create_index("ix_signals_signal_ns", "signals", ["signal_ns"])
    op.create_index("ix_signals_status_signal_ns", "signals", ["status", "signal_ns"])
    op.create_index("ix_signals_strategy_id_signal_ns", "signals", ["strategy_id", "signal_ns"])
    op.create_index("ix_signals_symbol_signal_ns", "signals", ["symbol", "signal_ns"])
    op.create_index("ix_signals_valid_until_ns", "signals", ["valid_until_ns"])


def _history() -> None:
    op.create_table(
        "history",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("signal_id", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("from_status", sa.Text),
        sa.Column("to_status", sa.Text, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("recorded_ns", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("order_id", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("event_key", sa.Text),
        sa.Column("signal_sha256", sa.Text, nullable=False),
        sa.Column("fill_sha256", sa.Text),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("link", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("prints", sa.Text, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_history"),
        sa.UniqueConstraint("event_key", name="uq_history_event_key"),
        sa.UniqueConstraint("signal_id", "version", name="uq_history_signal_id_version"),
        sa.UniqueConstraint("writer", "link", name="uq_history_writer_link"),
    )
    op.create_index("ix_history_recorded_ns", "history", ["recorded_ns"])
    op.create_table(
        "writers",
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("begun_ns", sa.BigInteger, nullable=False),
        sa.Column("links", sa.BigInteger, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("writer", name="pk_writers"),
    )


def _positions() -> None:
    op.create_table(
        "fills",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("signal_id", sa.Text, nullable=False),
        sa.Column("fill_id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("quantity", sa.Double),
        sa.Column("price", sa.Double),
        sa.Column("commission", sa.Double, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("order_id", sa.Text),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("prints", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_fills"),
        sa.UniqueConstraint("signal_id", "fill_id", name="uq_fills_signal_id_fill_id"),
    )
    op.create_table(
        "outcomes",
        sa.Column("signal_id", sa.Text, nullable=False),
        sa.Column("strategy_id", sa.Text),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("direction", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("entry_price", sa.Double, nullable=False),
        sa.Column("entry_quantity", sa.Double, nullable=False),
        sa.Column("exit_price", sa.Double),
        sa.Column("exit_quantity", sa.Double, nullable=False),
        sa.Column("commission", sa.Double, nullable=False),
        sa.Column("realised_profit", sa.Double, nullable=False),
        sa.Column("unrealised_profit", sa.Double),
        sa.Column("mark_price", sa.Double),
        sa.Column("marked_ns", sa.BigInteger),
        sa.Column("opened_ns", sa.BigInteger, nullable=False),
        sa.Column("closed_ns", sa.BigInteger),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("prints", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("signal_id", name="pk_outcomes"),
    )
    op.create_index("ix_outcomes_state_symbol", "outcomes", ["state", "symbol"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("signal_id", sa.Text, nullable=False),
        sa.Column("sink", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_ns", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.Column("sent_ns", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("idempotency_key", name="uq_outbox_idempotency_key"),
    )
    op.create_index("ix_outbox_signal_id", "outbox", ["signal_id"])
    op.create_index(
        "ix_outbox_sink_state_next_attempt_ns", "outbox", ["sink", "state", "next_attempt_ns"]
    )
