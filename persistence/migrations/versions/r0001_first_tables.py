"""Identity, podcasts, advertisers, campaigns, line items and placements."""

import sqlalchemy as sa
from alembic import op

from persistence.migrate import grant_sequence, isolate_tenants, open_to_application

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TENANT_OWNED = (
    "memberships",
    "invites",
    "api_keys",
    "podcasts",
    "episodes",
    "advertisers",
    "campaigns",
    "line_items",
    "placements",
)


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("tenants_pkey")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pkey")),
        sa.UniqueConstraint("email", name=op.f("users_email_key")),
    )
    op.create_table(
        "advertisers",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("website_url", sa.Text(), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("advertisers_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("advertisers_pkey")),
    )
    op.create_index("advertisers_created_idx", "advertisers", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index(
        "advertisers_live_name_key",
        "advertisers",
        ["tenant_id", "name"],
        unique=True,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_index("advertisers_name_idx", "advertisers", ["tenant_id", "name", "id"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("api_keys_created_by_fkey")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("api_keys_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("api_keys_pkey")),
        sa.UniqueConstraint("tenant_id", "secret_hash", name=op.f("api_keys_tenant_id_secret_hash_key")),
    )
    op.create_table(
        "invites",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("invited_by", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role IN ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER')", name=op.f("invites_role_check")),
        sa.ForeignKeyConstraint(["invited_by"], ["users.id"], name=op.f("invites_invited_by_fkey")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("invites_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("invites_pkey")),
        sa.UniqueConstraint("tenant_id", "token_hash", name=op.f("invites_tenant_id_token_hash_key")),
    )
    op.create_index(
        "invites_open_email_key",
        "invites",
        ["tenant_id", "email"],
        unique=True,
        postgresql_where=sa.text("accepted_at IS NULL"),
    )
    op.create_table(
        "memberships",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role IN ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER')", name=op.f("memberships_role_check")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("memberships_tenant_id_fkey")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("memberships_user_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("memberships_pkey")),
        sa.UniqueConstraint("tenant_id", "user_id", name=op.f("memberships_tenant_id_user_id_key")),
    )
    op.create_index(op.f("memberships_user_id_idx"), "memberships", ["user_id"], unique=False)
    op.create_table(
        "podcasts",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("website_url", sa.Text(), nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("categories", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("explicit", sa.Boolean(), nullable=True),
        sa.Column("feed_url", sa.Text(), nullable=True),
        sa.Column("feed_guid", sa.Text(), nullable=True),
        sa.Column("feed_etag", sa.Text(), nullable=True),
        sa.Column("feed_last_modified", sa.Text(), nullable=True),
        sa.Column("feed_checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("podcasts_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("podcasts_pkey")),
        sa.UniqueConstraint("tenant_id", "feed_url", name=op.f("podcasts_tenant_id_feed_url_key")),
    )
    op.create_index("podcasts_created_idx", "podcasts", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("podcasts_title_idx", "podcasts", ["tenant_id", "title", "id"], unique=False)
    op.create_table(
        "user_sessions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("user_sessions_user_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("user_sessions_pkey")),
    )
    op.create_index(op.f("user_sessions_user_id_idx"), "user_sessions", ["user_id"], unique=False)
    op.create_table(
        "campaigns",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("advertiser_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="DRAFT", nullable=False),
        sa.Column("budget_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('DRAFT', 'ACTIVE', 'PAUSED', 'COMPLETED', 'ARCHIVED')", name=op.f("campaigns_status_check")
        ),
        sa.CheckConstraint("budget_minor >= 0", name=op.f("campaigns_budget_minor_check")),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("campaigns_dates_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "advertiser_id"],
            ["advertisers.tenant_id", "advertisers.id"],
            name=op.f("campaigns_tenant_id_advertiser_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("campaigns_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("campaigns_pkey")),
        sa.UniqueConstraint("tenant_id", "id", "currency", name=op.f("campaigns_tenant_id_id_currency_key")),
    )
    op.create_index(
        "campaigns_advertiser_idx", "campaigns", ["tenant_id", "advertiser_id", "created_at", "id"], unique=False
    )
    op.create_index("campaigns_created_idx", "campaigns", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("campaigns_name_idx", "campaigns", ["tenant_id", "name", "id"], unique=False)
    op.create_table(
        "episodes",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("podcast_id", sa.BigInteger(), nullable=False),
        sa.Column("guid", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.Column("enclosure_url", sa.Text(), nullable=True),
        sa.Column("enclosure_type", sa.Text(), nullable=True),
        sa.Column("enclosure_bytes", sa.BigInteger(), nullable=True),
        sa.Column("season", sa.Integer(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("type", sa.Text(), server_default="FULL", nullable=False),
        sa.Column("explicit", sa.Boolean(), nullable=True),
        sa.Column("website_url", sa.Text(), nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("type IN ('FULL', 'TRAILER', 'BONUS')", name=op.f("episodes_type_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "podcast_id"],
            ["podcasts.tenant_id", "podcasts.id"],
            name=op.f("episodes_tenant_id_podcast_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("episodes_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("episodes_pkey")),
        sa.UniqueConstraint("tenant_id", "podcast_id", "guid", name=op.f("episodes_tenant_id_podcast_id_guid_key")),
    )
    op.create_index(
        "episodes_published_idx",
        "episodes",
        ["tenant_id", "podcast_id", sa.literal_column("coalesce(published_at, created_at)"), "id"],
        unique=False,
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["session_id"], ["user_sessions.id"], name=op.f("refresh_tokens_session_id_fkey")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("refresh_tokens_pkey")),
    )
    op.create_index(op.f("refresh_tokens_session_id_idx"), "refresh_tokens", ["session_id"], unique=False)
    op.create_table(
        "line_items",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pricing", sa.Text(), nullable=False),
        sa.Column("rate_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("booked_impressions", sa.BigInteger(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("pricing IN ('CPM', 'FLAT', 'CPA')", name=op.f("line_items_pricing_check")),
        sa.CheckConstraint("booked_impressions >= 0", name=op.f("line_items_booked_impressions_check")),
        sa.CheckConstraint("rate_minor >= 0", name=op.f("line_items_rate_minor_check")),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("line_items_dates_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "campaign_id", "currency"],
            ["campaigns.tenant_id", "campaigns.id", "campaigns.currency"],
            name=op.f("line_items_tenant_id_campaign_id_currency_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("line_items_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("line_items_pkey")),
        sa.UniqueConstraint("tenant_id", "campaign_id", "id", name=op.f("line_items_tenant_id_campaign_id_id_key")),
    )
    op.create_index(
        "line_items_campaign_idx", "line_items", ["tenant_id", "campaign_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "placements",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("line_item_id", sa.BigInteger(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("insertion_type", sa.Text(), nullable=False),
        sa.Column("read_type", sa.Text(), nullable=False),
        sa.Column("offset_seconds", sa.Integer(), nullable=True),
        sa.Column("promo_code", sa.Text(), nullable=True),
        sa.Column("vanity_url", sa.Text(), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "insertion_type IN ('BAKED_IN', 'DYNAMIC', 'STREAMING')", name=op.f("placements_insertion_type_check")
        ),
        sa.CheckConstraint("position IN ('PRE_ROLL', 'MID_ROLL', 'POST_ROLL')", name=op.f("placements_position_check")),
        sa.CheckConstraint(
            "read_type IN ('HOST_READ', 'ANNOUNCER_READ', 'PRE_PRODUCED')", name=op.f("placements_read_type_check")
        ),
        sa.CheckConstraint("offset_seconds >= 0", name=op.f("placements_offset_seconds_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "campaign_id", "line_item_id"],
            ["line_items.tenant_id", "line_items.campaign_id", "line_items.id"],
            name=op.f("placements_tenant_id_campaign_id_line_item_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "episode_id"],
            ["episodes.tenant_id", "episodes.id"],
            name=op.f("placements_tenant_id_episode_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("placements_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("placements_pkey")),
    )
    op.create_index(
        "placements_campaign_idx", "placements", ["tenant_id", "campaign_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "placements_episode_idx", "placements", ["tenant_id", "episode_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "placements_line_item_idx", "placements", ["tenant_id", "line_item_id", "created_at", "id"], unique=False
    )
    for table in TENANT_OWNED:
        isolate_tenants(table)
    isolate_tenants("tenants", "id")
    # People see their own memberships, and the tenants of these, before they have chosen a tenant.
    op.execute(
        "CREATE POLICY own_memberships ON memberships FOR SELECT"
        " USING (user_id = nullif(current_setting('podgraph.user_id', true), '')::bigint)"
    )
    op.execute(
        "CREATE POLICY own_tenants ON tenants FOR SELECT USING (EXISTS (SELECT FROM memberships m"
        " WHERE m.tenant_id = tenants.id"
        " AND m.user_id = nullif(current_setting('podgraph.user_id', true), '')::bigint))"
    )
    for table in ("tenants", "users", "user_sessions", "refresh_tokens", *TENANT_OWNED):
        open_to_application(table)
    grant_sequence("tenants_id_seq")


def downgrade() -> None:
    op.drop_index("placements_line_item_idx", table_name="placements")
    op.drop_index("placements_episode_idx", table_name="placements")
    op.drop_index("placements_campaign_idx", table_name="placements")
    op.drop_table("placements")
    op.drop_index("line_items_campaign_idx", table_name="line_items")
    op.drop_table("line_items")
    op.drop_index(op.f("refresh_tokens_session_id_idx"), table_name="refresh_tokens")
    op.drop_table("refresh_tokens")
    op.drop_index("episodes_published_idx", table_name="episodes")
    op.drop_table("episodes")
    op.drop_index("campaigns_name_idx", table_name="campaigns")
    op.drop_index("campaigns_created_idx", table_name="campaigns")
    op.drop_index("campaigns_advertiser_idx", table_name="campaigns")
    op.drop_table("campaigns")
    op.drop_index(op.f("user_sessions_user_id_idx"), table_name="user_sessions")
    op.drop_table("user_sessions")
    op.drop_index("podcasts_title_idx", table_name="podcasts")
    op.drop_index("podcasts_created_idx", table_name="podcasts")
    op.drop_table("podcasts")
    op.drop_index(op.f("memberships_user_id_idx"), table_name="memberships")
    op.drop_table("memberships")
    op.drop_index("invites_open_email_key", table_name="invites", postgresql_where=sa.text("accepted_at IS NULL"))
    op.drop_table("invites")
    op.drop_table("api_keys")
    op.drop_index("advertisers_name_idx", table_name="advertisers")
    op.drop_index(
        "advertisers_live_name_key", table_name="advertisers", postgresql_where=sa.text("archived_at IS NULL")
    )
    op.drop_index("advertisers_created_idx", table_name="advertisers")
    op.drop_table("advertisers")
    op.drop_table("users")
    op.drop_table("tenants")
