"""The tables. DDL history lives in migrations/; `alembic check` keeps both equal.

Every tenant-owned table has `tenant_id` first in its primary key, its unique constraints and its foreign keys, so that
the same DDL shards by tenant. Row-level security on these tables is created by the migrations.
"""

from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
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


def _moment(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=None if nullable else func.now())


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _owned(name: str, *parts: Column[object] | object) -> Table:
    """A tenant-owned table: `tenant_id` and a bigint `id` in front, and (tenant_id, id) as the primary key."""
    return Table(
        name,
        metadata,
        Column("tenant_id", BigInteger, ForeignKey("tenants.id"), nullable=False),
        Column("id", BigInteger, Identity(), nullable=False),
        *parts,  # type: ignore[arg-type]  # SQLAlchemy's SchemaItem stubs do not cover typed columns in a tuple
        PrimaryKeyConstraint("tenant_id", "id"),
    )


def _updatable() -> tuple[Column[object], ...]:
    """Columns of objects that clients update: optimistic concurrency by `version`."""
    return (
        Column("version", Integer, nullable=False, server_default=text("1")),
        _moment("created_at"),
        _moment("updated_at"),
    )  # type: ignore[return-value]  # Column is invariant in its type


tenants = Table(
    "tenants",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False),
    *_updatable(),
)

users = Table(
    "users",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    _moment("created_at"),
)

user_sessions = Table(
    "user_sessions",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("user_id", BigInteger, ForeignKey("users.id"), nullable=False, index=True),
    Column("address_hash", Text, nullable=False),
    _moment("created_at"),
    _moment("revoked_at", nullable=True),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("session_id", BigInteger, ForeignKey("user_sessions.id"), nullable=False, index=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    _moment("used_at", nullable=True),
)

memberships = _owned(
    "memberships",
    Column("user_id", BigInteger, ForeignKey("users.id"), nullable=False, index=True),
    Column("role", Text, nullable=False),
    *_updatable(),
    UniqueConstraint("tenant_id", "user_id"),
    _one_of("role", "OWNER", "ADMIN", "MEMBER", "VIEWER"),
)

invites = _owned(
    "invites",
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("token_hash", Text, nullable=False),
    Column("invited_by", BigInteger, ForeignKey("users.id"), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    _moment("accepted_at", nullable=True),
    _moment("created_at"),
    UniqueConstraint("tenant_id", "token_hash"),
    Index("invites_open_email_key", "tenant_id", "email", unique=True, postgresql_where=text("accepted_at IS NULL")),
    _one_of("role", "OWNER", "ADMIN", "MEMBER", "VIEWER"),
)

api_keys = _owned(
    "api_keys",
    Column("name", Text, nullable=False),
    Column("secret_hash", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_by", BigInteger, ForeignKey("users.id"), nullable=False),
    _moment("created_at"),
    _moment("last_used_at", nullable=True),
    _moment("revoked_at", nullable=True),
    UniqueConstraint("tenant_id", "secret_hash"),
)

podcasts = _owned(
    "podcasts",
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("author", Text),
    Column("language", Text),
    Column("website_url", Text),
    Column("image_url", Text),
    Column("categories", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("explicit", Boolean),
    Column("feed_url", Text),
    Column("feed_guid", Text),
    Column("feed_etag", Text),
    Column("feed_last_modified", Text),
    _moment("feed_checked_at", nullable=True),
    _moment("archived_at", nullable=True),
    *_updatable(),
    UniqueConstraint("tenant_id", "feed_url"),
    Index("podcasts_title_idx", "tenant_id", "title", "id"),
    Index("podcasts_created_idx", "tenant_id", "created_at", "id"),
)

episodes = _owned(
    "episodes",
    Column("podcast_id", BigInteger, nullable=False),
    Column("guid", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    _moment("published_at", nullable=True),
    Column("duration_seconds", Integer),
    Column("enclosure_url", Text),
    Column("enclosure_type", Text),
    Column("enclosure_bytes", BigInteger),
    Column("season", Integer),
    Column("number", Integer),
    Column("type", Text, nullable=False, server_default="FULL"),
    Column("explicit", Boolean),
    Column("website_url", Text),
    Column("image_url", Text),
    *_updatable(),
    ForeignKeyConstraint(["tenant_id", "podcast_id"], ["podcasts.tenant_id", "podcasts.id"]),
    UniqueConstraint("tenant_id", "podcast_id", "guid"),
    _one_of("type", "FULL", "TRAILER", "BONUS"),
    Index("episodes_published_idx", "tenant_id", "podcast_id", text("coalesce(published_at, created_at)"), "id"),
)

advertisers = _owned(
    "advertisers",
    Column("name", Text, nullable=False),
    Column("website_url", Text),
    _moment("archived_at", nullable=True),
    *_updatable(),
    # An archived advertiser leaves its name to others.
    Index("advertisers_live_name_key", "tenant_id", "name", unique=True, postgresql_where=text("archived_at IS NULL")),
    Index("advertisers_name_idx", "tenant_id", "name", "id"),
    Index("advertisers_created_idx", "tenant_id", "created_at", "id"),
)

campaigns = _owned(
    "campaigns",
    Column("advertiser_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="DRAFT"),
    Column("budget_minor", BigInteger),
    Column("currency", Text, nullable=False),
    Column("starts_on", Date),
    Column("ends_on", Date),
    *_updatable(),
    ForeignKeyConstraint(["tenant_id", "advertiser_id"], ["advertisers.tenant_id", "advertisers.id"]),
    UniqueConstraint("tenant_id", "id", "currency"),
    _one_of("status", "DRAFT", "ACTIVE", "PAUSED", "COMPLETED", "ARCHIVED"),
    CheckConstraint("budget_minor >= 0", name="budget_minor"),
    CheckConstraint("starts_on <= ends_on", name="dates"),
    Index("campaigns_name_idx", "tenant_id", "name", "id"),
    Index("campaigns_created_idx", "tenant_id", "created_at", "id"),
    Index("campaigns_advertiser_idx", "tenant_id", "advertiser_id", "created_at", "id"),
)

line_items = _owned(
    "line_items",
    Column("campaign_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("pricing", Text, nullable=False),
    Column("rate_minor", BigInteger, nullable=False),
    # The campaign's own, so that a rate needs no join; the key keeps them together.
    Column("currency", Text, nullable=False),
    Column("booked_impressions", BigInteger),
    Column("starts_on", Date),
    Column("ends_on", Date),
    _moment("archived_at", nullable=True),
    *_updatable(),
    ForeignKeyConstraint(
        ["tenant_id", "campaign_id", "currency"], ["campaigns.tenant_id", "campaigns.id", "campaigns.currency"]
    ),
    UniqueConstraint("tenant_id", "campaign_id", "id"),
    Index("line_items_campaign_idx", "tenant_id", "campaign_id", "created_at", "id"),
    _one_of("pricing", "CPM", "FLAT", "CPA"),
    CheckConstraint("rate_minor >= 0", name="rate_minor"),
    CheckConstraint("booked_impressions >= 0", name="booked_impressions"),
    CheckConstraint("starts_on <= ends_on", name="dates"),
)

placements = _owned(
    "placements",
    # The campaign stands beside the line item so that `Campaign.placements` needs no join; the key keeps them together.
    Column("campaign_id", BigInteger, nullable=False),
    Column("line_item_id", BigInteger, nullable=False),
    Column("episode_id", BigInteger, nullable=False),
    Column("position", Text, nullable=False),
    Column("insertion_type", Text, nullable=False),
    Column("read_type", Text, nullable=False),
    Column("offset_seconds", Integer),
    Column("promo_code", Text),
    Column("vanity_url", Text),
    _moment("archived_at", nullable=True),
    *_updatable(),
    ForeignKeyConstraint(
        ["tenant_id", "campaign_id", "line_item_id"],
        ["line_items.tenant_id", "line_items.campaign_id", "line_items.id"],
    ),
    ForeignKeyConstraint(["tenant_id", "episode_id"], ["episodes.tenant_id", "episodes.id"]),
    _one_of("position", "PRE_ROLL", "MID_ROLL", "POST_ROLL"),
    _one_of("insertion_type", "BAKED_IN", "DYNAMIC", "STREAMING"),
    _one_of("read_type", "HOST_READ", "ANNOUNCER_READ", "PRE_PRODUCED"),
    CheckConstraint("offset_seconds >= 0", name="offset_seconds"),
    Index("placements_line_item_idx", "tenant_id", "line_item_id", "created_at", "id"),
    Index("placements_campaign_idx", "tenant_id", "campaign_id", "created_at", "id"),
    Index("placements_episode_idx", "tenant_id", "episode_id", "created_at", "id"),
)
