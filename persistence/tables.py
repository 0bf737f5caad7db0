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
    Numeric,
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


def _unguessable(name: str, *parts: Column[object] | object) -> Table:
    """As `_owned`, but ids are random: they tell nobody how many rows others made in between."""
    return Table(
        name,
        metadata,
        Column("tenant_id", BigInteger, ForeignKey("tenants.id"), nullable=False),
        Column("id", BigInteger, nullable=False, server_default=text(RANDOM_ID)),
        *parts,  # type: ignore[arg-type]  # as in `_owned`
        PrimaryKeyConstraint("tenant_id", "id"),
    )


RANDOM_ID = "('x' || substr(replace(gen_random_uuid()::text, '-', ''), 17))::bit(64)::bigint & 4611686018427387903"
"""62 bits, all of them random, of a version 4 UUID's last 64."""


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
    Index("placements_promo_code_idx", "tenant_id", "promo_code", postgresql_where=text("promo_code IS NOT NULL")),
)

events = Table(
    "events",
    metadata,
    # No foreign keys: they cost a quarter of the time to write. The statement that writes events looks advertiser and
    # placement up, and neither is ever deleted.
    Column("tenant_id", BigInteger, nullable=False),
    # A hash of the tenant and the idempotency key: the same in every database, and nobody can count by it.
    Column("id", BigInteger, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    _moment("received_at"),
    Column("type", Text, nullable=False),
    Column("key", Text, nullable=False),
    # A keyed hash of the address; the address itself is never stored.
    Column("household", BigInteger, nullable=False),
    Column("advertiser_id", BigInteger, nullable=False),
    Column("placement_id", BigInteger),
    Column("source", Text),
    Column("order_id", Text),
    Column("value_minor", BigInteger),
    Column("currency", Text),
    Column("promo_code", Text),
    # False for a further report of an order that has been counted.
    Column("counted", Boolean, nullable=False, server_default=text("true")),
    PrimaryKeyConstraint("tenant_id", "occurred_at", "id"),
    _one_of("type", "AD_DELIVERED", "CLIENT_CONFIRMED", "VISIT", "PURCHASE", "LEAD", "SIGNUP", "INSTALL"),
    _one_of("source", "PIXEL", "SERVER", "IMPORT"),
    CheckConstraint("value_minor >= 0", name="value_minor"),
    CheckConstraint("(value_minor IS NULL) = (currency IS NULL)", name="currency"),
    Index("events_household_idx", "tenant_id", "household", "occurred_at", "id"),
    Index("events_placement_idx", "tenant_id", "placement_id", "occurred_at", "id"),
    Index("events_advertiser_idx", "tenant_id", "advertiser_id", "occurred_at", "id"),
    Index(
        "events_order_idx",
        "tenant_id",
        "advertiser_id",
        "order_id",
        postgresql_where=text("order_id IS NOT NULL"),
    ),
    Index(
        "events_promo_code_idx",
        "tenant_id",
        "promo_code",
        "occurred_at",
        "id",
        postgresql_where=text("promo_code IS NOT NULL"),
    ),
    # Visits and conversions are few among impressions; a statement that writes out their types finds them here.
    Index(
        "events_response_idx",
        "tenant_id",
        "advertiser_id",
        "occurred_at",
        "id",
        postgresql_where=text("type NOT IN ('AD_DELIVERED', 'CLIENT_CONFIRMED')"),
    ),
    postgresql_partition_by="RANGE (occurred_at)",
)
"""By the month of `occurred_at` (UTC): partitions are made ahead and dropped whole by `persistence.partitions`."""

event_keys = Table(
    "event_keys",
    metadata,
    Column("tenant_id", BigInteger, nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "id"),
)
"""What has been received: a unique key over all partitions of `events`, and where in them an id is."""

orders = Table(
    "orders",
    metadata,
    Column("tenant_id", BigInteger, ForeignKey("tenants.id"), nullable=False),
    Column("advertiser_id", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("conversion_id", BigInteger, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "advertiser_id", "type", "order_id"),
    ForeignKeyConstraint(["tenant_id", "advertiser_id"], ["advertisers.tenant_id", "advertisers.id"]),
)
"""Which conversion counts an order: the one that was reported first."""

event_hours = Table(
    "event_hours",
    metadata,
    Column("tenant_id", BigInteger, ForeignKey("tenants.id"), nullable=False),
    Column("advertiser_id", BigInteger, nullable=False),
    # 0 and '' where there is none: a primary key has no nulls.
    Column("placement_id", BigInteger, nullable=False),
    Column("hour", DateTime(timezone=True), nullable=False),
    Column("type", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("value_minor", Numeric(30, 0), nullable=False),
    PrimaryKeyConstraint("tenant_id", "placement_id", "hour", "type", "advertiser_id", "currency"),
    ForeignKeyConstraint(["tenant_id", "advertiser_id"], ["advertisers.tenant_id", "advertisers.id"]),
    Index("event_hours_advertiser_idx", "tenant_id", "advertiser_id", "hour"),
)
"""How many counted events an hour (UTC) had, and their value; written in the transaction that writes the events."""

path_sets = _unguessable(
    "path_sets",
    Column("advertiser_id", BigInteger, nullable=False),
    # Only touches of this campaign; null: of all the advertiser's.
    Column("campaign_id", BigInteger),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("impressions", Text, nullable=False),
    Column("impression_window_seconds", Integer, nullable=False),
    Column("visit_window_seconds", Integer, nullable=False),
    Column("promo_policy", Text, nullable=False),
    Column("conversions", BigInteger, nullable=False),
    Column("attributed_conversions", BigInteger, nullable=False),
    Column("null_journeys", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    _moment("created_at"),
    ForeignKeyConstraint(["tenant_id", "advertiser_id"], ["advertisers.tenant_id", "advertisers.id"]),
    ForeignKeyConstraint(["tenant_id", "campaign_id"], ["campaigns.tenant_id", "campaigns.id"]),
    _one_of("impressions", "AD_DELIVERED", "CLIENT_CONFIRMED"),
    _one_of("promo_policy", "OVERRIDE", "FALLBACK", "IGNORE"),
    CheckConstraint("starts_at < ends_at", name="range"),
)
"""Frozen inputs of attribution: written once, in one transaction, and never changed."""

frozen_conversions = Table(
    "frozen_conversions",
    metadata,
    Column("tenant_id", BigInteger, ForeignKey("tenants.id"), nullable=False),
    Column("path_set_id", BigInteger, nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("value_minor", BigInteger),
    Column("currency", Text),
    # What the path is made of: TOUCHES, PROMO_CODE, or NONE (nothing to credit).
    Column("evidence", Text, nullable=False),
    # The path, oldest first: three arrays of the same length.
    Column("placement_ids", ARRAY(BigInteger), nullable=False),
    Column("touch_ids", ARRAY(BigInteger), nullable=False),
    Column("touched_at", ARRAY(DateTime(timezone=True)), nullable=False),
    PrimaryKeyConstraint("tenant_id", "path_set_id", "id"),
    ForeignKeyConstraint(["tenant_id", "path_set_id"], ["path_sets.tenant_id", "path_sets.id"]),
    _one_of("evidence", "TOUCHES", "PROMO_CODE", "NONE"),
    Index("frozen_conversions_occurred_idx", "tenant_id", "path_set_id", "occurred_at", "id"),
)
"""The conversions of a path set, each with its path; `touch_ids` is 0 where a promo code stands for a touch."""

frozen_nulls = Table(
    "frozen_nulls",
    metadata,
    Column("tenant_id", BigInteger, ForeignKey("tenants.id"), nullable=False),
    Column("path_set_id", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),
    Column("placement_ids", ARRAY(BigInteger), nullable=False),
    Column("journeys", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "path_set_id", "position"),
    ForeignKeyConstraint(["tenant_id", "path_set_id"], ["path_sets.tenant_id", "path_sets.id"]),
)
"""The paths of a set that did not convert, counted: one row for each distinct path, in the paths' order."""

attribution_runs = _unguessable(
    "attribution_runs",
    Column("advertiser_id", BigInteger, nullable=False),
    Column("campaign_id", BigInteger),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("impressions", Text, nullable=False),
    Column("impression_window_seconds", Integer, nullable=False),
    Column("visit_window_seconds", Integer, nullable=False),
    Column("promo_policy", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("model_version", Integer, nullable=False),
    # Canonical JSON: every parameter, sorted by name.
    Column("parameters", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="QUEUED"),
    # 0 to 1.
    Column("progress", Numeric(4, 3), nullable=False, server_default=text("0")),
    Column("path_set_id", BigInteger),
    Column("result_hash", Text),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("created_by", BigInteger, ForeignKey("users.id")),
    _moment("created_at"),
    _moment("started_at", nullable=True),
    _moment("finished_at", nullable=True),
    ForeignKeyConstraint(["tenant_id", "advertiser_id"], ["advertisers.tenant_id", "advertisers.id"]),
    ForeignKeyConstraint(["tenant_id", "campaign_id"], ["campaigns.tenant_id", "campaigns.id"]),
    ForeignKeyConstraint(["tenant_id", "path_set_id"], ["path_sets.tenant_id", "path_sets.id"]),
    _one_of("status", "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"),
    CheckConstraint("progress BETWEEN 0 AND 1", name="progress"),
    CheckConstraint("(status = 'SUCCEEDED') = (result_hash IS NOT NULL)", name="result"),
    Index("attribution_runs_created_idx", "tenant_id", "created_at", "id"),
    Index("attribution_runs_advertiser_idx", "tenant_id", "advertiser_id", "created_at", "id"),
    Index("attribution_runs_campaign_idx", "tenant_id", "campaign_id", "created_at", "id"),
)

credits = Table(
    "credits",
    metadata,
    Column("tenant_id", BigInteger, ForeignKey("tenants.id"), nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("placement_id", BigInteger, nullable=False),
    Column("conversions", Numeric(30, 12), nullable=False),
    # What the model knows of the placement, such as its removal effect.
    Column("weight", Numeric(18, 12)),
    PrimaryKeyConstraint("tenant_id", "run_id", "placement_id"),
    ForeignKeyConstraint(["tenant_id", "run_id"], ["attribution_runs.tenant_id", "attribution_runs.id"]),
    ForeignKeyConstraint(["tenant_id", "placement_id"], ["placements.tenant_id", "placements.id"]),
)

credit_values = Table(
    "credit_values",
    metadata,
    Column("tenant_id", BigInteger, ForeignKey("tenants.id"), nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("placement_id", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    # In minor units, to the last digit.
    Column("value", Numeric(42, 12), nullable=False),
    PrimaryKeyConstraint("tenant_id", "run_id", "placement_id", "currency"),
    ForeignKeyConstraint(
        ["tenant_id", "run_id", "placement_id"], ["credits.tenant_id", "credits.run_id", "credits.placement_id"]
    ),
)

run_values = Table(
    "run_values",
    metadata,
    Column("tenant_id", BigInteger, ForeignKey("tenants.id"), nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    # In minor units.
    Column("attributed", Numeric(30, 0), nullable=False),
    Column("unattributed", Numeric(30, 0), nullable=False),
    PrimaryKeyConstraint("tenant_id", "run_id", "currency"),
    ForeignKeyConstraint(["tenant_id", "run_id"], ["attribution_runs.tenant_id", "attribution_runs.id"]),
)
"""What the conversions of a finished run are worth in each currency: those with a path, and those without."""

attribution_jobs = Table(
    "attribution_jobs",
    metadata,
    Column("tenant_id", BigInteger, ForeignKey("tenants.id"), nullable=False),
    Column("run_id", BigInteger, nullable=False),
    # Until when a process has it; null: nobody has.
    Column("lease_until", DateTime(timezone=True)),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "run_id"),
    ForeignKeyConstraint(["tenant_id", "run_id"], ["attribution_runs.tenant_id", "attribution_runs.id"]),
)
"""Runs that wait or are under way, of all tenants: what a process looks through for work. It holds ids alone, no
client reads it, and so it has no row-level security."""
