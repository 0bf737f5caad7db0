"""Events as they are read: by id, in lists, and the conversion that counts an order."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    String,
    Text,
    and_,
    any_,
    bindparam,
    exists,
    false,
    func,
    select,
    true,
)
from sqlalchemy.sql.selectable import LateralFromClause

from persistence.filters import Shape, bound
from persistence.ids import AdvertiserId, CampaignId, LineItemId, PlacementId, PodcastId
from persistence.pages import ROW_LIMIT, Cut, Order, by_column, columns, sliced
from persistence.records import EventRecord
from persistence.repositories.conditions import among
from persistence.repositories.owned import IDS, TENANT, OwnedRows
from persistence.tables import advertisers, episodes, event_keys, events, orders, placements

IMPRESSIONS = ("AD_DELIVERED", "CLIENT_CONFIRMED")
VISITS = ("VISIT",)
CONVERSIONS = ("PURCHASE", "LEAD", "SIGNUP", "INSTALL")


class OrderKey(msgspec.Struct, frozen=True):
    """What counts once: an order of one advertiser and one type of conversion."""

    advertiser_id: AdvertiserId
    type: str
    order_id: str


class EventFilter(msgspec.Struct, frozen=True):
    """All that is given must hold.

    `until` itself is excluded. `line_item_id`, `campaign_id` and `podcast_id` are those of the event's placement.
    """

    since: datetime | None = None
    until: datetime | None = None
    types: tuple[str, ...] | None = None
    placement_ids: tuple[PlacementId, ...] | None = None
    line_item_id: LineItemId | None = None
    campaign_id: CampaignId | None = None
    podcast_id: PodcastId | None = None
    advertiser_id: AdvertiserId | None = None
    household: int | None = None
    order_id: str | None = None
    promo_code: str | None = None
    counted_only: bool = False

    @property
    def by_placement(self) -> bool:
        """Only events of some placements are wanted, and nothing that narrows them down better."""
        narrower = (self.household, self.order_id, self.promo_code)
        return bool(_of_placements(self)) and all(value is None for value in narrower)


def of_types(types: Sequence[str]) -> ColumnElement[bool]:
    """Written into the statement, not bound: partial indexes are chosen by the types that a statement names."""
    return events.c.type.in_(bindparam(None, list(types), type_=String(), expanding=True, literal_execute=True))


class Events(OwnedRows[EventRecord, EventFilter]):
    """All events of the tenant; the classes below see one kind of them."""

    table = events
    record = EventRecord
    orders: ClassVar[Mapping[str, Order]] = {"OCCURRED_AT": by_column("OCCURRED_AT", events.c.occurred_at, datetime)}
    kind: ClassVar[tuple[str, ...] | None] = None

    fixed = frozenset({"types"})

    @classmethod
    def owned(cls, tenant_id: Any) -> ColumnElement[bool]:
        own = events.c.tenant_id == tenant_id
        return own if cls.kind is None else and_(own, of_types(cls.kind))

    @staticmethod
    def matching(wanted: EventFilter) -> list[ColumnElement[bool]]:
        conditions = _of_events(wanted)
        of_placements = _of_placements(wanted)
        if of_placements:
            one = and_(placements.c.tenant_id == events.c.tenant_id, placements.c.id == events.c.placement_id)
            conditions.append(exists().where(one, *of_placements))
        if wanted.order_id is not None and wanted.advertiser_id is None:
            # Orders are found by advertiser; all of them are asked.
            one = and_(advertisers.c.tenant_id == events.c.tenant_id, advertisers.c.id == events.c.advertiser_id)
            conditions.append(exists().where(one))
        return conditions

    @classmethod
    def select_page(cls, kind: type[EventRecord], shape: Shape, cut: Cut) -> Select[Any]:
        """Events of some placements are the first of each placement's first.

        An index has them in this order, while the events of all of them would have to be sorted, or looked for among
        all the tenant's.
        """
        wanted: EventFilter | None = bound(shape)
        if wanted is None or not wanted.by_placement:
            return super().select_page(kind, shape, cut)
        own = select(placements.c.id).where(placements.c.tenant_id == TENANT, *_of_placements(wanted))
        spot = own.subquery("spot")
        conditions = [cls.owned(TENANT), events.c.placement_id == spot.c.id, *_of_events(wanted)]
        shown = {column.key: column for column in (*columns(events, kind), events.c.occurred_at, events.c.id)}
        first = sliced(select(*shown.values()).where(*conditions), events, cls.orders[cut.order], cut).lateral("first")
        keys = (first.c.occurred_at, first.c.id)
        return (
            select(*(first.c[name] for name in kind.__struct_fields__))
            .select_from(spot.join(first, true()))
            .order_by(*(key.desc() if cut.descending else key for key in keys))
            .limit(ROW_LIMIT)
        )

    @classmethod
    def select_by_ids(cls, kind: type[EventRecord]) -> Select[Any]:
        """The keys know when each event occurred, so that only the partitions that hold one are looked into."""
        event = cls._at(kind, event_keys.c.occurred_at, event_keys.c.id)
        return (
            select(*event.c)
            .select_from(event_keys.join(event, true()))
            .where(event_keys.c.tenant_id == TENANT, event_keys.c.id == any_(IDS))
        )

    @classmethod
    def _at(
        cls, kind: type[EventRecord], occurred_at: ColumnElement[datetime], row_id: ColumnElement[int]
    ) -> LateralFromClause:
        """The event of an id, in the one partition of its time.

        OFFSET keeps the look-up one for each id. As a plain join, as long as statistics are missing, the planner reads
        all the tenant's events for each: minutes instead of a moment.
        """
        statement = select(*columns(events, kind)).where(
            cls.owned(TENANT), events.c.occurred_at == occurred_at, events.c.id == row_id
        )
        return statement.offset(0).lateral("event")


class Impressions(Events):
    kind = IMPRESSIONS


class Visits(Events):
    kind = VISITS


class Conversions(Events):
    kind = CONVERSIONS

    async def counting(self, keys: Sequence[OrderKey]) -> list[EventRecord | None]:
        """The conversion that counts each order, in the order of `keys`; None where retention has dropped it."""
        values = {
            "tenant_id": self.session.tenant_id,
            "advertiser_ids": [key.advertiser_id for key in keys],
            "types": [key.type for key in keys],
            "order_ids": [key.order_id for key in keys],
        }
        records = await self.session.asked_records(self.select_counting, (), values, EventRecord)
        found = {OrderKey(record.advertiser_id, record.type, record.order_id or ""): record for record in records}
        return [found.get(key) for key in keys]

    @classmethod
    def select_counting(cls) -> Select[Any]:
        asked = func.unnest(
            bindparam("advertiser_ids", type_=ARRAY(BigInteger)),
            bindparam("types", type_=ARRAY(Text)),
            bindparam("order_ids", type_=ARRAY(Text)),
        ).table_valued("advertiser_id", "type", "order_id", name="asked")
        wanted = asked.render_derived()
        order = and_(*(orders.c[name] == wanted.c[name] for name in OrderKey.__struct_fields__))
        event = cls._at(EventRecord, orders.c.occurred_at, orders.c.conversion_id)
        return (
            select(*event.c)
            .select_from(wanted.join(orders, order).join(event, true()))
            .where(orders.c.tenant_id == TENANT)
        )


def _of_events(wanted: EventFilter) -> list[ColumnElement[bool]]:
    """What the filter says of the event itself."""
    conditions = []
    if wanted.since is not None:
        conditions.append(events.c.occurred_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(events.c.occurred_at < wanted.until)
    if wanted.types is not None:
        conditions.append(of_types(wanted.types) if wanted.types else false())
    if wanted.advertiser_id is not None:
        conditions.append(events.c.advertiser_id == wanted.advertiser_id)
    if wanted.household is not None:
        conditions.append(events.c.household == wanted.household)
    if wanted.order_id is not None:
        conditions.append(events.c.order_id == wanted.order_id)
    if wanted.promo_code is not None:
        conditions.append(events.c.promo_code == wanted.promo_code)
    if wanted.counted_only:
        conditions.append(events.c.counted)
    return conditions


def _of_placements(wanted: EventFilter) -> list[ColumnElement[bool]]:
    """What the filter says of the event's placement; nothing if events without one are wanted too."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.placement_ids is not None:
        conditions.append(among(placements.c.id, wanted.placement_ids))
    if wanted.line_item_id is not None:
        conditions.append(placements.c.line_item_id == wanted.line_item_id)
    if wanted.campaign_id is not None:
        conditions.append(placements.c.campaign_id == wanted.campaign_id)
    if wanted.podcast_id is not None:
        of_podcast = select(episodes.c.id).where(
            episodes.c.tenant_id == placements.c.tenant_id, episodes.c.podcast_id == wanted.podcast_id
        )
        conditions.append(placements.c.episode_id.in_(of_podcast))
    return conditions
