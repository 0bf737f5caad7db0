"""Frozen paths, attribution runs and what they credit."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.schema import SchemaItem

from persistence.tables.columns import metadata, moment, one_of, unguessable


def _scope() -> tuple[SchemaItem, ...]:
    """Whose conversions of which time, and the rules of their paths: the same of a path set and of its runs."""
    return (
        Column("advertiser_id", BigInteger, nullable=False),
        # Only touches of this campaign; null: of all the advertiser's.
        Column("campaign_id", BigInteger),
        Column("starts_at", DateTime(timezone=True), nullable=False),
        Column("ends_at", DateTime(timezone=True), nullable=False),
        Column("impressions", Text, nullable=False),
        Column("impression_window_seconds", Integer, nullable=False),
        Column("visit_window_seconds", Integer, nullable=False),
        Column("promo_policy", Text, nullable=False),
        ForeignKeyConstraint(["tenant_id", "advertiser_id"], ["advertisers.tenant_id", "advertisers.id"]),
        ForeignKeyConstraint(["tenant_id", "campaign_id"], ["campaigns.tenant_id", "campaigns.id"]),
    )


path_sets = unguessable(
    "path_sets",
    *_scope(),
    Column("conversions", BigInteger, nullable=False),
    Column("attributed_conversions", BigInteger, nullable=False),
    Column("null_journeys", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    moment("created_at"),
    one_of("impressions", "AD_DELIVERED", "CLIENT_CONFIRMED"),
    one_of("promo_policy", "OVERRIDE", "FALLBACK", "IGNORE"),
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
    one_of("evidence", "TOUCHES", "PROMO_CODE", "NONE"),
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

attribution_runs = unguessable(
    "attribution_runs",
    *_scope(),
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
    moment("created_at"),
    moment("started_at", nullable=True),
    moment("finished_at", nullable=True),
    ForeignKeyConstraint(["tenant_id", "path_set_id"], ["path_sets.tenant_id", "path_sets.id"]),
    one_of("status", "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"),
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
    moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "run_id"),
    ForeignKeyConstraint(["tenant_id", "run_id"], ["attribution_runs.tenant_id", "attribution_runs.id"]),
)
"""Runs that wait or are under way, of all tenants: what a process looks through for work. It holds ids alone, no
client reads it, and so it has no row-level security."""
