"""A tenant with a placement, and events to send; what is not given does not matter to the test."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import func, select

from persistence.ids import AdvertiserId, CampaignId, PlacementId
from persistence.records import EventRecord
from persistence.tables import event_hours, events
from resolvers.context import Services
from resolvers.events.incoming import IncomingEvent
from resolvers.events.intake import Outcome
from tests.actors import Actor, new_tenant
from tests.resolvers.campaigns.scene import new_campaign, new_line_item, new_placement

HOUSEHOLD = "203.0.113.7"


class Scene(msgspec.Struct, frozen=True):
    actor: Actor
    campaign_id: CampaignId
    advertiser_id: AdvertiserId
    placement_id: PlacementId

    def impression(self, key: str, **values: Any) -> IncomingEvent:
        return event(**{"key": key, "type": "AD_DELIVERED", "placement_id": f"plc_{self.placement_id}", **values})

    def visit(self, key: str, **values: Any) -> IncomingEvent:
        return event(**{"key": key, "type": "VISIT", "advertiser_id": f"adv_{self.advertiser_id}", **values})

    def conversion(self, key: str, **values: Any) -> IncomingEvent:
        return event(**{"key": key, "type": "PURCHASE", "advertiser_id": f"adv_{self.advertiser_id}", **values})

    async def store(self, *sent: IncomingEvent) -> list[Outcome]:
        return await self.actor.services.intake.store(self.actor.tenant_id, sent)

    async def stored(self) -> list[EventRecord]:
        """By key."""
        columns = [events.c[name] for name in EventRecord.__struct_fields__]
        statement = select(*columns).where(events.c.tenant_id == self.actor.tenant_id).order_by(events.c.key)
        async with self.actor.services.database.read(self.actor.tenant_id) as session:
            return await session.records(statement, EventRecord)

    async def hours(self) -> list[tuple[Any, ...]]:
        """Placement, hour, type, advertiser, currency, events and value of each row, sorted."""
        names = ("placement_id", "hour", "type", "advertiser_id", "currency", "events", "value_minor")
        statement = select(*(event_hours.c[name] for name in names)).where(
            event_hours.c.tenant_id == self.actor.tenant_id
        )
        async with self.actor.services.database.read(self.actor.tenant_id) as session:
            return sorted(map(tuple, await session.rows(statement)))

    async def counted_by_hour(self) -> list[tuple[Any, ...]]:
        """What `hours` must be, counted from the events."""
        group = (
            func.coalesce(events.c.placement_id, 0),
            func.date_trunc("hour", events.c.occurred_at, "UTC"),
            events.c.type,
            events.c.advertiser_id,
            func.coalesce(events.c.currency, ""),
        )
        sums = (func.count(), func.coalesce(func.sum(events.c.value_minor), 0))
        own = (events.c.tenant_id == self.actor.tenant_id, events.c.counted)
        async with self.actor.services.database.read(self.actor.tenant_id) as session:
            return sorted(map(tuple, await session.rows(select(*group, *sums).where(*own).group_by(*group))))


async def new_scene(services: Services) -> Scene:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    line_item = await new_line_item(actor, campaign.id)
    placement = await new_placement(actor, line_item.id)
    return Scene(actor, campaign.id, campaign.advertiser_id, placement.id)


def event(**values: Any) -> IncomingEvent:
    given = {"occurred_at": datetime.now(UTC).isoformat(), "ip_address": HOUSEHOLD, **values}
    return IncomingEvent(**given)


def codes(outcome: Outcome) -> list[tuple[str, Sequence[str]]]:
    return [(problem.code, problem.path) for problem in outcome.problems]
