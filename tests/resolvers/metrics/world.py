"""A tenant with random events, and what metrics must say of them, computed here from the events alone."""

import random
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any

import msgspec

from persistence.ids import AdvertiserId
from persistence.records import CampaignRecord, LineItemRecord, PlacementRecord
from resolvers import ids
from resolvers.context import Services
from resolvers.events.incoming import IncomingEvent
from tests.actors import Actor, new_tenant
from tests.resolvers.campaigns.scene import (
    new_advertiser,
    new_campaign,
    new_episode,
    new_line_item,
    new_placement,
)

DAY = timedelta(days=1)
WINDOW = timedelta(days=30)
HOUSEHOLDS = 40


class Happened(msgspec.Struct, frozen=True):
    at: datetime
    type: str
    household: int
    advertiser_id: AdvertiserId
    placement_id: int | None = None
    order_id: str | None = None
    value_minor: int | None = None
    currency: str | None = None
    counted: bool = True

    @property
    def is_conversion(self) -> bool:
        return self.type in {"PURCHASE", "LEAD"}


class World(msgspec.Struct, frozen=True):
    actor: Actor
    starts_at: datetime
    campaigns: list[CampaignRecord]
    line_items: list[LineItemRecord]
    placements: list[PlacementRecord]
    podcasts: dict[int, int]
    """The podcast of each episode."""
    events: list[Happened]
    histories: Mapping[tuple[int, AdvertiserId], Sequence[Happened]]
    """The same events by household and advertiser: none of another matters to a visitor or a conversion."""

    def placements_of(self, kind: str, row_id: int) -> list[PlacementRecord]:
        return [placement for placement in self.placements if self.parent(kind, placement) == row_id]

    def parent(self, kind: str, placement: PlacementRecord) -> int:
        return {
            "campaign": placement.campaign_id,
            "lineItem": placement.line_item_id,
            "placement": placement.id,
            "episode": placement.episode_id,
            "podcast": self.podcasts[placement.episode_id],
        }[kind]

    def truth(self, placements: Collection[PlacementRecord], since: datetime, until: datetime, type_: str) -> "Truth":
        return Truth(self, {placement.id for placement in placements}, since, until, type_)


class Truth:
    """The definitions, one event after the other."""

    def __init__(self, world: World, wanted: set[int], since: datetime, until: datetime, type_: str) -> None:
        self._world, self._wanted, self._since, self._until, self._type = world, wanted, since, until, type_
        self._within = [event for event in world.events if since <= event.at < until]

    @property
    def impressions(self) -> int:
        return sum(event.type == self._type and event.placement_id in self._wanted for event in self._within)

    @property
    def visits(self) -> int:
        return sum(event.type == "VISIT" and event.placement_id in self._wanted for event in self._within)

    @property
    def reached(self) -> set[int]:
        return {e.household for e in self._within if e.type == self._type and e.placement_id in self._wanted}

    @property
    def visitors(self) -> int:
        found = set()
        for seen in self._within:
            if seen.type != self._type or seen.placement_id not in self._wanted:
                continue
            for visit in self._world.histories[seen.household, seen.advertiser_id]:
                if visit.type == "VISIT" and seen.at <= visit.at < self._until:
                    found.add(seen.household)
        return len(found)

    @property
    def conversions(self) -> list[Happened]:
        return [event for event in self._within if event.is_conversion and event.counted and self._touched(event)]

    def _touched(self, conversion: Happened) -> bool:
        return any(
            touch.placement_id in self._wanted
            and touch.type in {self._type, "VISIT"}
            and timedelta() <= conversion.at - touch.at <= WINDOW
            for touch in self._world.histories[conversion.household, conversion.advertiser_id]
        )

    def spend(self, line_item: LineItemRecord) -> Fraction | None:
        """What the wanted placements of one line item cost."""
        world = self._world
        siblings = {p.id for p in world.placements if p.line_item_id == line_item.id}
        own = Truth(world, self._wanted & siblings, self._since, self._until, self._type)
        if line_item.pricing == "CPM":
            return Fraction(line_item.rate_minor * own.impressions, 1000)
        if line_item.pricing == "CPA":
            return Fraction(line_item.rate_minor * len(own.conversions))
        [campaign] = [campaign for campaign in world.campaigns if campaign.id == line_item.campaign_id]
        first, last = line_item.starts_on or campaign.starts_on, line_item.ends_on or campaign.ends_on
        if first is None or last is None:
            return None
        hours = [_midnight(first) + timedelta(hours=number) for number in range(((last - first).days + 1) * 24)]
        flown = sum(self._since <= hour < self._until for hour in hours)
        return Fraction(line_item.rate_minor * len(own._wanted) * flown, len(siblings) * len(hours))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


async def random_world(services: Services, seed: int) -> World:
    """Over 24 days around the change to summer time: three campaigns of two advertisers, in two currencies."""
    source = random.Random(seed)  # noqa: S311  # test data
    now = services.clock()
    starts_at = datetime(now.year if now.month > 5 else now.year - 1, 3, 18, tzinfo=UTC)
    actor = await new_tenant(services)
    acme, other = await new_advertiser(actor, "Acme"), await new_advertiser(actor, "Other")
    first_day = starts_at.date()
    campaigns = [
        await new_campaign(
            actor, acme.id, currency="EUR", starts_on=str(first_day), ends_on=str(first_day + timedelta(days=20))
        ),
        await new_campaign(actor, acme.id, currency="USD"),
        await new_campaign(actor, other.id, currency="EUR"),
    ]
    line_items = [
        await new_line_item(actor, campaign.id, pricing=pricing, rate_minor=source.randrange(1, 5_000))
        for campaign in campaigns
        for pricing in ("CPM", "FLAT", "CPA")
    ]
    episodes = [await new_episode(actor) for _ in range(3)]
    placements = [
        await new_placement(actor, line_item.id, episode.id)
        for line_item in line_items
        for episode in source.sample(episodes, 2)
    ]
    advertisers = {campaign.id: campaign.advertiser_id for campaign in campaigns}
    events = _random_events(source, starts_at, placements, advertisers)
    histories: dict[tuple[int, AdvertiserId], list[Happened]] = {}
    for event in events:
        histories.setdefault((event.household, event.advertiser_id), []).append(event)
    world = World(
        actor=actor,
        starts_at=starts_at,
        campaigns=campaigns,
        line_items=line_items,
        placements=placements,
        podcasts={episode.id: episode.podcast_id for episode in episodes},
        events=events,
        histories=histories,
    )
    await store(actor, events)
    return world


def _random_events(
    source: random.Random, starts_at: datetime, placements: Sequence[PlacementRecord], advertisers: dict[Any, Any]
) -> list[Happened]:
    events = []
    for number in range(900):
        at = starts_at + timedelta(seconds=source.randrange(24 * 24 * 3600))
        if source.random() < 0.1:
            at = at.replace(minute=0, second=0)
        placement = source.choice(placements)
        advertiser_id = advertisers[placement.campaign_id]
        household = source.randrange(HOUSEHOLDS)
        kind = source.choices(["AD_DELIVERED", "CLIENT_CONFIRMED", "VISIT", "PURCHASE", "LEAD"], [50, 15, 20, 10, 5])[0]
        if kind in {"PURCHASE", "LEAD"}:
            currency = source.choice(["EUR", "EUR", "USD", None])
            value = None if currency is None else source.randrange(100_000)
            conversion = Happened(at, kind, household, advertiser_id, None, f"order {number}", value, currency)
            events.append(conversion)
            if source.random() < 0.2:
                events.append(msgspec.structs.replace(conversion, at=at + timedelta(minutes=1), counted=False))
        elif kind == "VISIT" and source.random() < 0.5:
            events.append(Happened(at, kind, household, advertiser_id))
        else:
            events.append(Happened(at, kind, household, advertiser_id, placement.id))
    return events


async def store(actor: Actor, events: Sequence[Happened]) -> None:
    """First what counts, then further reports."""
    for counted in (True, False):
        chosen = [(number, event) for number, event in enumerate(events) if event.counted is counted]
        if chosen:
            sent = [_incoming(f"key {number}", event) for number, event in chosen]
            outcomes = await actor.services.intake.store(actor.tenant_id, sent)
            assert {outcome.status for outcome in outcomes} == {"ACCEPTED"}, outcomes


def _incoming(key: str, event: Happened) -> IncomingEvent:
    return IncomingEvent(
        key=key,
        type=event.type,
        occurred_at=event.at.isoformat(),
        ip_address=f"203.0.113.{event.household + 1}",
        placement_id=None if event.placement_id is None else ids.typed_id(ids.PLACEMENT, event.placement_id),
        advertiser_id=ids.typed_id(ids.ADVERTISER, event.advertiser_id),
        order_id=event.order_id,
        value_minor=event.value_minor,
        currency=event.currency,
    )
