"""What the tables of campaigns refuse by themselves, and the statements that only they have."""

from datetime import date

import pytest

from persistence.errors import DuplicateValue, MissingReference, RefusedValue
from persistence.ids import LineItemId
from persistence.repositories.campaigns import Advertisers, Campaigns, LineItems, Placements
from resolvers.context import Services
from tests.actors import Actor, new_tenant
from tests.resolvers.campaigns.scene import (
    new_advertiser,
    new_campaign,
    new_episode,
    new_line_item,
    new_placement,
)

LINE_ITEM = {"name": "x", "pricing": "CPM", "rate_minor": 1, "currency": "USD"}
PLACEMENT = {"position": "PRE_ROLL", "insertion_type": "DYNAMIC", "read_type": "HOST_READ"}


@pytest.fixture
async def actor(services: Services) -> Actor:
    return await new_tenant(services)


async def test_line_item_has_its_campaigns_currency(services: Services, actor: Actor) -> None:
    campaign = await new_campaign(actor, currency="USD")
    with pytest.raises(MissingReference):
        async with services.database.write(actor.tenant_id) as session:
            await LineItems(session).insert({**LINE_ITEM, "campaign_id": campaign.id, "currency": "EUR"})


async def test_placement_has_its_line_items_campaign(services: Services, actor: Actor) -> None:
    line_item, episode = await new_line_item(actor, (await new_campaign(actor)).id), await new_episode(actor)
    other = await new_campaign(actor)
    values = {**PLACEMENT, "campaign_id": other.id, "line_item_id": line_item.id, "episode_id": episode.id}
    with pytest.raises(MissingReference):
        async with services.database.write(actor.tenant_id) as session:
            await Placements(session).insert(values)


async def test_foreign_keys_do_not_reach_another_tenant(services: Services, actor: Actor) -> None:
    other = await new_tenant(services)
    theirs = await new_campaign(other)
    their_episode = await new_episode(other)
    own = await new_line_item(actor, (await new_campaign(actor)).id)
    with pytest.raises(MissingReference):
        async with services.database.write(actor.tenant_id) as session:
            await Campaigns(session).insert(
                {"advertiser_id": theirs.advertiser_id, "name": "x", "currency": "USD", "status": "DRAFT"}
            )
    with pytest.raises(MissingReference):
        async with services.database.write(actor.tenant_id) as session:
            await LineItems(session).insert({**LINE_ITEM, "campaign_id": theirs.id})
    keys = {"campaign_id": own.campaign_id, "line_item_id": own.id, "episode_id": their_episode.id}
    with pytest.raises(MissingReference):
        async with services.database.write(actor.tenant_id) as session:
            await Placements(session).insert({**PLACEMENT, **keys})


@pytest.mark.parametrize(
    "values",
    [
        {"status": "RUNNING"},
        {"budget_minor": -1},
        {"starts_on": date(2026, 3, 2), "ends_on": date(2026, 3, 1)},
        {"name": "a\x00"},
        {"budget_minor": 2**63},
    ],
)
async def test_campaign_that_breaks_a_rule_is_refused(
    services: Services, actor: Actor, values: dict[str, object]
) -> None:
    advertiser = await new_advertiser(actor)
    whole = {"advertiser_id": advertiser.id, "name": "x", "currency": "USD", **values}
    with pytest.raises(RefusedValue):
        async with services.database.write(actor.tenant_id) as session:
            await Campaigns(session).insert(whole)


async def test_name_of_a_live_advertiser_is_unique(services: Services, actor: Actor) -> None:
    await new_advertiser(actor, "Acme")
    with pytest.raises(DuplicateValue) as caught:
        async with services.database.write(actor.tenant_id) as session:
            await Advertisers(session).insert({"name": "Acme"})
    assert caught.value.constraint == "advertisers_live_name_key"


async def test_flight_span_goes_from_the_earliest_to_the_latest_day_named(services: Services, actor: Actor) -> None:
    campaign, other = await new_campaign(actor), await new_campaign(actor)
    async with services.database.read(actor.tenant_id) as session:
        assert await LineItems(session).flight_span(campaign.id) == (None, None)
    await new_line_item(actor, campaign.id)
    await new_line_item(actor, campaign.id, ends_on="2026-03-03")
    await new_line_item(actor, campaign.id, starts_on="2026-03-05", ends_on="2026-03-06")
    await new_line_item(actor, campaign.id, starts_on="2026-03-09")
    await new_line_item(actor, other.id, starts_on="2026-01-01", ends_on="2026-12-31")
    async with services.database.read(actor.tenant_id) as session:
        assert await LineItems(session).flight_span(campaign.id) == (date(2026, 3, 3), date(2026, 3, 9))


async def test_lock_finds_nothing_of_another_tenant(services: Services, actor: Actor) -> None:
    theirs = await new_campaign(await new_tenant(services))
    async with services.database.write(actor.tenant_id) as session:
        assert await Campaigns(session).lock(theirs.id) is None
        assert await Campaigns(session).lock(theirs.id, shared=True) is None


async def test_archiving_the_placements_of_a_line_item_leaves_archived_ones_and_others(
    services: Services, actor: Actor
) -> None:
    campaign = await new_campaign(actor)
    line_item, other = await new_line_item(actor, campaign.id), await new_line_item(actor, campaign.id)
    live, early = await new_placement(actor, line_item.id), await new_placement(actor, line_item.id)
    kept = await new_placement(actor, other.id)
    first, second = services.clock(), services.clock()
    async with services.database.write(actor.tenant_id) as session:
        rows = Placements(session)
        await rows.update(early.id, 1, {"archived_at": first})
        await rows.archive_of(LineItemId(line_item.id), second)
        found = await rows.by_ids([live.id, early.id, kept.id])
    assert [(row.archived_at, row.version) if row else None for row in found] == [(second, 2), (first, 2), (None, 1)]
