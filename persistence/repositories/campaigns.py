"""Advertisers, campaigns, line items and placements."""

from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement

from persistence.ids import AdvertiserId
from persistence.pages import Order
from persistence.records import AdvertiserRecord, CampaignRecord, LineItemRecord, PlacementRecord
from persistence.repositories.owned import OwnedRows
from persistence.repositories.conditions import archived, contains
from persistence.tables import advertisers, campaigns, line_items, placements


class AdvertiserFilter(msgspec.Struct, frozen=True):
    search: str | None = None
    archived: bool = False


class CampaignFilter(msgspec.Struct, frozen=True):
    """All that is given must hold; without `statuses`, every status but ARCHIVED."""

    search: str | None = None
    statuses: tuple[str, ...] | None = None
    advertiser_id: AdvertiserId | None = None


class LineItemFilter(msgspec.Struct, frozen=True):
    archived: bool = False
    pricings: tuple[str, ...] | None = None


class PlacementFilter(msgspec.Struct, frozen=True):
    archived: bool = False
    positions: tuple[str, ...] | None = None


class Advertisers(OwnedRows[AdvertiserRecord, AdvertiserFilter]):
    table = advertisers
    record = AdvertiserRecord
    orders = {
        "NAME": Order("NAME", advertisers.c.name, lambda advertiser: advertiser.name, str),
        "CREATED_AT": Order("CREATED_AT", advertisers.c.created_at, lambda a: a.created_at, datetime),
    }

    @staticmethod
    def matching(wanted: AdvertiserFilter) -> list[ColumnElement[bool]]:
        conditions = [archived(advertisers.c.archived_at, wanted.archived)]
        if wanted.search is not None:
            conditions.append(contains(advertisers.c.name, wanted.search))
        return conditions


class Campaigns(OwnedRows[CampaignRecord, CampaignFilter]):
    table = campaigns
    record = CampaignRecord
    orders = {
        "CREATED_AT": Order("CREATED_AT", campaigns.c.created_at, lambda campaign: campaign.created_at, datetime),
        "NAME": Order("NAME", campaigns.c.name, lambda campaign: campaign.name, str),
    }

    @staticmethod
    def matching(wanted: CampaignFilter) -> list[ColumnElement[bool]]:
        if wanted.statuses is None:
            conditions: list[ColumnElement[bool]] = [campaigns.c.status != "ARCHIVED"]
        else:
            conditions = [campaigns.c.status.in_(wanted.statuses)]
        if wanted.search is not None:
            conditions.append(contains(campaigns.c.name, wanted.search))
        if wanted.advertiser_id is not None:
            conditions.append(campaigns.c.advertiser_id == wanted.advertiser_id)
        return conditions


class LineItems(OwnedRows[LineItemRecord, LineItemFilter]):
    table = line_items
    record = LineItemRecord
    orders = {
        "CREATED_AT": Order("CREATED_AT", line_items.c.created_at, lambda item: item.created_at, datetime),
        "NAME": Order("NAME", line_items.c.name, lambda item: item.name, str),
    }

    @staticmethod
    def matching(wanted: LineItemFilter) -> list[ColumnElement[bool]]:
        conditions = [archived(line_items.c.archived_at, wanted.archived)]
        if wanted.pricings is not None:
            conditions.append(line_items.c.pricing.in_(wanted.pricings))
        return conditions


class Placements(OwnedRows[PlacementRecord, PlacementFilter]):
    table = placements
    record = PlacementRecord
    orders = {
        "ID": Order("ID", placements.c.id, lambda placement: placement.id, int),
        "CREATED_AT": Order("CREATED_AT", placements.c.created_at, lambda placement: placement.created_at, datetime),
    }

    @staticmethod
    def matching(wanted: PlacementFilter) -> list[ColumnElement[bool]]:
        conditions = [archived(placements.c.archived_at, wanted.archived)]
        if wanted.positions is not None:
            conditions.append(placements.c.position.in_(wanted.positions))
        return conditions
