"""Placements: a line item's spot in one episode."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from persistence.ids import EpisodeId, LineItemId, PlacementId
from persistence.records import PlacementRecord
from persistence.repositories.campaigns import LineItems, Placements
from persistence.repositories.podcasts import Episodes, Podcasts
from resolvers import changes
from resolvers.campaigns.locks import locked, open_campaign
from resolvers.campaigns.promo_codes import PromoCode
from resolvers.campaigns.updates import announce
from resolvers.context import RequestContext
from resolvers.errors import invalid
from resolvers.numbers import Seconds
from resolvers.policy import Permission
from resolvers.texts import NotNull, WebUrl, optional


class Position(StrEnum):
    PRE_ROLL = "PRE_ROLL"
    MID_ROLL = "MID_ROLL"
    POST_ROLL = "POST_ROLL"


class InsertionType(StrEnum):
    BAKED_IN = "BAKED_IN"
    DYNAMIC = "DYNAMIC"
    STREAMING = "STREAMING"


class ReadType(StrEnum):
    HOST_READ = "HOST_READ"
    ANNOUNCER_READ = "ANNOUNCER_READ"
    PRE_PRODUCED = "PRE_PRODUCED"


class NewPlacement(BaseModel):
    position: Position = Field(description="Where in the episode it is heard.")
    insertion_type: InsertionType = Field(description="How it gets into the audio.")
    read_type: ReadType = Field(description="Who reads it.")
    offset_seconds: Seconds | None = optional(
        "When a mid-roll starts, in seconds from the start of the episode; not for other positions."
    )
    promo_code: PromoCode | None = optional(
        "The code that listeners use at checkout: letters A to Z, digits, '-' and '_', at most 64 characters; kept in"
        " upper case."
    )
    vanity_url: WebUrl | None = optional("The address that listeners are told to visit, an http or https URL.")


class PlacementChanges(BaseModel):
    """Fields that are left out stay as they are."""

    position: Annotated[Position | None, NotNull] = optional("Where in the episode it is heard.")
    insertion_type: Annotated[InsertionType | None, NotNull] = optional("How it gets into the audio.")
    read_type: Annotated[ReadType | None, NotNull] = optional("Who reads it.")
    offset_seconds: Seconds | None = optional(
        "When a mid-roll starts, in seconds from the start of the episode; null clears it."
    )
    promo_code: PromoCode | None = optional("The code that listeners use at checkout; null clears it.")
    vanity_url: WebUrl | None = optional("The address that listeners are told to visit; null clears it.")


async def create_placement(
    context: RequestContext, line_item_id: LineItemId, episode_id: EpisodeId, new: NewPlacement
) -> PlacementRecord:
    """Raises NotFound, InvalidInput, IllegalTransition when line item or podcast is archived or the campaign closed."""
    tenant_id = context.tenant_for(Permission.WRITE)
    _check_offset(new.position, new.offset_seconds)
    async with context.database.write(tenant_id) as session:
        line_items = LineItems(session)
        campaign_id = (await changes.found(line_items, line_item_id, "line item", "lineItemId")).campaign_id
        await open_campaign(session, campaign_id, "lineItemId")
        line_item = await locked(line_items, line_item_id, "line item", "lineItemId", shared=True)
        changes.refuse_archived(line_item, "line item", "lineItemId")
        episode = await changes.found(Episodes(session), episode_id, "episode", "episodeId")
        podcast = await changes.found(Podcasts(session), episode.podcast_id, "podcast", "episodeId")
        changes.refuse_archived(podcast, "podcast", "episodeId")
        keys = {"campaign_id": campaign_id, "line_item_id": line_item_id, "episode_id": episode_id}
        placement = await Placements(session).insert({**keys, **new.model_dump()})
    await announce(context, tenant_id, campaign_id)
    return placement


async def update_placement(
    context: RequestContext, placement_id: PlacementId, version: int, changed: PlacementChanges
) -> PlacementRecord:
    """The line item and the episode never change: what was measured belongs to them.

    Raises NotFound, Conflict, InvalidInput, IllegalTransition when it is archived or its campaign closed.
    """
    tenant_id = context.tenant_for(Permission.WRITE)
    values = changed.model_dump(exclude_unset=True)
    async with context.database.write(tenant_id) as session:
        rows = Placements(session)
        campaign_id = (await changes.found(rows, placement_id, "placement")).campaign_id
        await open_campaign(session, campaign_id, "id")
        placement = await locked(rows, placement_id, "placement")
        changes.refuse_stale(placement, version, "placement")
        changes.refuse_archived(placement, "placement")
        _check_offset(
            values.get("position", placement.position), values.get("offset_seconds", placement.offset_seconds)
        )
        placement = await changes.update(rows, placement_id, version, values, noun="placement")
    await announce(context, tenant_id, campaign_id)
    return placement


async def archive_placement(context: RequestContext, placement_id: PlacementId, version: int) -> PlacementRecord:
    """Hides the placement from lists. Raises NotFound, Conflict, IllegalTransition as `update_placement` does."""
    tenant_id = context.tenant_for(Permission.WRITE)
    now = context.services.clock()
    async with context.database.write(tenant_id) as session:
        rows = Placements(session)
        campaign_id = (await changes.found(rows, placement_id, "placement")).campaign_id
        await open_campaign(session, campaign_id, "id")
        placement = await locked(rows, placement_id, "placement")
        changes.refuse_stale(placement, version, "placement")
        changes.refuse_archived(placement, "placement")
        placement = await changes.update(rows, placement_id, version, {"archived_at": now}, noun="placement")
    await announce(context, tenant_id, campaign_id)
    return placement


def _check_offset(position: str, offset_seconds: int | None) -> None:
    if offset_seconds is not None and position != Position.MID_ROLL:
        message = f"Only a mid-roll has an offset: clear it, or make the {position} a MID_ROLL."
        raise invalid("OFFSET_WITHOUT_MID_ROLL", message, "input", "offsetSeconds")
