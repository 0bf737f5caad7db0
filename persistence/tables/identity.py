"""People, tenants, and what lets people in."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from persistence.tables.columns import metadata, moment, one_of, owned, updatable

tenants = Table(
    "tenants",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False),
    *updatable(),
)

users = Table(
    "users",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    moment("created_at"),
)

user_sessions = Table(
    "user_sessions",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("user_id", BigInteger, ForeignKey("users.id"), nullable=False, index=True),
    Column("address_hash", Text, nullable=False),
    moment("created_at"),
    moment("revoked_at", nullable=True),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("session_id", BigInteger, ForeignKey("user_sessions.id"), nullable=False, index=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    moment("used_at", nullable=True),
)

memberships = owned(
    "memberships",
    Column("user_id", BigInteger, ForeignKey("users.id"), nullable=False, index=True),
    Column("role", Text, nullable=False),
    *updatable(),
    UniqueConstraint("tenant_id", "user_id"),
    one_of("role", "OWNER", "ADMIN", "MEMBER", "VIEWER"),
)

invites = owned(
    "invites",
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("token_hash", Text, nullable=False),
    Column("invited_by", BigInteger, ForeignKey("users.id"), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    moment("accepted_at", nullable=True),
    moment("created_at"),
    UniqueConstraint("tenant_id", "token_hash"),
    Index("invites_open_email_key", "tenant_id", "email", unique=True, postgresql_where=text("accepted_at IS NULL")),
    one_of("role", "OWNER", "ADMIN", "MEMBER", "VIEWER"),
)

api_keys = owned(
    "api_keys",
    Column("name", Text, nullable=False),
    Column("secret_hash", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_by", BigInteger, ForeignKey("users.id"), nullable=False),
    moment("created_at"),
    moment("last_used_at", nullable=True),
    moment("revoked_at", nullable=True),
    # A budget of its own, in points and points per second; none: it spends from its tenant's alone.
    Column("budget_capacity", Integer),
    Column("budget_restore_rate", Integer),
    UniqueConstraint("tenant_id", "secret_hash"),
    CheckConstraint("(budget_capacity IS NULL) = (budget_restore_rate IS NULL)", name="budget"),
    CheckConstraint("budget_capacity > 0", name="budget_capacity"),
    CheckConstraint("budget_restore_rate > 0", name="budget_restore_rate"),
)
