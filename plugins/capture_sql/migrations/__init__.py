"""The versions of the schema of a signal repository, and how Alembic walks through them."""
