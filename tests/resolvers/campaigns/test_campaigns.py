"""Campaigns: what they say of themselves."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from persistence.ids import AdvertiserId
from persistence.repositories.campaigns import CampaignFilter, Campaigns
from resolvers import lists
from resolvers.campaigns.campaigns import CampaignChanges, NewCampaign, create_campaign, update_campaign
from resolvers.campaigns.line_items import archive_line_item
from resolvers.campaigns.states import CampaignStatus
from resolvers.context import Services
from resolvers.errors import InvalidInput, NotFound
from resolvers.pages import requested_page
from tests.actors import Actor, new_tenant
from tests.resolvers.campaigns.scene import campaign_in, new_advertiser, new_campaign, new_line_item

LARGEST = 2**53 - 1


async def names(actor: Actor, wanted: CampaignFilter, order: str = "NAME", *, descending: bool = False) -> list[str]:
    request = requested_page(
        Campaigns.orders, order=order, descending=descending, first=None, after=None, last=None, before=None
    )
    return [campaign.name for campaign in (await lists.page(actor.context(), Campaigns, request, wanted)).nodes]


async def test_new_campaign_is_a_draft(services: Services) -> None:
    actor = await new_tenant(services)
    advertiser = await new_advertiser(actor)
    new = NewCampaign(
        name="Spring", currency=" eur ", budget_minor=LARGEST, starts_on=date(2026, 3, 1), ends_on=date(2026, 3, 1)
    )
    campaign = await create_campaign(actor.context(), advertiser.id, new)
    assert (campaign.advertiser_id, campaign.name, campaign.status, campaign.version) == (
        advertiser.id,
        "Spring",
        "DRAFT",
        1,
    )
    assert (campaign.budget_minor, campaign.currency) == (LARGEST, "EUR")
    assert (campaign.starts_on, campaign.ends_on) == (date(2026, 3, 1), date(2026, 3, 1))
    assert await lists.by_id(actor.context(), Campaigns, campaign.id) == campaign


@pytest.mark.parametrize(
    "values",
    [
        {"budget_minor": -1},
        {"budget_minor": LARGEST + 1},
        {"budget_minor": 10**30},
        {"budget_minor": 0.5},
        {"currency": "EURO"},
        {"currency": "QQQ"},
        {"currency": "XAU"},
        {"currency": "XXX"},
        {"currency": "E\x00R"},
        {"currency": ""},
        {"name": "a\x00"},
        {"starts_on": "1899-12-31"},
        {"ends_on": "9999-12-31"},
    ],
)
def test_unusable_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewCampaign.model_validate({"name": "Spring", "currency": "USD", **values})


async def test_flight_that_ends_before_it_starts_is_refused(services: Services) -> None:
    actor = await new_tenant(services)
    advertiser = await new_advertiser(actor)
    with pytest.raises(InvalidInput) as caught:
        await new_campaign(actor, advertiser.id, starts_on="2026-03-02", ends_on="2026-03-01")
    [problem] = caught.value.problems
    assert (problem.code, problem.path) == ("ENDS_BEFORE_START", ("input", "endsOn"))
    assert await names(actor, CampaignFilter()) == []


async def test_flight_is_checked_against_the_date_that_stays(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor, starts_on="2026-03-02")
    with pytest.raises(InvalidInput):
        await update_campaign(actor.context(), campaign.id, 1, CampaignChanges(ends_on=date(2026, 3, 1)))
    both = CampaignChanges(starts_on=date(2026, 2, 1), ends_on=date(2026, 3, 1))
    changed = await update_campaign(actor.context(), campaign.id, 1, both)
    assert (changed.starts_on, changed.ends_on, changed.version) == (date(2026, 2, 1), date(2026, 3, 1), 2)


@pytest.mark.parametrize(
    ("line_item", "changes", "refused"),
    [
        ({"starts_on": "2026-03-05"}, {"starts_on": "2026-03-06"}, [("input", "startsOn")]),
        ({"starts_on": "2026-03-05"}, {"starts_on": "2026-03-05"}, []),
        ({"ends_on": "2026-03-05"}, {"starts_on": "2026-03-06"}, [("input", "startsOn")]),
        ({"ends_on": "2026-03-05"}, {"ends_on": "2026-03-04"}, [("input", "endsOn")]),
        ({"ends_on": "2026-03-05"}, {"ends_on": "2026-03-05"}, []),
        ({"starts_on": "2026-03-05"}, {"ends_on": "2026-03-04"}, [("input", "endsOn")]),
        (
            {"starts_on": "2026-03-05", "ends_on": "2026-03-20"},
            {"starts_on": "2026-03-06", "ends_on": "2026-03-19"},
            [("input", "startsOn"), ("input", "endsOn")],
        ),
        ({"starts_on": "2026-03-05", "ends_on": "2026-03-20"}, {"starts_on": None, "ends_on": None}, []),
        ({}, {"starts_on": "2026-03-31", "ends_on": "2026-03-31"}, []),
    ],
)
async def test_flight_must_cover_the_line_items(
    services: Services, line_item: dict[str, Any], changes: dict[str, Any], refused: list[tuple[str, ...]]
) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor, starts_on="2026-03-01", ends_on="2026-03-31")
    await new_line_item(actor, campaign.id, **line_item)
    changed = CampaignChanges.model_validate(changes)
    if not refused:
        updated = await update_campaign(actor.context(), campaign.id, 1, changed)
        assert {name: getattr(updated, name) for name in changes} == changed.model_dump(exclude_unset=True)
        return
    with pytest.raises(InvalidInput) as caught:
        await update_campaign(actor.context(), campaign.id, 1, changed)
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [
        ("EXCLUDES_LINE_ITEMS", path) for path in refused
    ]
    assert await lists.by_id(actor.context(), Campaigns, campaign.id) == campaign


async def test_archived_line_items_do_not_bind_the_flight(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    line_item = await new_line_item(actor, campaign.id, starts_on="2026-03-05")
    await archive_line_item(actor.context(), line_item.id, line_item.version)
    changed = await update_campaign(actor.context(), campaign.id, 1, CampaignChanges(starts_on=date(2026, 3, 6)))
    assert changed.starts_on == date(2026, 3, 6)


async def test_fields_that_are_left_out_stay_and_null_clears(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor, budget_minor=5, ends_on="2026-03-31")
    changed = await update_campaign(actor.context(), campaign.id, 1, CampaignChanges(budget_minor=None))
    assert (changed.name, changed.budget_minor, changed.ends_on) == ("Spring", None, date(2026, 3, 31))


async def test_unknown_advertiser_is_not_found_under_its_argument(services: Services) -> None:
    actor = await new_tenant(services)
    with pytest.raises(NotFound) as caught:
        await new_campaign(actor, AdvertiserId(2**63 - 1))
    assert caught.value.path == ("advertiserId",)


async def test_filters_narrow_the_list(services: Services) -> None:
    actor = await new_tenant(services)
    advertiser = await new_advertiser(actor, "Globex")
    await new_campaign(actor, advertiser.id, name="Autumn Sale")
    await new_campaign(actor, name="Spring sale")
    running = await campaign_in(actor, CampaignStatus.ACTIVE)
    gone = await campaign_in(actor, CampaignStatus.ARCHIVED)
    everything = tuple(status.value for status in CampaignStatus)
    assert await names(actor, CampaignFilter()) == ["Autumn Sale", "Spring", "Spring sale"]
    assert await names(actor, CampaignFilter(search="SALE")) == ["Autumn Sale", "Spring sale"]
    assert await names(actor, CampaignFilter(statuses=("ACTIVE",))) == [running.name]
    assert await names(actor, CampaignFilter(statuses=("ARCHIVED",))) == [gone.name]
    assert len(await names(actor, CampaignFilter(statuses=everything))) == 4
    assert await names(actor, CampaignFilter(statuses=())) == []
    assert await names(actor, CampaignFilter(advertiser_id=advertiser.id)) == ["Autumn Sale"]
    assert await names(actor, CampaignFilter(advertiser_id=advertiser.id, search="spring")) == []


async def test_campaigns_sort_by_start_with_open_starts_after_all_others(services: Services) -> None:
    actor = await new_tenant(services)
    for name, starts_on in (("open", None), ("late", "2999-12-31"), ("early", "1900-01-01"), ("now", "2026-01-01")):
        await new_campaign(actor, name=name, starts_on=starts_on)
    by_start = ["early", "now", "late", "open"]
    assert await names(actor, CampaignFilter(), "STARTS_ON") == by_start
    assert await names(actor, CampaignFilter(), "STARTS_ON", descending=True) == by_start[::-1]
    assert await names(actor, CampaignFilter(), "CREATED_AT") == ["open", "late", "early", "now"]
