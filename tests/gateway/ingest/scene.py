"""A tenant with a placement, and files of events of it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import func, select

from gateway.ingest.ingest import Store
from persistence.ids import AdvertiserId, PlacementId
from persistence.tables import event_hours, events
from resolvers import ids
from resolvers.context import Services
from resolvers.events.incoming import IncomingEvent
from resolvers.events.intake import Outcome
from tests.actors import Actor, new_tenant
from tests.resolvers.campaigns.scene import new_campaign, new_line_item, new_placement

ADDRESS = "198.51.100.77"


class Shop(msgspec.Struct, frozen=True):
    actor: Actor
    advertiser_id: AdvertiserId
    placement_id: PlacementId

    def event(self, number: int, **fields: Any) -> dict[str, Any]:
        """An impression; None takes a field away."""
        given = {
            "key": f"key-{number}",
            "type": "AD_DELIVERED",
            "occurredAt": (datetime.now(UTC) - timedelta(minutes=1 + number)).isoformat(),
            "ipAddress": ADDRESS,
            "placementId": ids.typed_id(ids.PLACEMENT, self.placement_id),
            **fields,
        }
        return {name: value for name, value in given.items() if value is not None}

    def ndjson(self, count: int, *, bad: Sequence[int] = ()) -> bytes:
        """So many lines; those of the numbers in `bad`, counted from 1, name no type."""
        lines = [self.event(number, **({"type": "SNEEZE"} if number in bad else {})) for number in range(1, count + 1)]
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    async def store(self, given: Sequence[IncomingEvent]) -> list[Outcome]:
        return await self.actor.services.intake.store(self.actor.tenant_id, given)

    def stopping_after(self, batches: int) -> Store:
        """As `store`, until something other than the database ends the run."""
        stored = 0

        async def store(given: Sequence[IncomingEvent]) -> list[Outcome]:
            nonlocal stored
            if stored == batches:
                raise Stopped
            stored += 1
            return await self.store(given)

        return store

    async def keys(self) -> list[str]:
        """Of all events, sorted by number."""
        async with self.actor.services.database.read(self.actor.tenant_id) as session:
            rows = await session.rows(select(events.c.key).where(events.c.tenant_id == self.actor.tenant_id))
        return sorted((row[0] for row in rows), key=lambda key: int(key.removeprefix("key-")))

    async def hours(self) -> int:
        """How many events the hourly counts have; equal to the events that count."""
        tenant_id = self.actor.tenant_id
        hour = func.date_trunc("hour", events.c.occurred_at, "UTC")
        by_hour = (
            select(hour, events.c.type, func.count(), func.coalesce(func.sum(events.c.value_minor), 0))
            .where(events.c.tenant_id == tenant_id, events.c.counted)
            .group_by(hour, events.c.type)
        )
        rolled_up = (
            select(
                event_hours.c.hour,
                event_hours.c.type,
                func.sum(event_hours.c.events),
                func.sum(event_hours.c.value_minor),
            )
            .where(event_hours.c.tenant_id == tenant_id)
            .group_by(event_hours.c.hour, event_hours.c.type)
        )
        async with self.actor.services.database.read(tenant_id) as session:
            expected, found = await session.rows(by_hour), await session.rows(rolled_up)
        assert sorted(found) == sorted(expected)
        return sum(row[2] for row in found)


class Stopped(Exception):
    """What ended a run in the middle."""


async def new_shop(services: Services) -> Shop:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    placement = await new_placement(actor, (await new_line_item(actor, campaign.id)).id)
    return Shop(actor, campaign.advertiser_id, placement.id)
