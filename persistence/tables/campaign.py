"""Advertisers, campaigns, line items and placements."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)

from persistence.tables.columns import moment, one_of, owned, updatable

advertisers = owned(
    "advertisers",
    Column("name", Text, nullable=False),
    Column("website_url", Text),
    moment("archived_at", nullable=True),
    *updatable(),
    # An archived advertiser leaves its name to others.
    Index("advertisers_live_name_key", "tenant_id", "name", unique=True, postgresql_where=text("archived_at IS NULL")),
    Index("advertisers_name_idx", "tenant_id", "name", "id"),
    Index("advertisers_created_idx", "tenant_id", "created_at", "id"),
)

campaigns = owned(
    "campaigns",
    Column("advertiser_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="DRAFT"),
    Column("budget_minor", BigInteger),
    Column("currency", Text, nullable=False),
    Column("starts_on", Date),
    Column("ends_on", Date),
    *updatable(),
    ForeignKeyConstraint(["tenant_id", "advertiser_id"], ["advertisers.tenant_id", "advertisers.id"]),
    UniqueConstraint("tenant_id", "id", "currency"),
    one_of("status", "DRAFT", "ACTIVE", "PAUSED", "COMPLETED", "ARCHIVED"),
    CheckConstraint("budget_minor >= 0", name="budget_minor"),
    CheckConstraint("starts_on <= ends_on", name="dates"),
    Index("campaigns_name_idx", "tenant_id", "name", "id"),
    Index("campaigns_created_idx", "tenant_id", "created_at", "id"),
    Index("campaigns_advertiser_idx", "tenant_id", "advertiser_id", "created_at", "id"),
)

line_items = owned(
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
    moment("archived_at", nullable=True),
    *updatable(),
    ForeignKeyConstraint(
        ["tenant_id", "campaign_id", "currency"], ["campaigns.tenant_id", "campaigns.id", "campaigns.currency"]
    ),
    UniqueConstraint("tenant_id", "campaign_id", "id"),
    Index("line_items_campaign_idx", "tenant_id", "campaign_id", "created_at", "id"),
    one_of("pricing", "CPM", "FLAT", "CPA"),
    CheckConstraint("rate_minor >= 0", name="rate_minor"),
    CheckConstraint("booked_impressions >= 0", name="booked_impressions"),
    CheckConstraint("starts_on <= ends_on", name="dates"),
)

placements = owned(
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
    moment("archived_at", nullable=True),
    *updatable(),
    ForeignKeyConstraint(
        ["tenant_id", "campaign_id", "line_item_id"],
        ["line_items.tenant_id", "line_items.campaign_id", "line_items.id"],
    ),
    ForeignKeyConstraint(["tenant_id", "episode_id"], ["episodes.tenant_id", "episodes.id"]),
    one_of("position", "PRE_ROLL", "MID_ROLL", "POST_ROLL"),
    one_of("insertion_type", "BAKED_IN", "DYNAMIC", "STREAMING"),
    one_of("read_type", "HOST_READ", "ANNOUNCER_READ", "PRE_PRODUCED"),
    CheckConstraint("offset_seconds >= 0", name="offset_seconds"),
    Index("placements_line_item_idx", "tenant_id", "line_item_id", "created_at", "id"),
    Index("placements_campaign_idx", "tenant_id", "campaign_id", "created_at", "id"),
    Index("placements_episode_idx", "tenant_id", "episode_id", "created_at", "id"),
    Index("placements_promo_code_idx", "tenant_id", "promo_code", postgresql_where=text("promo_code IS NOT NULL")),
)
