"""Writing events: into `events`, `event_keys`, `orders` and `event_hours`, all of a batch or nothing."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import ARRAY, BigInteger, BindParameter, DateTime, Text, and_, bindparam, func, select, text, true
from sqlalchemy.types import TypeEngine

from persistence.ids import AdvertiserId, EventId, PlacementId
from persistence.sessions import TenantSession
from persistence.tables import advertisers, campaigns, event_hours, event_keys, events, orders, placements


class NewEvent(msgspec.Struct, frozen=True):
    """An event to store; times are aware."""

    id: EventId
    occurred_at: datetime
    type: str
    key: str
    household: int
    advertiser_id: AdvertiserId
    """That of the placement, where there is one."""
    placement_id: PlacementId | None
    source: str | None
    order_id: str | None
    value_minor: int | None
    currency: str | None
    promo_code: str | None


class KnownEvent(msgspec.Struct, frozen=True):
    """What is stored under an id; nothing but the id is left of an event that has been dropped."""

    key: str | None
    type: str | None


class EventIntake:
    """Statements of one write session."""

    def __init__(self, session: TenantSession) -> None:
        self.session = session

    async def advertisers_of(self, placement_ids: Collection[PlacementId]) -> dict[PlacementId, AdvertiserId]:
        """The advertiser of each placement; those that this tenant has not are left out."""
        campaign = and_(campaigns.c.tenant_id == placements.c.tenant_id, campaigns.c.id == placements.c.campaign_id)
        statement = (
            select(placements.c.id, campaigns.c.advertiser_id)
            .join_from(placements, campaigns, campaign)
            .where(placements.c.tenant_id == self.session.tenant_id, placements.c.id == _any(placement_ids))
        )
        return {row[0]: row[1] for row in await self.session.rows(statement)}

    async def existing_advertisers(self, advertiser_ids: Collection[AdvertiserId]) -> set[AdvertiserId]:
        """Those of these ids that this tenant has."""
        statement = select(advertisers.c.id).where(
            advertisers.c.tenant_id == self.session.tenant_id, advertisers.c.id == _any(advertiser_ids)
        )
        return {row[0] for row in await self.session.rows(statement)}

    async def known(self, ids: Collection[EventId]) -> dict[EventId, KnownEvent]:
        """What is stored under these ids; those that are free are left out."""
        # OFFSET makes it a look-up for each key, in the one partition of its time. As a plain join, and as long as
        # statistics are missing, the planner reads all the tenant's events for each key: minutes instead of a moment.
        stored = (
            select(events.c.key, events.c.type)
            .where(
                events.c.tenant_id == event_keys.c.tenant_id,
                events.c.occurred_at == event_keys.c.occurred_at,
                events.c.id == event_keys.c.id,
            )
            .offset(0)
            .lateral()
        )
        statement = (
            select(event_keys.c.id, stored.c.key, stored.c.type)
            .join_from(event_keys, stored, true(), isouter=True)
            .where(event_keys.c.tenant_id == self.session.tenant_id, event_keys.c.id == _any(ids))
        )
        return {row[0]: KnownEvent(row[1], row[2]) for row in await self.session.rows(statement)}

    async def insert(self, new: Sequence[NewEvent], received_at: datetime) -> dict[EventId, bool]:
        """Stores those whose ids, which are distinct in `new`, are not stored yet: for each, whether it is counted.

        A conversion with an order id is counted if it is the first report of the order: the first of `new`, unless
        an earlier batch had one. An event is left out if its placement is not its advertiser's, in this tenant.

        Raises MissingPartition, WriteConflict.
        """
        columns = zip(*(msgspec.structs.astuple(event) for event in new), strict=True)
        arrays = {name: list(column) for name, column in zip(_TYPES, columns, strict=True)}
        placement_ids = list({event.placement_id for event in new if event.placement_id is not None})
        others = {"tenant_id": self.session.tenant_id, "received_at": received_at, "placement_ids": placement_ids}
        statement = _INSERT.bindparams(**arrays, **others)
        stored = {row[0]: row[1] for row in await self.session.rows(statement, touches=())}
        if stored:
            self.session.touched(events, list(stored))
            self.session.touched(event_keys, list(stored))
            for table in (event_hours, orders):
                self.session.touched(table)
        return stored


_IDS: Final = ARRAY(BigInteger, dimensions=1)


def _any(values: Collection[int]) -> Any:
    return func.any(bindparam(None, list(values), type_=_IDS))


_TYPES: Final[Mapping[str, TypeEngine[Any]]] = {
    "id": BigInteger(),
    "occurred_at": DateTime(timezone=True),
    "type": Text(),
    "key": Text(),
    "household": BigInteger(),
    "advertiser_id": BigInteger(),
    "placement_id": BigInteger(),
    "source": Text(),
    "order_id": Text(),
    "value_minor": BigInteger(),
    "currency": Text(),
    "promo_code": Text(),
}
"""Of the fields of a NewEvent, in their order."""


def _parameters() -> list[BindParameter[Any]]:
    arrays: list[BindParameter[Any]] = [bindparam(name, type_=ARRAY(of, dimensions=1)) for name, of in _TYPES.items()]
    others: list[BindParameter[Any]] = [
        bindparam("placement_ids", type_=_IDS),
        bindparam("tenant_id", type_=BigInteger()),
        bindparam("received_at", type_=DateTime(timezone=True)),
    ]
    return [*arrays, *others]


_INSERT: Final = text(
    """
    WITH given AS (
        SELECT * FROM unnest(
            :id, :occurred_at, :type, :key, :household, :advertiser_id, :placement_id, :source, :order_id, :value_minor,
            :currency, :promo_code
        ) WITH ORDINALITY AS g(
            id, occurred_at, type, key, household, advertiser_id, placement_id, source, order_id, value_minor, currency,
            promo_code, place
        )
    ), places AS (
        SELECT p.id, c.advertiser_id
        FROM placements p JOIN campaigns c ON c.tenant_id = p.tenant_id AND c.id = p.campaign_id
        WHERE p.tenant_id = :tenant_id AND p.id = ANY(:placement_ids)
    ), owned AS (
        SELECT * FROM given
        WHERE placement_id IS NULL OR (placement_id, advertiser_id) IN (SELECT id, advertiser_id FROM places)
    ), fresh AS (
        INSERT INTO event_keys (tenant_id, id, occurred_at)
        SELECT :tenant_id, id, occurred_at FROM owned ORDER BY id
        ON CONFLICT DO NOTHING RETURNING id
    ), new AS (
        SELECT * FROM owned WHERE (id IN (SELECT id FROM fresh)) IS TRUE
    ), first AS (
        INSERT INTO orders (tenant_id, advertiser_id, type, order_id, conversion_id, occurred_at)
        SELECT DISTINCT ON (advertiser_id, type, order_id)
            :tenant_id, advertiser_id, type, order_id, id, occurred_at
        FROM new WHERE order_id IS NOT NULL ORDER BY advertiser_id, type, order_id, place
        ON CONFLICT DO NOTHING RETURNING conversion_id
    ), stored AS (
        INSERT INTO events (
            tenant_id, id, occurred_at, received_at, type, key, household, advertiser_id, placement_id, source,
            order_id, value_minor, currency, promo_code, counted
        )
        SELECT
            :tenant_id, id, occurred_at, :received_at, type, key, household, advertiser_id, placement_id, source,
            order_id, value_minor, currency, promo_code,
            order_id IS NULL OR id IN (SELECT conversion_id FROM first)
        FROM new
        RETURNING id, occurred_at, type, advertiser_id, placement_id, value_minor, currency, counted
    ), hours AS (
        INSERT INTO event_hours AS h
            (tenant_id, placement_id, hour, type, advertiser_id, currency, events, value_minor)
        SELECT
            :tenant_id, coalesce(placement_id, 0), date_trunc('hour', occurred_at, 'UTC'), type, advertiser_id,
            coalesce(currency, ''), count(*), coalesce(sum(value_minor), 0)
        FROM stored WHERE counted GROUP BY 2, 3, 4, 5, 6 ORDER BY 2, 3, 4, 5, 6
        ON CONFLICT (tenant_id, placement_id, hour, type, advertiser_id, currency) DO UPDATE
        SET events = h.events + excluded.events, value_minor = h.value_minor + excluded.value_minor
    )
    SELECT id, counted FROM stored
    """
).bindparams(*_parameters())
"""A batch at once, in text because Core would hide the order of its steps: keys, orders, hours.

Every step sorts what it writes, so that concurrent batches wait for each other in one order and do not deadlock. What
is summed into the hours is what the step before has stored. IN is kept from becoming a join (by OR, by IS TRUE): the
planner takes arrays for short, and would loop over them within each other.
"""
