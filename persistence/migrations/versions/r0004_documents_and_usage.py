"""Registered documents, and what clients use of the graph."""

import sqlalchemy as sa
from alembic import op

from persistence.migrate import let_application

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "registered_documents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("registered_documents_pkey")),
    )
    op.create_index(op.f("registered_documents_hash_idx"), "registered_documents", ["hash"], unique=False)
    op.create_table(
        "registered_clients",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("client_version", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["registered_documents.id"], name=op.f("registered_clients_document_id_fkey")
        ),
        sa.PrimaryKeyConstraint("client", "client_version", "document_id", name=op.f("registered_clients_pkey")),
    )
    op.create_index(op.f("registered_clients_document_id_idx"), "registered_clients", ["document_id"], unique=False)
    op.create_table(
        "client_uses",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("client_version", sa.Text(), nullable=False),
        sa.Column("operations", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "client", "client_version", name=op.f("client_uses_pkey")),
    )
    op.create_table(
        "element_uses",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("coordinate", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("client_version", sa.Text(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "coordinate", "client", "client_version", name=op.f("element_uses_pkey")),
    )
    # What may run is the operator's to say: whoever breaks into the gateway cannot register a document.
    let_application("registered_documents", "SELECT")
    let_application("client_uses", "SELECT, INSERT, UPDATE")
    let_application("element_uses", "SELECT, INSERT, UPDATE")


def downgrade() -> None:
    op.drop_table("element_uses")
    op.drop_table("client_uses")
    op.drop_table("registered_clients")
    op.drop_table("registered_documents")
