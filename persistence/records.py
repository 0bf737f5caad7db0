"""Records: frozen values built from rows, held by the caches, read by the executor. One representation for all.

A record's fields are columns of its table, by name; times are aware UTC datetimes, money is in minor units.
"""

from datetime import date, datetime

import msgspec

from persistence.ids import (
    AdvertiserId,
    ApiKeyId,
    CampaignId,
    EpisodeId,
    InviteId,
    LineItemId,
    MembershipId,
    PlacementId,
    PodcastId,
    SessionId,
    TenantId,
    UserId,
)


class TenantRecord(msgspec.Struct, frozen=True):
    id: TenantId
    name: str
    version: int
    created_at: datetime
    updated_at: datetime


class UserRecord(msgspec.Struct, frozen=True):
    """A person. The password's hash is not part of it: only `repositories.accounts` reads that column."""

    id: UserId
    email: str
    name: str
    created_at: datetime


class UserSessionRecord(msgspec.Struct, frozen=True):
    """One login and all refresh tokens descended from it (a token family)."""

    id: SessionId
    user_id: UserId
    address_hash: str
    created_at: datetime
    revoked_at: datetime | None


class MembershipRecord(msgspec.Struct, frozen=True):
    tenant_id: TenantId
    id: MembershipId
    user_id: UserId
    role: str
    version: int
    created_at: datetime
    updated_at: datetime


class InviteRecord(msgspec.Struct, frozen=True):
    tenant_id: TenantId
    id: InviteId
    email: str
    role: str
    invited_by: UserId
    expires_at: datetime
    accepted_at: datetime | None
    created_at: datetime


class ApiKeyRecord(msgspec.Struct, frozen=True):
    tenant_id: TenantId
    id: ApiKeyId
    name: str
    hint: str
    scopes: list[str]
    created_by: UserId
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class PodcastRecord(msgspec.Struct, frozen=True):
    tenant_id: TenantId
    id: PodcastId
    title: str
    description: str
    author: str | None
    language: str | None
    website_url: str | None
    image_url: str | None
    categories: list[str]
    explicit: bool | None
    feed_url: str | None
    feed_checked_at: datetime | None
    archived_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class EpisodeRecord(msgspec.Struct, frozen=True):
    tenant_id: TenantId
    id: EpisodeId
    podcast_id: PodcastId
    guid: str
    title: str
    description: str
    published_at: datetime | None
    duration_seconds: int | None
    enclosure_url: str | None
    enclosure_type: str | None
    enclosure_bytes: int | None
    season: int | None
    number: int | None
    type: str
    explicit: bool | None
    website_url: str | None
    image_url: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class AdvertiserRecord(msgspec.Struct, frozen=True):
    tenant_id: TenantId
    id: AdvertiserId
    name: str
    website_url: str | None
    archived_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class CampaignRecord(msgspec.Struct, frozen=True):
    tenant_id: TenantId
    id: CampaignId
    advertiser_id: AdvertiserId
    name: str
    status: str
    budget_minor: int | None
    currency: str
    starts_on: date | None
    ends_on: date | None
    version: int
    created_at: datetime
    updated_at: datetime


class LineItemRecord(msgspec.Struct, frozen=True):
    tenant_id: TenantId
    id: LineItemId
    campaign_id: CampaignId
    name: str
    pricing: str
    rate_minor: int
    currency: str
    booked_impressions: int | None
    starts_on: date | None
    ends_on: date | None
    archived_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class PlacementRecord(msgspec.Struct, frozen=True):
    tenant_id: TenantId
    id: PlacementId
    campaign_id: CampaignId
    line_item_id: LineItemId
    episode_id: EpisodeId
    position: str
    insertion_type: str
    read_type: str
    offset_seconds: int | None
    promo_code: str | None
    vanity_url: str | None
    archived_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
