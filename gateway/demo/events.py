"""What the demo's listeners did in the 60 days before `NEWEST`: heard ads, visited sites, bought.

Invented, and the same on every machine.
"""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from gateway.demo.content import NEWEST, SEED, DemoCampaign, DemoContent
from persistence.database import Database
from persistence.ids import TenantId
from persistence.pages import Slice
from persistence.repositories.campaigns import Advertisers, Placements
from persistence.repositories.event_intake import EventIntake
from resolvers import ids
from resolvers.events.identity import event_id
from resolvers.events.incoming import IncomingEvent
from resolvers.events.intake import Intake

DAYS: Final = 60
LAST_KEY: Final = "demo-0"
"""Keys count down: who has this one has all."""

_HOUSEHOLDS: Final = 4_000
_IMPRESSIONS_EACH: Final = 3.4
_UNHEARD: Final = 35
"""Conversions of households that heard no ad."""
_BATCH: Final = 2_000
_VISITS: Final = 0.11
"""Of the households that heard an ad."""
_BY_VANITY_URL: Final = 0.5
"""Of the visits."""
_CONVERTED: Final = 0.18
"""Of the visits, too."""
_WITH_CODE: Final = 0.4
"""Of the purchases."""
_CONFIRMED: Final = {"BAKED_IN": 0.0, "DYNAMIC": 0.6, "STREAMING": 0.9}
"""How many of the ads delivered are confirmed by the player, by how they got into the audio."""

Progress = Callable[[int, int], None]


class _Spot(msgspec.Struct, frozen=True):
    """A placement, by the ids that it has in the database."""

    placement_id: str
    advertiser_id: str
    insertion_type: str
    promo_code: str
    currency: str


async def ensure_events(
    database: Database, intake: Intake, tenant_id: TenantId, content: DemoContent, progress: Progress
) -> None:
    """Stores what is missing of the demo's events, unless the tenant's campaigns are not the demo's.

    `progress` is called with the number of events stored so far and of all. Cut in the middle, it goes on the next
    time: every event has its key.
    """
    count = sum(len(line.placements) for campaign in content.campaigns for line in campaign.line_items)
    async with database.read(tenant_id) as session:
        if await EventIntake(session).known([event_id(tenant_id, LAST_KEY)]):
            return
        oldest = Slice("CREATED_AT", descending=False, limit=count)
        placements = (await Placements(session).page(oldest)).records
        advertisers = (await Advertisers(session).page(oldest)).records
    if len(placements) < count or len(advertisers) < len(content.advertisers):
        return
    events = demo_events(content, [placement.id for placement in placements], [row.id for row in advertisers])
    intake = intake.at(lambda: NEWEST)
    await intake.make_partitions()
    for start in range(0, len(events), _BATCH):
        await intake.store(tenant_id, events[start : start + _BATCH])
        progress(min(start + _BATCH, len(events)), len(events))


def demo_events(
    content: DemoContent, placement_ids: Sequence[int], advertiser_ids: Sequence[int]
) -> list[IncomingEvent]:
    """About 20,000 impressions, 1,500 visits and 300 conversions, oldest first; ids in the order of the content."""
    story = _Story(random.Random(SEED))  # noqa: S311 - invented events, no secret
    story.tell(*_heard(content, placement_ids, advertiser_ids))
    told = sorted(story.told, key=lambda event: event[0])
    return [
        msgspec.structs.replace(event, key=f"demo-{left}", occurred_at=moment.isoformat())
        for left, (moment, event) in zip(range(len(told) - 1, -1, -1), told, strict=True)
    ]


def _heard(
    content: DemoContent, placement_ids: Sequence[int], advertiser_ids: Sequence[int]
) -> tuple[list[list[_Spot]], list[int]]:
    """The spots of each campaign that has run, and how much it is heard beside the others."""
    left = iter(placement_ids)
    spots, weights = [], []
    for campaign in content.campaigns:
        weight = _weight(campaign)
        own = [
            _Spot(
                placement_id=ids.typed_id(ids.PLACEMENT, next(left)),
                advertiser_id=ids.typed_id(ids.ADVERTISER, advertiser_ids[campaign.advertiser]),
                insertion_type=str(placement["insertion_type"]),
                promo_code=str(placement["promo_code"]),
                currency=str(campaign.campaign["currency"]),
            )
            for line_item in campaign.line_items
            for _, _, placement in line_item.placements
        ]
        if weight:
            spots.append(own)
            weights.append(weight)
    return spots, weights


def _weight(campaign: DemoCampaign) -> int:
    """Old episodes are still heard, and the ads in them, but less than what is in flight."""
    values = campaign.campaign
    if values["status"] == "DRAFT":
        return 0
    first, last = str(values["starts_on"]), str(values["ends_on"])
    return 10 if first <= f"{NEWEST:%Y-%m-%d}" and last >= f"{NEWEST - timedelta(days=DAYS):%Y-%m-%d}" else 1


class _Story:
    """Tells the events in any order, each with its moment."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._orders = 0
        self.told: list[tuple[datetime, IncomingEvent]] = []

    def tell(self, campaigns: list[list[_Spot]], weights: list[int]) -> None:
        for household in range(_HOUSEHOLDS):
            favourites = self._chance.choices(campaigns, weights, k=2)
            for _ in range(int(self._chance.expovariate(1 / _IMPRESSIONS_EACH) + 0.5)):
                self._impression(household, self._chance.choice(self._chance.choice(favourites)))
        for household in range(_HOUSEHOLDS, _HOUSEHOLDS + _UNHEARD):
            [campaign] = self._chance.choices(campaigns, weights)
            self._conversion(household, self._chance.choice(campaign), self._some_day())

    def _impression(self, household: int, spot: _Spot) -> None:
        moment = self._some_day()
        self._say(household, moment, type="AD_DELIVERED", placement_id=spot.placement_id)
        if self._chance.random() < _CONFIRMED[spot.insertion_type]:
            later = moment + timedelta(seconds=self._chance.randrange(60, 3600))
            self._say(household, later, type="CLIENT_CONFIRMED", placement_id=spot.placement_id)
        if self._chance.random() < _VISITS:
            self._visit(household, spot, self._after(moment, days=3))

    def _visit(self, household: int, spot: _Spot, moment: datetime) -> None:
        by_vanity_url = self._chance.random() < _BY_VANITY_URL
        self._say(
            household,
            moment,
            type="VISIT",
            placement_id=spot.placement_id if by_vanity_url else None,
            advertiser_id=spot.advertiser_id,
        )
        if self._chance.random() < _CONVERTED:
            self._conversion(household, spot, self._after(moment, days=1))

    def _conversion(self, household: int, spot: _Spot, moment: datetime) -> None:
        [kind] = self._chance.choices(("PURCHASE", "SIGNUP", "LEAD", "INSTALL"), (70, 15, 10, 5))
        if kind != "PURCHASE":
            self._say(household, moment, type=kind, source="PIXEL", advertiser_id=spot.advertiser_id)
            return
        self._orders += 1
        value = self._chance.randrange(1_900, 18_000, 50)
        code = spot.promo_code if self._chance.random() < _WITH_CODE else None
        twice = self._orders % 4 == 0
        self._order(household, moment, spot, "PIXEL", value, None if twice else code)
        if twice:
            # The shop reports it, too; every third time with shipping, which the pixel did not see.
            total = value + 490 if self._orders % 12 == 0 else value
            later = moment + timedelta(seconds=self._chance.randrange(2, 90))
            self._order(household, later, spot, "SERVER", total, code)

    def _order(
        self, household: int, moment: datetime, spot: _Spot, source: str, value_minor: int, promo_code: str | None
    ) -> None:
        self._say(
            household,
            moment,
            type="PURCHASE",
            advertiser_id=spot.advertiser_id,
            source=source,
            order_id=f"ORDER-{10_000 + self._orders}",
            value_minor=value_minor,
            currency=spot.currency,
            promo_code=promo_code,
        )

    def _say(self, household: int, moment: datetime, **values: Any) -> None:
        address = f"2001:db8:{household:x}::1"
        self.told.append((min(moment, NEWEST), IncomingEvent(ip_address=address, **values)))

    def _some_day(self) -> datetime:
        return NEWEST - timedelta(seconds=self._chance.randrange(DAYS * 86_400))

    def _after(self, moment: datetime, *, days: float) -> datetime:
        return moment + timedelta(days=self._chance.expovariate(1 / days))
