"""Relay's global look-up: typed ids of any kind to records."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from persistence.repositories.billing import BillingChanges
from persistence.repositories.campaigns import Advertisers, Campaigns, LineItems, Placements
from persistence.repositories.events import Conversions, Impressions, Visits
from persistence.repositories.owned import OwnedRows
from persistence.repositories.podcasts import Episodes, Podcasts
from persistence.repositories.runs import AttributionRuns
from persistence.repositories.tenants import ApiKeys, Invites, Memberships
from resolvers import ids
from resolvers.context import RequestContext
from resolvers.errors import invalid
from resolvers.identity.members import members_by_id
from resolvers.identity.viewer import tenant_loader
from resolvers.policy import Permission

LARGEST_REQUEST = 1_000

ROWS: Mapping[str, type[OwnedRows[Any, Any]]] = {
    ids.PODCAST: Podcasts,
    ids.EPISODE: Episodes,
    ids.ADVERTISER: Advertisers,
    ids.CAMPAIGN: Campaigns,
    ids.LINE_ITEM: LineItems,
    ids.PLACEMENT: Placements,
    ids.IMPRESSION: Impressions,
    ids.VISIT: Visits,
    ids.CONVERSION: Conversions,
    ids.RUN: AttributionRuns,
    ids.MEMBERSHIP: Memberships,
    ids.INVITE: Invites,
    ids.API_KEY: ApiKeys,
    ids.BILLING_CHANGE: BillingChanges,
}
"""Where the tenant's own rows of each prefix are."""

NEEDED: Mapping[str, Permission] = {
    ids.USER: Permission.SEE_MEMBERS,
    ids.MEMBERSHIP: Permission.SEE_MEMBERS,
    ids.INVITE: Permission.MANAGE_MEMBERS,
    ids.API_KEY: Permission.MANAGE_API_KEYS,
}
"""What it takes to see a node, beyond READ; who lacks it is told the same as of an id that does not exist."""


async def nodes(context: RequestContext, texts: Sequence[str], argument: str) -> list[Any]:
    """The record of each id, or None where the tenant has none. Raises InvalidInput for what is no id at all."""
    context.tenant_for(Permission.READ)
    if len(texts) > LARGEST_REQUEST:
        message = f"At most {LARGEST_REQUEST:,} ids at once."
        raise invalid("TOO_MANY_IDS", message, argument)
    wanted = [ids.split_id(text, (argument, str(index))) for index, text in enumerate(texts)]
    by_prefix: dict[str, list[int]] = {}
    for prefix, row_id in wanted:
        by_prefix.setdefault(prefix, []).append(row_id)
    fetched = await asyncio.gather(*(_records(context, prefix, row_ids) for prefix, row_ids in by_prefix.items()))
    found = {
        (prefix, row_id): record
        for (prefix, row_ids), records in zip(by_prefix.items(), fetched, strict=True)
        for row_id, record in zip(row_ids, records, strict=True)
    }
    return [found.get(key) for key in wanted]


async def _records(context: RequestContext, prefix: str, row_ids: Sequence[int]) -> Sequence[Any]:
    """What the viewer may see of the ids; what has no prefix of ours is nobody's node."""
    viewer = context.viewer
    if viewer is None or not viewer.may(NEEDED.get(prefix, Permission.READ)):
        return [None] * len(row_ids)
    if prefix == ids.USER:
        return await members_by_id(context, row_ids)
    if prefix == ids.TENANT:
        return await tenant_loader(context).fetch(row_ids)
    if prefix in ROWS:
        return await context.loaders.by_id(ROWS[prefix]).fetch(row_ids)
    return [None] * len(row_ids)
