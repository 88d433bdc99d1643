"""What Alembic runs: all versions that are missing, in one transaction of the given connection."""

from __future__ import annotations

from alembic import context

from capture_sql.tables import METADATA
from capture_sql.versions import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    # The caller's transaction holds: a process that dies half-way leaves the version before.
    transaction_per_migration=False,
    transactional_ddl=True,
)
context.run_migrations()
