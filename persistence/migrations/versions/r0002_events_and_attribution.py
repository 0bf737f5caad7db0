"""Events in monthly partitions, their hourly counts, and attribution runs."""

import sqlalchemy as sa
from alembic import op

from persistence.migrate import allow_function, isolate_tenants, open_to_application

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TENANT_OWNED = (
    "events",
    "event_keys",
    "orders",
    "event_hours",
    "path_sets",
    "frozen_conversions",
    "frozen_nulls",
    "attribution_runs",
    "credits",
    "credit_values",
    "run_values",
)

MAKE_PARTITIONS = """
CREATE FUNCTION make_event_partitions(first date, last date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    month date := date_trunc('month', first);
    partition text;
    made integer := 0;
BEGIN
    IF last > first + interval '20 years' THEN
        RAISE EXCEPTION 'more than 20 years of partitions';
    END IF;
    PERFORM pg_advisory_xact_lock(7635281946002);
    WHILE month <= last LOOP
        partition := 'events_' || to_char(month, 'YYYY_MM');
        IF to_regclass('public.' || partition) IS NULL THEN
            -- Attaching, unlike CREATE TABLE ... PARTITION OF, lets others read and write events meanwhile.
            EXECUTE format('CREATE TABLE public.%I (LIKE public.events INCLUDING ALL)', partition);
            EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', partition);
            EXECUTE format(
                'ALTER TABLE public.events ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                partition, month::timestamptz, (month + interval '1 month')::timestamptz
            );
            made := made + 1;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "event_keys",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("event_keys_pkey")),
    )
    op.create_table(
        "event_hours",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("advertiser_id", sa.BigInteger(), nullable=False),
        sa.Column("placement_id", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("value_minor", sa.Numeric(precision=30, scale=0), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "advertiser_id"],
            ["advertisers.tenant_id", "advertisers.id"],
            name=op.f("event_hours_tenant_id_advertiser_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("event_hours_tenant_id_fkey")),
        sa.PrimaryKeyConstraint(
            "tenant_id", "placement_id", "hour", "type", "advertiser_id", "currency", name=op.f("event_hours_pkey")
        ),
    )
    op.create_index("event_hours_advertiser_idx", "event_hours", ["tenant_id", "advertiser_id", "hour"], unique=False)
    op.create_table(
        "orders",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("advertiser_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("conversion_id", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "advertiser_id"],
            ["advertisers.tenant_id", "advertisers.id"],
            name=op.f("orders_tenant_id_advertiser_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("orders_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "advertiser_id", "type", "order_id", name=op.f("orders_pkey")),
    )
    op.create_table(
        "path_sets",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text(
                "('x' || substr(replace(gen_random_uuid()::text, '-', ''), 17))::bit(64)::bigint & 4611686018427387903"
            ),
            nullable=False,
        ),
        sa.Column("advertiser_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("impressions", sa.Text(), nullable=False),
        sa.Column("impression_window_seconds", sa.Integer(), nullable=False),
        sa.Column("visit_window_seconds", sa.Integer(), nullable=False),
        sa.Column("promo_policy", sa.Text(), nullable=False),
        sa.Column("conversions", sa.BigInteger(), nullable=False),
        sa.Column("attributed_conversions", sa.BigInteger(), nullable=False),
        sa.Column("null_journeys", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "impressions IN ('AD_DELIVERED', 'CLIENT_CONFIRMED')", name=op.f("path_sets_impressions_check")
        ),
        sa.CheckConstraint(
            "promo_policy IN ('OVERRIDE', 'FALLBACK', 'IGNORE')", name=op.f("path_sets_promo_policy_check")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("path_sets_range_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "advertiser_id"],
            ["advertisers.tenant_id", "advertisers.id"],
            name=op.f("path_sets_tenant_id_advertiser_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "campaign_id"],
            ["campaigns.tenant_id", "campaigns.id"],
            name=op.f("path_sets_tenant_id_campaign_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("path_sets_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("path_sets_pkey")),
    )
    op.create_table(
        "attribution_runs",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text(
                "('x' || substr(replace(gen_random_uuid()::text, '-', ''), 17))::bit(64)::bigint & 4611686018427387903"
            ),
            nullable=False,
        ),
        sa.Column("advertiser_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("impressions", sa.Text(), nullable=False),
        sa.Column("impression_window_seconds", sa.Integer(), nullable=False),
        sa.Column("visit_window_seconds", sa.Integer(), nullable=False),
        sa.Column("promo_policy", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="QUEUED", nullable=False),
        sa.Column("progress", sa.Numeric(precision=4, scale=3), server_default=sa.text("0"), nullable=False),
        sa.Column("path_set_id", sa.BigInteger(), nullable=True),
        sa.Column("result_hash", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'SUCCEEDED') = (result_hash IS NOT NULL)", name=op.f("attribution_runs_result_check")
        ),
        sa.CheckConstraint(
            "status IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')",
            name=op.f("attribution_runs_status_check"),
        ),
        sa.CheckConstraint("progress BETWEEN 0 AND 1", name=op.f("attribution_runs_progress_check")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("attribution_runs_created_by_fkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "advertiser_id"],
            ["advertisers.tenant_id", "advertisers.id"],
            name=op.f("attribution_runs_tenant_id_advertiser_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "campaign_id"],
            ["campaigns.tenant_id", "campaigns.id"],
            name=op.f("attribution_runs_tenant_id_campaign_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "path_set_id"],
            ["path_sets.tenant_id", "path_sets.id"],
            name=op.f("attribution_runs_tenant_id_path_set_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("attribution_runs_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("attribution_runs_pkey")),
    )
    op.create_index(
        "attribution_runs_advertiser_idx",
        "attribution_runs",
        ["tenant_id", "advertiser_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "attribution_runs_campaign_idx",
        "attribution_runs",
        ["tenant_id", "campaign_id", "created_at", "id"],
        unique=False,
    )
    op.create_index("attribution_runs_created_idx", "attribution_runs", ["tenant_id", "created_at", "id"], unique=False)
    op.create_table(
        "frozen_conversions",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("path_set_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("placement_ids", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("touch_ids", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("touched_at", sa.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.CheckConstraint(
            "evidence IN ('TOUCHES', 'PROMO_CODE', 'NONE')", name=op.f("frozen_conversions_evidence_check")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "path_set_id"],
            ["path_sets.tenant_id", "path_sets.id"],
            name=op.f("frozen_conversions_tenant_id_path_set_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("frozen_conversions_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "path_set_id", "id", name=op.f("frozen_conversions_pkey")),
    )
    op.create_index(
        "frozen_conversions_occurred_idx",
        "frozen_conversions",
        ["tenant_id", "path_set_id", "occurred_at", "id"],
        unique=False,
    )
    op.create_table(
        "frozen_nulls",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("path_set_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("placement_ids", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("journeys", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "path_set_id"],
            ["path_sets.tenant_id", "path_sets.id"],
            name=op.f("frozen_nulls_tenant_id_path_set_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("frozen_nulls_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "path_set_id", "position", name=op.f("frozen_nulls_pkey")),
    )
    op.create_table(
        "attribution_jobs",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "run_id"],
            ["attribution_runs.tenant_id", "attribution_runs.id"],
            name=op.f("attribution_jobs_tenant_id_run_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("attribution_jobs_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "run_id", name=op.f("attribution_jobs_pkey")),
    )
    op.create_table(
        "credits",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("placement_id", sa.BigInteger(), nullable=False),
        sa.Column("conversions", sa.Numeric(precision=30, scale=12), nullable=False),
        sa.Column("weight", sa.Numeric(precision=18, scale=12), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "placement_id"],
            ["placements.tenant_id", "placements.id"],
            name=op.f("credits_tenant_id_placement_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "run_id"],
            ["attribution_runs.tenant_id", "attribution_runs.id"],
            name=op.f("credits_tenant_id_run_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("credits_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "run_id", "placement_id", name=op.f("credits_pkey")),
    )
    op.create_table(
        "events",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("household", sa.BigInteger(), nullable=False),
        sa.Column("advertiser_id", sa.BigInteger(), nullable=False),
        sa.Column("placement_id", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("value_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("promo_code", sa.Text(), nullable=True),
        sa.Column("counted", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("source IN ('PIXEL', 'SERVER', 'IMPORT')", name=op.f("events_source_check")),
        sa.CheckConstraint(
            "type IN ('AD_DELIVERED', 'CLIENT_CONFIRMED', 'VISIT', 'PURCHASE', 'LEAD', 'SIGNUP', 'INSTALL')",
            name=op.f("events_type_check"),
        ),
        sa.CheckConstraint("(value_minor IS NULL) = (currency IS NULL)", name=op.f("events_currency_check")),
        sa.CheckConstraint("value_minor >= 0", name=op.f("events_value_minor_check")),
        sa.PrimaryKeyConstraint("tenant_id", "occurred_at", "id", name=op.f("events_pkey")),
        postgresql_partition_by="RANGE (occurred_at)",
    )
    op.create_index(
        "events_advertiser_idx", "events", ["tenant_id", "advertiser_id", "occurred_at", "id"], unique=False
    )
    op.create_index("events_household_idx", "events", ["tenant_id", "household", "occurred_at", "id"], unique=False)
    op.create_index(
        "events_order_idx",
        "events",
        ["tenant_id", "advertiser_id", "order_id"],
        unique=False,
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.create_index("events_placement_idx", "events", ["tenant_id", "placement_id", "occurred_at", "id"], unique=False)
    op.create_index(
        "events_promo_code_idx",
        "events",
        ["tenant_id", "promo_code", "occurred_at", "id"],
        unique=False,
        postgresql_where=sa.text("promo_code IS NOT NULL"),
    )
    op.create_index(
        "events_response_idx",
        "events",
        ["tenant_id", "advertiser_id", "occurred_at", "id"],
        unique=False,
        postgresql_where=sa.text("type NOT IN ('AD_DELIVERED', 'CLIENT_CONFIRMED')"),
    )
    op.create_table(
        "credit_values",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("placement_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("value", sa.Numeric(precision=42, scale=12), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "run_id", "placement_id"],
            ["credits.tenant_id", "credits.run_id", "credits.placement_id"],
            name=op.f("credit_values_tenant_id_run_id_placement_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("credit_values_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "run_id", "placement_id", "currency", name=op.f("credit_values_pkey")),
    )
    op.create_table(
        "run_values",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("attributed", sa.Numeric(precision=30, scale=0), nullable=False),
        sa.Column("unattributed", sa.Numeric(precision=30, scale=0), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "run_id"],
            ["attribution_runs.tenant_id", "attribution_runs.id"],
            name=op.f("run_values_tenant_id_run_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("run_values_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "run_id", "currency", name=op.f("run_values_pkey")),
    )
    op.create_index(
        "placements_promo_code_idx",
        "placements",
        ["tenant_id", "promo_code"],
        unique=False,
        postgresql_where=sa.text("promo_code IS NOT NULL"),
    )
    for table in TENANT_OWNED:
        isolate_tenants(table)
    for table in ("event_keys", "orders"):
        # Retention is the owner's: it forgets the keys of all tenants.
        op.execute(f"CREATE POLICY retention_finds ON {table} FOR SELECT TO CURRENT_USER USING (true)")
        op.execute(f"CREATE POLICY retention_forgets ON {table} FOR DELETE TO CURRENT_USER USING (true)")
    for table in (*TENANT_OWNED, "attribution_jobs"):
        open_to_application(table)
    op.execute(MAKE_PARTITIONS)
    allow_function("make_event_partitions(date, date)")


def downgrade() -> None:
    op.drop_index(
        "placements_promo_code_idx", table_name="placements", postgresql_where=sa.text("promo_code IS NOT NULL")
    )
    op.drop_table("run_values")
    op.drop_table("credit_values")
    op.drop_index(
        "events_response_idx",
        table_name="events",
        postgresql_where=sa.text("type NOT IN ('AD_DELIVERED', 'CLIENT_CONFIRMED')"),
    )
    op.drop_index("events_promo_code_idx", table_name="events", postgresql_where=sa.text("promo_code IS NOT NULL"))
    op.drop_index("events_placement_idx", table_name="events")
    op.drop_index("events_order_idx", table_name="events", postgresql_where=sa.text("order_id IS NOT NULL"))
    op.drop_index("events_household_idx", table_name="events")
    op.drop_index("events_advertiser_idx", table_name="events")
    op.drop_table("events")
    op.drop_table("credits")
    op.drop_table("attribution_jobs")
    op.drop_table("frozen_nulls")
    op.drop_index("frozen_conversions_occurred_idx", table_name="frozen_conversions")
    op.drop_table("frozen_conversions")
    op.drop_index("attribution_runs_created_idx", table_name="attribution_runs")
    op.drop_index("attribution_runs_campaign_idx", table_name="attribution_runs")
    op.drop_index("attribution_runs_advertiser_idx", table_name="attribution_runs")
    op.drop_table("attribution_runs")
    op.drop_table("path_sets")
    op.drop_table("orders")
    op.drop_index("event_hours_advertiser_idx", table_name="event_hours")
    op.drop_table("event_hours")
    op.drop_table("event_keys")
    op.execute("DROP FUNCTION make_event_partitions(date, date)")
