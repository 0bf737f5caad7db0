"""Line items."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from persistence.ids import CampaignId
from persistence.repositories.campaigns import LineItems, Placements
from resolvers import lists
from resolvers.campaigns.lifecycle import activate_campaign
from resolvers.campaigns.line_items import (
    LineItemChanges,
    NewLineItem,
    Pricing,
    archive_line_item,
    create_line_item,
    update_line_item,
)
from resolvers.campaigns.states import CampaignStatus
from resolvers.context import Services
from resolvers.errors import Conflict, IllegalTransition, InvalidInput, NotFound
from tests.actors import new_tenant
from tests.resolvers.campaigns.scene import campaign_in, new_campaign, new_line_item, new_placement

LARGEST = 2**53 - 1


async def test_new_line_item_has_the_campaigns_currency(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor, currency="JPY")
    new = NewLineItem(name=" Pre ", pricing=Pricing.CPA, rate_minor=LARGEST, booked_impressions=LARGEST)
    line_item = await create_line_item(actor.context(), campaign.id, new)
    assert (line_item.name, line_item.pricing, line_item.rate_minor, line_item.currency) == (
        "Pre",
        "CPA",
        LARGEST,
        "JPY",
    )
    assert (line_item.booked_impressions, line_item.version, line_item.archived_at) == (LARGEST, 1, None)
    assert await lists.by_id(actor.context(), LineItems, line_item.id) == line_item


@pytest.mark.parametrize(
    "values",
    [
        {"rate_minor": -1},
        {"rate_minor": LARGEST + 1},
        {"rate_minor": None},
        {"booked_impressions": -1},
        {"booked_impressions": LARGEST + 1},
        {"pricing": "CPC"},
        {"name": ""},
        {"name": "\x00"},
    ],
)
def test_unusable_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewLineItem.model_validate({"name": "Pre", "pricing": "CPM", "rate_minor": 1, **values})


@pytest.mark.parametrize(
    ("campaign", "line_item", "problems"),
    [
        ({}, {"starts_on": "1900-01-01", "ends_on": "2999-12-31"}, []),
        ({"starts_on": "2026-03-01"}, {"starts_on": "2026-03-01"}, []),
        ({"starts_on": "2026-03-01"}, {"starts_on": "2026-02-28"}, [("OUTSIDE_CAMPAIGN", "startsOn")]),
        ({"ends_on": "2026-03-31"}, {"ends_on": "2026-03-31"}, []),
        ({"ends_on": "2026-03-31"}, {"ends_on": "2026-04-01"}, [("OUTSIDE_CAMPAIGN", "endsOn")]),
        ({"ends_on": "2026-03-31"}, {"starts_on": "2026-04-01"}, [("OUTSIDE_CAMPAIGN", "startsOn")]),
        ({"starts_on": "2026-03-01"}, {"ends_on": "2026-02-28"}, [("OUTSIDE_CAMPAIGN", "endsOn")]),
        (
            {"starts_on": "2026-03-01", "ends_on": "2026-03-31"},
            {"starts_on": "2026-02-28", "ends_on": "2026-04-01"},
            [("OUTSIDE_CAMPAIGN", "startsOn"), ("OUTSIDE_CAMPAIGN", "endsOn")],
        ),
        ({}, {"starts_on": "2026-03-02", "ends_on": "2026-03-01"}, [("ENDS_BEFORE_START", "endsOn")]),
    ],
)
async def test_flight_lies_in_the_campaigns(
    services: Services, campaign: dict[str, Any], line_item: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    actor = await new_tenant(services)
    owner = await new_campaign(actor, **campaign)
    if not problems:
        created = await new_line_item(actor, owner.id, **line_item)
        assert {name: str(getattr(created, name)) for name in line_item} == line_item
        return
    with pytest.raises(InvalidInput) as creating:
        await new_line_item(actor, owner.id, **line_item)
    expected = [(code, ("input", field)) for code, field in problems]
    assert [(problem.code, problem.path) for problem in creating.value.problems] == expected
    plain = await new_line_item(actor, owner.id)
    with pytest.raises(InvalidInput) as changing:
        await update_line_item(actor.context(), plain.id, 1, LineItemChanges.model_validate(line_item))
    assert [(problem.code, problem.path) for problem in changing.value.problems] == expected
    assert await lists.by_id(actor.context(), LineItems, plain.id) == plain


async def test_update_changes_what_is_given(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    line_item = await new_line_item(actor, campaign.id, booked_impressions=10, ends_on="2026-03-31")
    changed = await update_line_item(
        actor.context(), line_item.id, 1, LineItemChanges(pricing=Pricing.FLAT, rate_minor=7, booked_impressions=None)
    )
    assert (changed.pricing, changed.rate_minor, changed.booked_impressions) == ("FLAT", 7, None)
    assert (changed.name, changed.ends_on, changed.version) == ("Mid-rolls", date(2026, 3, 31), 2)


@pytest.mark.parametrize("field", ["name", "pricing", "rate_minor"])
def test_null_does_not_clear_what_every_line_item_has(field: str) -> None:
    with pytest.raises(ValidationError):
        LineItemChanges.model_validate({field: None})


async def test_stale_update_is_a_conflict_and_changes_nothing(services: Services) -> None:
    actor = await new_tenant(services)
    line_item = await new_line_item(actor, (await new_campaign(actor)).id)
    with pytest.raises(Conflict):
        await update_line_item(actor.context(), line_item.id, 2, LineItemChanges(name="x"))
    with pytest.raises(Conflict):
        await archive_line_item(actor.context(), line_item.id, 2)
    assert await lists.by_id(actor.context(), LineItems, line_item.id) == line_item


async def test_archiving_a_line_item_archives_its_placements(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    line_item, other = await new_line_item(actor, campaign.id), await new_line_item(actor, campaign.id)
    placement, kept = await new_placement(actor, line_item.id), await new_placement(actor, other.id)
    archived = await archive_line_item(actor.context(), line_item.id, 1)
    gone = await lists.by_id(actor.context(), Placements, placement.id)
    assert gone is not None
    assert (gone.archived_at, gone.version) == (archived.archived_at, 2)
    assert archived.archived_at is not None
    assert await lists.by_id(actor.context(), Placements, kept.id) == kept


async def test_archived_line_item_changes_no_more_and_gets_no_placements(services: Services) -> None:
    actor = await new_tenant(services)
    line_item = await new_line_item(actor, (await new_campaign(actor)).id)
    archived = await archive_line_item(actor.context(), line_item.id, 1)
    with pytest.raises(IllegalTransition):
        await update_line_item(actor.context(), archived.id, 2, LineItemChanges(name="x"))
    with pytest.raises(IllegalTransition):
        await archive_line_item(actor.context(), archived.id, 2)
    with pytest.raises(IllegalTransition) as caught:
        await new_placement(actor, archived.id)
    assert caught.value.path == ("lineItemId",)
    assert await lists.by_id(actor.context(), LineItems, archived.id) == archived


async def test_active_campaign_keeps_its_last_line_item(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    first, second = await new_line_item(actor, campaign.id), await new_line_item(actor, campaign.id)
    await activate_campaign(actor.context(), campaign.id, campaign.version)
    await archive_line_item(actor.context(), first.id, 1)
    with pytest.raises(IllegalTransition):
        await archive_line_item(actor.context(), second.id, 1)
    assert await lists.by_id(actor.context(), LineItems, second.id) == second


@pytest.mark.parametrize("status", [CampaignStatus.DRAFT, CampaignStatus.ACTIVE, CampaignStatus.PAUSED])
async def test_open_campaigns_take_line_items(services: Services, status: CampaignStatus) -> None:
    actor = await new_tenant(services)
    campaign = await campaign_in(actor, status)
    assert (await new_line_item(actor, campaign.id)).campaign_id == campaign.id


async def test_unknown_campaign_is_not_found_under_its_argument(services: Services) -> None:
    actor = await new_tenant(services)
    with pytest.raises(NotFound) as caught:
        await new_line_item(actor, CampaignId(2**63 - 1))
    assert caught.value.path == ("campaignId",)
