"""Alembic's entry. Run through `persistence.migrate`, which hands over the connection and the application's role."""

from alembic import context

from persistence.partitions import is_partition
from persistence.tables import metadata

config = context.config
context.configure(
    connection=config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=False,
    # Partitions come and go; the migrations and persistence.tables know their parents alone.
    include_name=lambda name, kind, _: kind != "table" or not is_partition(name),
)
with context.begin_transaction():
    context.run_migrations()
