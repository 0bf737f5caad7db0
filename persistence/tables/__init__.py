"""The tables. DDL history lives in migrations/; `alembic check` keeps both equal.

Every tenant-owned table has `tenant_id` first in its primary key, its unique constraints and its foreign keys, so that
the same DDL shards by tenant. Row-level security on these tables is created by the migrations.
"""

from persistence.tables.attribution import (
    attribution_jobs,
    attribution_runs,
    credit_values,
    credits,
    frozen_conversions,
    frozen_nulls,
    path_sets,
    run_values,
)
from persistence.tables.billing import billing_changes, billing_subscriptions
from persistence.tables.campaign import advertisers, campaigns, line_items, placements
from persistence.tables.columns import metadata
from persistence.tables.documents import client_uses, element_uses, registered_clients, registered_documents
from persistence.tables.event import event_hours, event_keys, events, orders
from persistence.tables.identity import api_keys, invites, memberships, refresh_tokens, tenants, user_sessions, users
from persistence.tables.podcast import episodes, podcasts

__all__ = [
    "advertisers",
    "api_keys",
    "attribution_jobs",
    "attribution_runs",
    "billing_changes",
    "billing_subscriptions",
    "campaigns",
    "client_uses",
    "credit_values",
    "credits",
    "element_uses",
    "episodes",
    "event_hours",
    "event_keys",
    "events",
    "frozen_conversions",
    "frozen_nulls",
    "invites",
    "line_items",
    "memberships",
    "metadata",
    "orders",
    "path_sets",
    "placements",
    "podcasts",
    "refresh_tokens",
    "registered_clients",
    "registered_documents",
    "run_values",
    "tenants",
    "user_sessions",
    "users",
]
