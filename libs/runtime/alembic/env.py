"""Runs one service's migrations in that service's own schema, one at a time across all replicas."""

from alembic import context
from sqlalchemy import Connection, text

connection: Connection = context.config.attributes["connection"]
connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('migrate'), hashtext(current_schema()))"))
context.configure(connection=connection, target_metadata=None)
with context.begin_transaction():
    context.run_migrations()
