"""Records: frozen values built from rows, held by the caches, read by the executor. One representation for all.

A record's fields are columns of its table, by name; times are aware UTC datetimes, money is in minor units.
"""

from datetime import date, datetime
from decimal import Decimal

import msgspec

from persistence.ids import (
    AdvertiserId,
    ApiKeyId,
    BillingChangeId,
    CampaignId,
    EpisodeId,
    EventId,
    InviteId,
    LineItemId,
    MembershipId,
    PathSetId,
    PlacementId,
    PodcastId,
    RunId,
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
    budget_capacity: int | None
    budget_restore_rate: int | None


class PlanTermsRecord(msgspec.Struct, frozen=True):
    """What of a billing subscription says which plan holds at a moment."""

    plan: str
    pending_plan: str | None
    period_end: datetime
    canceled_at: datetime | None


class BillingSubscriptionRecord(msgspec.Struct, frozen=True):
    """A billing subscription as it was last written; what time has made of it since is for the reader to compute."""

    tenant_id: TenantId
    plan: str
    pending_plan: str | None
    anchor_at: datetime
    period_start: datetime
    period_end: datetime
    canceled_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class BillingChangeRecord(msgspec.Struct, frozen=True):
    tenant_id: TenantId
    id: BillingChangeId
    version: int
    kind: str
    from_plan: str
    to_plan: str | None
    changed_by: UserId | None
    effective_at: datetime
    created_at: datetime


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


class EventRecord(msgspec.Struct, frozen=True):
    """One thing that happened: an impression, a visit or a conversion, as its `type` says."""

    tenant_id: TenantId
    id: EventId
    occurred_at: datetime
    received_at: datetime
    type: str
    key: str
    household: int
    advertiser_id: AdvertiserId
    placement_id: PlacementId | None
    source: str | None
    order_id: str | None
    value_minor: int | None
    currency: str | None
    promo_code: str | None
    counted: bool


class PathSetRecord(msgspec.Struct, frozen=True):
    tenant_id: TenantId
    id: PathSetId
    advertiser_id: AdvertiserId
    campaign_id: CampaignId | None
    starts_at: datetime
    ends_at: datetime
    impressions: str
    impression_window_seconds: int
    visit_window_seconds: int
    promo_policy: str
    conversions: int
    attributed_conversions: int
    null_journeys: int
    hash: str
    created_at: datetime


class FrozenConversionRecord(msgspec.Struct, frozen=True):
    """A conversion of a path set; its path is three arrays of one length, oldest touch first."""

    tenant_id: TenantId
    path_set_id: PathSetId
    id: EventId
    occurred_at: datetime
    value_minor: int | None
    currency: str | None
    evidence: str
    placement_ids: list[PlacementId]
    touch_ids: list[EventId]
    touched_at: list[datetime]


class AttributionRunRecord(msgspec.Struct, frozen=True):
    tenant_id: TenantId
    id: RunId
    advertiser_id: AdvertiserId
    campaign_id: CampaignId | None
    starts_at: datetime
    ends_at: datetime
    impressions: str
    impression_window_seconds: int
    visit_window_seconds: int
    promo_policy: str
    model: str
    model_version: int
    parameters: str
    status: str
    progress: Decimal
    path_set_id: PathSetId | None
    result_hash: str | None
    error_code: str | None
    error_message: str | None
    created_by: UserId | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class RunValueRecord(msgspec.Struct, frozen=True):
    """What a run's conversions are worth in one currency, in minor units."""

    run_id: RunId
    currency: str
    attributed: Decimal
    unattributed: Decimal


class CreditRecord(msgspec.Struct, frozen=True):
    """What one subject (a placement, or all placements of a group) earned in a run."""

    run_id: RunId
    group: str
    id: int
    """Of the subject, whose kind the group says."""
    position: int
    """Its place in the run by conversions, from 1."""
    conversions: Decimal
    share: Decimal | None
    """Of the run's attributed conversions, 0 to 1; None when there are none."""
    weight: Decimal | None
    """What the model knows of a placement; None where it knows nothing, and of groups."""


class CreditMoveRecord(msgspec.Struct, frozen=True):
    """What one subject earned in a run and in the run that it is compared with, which differ."""

    run_id: RunId
    against_id: RunId
    group: str
    id: int
    position: int
    """Its place by how much it moved, from 1."""
    before: Decimal
    after: Decimal
