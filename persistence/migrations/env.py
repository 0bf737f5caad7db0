"""Alembic's entry. Run through `persistence.migrate`, which hands over the connection and the application's role."""

from alembic import context

from persistence.tables import metadata

config = context.config
context.configure(
    connection=config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
