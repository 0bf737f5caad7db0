"""Which plan a tenant is on, and how it came to that."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from persistence.tables.columns import metadata, moment, one_of, unguessable, updatable

_PLANS = ("FREE", "TEAM", "BUSINESS", "ENTERPRISE")

billing_subscriptions = Table(
    "billing_subscriptions",
    metadata,
    Column("tenant_id", BigInteger, ForeignKey("tenants.id"), nullable=False),
    Column("plan", Text, nullable=False),
    # Takes the plan's place when the period ends.
    Column("pending_plan", Text),
    # Periods begin on its day of the month, at its time of the day.
    Column("anchor_at", DateTime(timezone=True), nullable=False),
    # The period at the last change: those that have begun since are computed, not stored.
    Column("period_start", DateTime(timezone=True), nullable=False),
    Column("period_end", DateTime(timezone=True), nullable=False),
    # The subscription is over when the period ends.
    moment("canceled_at", nullable=True),
    *updatable(),
    PrimaryKeyConstraint("tenant_id"),
    one_of("plan", *_PLANS),
    one_of("pending_plan", *_PLANS),
    CheckConstraint("anchor_at <= period_start AND period_start < period_end", name="period"),
    CheckConstraint("pending_plan IS NULL OR canceled_at IS NULL", name="canceled_at"),
)
"""One for a tenant that has chosen a plan; without a row, the plan is the setting's."""

billing_changes = unguessable(
    "billing_changes",
    # Of the subscription, which it made: the order of changes, whatever a clock said.
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("from_plan", Text, nullable=False),
    # None: the plan of tenants without a subscription.
    Column("to_plan", Text),
    # None: an operator, by a command.
    Column("changed_by", BigInteger, ForeignKey("users.id")),
    Column("effective_at", DateTime(timezone=True), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    one_of("kind", "CHANGED", "SCHEDULED", "UNSCHEDULED", "CANCELED", "RESUMED"),
    one_of("from_plan", *_PLANS),
    one_of("to_plan", *_PLANS),
    UniqueConstraint("tenant_id", "version"),
)
"""What was asked for, and never changes."""
