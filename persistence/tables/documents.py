"""Documents that the operator has registered, and what clients use of the graph. Nothing here is a tenant's."""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, PrimaryKeyConstraint, Table, Text, text

from persistence.tables.columns import metadata, moment

registered_documents = Table(
    "registered_documents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    moment("created_at"),
)

registered_clients = Table(
    "registered_clients",
    metadata,
    Column("client", Text, nullable=False),
    Column("client_version", Text, nullable=False, server_default=text("''")),
    Column("document_id", Text, ForeignKey("registered_documents.id"), nullable=False, index=True),
    moment("created_at"),
    PrimaryKeyConstraint("client", "client_version", "document_id"),
)

client_uses = Table(
    "client_uses",
    metadata,
    Column("day", Date, nullable=False),
    Column("client", Text, nullable=False),
    Column("client_version", Text, nullable=False),
    Column("operations", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "client", "client_version"),
)

element_uses = Table(
    "element_uses",
    metadata,
    Column("day", Date, nullable=False),
    Column("coordinate", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("client_version", Text, nullable=False),
    Column("uses", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "coordinate", "client", "client_version"),
)
