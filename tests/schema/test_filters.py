"""What a client can filter lists by, beyond what the tests of each type show."""

from typing import Any

import pytest

from resolvers.context import Services
from resolvers.podcasts import NewEpisode, NewPodcast, create_episode, create_podcast
from tests.actors import Actor, new_tenant
from tests.graph import data, run
from tests.resolvers.campaigns.scene import new_campaign, new_episode, new_line_item, new_placement


@pytest.fixture
async def actor(services: Services) -> Actor:
    return await new_tenant(services)


async def names(actor: Actor, field: str, shown: str, filter: str) -> list[Any]:
    answer = await data(actor.context(), f"{{ {field}(filter: {{{filter}}}) {{ nodes {{ {shown} }} totalCount }} }}")
    nodes = answer[field]["nodes"]
    assert answer[field]["totalCount"] == len(nodes)
    return sorted(node[shown] for node in nodes)


@pytest.mark.parametrize(
    ("span", "found"),
    [
        ('runsFrom: "2026-03-31"', ["early", "late", "open", "until"]),
        ('runsFrom: "2026-04-01"', ["late", "open", "until"]),
        ('runsUntil: "2026-03-01"', ["early", "open", "until"]),
        ('runsUntil: "2026-02-28"', ["open", "until"]),
        ('runsFrom: "2026-04-02", runsUntil: "2026-05-31"', ["open", "until"]),
    ],
)
async def test_campaigns_are_found_by_a_span_that_their_flight_touches(
    actor: Actor, span: str, found: list[str]
) -> None:
    await new_campaign(actor, name="early", starts_on="2026-03-01", ends_on="2026-03-31")
    await new_campaign(actor, name="late", starts_on="2026-06-01", ends_on="2026-06-30")
    await new_campaign(actor, name="until", ends_on="2026-12-31")
    await new_campaign(actor, name="open")
    assert await names(actor, "campaigns", "name", span) == found


async def test_a_day_that_postgresql_would_take_for_infinity_is_refused(actor: Actor) -> None:
    result = await run(actor.context(), '{ campaigns(filter: {runsFrom: "0001-01-01"}) { totalCount } }')
    assert result.errors is not None
    assert "greater than or equal to 1900-01-01" in str(result.errors[0].original_error)


@pytest.mark.parametrize(
    ("span", "found"),
    [
        ('publishedFrom: "2026-05-01T00:00:00Z"', ["may", "undated"]),
        ('publishedBefore: "2026-05-01T00:00:00Z"', ["april"]),
        ('publishedFrom: "2026-04-30T23:59:59Z", publishedBefore: "2026-05-01T00:00:01Z"', ["april", "may"]),
    ],
)
async def test_episodes_are_found_by_when_they_came_out_or_were_added(
    actor: Actor, span: str, found: list[str]
) -> None:
    podcast = await create_podcast(actor.context(), NewPodcast(title="A Show"))
    for title, published_at in (("april", "2026-04-30T23:59:59Z"), ("may", "2026-05-01T00:00:00Z"), ("undated", None)):
        new = NewEpisode.model_validate({"title": title, "published_at": published_at})
        await create_episode(actor.context(), podcast.id, new)
    query = f"{{ podcasts {{ nodes {{ episodes(filter: {{{span}}}) {{ totalCount nodes {{ title }} }} }} }} }}"
    [shown] = (await data(actor.context(), query))["podcasts"]["nodes"]
    assert sorted(node["title"] for node in shown["episodes"]["nodes"]) == found
    assert shown["episodes"]["totalCount"] == len(found)


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("insertionTypes: [BAKED_IN]", ["A"]),
        ("insertionTypes: [BAKED_IN, STREAMING]", ["A", "C"]),
        ("readTypes: [ANNOUNCER_READ]", ["B"]),
        ("readTypes: [HOST_READ], insertionTypes: [STREAMING]", ["C"]),
        ("positions: [PRE_ROLL]", ["C"]),
        ('promoCode: "b"', ["B"]),
        ("archived: true", []),
        ("insertionTypes: []", []),
    ],
)
async def test_placements_are_found_by_how_they_are_delivered(actor: Actor, filter: str, found: list[str]) -> None:
    line_item = await new_line_item(actor, (await new_campaign(actor)).id)
    episode = await new_episode(actor)
    for code, position, insertion_type, read_type in (
        ("A", "MID_ROLL", "BAKED_IN", "HOST_READ"),
        ("B", "MID_ROLL", "DYNAMIC", "ANNOUNCER_READ"),
        ("C", "PRE_ROLL", "STREAMING", "HOST_READ"),
    ):
        values = {"position": position, "insertion_type": insertion_type, "read_type": read_type, "promo_code": code}
        await new_placement(actor, line_item.id, episode.id, **values)
    query = f"{{ campaigns {{ nodes {{ placements(filter: {{{filter}}}) {{ nodes {{ promoCode }} totalCount }} }} }} }}"
    [campaign] = (await data(actor.context(), query))["campaigns"]["nodes"]
    assert sorted(node["promoCode"] for node in campaign["placements"]["nodes"]) == found
    assert campaign["placements"]["totalCount"] == len(found)


async def test_line_items_are_found_by_pricing_and_name(actor: Actor) -> None:
    campaign = await new_campaign(actor)
    for name, pricing in (("Spring rolls", "CPM"), ("Spring flat", "FLAT"), ("Autumn flat", "FLAT")):
        await new_line_item(actor, campaign.id, name=name, pricing=pricing)
    filter = '{search: "spring", pricings: [FLAT]}'
    query = f"{{ campaigns {{ nodes {{ lineItems(filter: {filter}) {{ nodes {{ name }} totalCount }} }} }} }}"
    [shown] = (await data(actor.context(), query))["campaigns"]["nodes"]
    assert shown["lineItems"] == {"nodes": [{"name": "Spring flat"}], "totalCount": 1}


async def test_podcasts_are_found_by_title_or_author(actor: Actor) -> None:
    for title, author in (("Ada's hour", None), ("Radio", "Ada"), ("Radio", "Grace")):
        await create_podcast(actor.context(), NewPodcast(title=title, author=author))
    assert await names(actor, "podcasts", "title", 'search: "ADA"') == ["Ada's hour", "Radio"]


async def test_an_address_that_cannot_be_stored_is_invalid_input_of_import_feed(actor: Actor) -> None:
    query = "mutation I($url: String!) { importFeed(url: $url) { ... on InvalidInputError { code } __typename } }"
    answer = await data(actor.context(), query, url="https://feeds.example/\x00")
    assert answer == {"importFeed": {"code": "INVALID_INPUT", "__typename": "InvalidInputError"}}
