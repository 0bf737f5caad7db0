"""Billing subscriptions with their changes, and budgets of API keys."""

import sqlalchemy as sa
from alembic import op

from persistence.migrate import isolate_tenants, let_application

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PLANS = "('FREE', 'TEAM', 'BUSINESS', 'ENTERPRISE')"


def upgrade() -> None:
    op.create_table(
        "billing_subscriptions",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("pending_plan", sa.Text(), nullable=True),
        sa.Column("anchor_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("canceled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(f"plan IN {PLANS}", name=op.f("billing_subscriptions_plan_check")),
        sa.CheckConstraint(f"pending_plan IN {PLANS}", name=op.f("billing_subscriptions_pending_plan_check")),
        sa.CheckConstraint(
            "anchor_at <= period_start AND period_start < period_end", name=op.f("billing_subscriptions_period_check")
        ),
        sa.CheckConstraint(
            "pending_plan IS NULL OR canceled_at IS NULL", name=op.f("billing_subscriptions_canceled_at_check")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("billing_subscriptions_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("billing_subscriptions_pkey")),
    )
    op.create_table(
        "billing_changes",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text(
                "('x' || substr(replace(gen_random_uuid()::text, '-', ''), 17))::bit(64)::bigint & 4611686018427387903"
            ),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_plan", sa.Text(), nullable=False),
        sa.Column("to_plan", sa.Text(), nullable=True),
        sa.Column("changed_by", sa.BigInteger(), nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('CHANGED', 'SCHEDULED', 'UNSCHEDULED', 'CANCELED', 'RESUMED')",
            name=op.f("billing_changes_kind_check"),
        ),
        sa.CheckConstraint(f"from_plan IN {PLANS}", name=op.f("billing_changes_from_plan_check")),
        sa.CheckConstraint(f"to_plan IN {PLANS}", name=op.f("billing_changes_to_plan_check")),
        sa.ForeignKeyConstraint(["changed_by"], ["users.id"], name=op.f("billing_changes_changed_by_fkey")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("billing_changes_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("billing_changes_pkey")),
        sa.UniqueConstraint("tenant_id", "version", name=op.f("billing_changes_tenant_id_version_key")),
    )
    op.add_column("api_keys", sa.Column("budget_capacity", sa.Integer(), nullable=True))
    op.add_column("api_keys", sa.Column("budget_restore_rate", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("api_keys_budget_check"), "api_keys", "(budget_capacity IS NULL) = (budget_restore_rate IS NULL)"
    )
    op.create_check_constraint(op.f("api_keys_budget_capacity_check"), "api_keys", "budget_capacity > 0")
    op.create_check_constraint(op.f("api_keys_budget_restore_rate_check"), "api_keys", "budget_restore_rate > 0")
    for table in ("billing_subscriptions", "billing_changes"):
        isolate_tenants(table)
    let_application("billing_subscriptions", "SELECT, INSERT, UPDATE")
    # History is written once.
    let_application("billing_changes", "SELECT, INSERT")
    # The look-up of who asks is a session of the person's, not of a tenant's, and finds the plan too.
    op.execute(
        "CREATE POLICY own_subscriptions ON billing_subscriptions FOR SELECT USING (EXISTS (SELECT FROM memberships m"
        " WHERE m.tenant_id = billing_subscriptions.tenant_id"
        " AND m.user_id = nullif(current_setting('podgraph.user_id', true), '')::bigint))"
    )


def downgrade() -> None:
    op.drop_column("api_keys", "budget_restore_rate")
    op.drop_column("api_keys", "budget_capacity")
    op.drop_table("billing_changes")
    op.drop_table("billing_subscriptions")
