"""Identities. Each has its own type, so that a tenant cannot be passed for a campaign."""

from typing import NewType

TenantId = NewType("TenantId", int)
UserId = NewType("UserId", int)
MembershipId = NewType("MembershipId", int)
InviteId = NewType("InviteId", int)
ApiKeyId = NewType("ApiKeyId", int)
SessionId = NewType("SessionId", int)
PodcastId = NewType("PodcastId", int)
EpisodeId = NewType("EpisodeId", int)
AdvertiserId = NewType("AdvertiserId", int)
CampaignId = NewType("CampaignId", int)
LineItemId = NewType("LineItemId", int)
PlacementId = NewType("PlacementId", int)
EventId = NewType("EventId", int)
PathSetId = NewType("PathSetId", int)
RunId = NewType("RunId", int)
BillingChangeId = NewType("BillingChangeId", int)
