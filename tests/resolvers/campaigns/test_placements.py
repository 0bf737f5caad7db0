"""Placements."""

from typing import Any

import pytest
from pydantic import ValidationError

from persistence.ids import EpisodeId, LineItemId
from persistence.records import LineItemRecord
from persistence.repositories.campaigns import PlacementFilter, Placements
from persistence.repositories.podcasts import Podcasts
from resolvers import lists
from resolvers.campaigns.placements import NewPlacement, PlacementChanges, archive_placement, update_placement
from resolvers.context import Services
from resolvers.errors import Conflict, IllegalTransition, InvalidInput, NotFound
from resolvers.podcasts import archive_podcast
from tests.actors import Actor, new_tenant
from tests.resolvers.campaigns.scene import new_campaign, new_episode, new_line_item, new_placement

GIVEN = {"position": "MID_ROLL", "insertion_type": "DYNAMIC", "read_type": "HOST_READ"}


async def line_item_of(actor: Actor) -> LineItemRecord:
    return await new_line_item(actor, (await new_campaign(actor)).id)


async def test_new_placement_belongs_to_line_item_campaign_and_episode(services: Services) -> None:
    actor = await new_tenant(services)
    line_item, episode = await line_item_of(actor), await new_episode(actor)
    placement = await new_placement(
        actor, line_item.id, episode.id, offset_seconds=90, promo_code=" spring-26 ", vanity_url="https://a.example/x"
    )
    assert (placement.campaign_id, placement.line_item_id, placement.episode_id) == (
        line_item.campaign_id,
        line_item.id,
        episode.id,
    )
    assert (placement.offset_seconds, placement.promo_code, placement.vanity_url) == (
        90,
        "SPRING-26",
        "https://a.example/x",
    )
    assert await lists.by_id(actor.context(), Placements, placement.id) == placement


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("save10", "SAVE10"), ("A", "A"), ("a-b_c", "A-B_C"), ("  x  ", "X"), ("9" * 64, "9" * 64)],
)
def test_promo_code_is_kept_in_upper_case(typed: str, kept: str) -> None:
    assert NewPlacement.model_validate({**GIVEN, "promo_code": typed}).promo_code == kept


@pytest.mark.parametrize("typed", ["", "  ", "-_", "A B", "ÄÖ", "straße", "ⅷ", "1" * 65, "A\x00", "a.b", "%", "x\n\ny"])
def test_other_promo_codes_are_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        NewPlacement.model_validate({**GIVEN, "promo_code": typed})


@pytest.mark.parametrize(
    "values",
    [
        {"offset_seconds": -1},
        {"offset_seconds": 10**7 + 1},
        {"offset_seconds": 10**30},
        {"vanity_url": "brand.example/show"},
        {"vanity_url": "javascript:alert(1)"},
        {"vanity_url": "https://a.example/\x00"},
        {"position": "FRONT"},
        {"insertion_type": None},
    ],
)
def test_unusable_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewPlacement.model_validate({**GIVEN, **values})


@pytest.mark.parametrize("position", ["PRE_ROLL", "POST_ROLL"])
async def test_only_a_mid_roll_has_an_offset(services: Services, position: str) -> None:
    actor = await new_tenant(services)
    line_item = await line_item_of(actor)
    with pytest.raises(InvalidInput) as caught:
        await new_placement(actor, line_item.id, position=position, offset_seconds=0)
    [problem] = caught.value.problems
    assert (problem.code, problem.path) == ("OFFSET_WITHOUT_MID_ROLL", ("input", "offsetSeconds"))

    placement = await new_placement(actor, line_item.id, offset_seconds=90)
    changes = PlacementChanges.model_validate({"position": position})
    with pytest.raises(InvalidInput):
        await update_placement(actor.context(), placement.id, 1, changes)
    assert await lists.by_id(actor.context(), Placements, placement.id) == placement
    both = PlacementChanges.model_validate({"position": position, "offset_seconds": None})
    changed = await update_placement(actor.context(), placement.id, 1, both)
    assert (changed.position, changed.offset_seconds) == (position, None)


async def test_unknown_episode_is_not_found_under_its_argument(services: Services) -> None:
    actor = await new_tenant(services)
    with pytest.raises(NotFound) as caught:
        await new_placement(actor, (await line_item_of(actor)).id, EpisodeId(2**63 - 1))
    assert caught.value.path == ("episodeId",)


async def test_unknown_line_item_is_not_found_under_its_argument(services: Services) -> None:
    actor = await new_tenant(services)
    with pytest.raises(NotFound) as caught:
        await new_placement(actor, LineItemId(2**63 - 1))
    assert caught.value.path == ("lineItemId",)


async def test_episode_of_an_archived_podcast_takes_no_placement(services: Services) -> None:
    actor = await new_tenant(services)
    line_item, episode = await line_item_of(actor), await new_episode(actor)
    podcast = await lists.by_id(actor.context(), Podcasts, episode.podcast_id)
    assert podcast is not None
    await archive_podcast(actor.context(), podcast.id, podcast.version)
    with pytest.raises(IllegalTransition) as caught:
        await new_placement(actor, line_item.id, episode.id)
    assert caught.value.path == ("episodeId",)
    assert await actor.context().loaders.count(Placements).fetch_one(PlacementFilter()) == 0


async def test_update_changes_what_is_given(services: Services) -> None:
    actor = await new_tenant(services)
    placement = await new_placement(actor, (await line_item_of(actor)).id, promo_code="OLD", offset_seconds=5)
    changes = PlacementChanges.model_validate({"promo_code": "new", "read_type": "PRE_PRODUCED"})
    changed = await update_placement(actor.context(), placement.id, 1, changes)
    assert (changed.promo_code, changed.read_type, changed.offset_seconds, changed.version) == (
        "NEW",
        "PRE_PRODUCED",
        5,
        2,
    )


async def test_stale_update_is_a_conflict_and_changes_nothing(services: Services) -> None:
    actor = await new_tenant(services)
    placement = await new_placement(actor, (await line_item_of(actor)).id)
    with pytest.raises(Conflict):
        await update_placement(actor.context(), placement.id, 2, PlacementChanges(promo_code="X"))
    with pytest.raises(Conflict):
        await archive_placement(actor.context(), placement.id, 2)
    assert await lists.by_id(actor.context(), Placements, placement.id) == placement


async def test_archived_placement_changes_no_more(services: Services) -> None:
    actor = await new_tenant(services)
    placement = await new_placement(actor, (await line_item_of(actor)).id)
    archived = await archive_placement(actor.context(), placement.id, 1)
    assert archived.archived_at is not None
    with pytest.raises(IllegalTransition):
        await archive_placement(actor.context(), placement.id, 2)
    with pytest.raises(IllegalTransition):
        await update_placement(actor.context(), placement.id, 2, PlacementChanges(promo_code="X"))
    assert await lists.by_id(actor.context(), Placements, placement.id) == archived
