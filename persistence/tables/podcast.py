"""Podcasts and their episodes."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)

from persistence.tables.columns import moment, one_of, owned, updatable

podcasts = owned(
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
    moment("feed_checked_at", nullable=True),
    moment("archived_at", nullable=True),
    *updatable(),
    UniqueConstraint("tenant_id", "feed_url"),
    Index("podcasts_title_idx", "tenant_id", "title", "id"),
    Index("podcasts_created_idx", "tenant_id", "created_at", "id"),
)

episodes = owned(
    "episodes",
    Column("podcast_id", BigInteger, nullable=False),
    Column("guid", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    moment("published_at", nullable=True),
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
    *updatable(),
    ForeignKeyConstraint(["tenant_id", "podcast_id"], ["podcasts.tenant_id", "podcasts.id"]),
    UniqueConstraint("tenant_id", "podcast_id", "guid"),
    one_of("type", "FULL", "TRAILER", "BONUS"),
    Index("episodes_published_idx", "tenant_id", "podcast_id", text("coalesce(published_at, created_at)"), "id"),
)
