"""Advertisers."""

import pytest
from pydantic import ValidationError

from persistence.ids import AdvertiserId
from persistence.records import AdvertiserRecord
from persistence.repositories.campaigns import AdvertiserFilter, Advertisers, Campaigns
from resolvers import lists
from resolvers.campaigns.advertisers import (
    AdvertiserChanges,
    NewAdvertiser,
    archive_advertiser,
    create_advertiser,
    update_advertiser,
)
from resolvers.campaigns.campaigns import NewCampaign, create_campaign
from resolvers.campaigns.lifecycle import activate_campaign, pause_campaign
from resolvers.context import Services
from resolvers.errors import Conflict, IllegalTransition, NotFound
from resolvers.pages import requested_page
from tests.actors import Actor, new_tenant
from tests.resolvers.campaigns.scene import new_advertiser, new_campaign, new_line_item


async def stored(actor: Actor, advertiser_id: AdvertiserId) -> AdvertiserRecord | None:
    return await lists.by_id(actor.context(), Advertisers, advertiser_id)


async def names(actor: Actor, wanted: AdvertiserFilter) -> list[str]:
    request = requested_page(
        Advertisers.orders, order="NAME", descending=False, first=None, after=None, last=None, before=None
    )
    return [advertiser.name for advertiser in (await lists.page(actor.context(), Advertisers, request, wanted)).nodes]


async def test_new_advertiser_is_trimmed_and_stored(services: Services) -> None:
    actor = await new_tenant(services)
    advertiser = await create_advertiser(
        actor.context(), NewAdvertiser(name="  Zoë & Söhne 🎙  ", website_url="https://example.com/")
    )
    assert (advertiser.name, advertiser.website_url, advertiser.version, advertiser.archived_at) == (
        "Zoë & Söhne 🎙",
        "https://example.com/",
        1,
        None,
    )
    assert await stored(actor, advertiser.id) == advertiser


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\x00b", "a\ud800b"])
def test_unusable_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        NewAdvertiser(name=name)


async def test_taken_name_is_a_conflict_and_changes_nothing(services: Services) -> None:
    actor = await new_tenant(services)
    await new_advertiser(actor, "Acme")
    other = await new_advertiser(actor, "Globex")
    with pytest.raises(Conflict) as creating:
        await new_advertiser(actor, "Acme")
    with pytest.raises(Conflict) as renaming:
        await update_advertiser(actor.context(), other.id, other.version, AdvertiserChanges(name="Acme"))
    assert creating.value.path == renaming.value.path == ("input", "name")
    assert await names(actor, AdvertiserFilter()) == ["Acme", "Globex"]


async def test_another_tenant_takes_the_same_name(services: Services) -> None:
    first, second = await new_tenant(services), await new_tenant(services)
    await new_advertiser(first, "Acme")
    assert (await new_advertiser(second, "Acme")).name == "Acme"


async def test_archived_advertiser_leaves_its_name(services: Services) -> None:
    actor = await new_tenant(services)
    first = await new_advertiser(actor, "Acme")
    archived = await archive_advertiser(actor.context(), first.id, first.version)
    assert archived.archived_at is not None
    await new_advertiser(actor, "Acme")
    assert await names(actor, AdvertiserFilter()) == ["Acme"]
    assert await names(actor, AdvertiserFilter(archived=True)) == ["Acme"]


async def test_search_ignores_case_and_takes_wildcards_literally(services: Services) -> None:
    actor = await new_tenant(services)
    for name in ("Acme", "100% Organic", "acme_two"):
        await new_advertiser(actor, name)
    assert await names(actor, AdvertiserFilter(search="ACME")) == ["Acme", "acme_two"]
    assert await names(actor, AdvertiserFilter(search="%")) == ["100% Organic"]
    assert await names(actor, AdvertiserFilter(search="_")) == ["acme_two"]


async def test_fields_that_are_left_out_stay(services: Services) -> None:
    actor = await new_tenant(services)
    advertiser = await create_advertiser(actor.context(), NewAdvertiser(name="Acme", website_url="https://a.example"))
    renamed = await update_advertiser(actor.context(), advertiser.id, 1, AdvertiserChanges(name="Acme 2"))
    assert (renamed.name, renamed.website_url, renamed.version) == ("Acme 2", "https://a.example", 2)
    cleared = await update_advertiser(actor.context(), advertiser.id, 2, AdvertiserChanges(website_url=None))
    assert (cleared.name, cleared.website_url, cleared.version) == ("Acme 2", None, 3)


async def test_stale_update_is_a_conflict_and_changes_nothing(services: Services) -> None:
    actor = await new_tenant(services)
    advertiser = await new_advertiser(actor)
    newer = await update_advertiser(actor.context(), advertiser.id, 1, AdvertiserChanges(name="Newer"))
    for version in (1, 3, 0, -1, 2**31 - 1):
        with pytest.raises(Conflict) as caught:
            await update_advertiser(actor.context(), advertiser.id, version, AdvertiserChanges(name="Older"))
        assert caught.value.path == ("version",)
    assert await stored(actor, advertiser.id) == newer


async def test_advertiser_with_an_active_campaign_is_not_archived(services: Services) -> None:
    actor = await new_tenant(services)
    advertiser = await new_advertiser(actor)
    campaign = await new_campaign(actor, advertiser.id)
    await new_line_item(actor, campaign.id)
    running = await activate_campaign(actor.context(), campaign.id, campaign.version)
    with pytest.raises(IllegalTransition):
        await archive_advertiser(actor.context(), advertiser.id, advertiser.version)
    assert await stored(actor, advertiser.id) == advertiser
    await pause_campaign(actor.context(), running.id, running.version)
    archived = await archive_advertiser(actor.context(), advertiser.id, advertiser.version)
    assert archived.archived_at is not None


async def test_archived_advertiser_changes_no_more_and_gets_no_campaigns(services: Services) -> None:
    actor = await new_tenant(services)
    advertiser = await new_advertiser(actor)
    archived = await archive_advertiser(actor.context(), advertiser.id, advertiser.version)
    with pytest.raises(IllegalTransition):
        await archive_advertiser(actor.context(), archived.id, archived.version)
    with pytest.raises(IllegalTransition):
        await update_advertiser(actor.context(), archived.id, archived.version, AdvertiserChanges(name="x"))
    with pytest.raises(IllegalTransition) as caught:
        await create_campaign(actor.context(), archived.id, NewCampaign(name="Late", currency="USD"))
    assert caught.value.path == ("advertiserId",)
    assert await stored(actor, advertiser.id) == archived
    assert await lists.by_id(actor.context(), Campaigns, 1) is None


async def test_unknown_advertiser_is_not_found(services: Services) -> None:
    actor = await new_tenant(services)
    for advertiser_id in (AdvertiserId(2**63 - 1), AdvertiserId(1)):
        with pytest.raises(NotFound) as caught:
            await update_advertiser(actor.context(), advertiser_id, 1, AdvertiserChanges(name="x"))
        assert caught.value.path == ("id",)
