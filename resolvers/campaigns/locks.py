"""Rows held still while a use case decides about them."""

from typing import Any, TypeVar

import msgspec

from persistence.ids import CampaignId
from persistence.records import CampaignRecord
from persistence.repositories.campaigns import Campaigns, LockableRows
from persistence.sessions import TenantSession
from resolvers import changes
from resolvers.campaigns.states import CampaignStatus
from resolvers.errors import IllegalTransition

R = TypeVar("R", bound=msgspec.Struct)

_CLOSED = frozenset({CampaignStatus.COMPLETED, CampaignStatus.ARCHIVED})


async def locked(rows: LockableRows[R, Any], row_id: int, noun: str, *path: str, shared: bool = False) -> R:
    """The row, held still until the transaction ends. Raises NotFound; `path` is ("id",) if left out."""
    record = await rows.lock(row_id, shared=shared)
    if record is None:
        raise changes.missing(noun, *path)
    return record


async def open_campaign(
    session: TenantSession, campaign_id: CampaignId, *path: str, shared: bool = True
) -> CampaignRecord:
    """The campaign, held still and open to changes below it. Raises NotFound or IllegalTransition."""
    campaign = await locked(Campaigns(session), campaign_id, "campaign", *path, shared=shared)
    refuse_closed(campaign, *path)
    return campaign


def refuse_closed(campaign: CampaignRecord, *path: str) -> None:
    """Raises IllegalTransition when nothing in the campaign may change any more."""
    if campaign.status in _CLOSED:
        message = f"The campaign is {campaign.status}: it, its line items and its placements can no longer change."
        raise IllegalTransition(message, path or ("id",))
