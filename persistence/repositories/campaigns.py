"""Advertisers, campaigns, line items and placements."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Date, Integer, func, literal, or_, select, type_coerce, update

from persistence.ids import AdvertiserId, CampaignId, LineItemId
from persistence.pages import Order, by_column
from persistence.records import AdvertiserRecord, CampaignRecord, LineItemRecord, PlacementRecord
from persistence.repositories.conditions import among, archived, contains
from persistence.repositories.owned import F, OwnedRows
from persistence.tables import advertisers, campaigns, line_items, placements

R = TypeVar("R", bound=msgspec.Struct)

_EPOCH = date(1970, 1, 1)
_NEVER = 2**31 - 1
"""Stands for the start of a campaign that has none: after every day of the calendar."""


class AdvertiserFilter(msgspec.Struct, frozen=True):
    """All that is given must hold; `search` is looked for in the name, ignoring case."""

    search: str | None = None
    archived: bool = False


class CampaignFilter(msgspec.Struct, frozen=True):
    """All that is given must hold; without `statuses`, every status but ARCHIVED.

    `runs_from` and `runs_until` are the first and last day of a span that the flight must touch; an open flight does.
    """

    search: str | None = None
    statuses: tuple[str, ...] | None = None
    advertiser_id: AdvertiserId | None = None
    runs_from: date | None = None
    runs_until: date | None = None


class LineItemFilter(msgspec.Struct, frozen=True):
    """All that is given must hold; `search` is looked for in the name, ignoring case."""

    search: str | None = None
    archived: bool = False
    pricings: tuple[str, ...] | None = None


class PlacementFilter(msgspec.Struct, frozen=True):
    """All that is given must hold; `promo_code` is the whole code."""

    archived: bool = False
    positions: tuple[str, ...] | None = None
    insertion_types: tuple[str, ...] | None = None
    read_types: tuple[str, ...] | None = None
    promo_code: str | None = None


class LockableRows(OwnedRows[R, F]):
    """Rows whose state decides what may happen to others, and must not change meanwhile."""

    async def lock(self, row_id: int, *, shared: bool = False) -> R | None:
        """The row, held still until the transaction ends; with `shared`, others may hold it still too.

        None when this tenant has no such row.
        """
        statement = select(*self._columns).where(self._own(), self.table.c.id == row_id)
        locking = statement.with_for_update(read=shared, key_share=not shared)
        return await self.session.record(locking, self.record)


class Advertisers(LockableRows[AdvertiserRecord, AdvertiserFilter]):
    table = advertisers
    record = AdvertiserRecord
    orders: ClassVar[Mapping[str, Order]] = {
        "CREATED_AT": by_column("CREATED_AT", advertisers.c.created_at, datetime),
        "NAME": by_column("NAME", advertisers.c.name, str),
    }

    @staticmethod
    def matching(wanted: AdvertiserFilter) -> list[ColumnElement[bool]]:
        conditions = [archived(advertisers.c.archived_at, wanted.archived)]
        if wanted.search is not None:
            conditions.append(contains(advertisers.c.name, wanted.search))
        return conditions


def _start_day(campaign: CampaignRecord) -> int:
    return _NEVER if campaign.starts_on is None else (campaign.starts_on - _EPOCH).days


class Campaigns(LockableRows[CampaignRecord, CampaignFilter]):
    table = campaigns
    record = CampaignRecord
    orders: ClassVar[Mapping[str, Order]] = {
        "CREATED_AT": by_column("CREATED_AT", campaigns.c.created_at, datetime),
        "NAME": by_column("NAME", campaigns.c.name, str),
        "STARTS_ON": Order(
            "STARTS_ON",
            func.coalesce(type_coerce(campaigns.c.starts_on - literal(_EPOCH, Date), Integer), _NEVER),
            _start_day,
            int,
            frozenset({"starts_on"}),
        ),
    }

    @staticmethod
    def matching(wanted: CampaignFilter) -> list[ColumnElement[bool]]:
        if wanted.statuses is None:
            conditions: list[ColumnElement[bool]] = [campaigns.c.status != "ARCHIVED"]
        else:
            conditions = [among(campaigns.c.status, wanted.statuses)]
        if wanted.search is not None:
            conditions.append(contains(campaigns.c.name, wanted.search))
        if wanted.advertiser_id is not None:
            conditions.append(campaigns.c.advertiser_id == wanted.advertiser_id)
        if wanted.runs_from is not None:
            conditions.append(or_(campaigns.c.ends_on.is_(None), campaigns.c.ends_on >= wanted.runs_from))
        if wanted.runs_until is not None:
            conditions.append(or_(campaigns.c.starts_on.is_(None), campaigns.c.starts_on <= wanted.runs_until))
        return conditions


class LineItems(LockableRows[LineItemRecord, LineItemFilter]):
    table = line_items
    record = LineItemRecord
    orders: ClassVar[Mapping[str, Order]] = {
        "CREATED_AT": by_column("CREATED_AT", line_items.c.created_at, datetime),
        "NAME": by_column("NAME", line_items.c.name, str),
    }

    @staticmethod
    def matching(wanted: LineItemFilter) -> list[ColumnElement[bool]]:
        conditions = [archived(line_items.c.archived_at, wanted.archived)]
        if wanted.search is not None:
            conditions.append(contains(line_items.c.name, wanted.search))
        if wanted.pricings is not None:
            conditions.append(among(line_items.c.pricing, wanted.pricings))
        return conditions

    async def live_count(self, campaign_id: CampaignId) -> int:
        """How many of the campaign's line items are not archived."""
        [count] = await self.counts_by("campaign_id", [campaign_id], LineItemFilter())
        return count

    async def flight_span(self, campaign_id: CampaignId) -> tuple[date | None, date | None]:
        """The earliest and the latest day that the campaign's live line items name; None when they name none."""
        # LEAST and GREATEST pass over nulls: an item with one date counts with that one.
        earliest = func.min(func.least(line_items.c.starts_on, line_items.c.ends_on))
        latest = func.max(func.greatest(line_items.c.starts_on, line_items.c.ends_on))
        conditions = [line_items.c.campaign_id == campaign_id, line_items.c.archived_at.is_(None)]
        [row] = await self.session.rows(select(earliest, latest).where(self._own(), *conditions))
        return (row[0], row[1])


class Placements(LockableRows[PlacementRecord, PlacementFilter]):
    table = placements
    record = PlacementRecord
    orders: ClassVar[Mapping[str, Order]] = {
        "CREATED_AT": by_column("CREATED_AT", placements.c.created_at, datetime),
    }

    @staticmethod
    def matching(wanted: PlacementFilter) -> list[ColumnElement[bool]]:
        conditions = [archived(placements.c.archived_at, wanted.archived)]
        if wanted.positions is not None:
            conditions.append(among(placements.c.position, wanted.positions))
        if wanted.insertion_types is not None:
            conditions.append(among(placements.c.insertion_type, wanted.insertion_types))
        if wanted.read_types is not None:
            conditions.append(among(placements.c.read_type, wanted.read_types))
        if wanted.promo_code is not None:
            conditions.append(placements.c.promo_code == wanted.promo_code)
        return conditions

    async def archive_of(self, line_item_id: LineItemId, now: datetime) -> None:
        """Archives what is still live of the line item's placements."""
        live: Sequence[Any] = (placements.c.line_item_id == line_item_id, placements.c.archived_at.is_(None))
        statement = (
            update(placements)
            .where(self._own(), *live)
            .values(archived_at=now, version=placements.c.version + 1, updated_at=func.now())
            .returning(placements.c.id)
        )
        await self.session.rows(statement)
