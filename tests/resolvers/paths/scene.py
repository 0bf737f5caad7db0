"""Events to build paths of, written as they lie in the database: ids and times are the test's own."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Executable, insert, select, update

from persistence.ids import AdvertiserId, CampaignId, EventId, PlacementId
from persistence.partitions import make_partitions
from persistence.records import EventRecord, PathSetRecord
from persistence.repositories.conversion_paths import ConversionPath
from persistence.repositories.events import CONVERSIONS
from persistence.repositories.path_freeze import PathScope
from persistence.repositories.path_rules import PathRules
from persistence.repositories.paths import CountedPath, PathSets
from persistence.tables import event_keys, events, frozen_conversions, orders, placements
from resolvers.context import Services
from tests.actors import Actor, new_tenant
from tests.resolvers.campaigns.scene import new_advertiser, new_campaign, new_episode, new_line_item, new_placement

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
"""When a conversion happens, if the test does not say."""

MICROSECOND = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WINDOW = 30 * DAY

RULES = PathRules(
    impressions="AD_DELIVERED",
    impression_window_seconds=int(WINDOW.total_seconds()),
    visit_window_seconds=int(WINDOW.total_seconds()),
    promo_policy="FALLBACK",
)


class Scene(msgspec.Struct, frozen=True):
    """A tenant with an advertiser whose campaign has three placements."""

    actor: Actor
    advertiser_id: AdvertiserId
    campaign_id: CampaignId
    placements: tuple[PlacementId, PlacementId, PlacementId]
    ids: "itertools.count[int]"

    async def placement(
        self, promo_code: str | None = None, created_at: datetime | None = None, campaign_id: CampaignId | None = None
    ) -> PlacementId:
        """One placement more; of the scene's campaign, and made just now, if not said otherwise."""
        item = await new_line_item(self.actor, campaign_id or self.campaign_id)
        made = await new_placement(self.actor, item.id, promo_code=promo_code)
        if created_at is not None:
            await self.write(update(placements).where(placements.c.id == made.id).values(created_at=created_at))
        return made.id

    async def write(self, statement: Executable) -> None:
        async with self.actor.services.database.write(self.actor.tenant_id) as session:
            await session.execute(statement)

    def event(self, kind: str, at: datetime, household: int = 1, **values: Any) -> EventRecord:
        """Its placement is the first one unless it is a conversion, and its id is larger than those before."""
        number = next(self.ids)
        given: dict[str, Any] = {
            "tenant_id": self.actor.tenant_id,
            "id": EventId(number),
            "occurred_at": at,
            "received_at": at,
            "type": kind,
            "key": f"key {number}",
            "household": household,
            "advertiser_id": self.advertiser_id,
            "placement_id": None if kind in CONVERSIONS else self.placements[0],
            "source": "SERVER" if kind in CONVERSIONS else None,
            "order_id": None,
            "value_minor": None,
            "currency": None,
            "promo_code": None,
            "counted": True,
        }
        return EventRecord(**{**given, **values})

    def touch(self, at: datetime, **values: Any) -> EventRecord:
        return self.event("AD_DELIVERED", at, **values)

    def conversion(self, at: datetime = NOON, **values: Any) -> EventRecord:
        return self.event("PURCHASE", at, **values)

    async def store(self, *stored: EventRecord) -> None:
        """The events, their keys, the orders that they count, and their hours."""
        rows = [msgspec.structs.asdict(event) for event in stored]
        keys = [{name: row[name] for name in ("tenant_id", "id", "occurred_at")} for row in rows]
        counting = [
            {
                **{name: row[name] for name in ("tenant_id", "advertiser_id", "type", "order_id", "occurred_at")},
                "conversion_id": row["id"],
            }
            for row in rows
            if row["order_id"] is not None and row["counted"]
        ]
        async with self.actor.services.database.write(self.actor.tenant_id) as session:
            await session.execute(insert(events), rows)
            await session.execute(insert(event_keys), keys)
            if counting:
                await session.execute(insert(orders), counting)

    def scope(self, **values: Any) -> PathScope:
        """Ten days with NOON in the middle, of the whole advertiser."""
        given: dict[str, Any] = {
            "advertiser_id": self.advertiser_id,
            "campaign_id": None,
            "starts_at": NOON - 5 * DAY,
            "ends_at": NOON + 5 * DAY,
            "rules": RULES,
        }
        return PathScope(**{**given, **values})

    async def paths(self, scope: PathScope) -> dict[int, ConversionPath]:
        """The scope's conversions with their paths, by id, frozen."""
        frozen = await self.frozen(scope)
        names = ConversionPath.__struct_fields__
        rows = select(*(frozen_conversions.c[name] for name in names)).where(
            frozen_conversions.c.path_set_id == frozen.id
        )
        async with self.actor.services.database.read(self.actor.tenant_id) as session:
            return {path.id: path for path in await session.records(rows, ConversionPath)}

    async def touched(self, scope: PathScope | None = None) -> list[int]:
        """The ids of the touches on the path of the scope's one conversion."""
        [path] = (await self.paths(scope or self.scope())).values()
        return list(path.touch_ids)

    async def frozen(self, scope: PathScope, kind: type[PathSets] = PathSets) -> PathSetRecord:
        async with self.actor.services.database.snapshot(self.actor.tenant_id) as session:
            return await kind(session).freeze(scope, _silent)

    async def counted(
        self, frozen: PathSetRecord, kind: type[PathSets] = PathSets, *, ages: bool = False, nulls: bool = True
    ) -> list[CountedPath]:
        async with self.actor.services.database.read(self.actor.tenant_id) as session:
            blocks = kind(session).counted(frozen.id, ages=ages, nulls=nulls)
            return [path async for block in blocks for path in block]


async def new_scene(services: Services) -> Scene:
    await make_partitions(services.database, NOON, kept_months=6)
    actor = await new_tenant(services)
    advertiser = await new_advertiser(actor)
    campaign = await new_campaign(actor, advertiser.id)
    item = await new_line_item(actor, campaign.id)
    episode = await new_episode(actor)
    first, second, third = [(await new_placement(actor, item.id, episode.id)).id for _ in range(3)]
    return Scene(actor, advertiser.id, campaign.id, (first, second, third), itertools.count(1))


async def _silent(_done: float) -> None:
    pass
