"""What tables are made of: the metadata that holds all, the shapes of tenant-owned tables, columns that many share."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    func,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)


def moment(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=None if nullable else func.now())


def one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def owned(name: str, *parts: Column[object] | object) -> Table:
    """A tenant-owned table: `tenant_id` and a bigint `id` in front, and (tenant_id, id) as the primary key."""
    return Table(
        name,
        metadata,
        Column("tenant_id", BigInteger, ForeignKey("tenants.id"), nullable=False),
        Column("id", BigInteger, Identity(), nullable=False),
        *parts,  # type: ignore[arg-type]  # SQLAlchemy's SchemaItem stubs do not cover typed columns in a tuple
        PrimaryKeyConstraint("tenant_id", "id"),
    )


def unguessable(name: str, *parts: Column[object] | object) -> Table:
    """As `owned`, but ids are random: they tell nobody how many rows others made in between."""
    return Table(
        name,
        metadata,
        Column("tenant_id", BigInteger, ForeignKey("tenants.id"), nullable=False),
        Column("id", BigInteger, nullable=False, server_default=text(RANDOM_ID)),
        *parts,  # type: ignore[arg-type]  # as in `owned`
        PrimaryKeyConstraint("tenant_id", "id"),
    )


RANDOM_ID = "('x' || substr(replace(gen_random_uuid()::text, '-', ''), 17))::bit(64)::bigint & 4611686018427387903"
"""62 bits, all of them random, of a version 4 UUID's last 64."""


def updatable() -> tuple[Column[object], ...]:
    """Columns of objects that clients update: optimistic concurrency by `version`."""
    return (
        Column("version", Integer, nullable=False, server_default=text("1")),
        moment("created_at"),
        moment("updated_at"),
    )  # type: ignore[return-value]  # Column is invariant in its type
