"""Events, what keeps each from counting twice, and their hourly counts."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from persistence.tables.columns import metadata, moment, one_of

events = Table(
    "events",
    metadata,
    # No foreign keys: they cost a quarter of the time to write. The statement that writes events looks advertiser and
    # placement up, and neither is ever deleted.
    Column("tenant_id", BigInteger, nullable=False),
    # A hash of the tenant and the idempotency key: the same in every database, and nobody can count by it.
    Column("id", BigInteger, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    moment("received_at"),
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
    one_of("type", "AD_DELIVERED", "CLIENT_CONFIRMED", "VISIT", "PURCHASE", "LEAD", "SIGNUP", "INSTALL"),
    one_of("source", "PIXEL", "SERVER", "IMPORT"),
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
