"""A filter in two parts means what it means whole: the shape makes the statement, the values are bound."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from persistence.filters import bound, parted
from persistence.ids import AdvertiserId, CampaignId, PlacementId
from persistence.pages import Slice
from persistence.repositories.campaigns import (
    AdvertiserFilter,
    Advertisers,
    CampaignFilter,
    Campaigns,
    LineItemFilter,
    LineItems,
    PlacementFilter,
    Placements,
)
from persistence.repositories.events import EventFilter, Events
from persistence.repositories.owned import OwnedRows
from persistence.repositories.podcasts import EpisodeFilter, Episodes, PodcastFilter, Podcasts
from persistence.repositories.runs import AttributionRuns, RunFilter
from resolvers.context import Services
from tests.actors import Actor, new_tenant
from tests.resolvers.campaigns.scene import new_advertiser, new_campaign, new_episode, new_line_item, new_placement

NAMES = ["Spring", "spring 100%", "Under_score", "É", "x"]
searches = st.none() | st.sampled_from(["", "SPRING", "%", "_", "é", "no such", "'", "\\"])
days = st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31))
moments = st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # bounds of what gets the zone


def some(values: Sequence[str]) -> st.SearchStrategy[tuple[str, ...] | None]:
    return st.none() | st.lists(st.sampled_from(values), max_size=3).map(tuple)


FILTERS: dict[type[OwnedRows[Any, Any]], st.SearchStrategy[Any]] = {
    Advertisers: st.builds(AdvertiserFilter, search=searches, archived=st.booleans()),
    Campaigns: st.builds(
        CampaignFilter,
        search=searches,
        statuses=some(["DRAFT", "ACTIVE", "ARCHIVED"]),
        advertiser_id=st.none() | st.integers(1, 50).map(AdvertiserId),
        runs_from=days,
        runs_until=days,
    ),
    LineItems: st.builds(LineItemFilter, search=searches, archived=st.booleans(), pricings=some(["CPM", "FLAT"])),
    Placements: st.builds(
        PlacementFilter,
        archived=st.booleans(),
        positions=some(["PRE_ROLL", "MID_ROLL"]),
        insertion_types=some(["DYNAMIC", "BAKED_IN"]),
        read_types=some(["HOST_READ"]),
        promo_code=st.none() | st.sampled_from(["CODE", "X"]),
    ),
    Podcasts: st.builds(PodcastFilter, search=searches, archived=st.booleans()),
    Episodes: st.builds(EpisodeFilter, search=searches, published_from=moments, published_before=moments),
    AttributionRuns: st.builds(RunFilter, statuses=some(["QUEUED"]), models=some(["LINEAR"])),
    Events: st.builds(
        EventFilter,
        since=moments,
        until=moments,
        types=some(["VISIT", "PURCHASE"]),
        placement_ids=st.none() | st.lists(st.integers(1, 9).map(PlacementId), max_size=2).map(tuple),
        campaign_id=st.none() | st.integers(1, 9).map(CampaignId),
        household=st.none() | st.integers(1, 9),
        order_id=st.none() | st.just("o"),
        counted_only=st.booleans(),
    ),
}


@pytest_asyncio.fixture(scope="module")
async def stocked(services: Services) -> Actor:
    actor = await new_tenant(services)
    advertiser = await new_advertiser(actor, NAMES[0])
    for name in NAMES:
        await new_advertiser(actor, f"{name} & Co")
        campaign = await new_campaign(actor, advertiser.id, name=name)
        item = await new_line_item(actor, campaign.id, name=name)
        episode = await new_episode(actor)
        await new_placement(actor, item.id, episode.id)
    return actor


@pytest.mark.parametrize("rows", FILTERS, ids=lambda rows: rows.__name__)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
async def test_page_and_counts_are_what_the_whole_filter_finds(
    stocked: Actor, rows: type[OwnedRows[Any, Any]], data: st.DataObject
) -> None:
    wanted = data.draw(FILTERS[rows])
    whole = select(rows.table.c.id).where(rows.owned(stocked.tenant_id), *rows.matching(wanted))
    order = next(iter(rows.orders))
    async with stocked.services.database.read(stocked.tenant_id) as session:
        expected = {row[0] for row in await session.rows(whole)}
        page = await rows(session).page(Slice(order, False, 1_000), wanted)
        [of_tenant] = await rows(session).pages_by("tenant_id", [stocked.tenant_id], Slice(order, True, 1_000), wanted)
        assert {record.id for record in page.records} == expected
        assert {record.id for record in of_tenant.records} == expected
        assert await rows(session).count(wanted) == len(expected)
        assert await rows(session).counts_by("tenant_id", [stocked.tenant_id], wanted) == [len(expected)]


@pytest.mark.parametrize("rows", FILTERS, ids=lambda rows: rows.__name__)
async def test_filters_find_nothing_of_another_tenant(
    services: Services, stocked: Actor, rows: type[OwnedRows[Any, Any]]
) -> None:
    other = await new_tenant(services)
    part = Slice(next(iter(rows.orders)), False, 1_000)
    async with services.database.read(other.tenant_id) as session:
        assert (await rows(session).page(part)).records == []
        [page] = await rows(session).pages_by("tenant_id", [stocked.tenant_id], part)
        assert page.records == []
        assert (await rows(session).count(), await rows(session).counts_by("tenant_id", [stocked.tenant_id])) == (
            0,
            [0],
        )


@pytest.mark.parametrize("rows", FILTERS, ids=lambda rows: rows.__name__)
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_shape_and_values_make_up_the_filter(rows: type[OwnedRows[Any, Any]], data: st.DataObject) -> None:
    wanted = data.draw(FILTERS[rows])
    shape, values = parted(wanted, rows.fixed)
    again = bound(shape)
    for name in wanted.__struct_fields__:
        if f"wanted_{name}" in values:
            assert values[f"wanted_{name}"] == getattr(wanted, name)
            assert getattr(again, name).key == f"wanted_{name}"
        else:
            assert getattr(again, name) == getattr(wanted, name)


class Two(msgspec.Struct, frozen=True):
    text: str | None = None
    flag: bool = False


def test_filters_of_different_values_have_one_shape_and_flags_and_gaps_have_another() -> None:
    shape, _ = parted(Two("a"), ())
    assert parted(Two("b"), ())[0] == shape
    assert parted(Two("a", flag=True), ())[0] != shape
    assert parted(Two(), ())[0] != shape
    assert parted(Two("a"), ("text",))[0] != parted(Two("b"), ("text",))[0]
    assert parted(None, ()) == (None, {})


@pytest.mark.parametrize(
    ("search", "found"),
    [("spring", 2), ("0%", 1), ("%", 1), ("_", 1), ("É", 1), ("é", 1), ("", 5), ("\\", 0)],
)
async def test_search_ignores_case_and_takes_every_character_for_itself(
    stocked: Actor, search: str, found: int
) -> None:
    async with stocked.services.database.read(stocked.tenant_id) as session:
        assert await Campaigns(session).count(CampaignFilter(search=search)) == found
