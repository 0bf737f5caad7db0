"""Advertisers, campaigns, line items and placements through the graph."""

from typing import Any

import pytest
import pytest_asyncio

from resolvers.context import RequestContext, Services
from tests.actors import Actor, new_tenant
from tests.graph import data, run
from tests.resolvers.campaigns.scene import (
    new_advertiser,
    new_campaign,
    new_episode,
    new_line_item,
    new_placement,
)

ERROR = "__typename ... on Error { code path } ... on InvalidInputError { problems { code path } }"


@pytest_asyncio.fixture
async def actor(services: Services) -> Actor:
    return await new_tenant(services)


async def mutate(context: RequestContext, call: str, payload: str, **variables: Any) -> Any:
    """The one field's value; `payload` is the selection on its payload type."""
    name = call.split("(", 1)[0]
    type_ = f"{name[0].upper()}{name[1:]}Payload"
    answer = await data(context, f"mutation {{ {call} {{ {ERROR} ... on {type_} {{ {payload} }} }} }}", **variables)
    return answer[name]


async def test_a_campaign_is_built_from_the_top_down(actor: Actor) -> None:
    episode = await new_episode(actor)
    advertiser = (
        await mutate(actor.context(), 'createAdvertiser(input: {name: "Acme"})', "advertiser { id version }")
    )["advertiser"]
    campaign = (
        await mutate(
            actor.context(),
            f'createCampaign(advertiserId: "{advertiser["id"]}", input: {{name: "Spring", currency: "eur",'
            ' budgetMinor: 9007199254740991, startsOn: "2026-03-01", endsOn: "2026-03-31"})',
            "campaign { id status version startsOn endsOn budget { amountMinor currency } advertiser { name } }",
        )
    )["campaign"]
    assert campaign == {
        "id": campaign["id"],
        "status": "DRAFT",
        "version": 1,
        "startsOn": "2026-03-01",
        "endsOn": "2026-03-31",
        "budget": {"amountMinor": 9007199254740991, "currency": "EUR"},
        "advertiser": {"name": "Acme"},
    }
    line_item = (
        await mutate(
            actor.context(),
            f'createLineItem(campaignId: "{campaign["id"]}", input: {{name: "Mid", pricing: CPM, rateMinor: 4000000000,'
            " bookedImpressions: 5000000000})",
            "lineItem { id pricing rate { amountMinor currency } bookedImpressions campaign { id } }",
        )
    )["lineItem"]
    assert line_item == {
        "id": line_item["id"],
        "pricing": "CPM",
        "rate": {"amountMinor": 4_000_000_000, "currency": "EUR"},
        "bookedImpressions": 5_000_000_000,
        "campaign": {"id": campaign["id"]},
    }
    placement = (
        await mutate(
            actor.context(),
            f'createPlacement(lineItemId: "{line_item["id"]}", episodeId: "epi_{episode.id}", input: {{position:'
            ' MID_ROLL, insertionType: BAKED_IN, readType: HOST_READ, offsetSeconds: 60, promoCode: "spring"})',
            "placement { id promoCode lineItem { id } campaign { id } episode { title placements { nodes { id } } } }",
        )
    )["placement"]
    assert placement == {
        "id": placement["id"],
        "promoCode": "SPRING",
        "lineItem": {"id": line_item["id"]},
        "campaign": {"id": campaign["id"]},
        "episode": {"title": "An Episode", "placements": {"nodes": [{"id": placement["id"]}]}},
    }
    nodes = await data(
        actor.context(),
        "query N($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
        ids=[advertiser["id"], campaign["id"], line_item["id"], placement["id"]],
    )
    assert [node["__typename"] for node in nodes["nodes"]] == ["Advertiser", "Campaign", "LineItem", "Placement"]
    single = await data(
        actor.context(),
        "query S($a: ID!, $c: ID!, $l: ID!, $p: ID!) {"
        " advertiser(id: $a) { id campaigns { nodes { id } } } campaign(id: $c) { id placements { nodes { id } } }"
        " lineItem(id: $l) { id placements { nodes { id } } } placement(id: $p) { id } }",
        a=advertiser["id"],
        c=campaign["id"],
        l=line_item["id"],
        p=placement["id"],
    )
    assert single == {
        "advertiser": {"id": advertiser["id"], "campaigns": {"nodes": [{"id": campaign["id"]}]}},
        "campaign": {"id": campaign["id"], "placements": {"nodes": [{"id": placement["id"]}]}},
        "lineItem": {"id": line_item["id"], "placements": {"nodes": [{"id": placement["id"]}]}},
        "placement": {"id": placement["id"]},
    }


async def test_campaigns_placements_reach_across_its_line_items(actor: Actor) -> None:
    campaign, other = await new_campaign(actor), await new_campaign(actor)
    expected = []
    for owner in (campaign, campaign, other):
        line_item = await new_line_item(actor, owner.id)
        expected.append(f"plc_{(await new_placement(actor, line_item.id)).id}")
    answer = await data(
        actor.context(),
        "query P($id: ID!) { campaign(id: $id) { placements(first: 1) { totalCount nodes { id }"
        " pageInfo { hasNextPage } } } }",
        id=f"cmp_{campaign.id}",
    )
    assert answer["campaign"]["placements"] == {
        "totalCount": 2,
        "nodes": [{"id": expected[0]}],
        "pageInfo": {"hasNextPage": True},
    }


async def test_illegal_move_names_where_from_where_to_and_what_is_allowed(actor: Actor) -> None:
    campaign = await new_campaign(actor)
    answer = await data(
        actor.context(),
        "mutation M($id: ID!) { pauseCampaign(id: $id, version: 1) { __typename"
        " ... on CampaignTransitionError { code path from to allowed message } } }",
        id=f"cmp_{campaign.id}",
    )
    assert answer["pauseCampaign"] == {
        "__typename": "CampaignTransitionError",
        "code": "ILLEGAL_TRANSITION",
        "path": ["id"],
        "from": "DRAFT",
        "to": "PAUSED",
        "allowed": ["ACTIVE", "ARCHIVED"],
        "message": "A campaign that is DRAFT cannot become PAUSED; it can go to ACTIVE or ARCHIVED.",
    }


async def test_campaign_that_is_not_ready_says_what_it_lacks(actor: Actor) -> None:
    campaign = await new_campaign(actor)
    answer = await data(
        actor.context(),
        "mutation M($id: ID!) { activateCampaign(id: $id, version: 1) { __typename"
        " ... on CampaignNotReadyError { code path missing } } }",
        id=f"cmp_{campaign.id}",
    )
    assert answer["activateCampaign"] == {
        "__typename": "CampaignNotReadyError",
        "code": "CAMPAIGN_NOT_READY",
        "path": ["id"],
        "missing": ["LINE_ITEM"],
    }


async def test_campaign_runs_its_course(actor: Actor) -> None:
    campaign = await new_campaign(actor)
    await new_line_item(actor, campaign.id)
    course = ["activate", "pause", "activate", "complete", "archive"]
    found = []
    for version, verb in enumerate(course, 1):
        call = f'{verb}Campaign(id: "cmp_{campaign.id}", version: {version})'
        answer = await mutate(actor.context(), call, "campaign { status version }")
        found.append((answer["campaign"]["status"], answer["campaign"]["version"]))
    assert found == [("ACTIVE", 2), ("PAUSED", 3), ("ACTIVE", 4), ("COMPLETED", 5), ("ARCHIVED", 6)]


@pytest.mark.parametrize(
    ("call", "code", "path"),
    [
        ("updateCampaign(id: $campaign, version: 9, input: {})", "CONFLICT", ["version"]),
        ("updateCampaign(id: $line_item, version: 1, input: {})", "INVALID_INPUT", ["id"]),
        ('updateCampaign(id: "cmp_9223372036854775807", version: 1, input: {})', "NOT_FOUND", ["id"]),
        ('updateCampaign(id: "cmp_9223372036854775808", version: 1, input: {})', "INVALID_INPUT", ["id"]),
        ('updateCampaign(id: "cmp_1\\u0000", version: 1, input: {})', "INVALID_INPUT", ["id"]),
        ("updateCampaign(id: $campaign, version: 1, input: {name: null})", "INVALID_INPUT", ["input", "name"]),
        (
            'updateCampaign(id: $campaign, version: 1, input: {name: "a\\u0000b"})',
            "INVALID_INPUT",
            ["input", "name"],
        ),
        (
            "updateCampaign(id: $campaign, version: 1, input: {budgetMinor: -1})",
            "INVALID_INPUT",
            ["input", "budgetMinor"],
        ),
        (
            'updateCampaign(id: $campaign, version: 1, input: {startsOn: "9999-12-31"})',
            "INVALID_INPUT",
            ["input", "startsOn"],
        ),
        (
            'createCampaign(advertiserId: $advertiser, input: {name: "x", currency: "QQQ"})',
            "INVALID_INPUT",
            ["input", "currency"],
        ),
        (
            'createLineItem(campaignId: $advertiser, input: {name: "x", pricing: CPM, rateMinor: 1})',
            "INVALID_INPUT",
            ["campaignId"],
        ),
        (
            "createPlacement(lineItemId: $line_item, episodeId: $line_item, input: {position: PRE_ROLL,"
            " insertionType: DYNAMIC, readType: HOST_READ})",
            "INVALID_INPUT",
            ["episodeId"],
        ),
        (
            'createPlacement(lineItemId: $line_item, episodeId: "epi_9223372036854775807", input: {position: PRE_ROLL,'
            " insertionType: DYNAMIC, readType: HOST_READ})",
            "NOT_FOUND",
            ["episodeId"],
        ),
    ],
)
async def test_what_a_client_can_mend_is_a_typed_error(actor: Actor, call: str, code: str, path: list[str]) -> None:
    advertiser = await new_advertiser(actor)
    campaign = await new_campaign(actor, advertiser.id)
    line_item = await new_line_item(actor, campaign.id)
    ids = {
        "$advertiser": f"adv_{advertiser.id}",
        "$campaign": f"cmp_{campaign.id}",
        "$line_item": f"lin_{line_item.id}",
    }
    for name, value in ids.items():
        call = call.replace(name, f'"{value}"')
    answer = await mutate(actor.context(), call, "__typename")
    assert (answer["code"], answer["path"]) == (code, path)
    unchanged = await data(actor.context(), "{ campaigns { nodes { name version } } }")
    assert unchanged["campaigns"]["nodes"] == [{"name": "Spring", "version": 1}]


async def test_every_problem_of_an_input_is_told_at_once(actor: Actor) -> None:
    campaign = await new_campaign(actor)
    answer = await mutate(
        actor.context(),
        f'createLineItem(campaignId: "cmp_{campaign.id}", input: {{name: " ", pricing: CPM, rateMinor: -1,'
        " bookedImpressions: -1})",
        "__typename",
    )
    assert [problem["path"] for problem in answer["problems"]] == [
        ["input", "name"],
        ["input", "rateMinor"],
        ["input", "bookedImpressions"],
    ]


async def test_numbers_beyond_the_graphs_are_refused_by_the_type(actor: Actor) -> None:
    advertiser = await new_advertiser(actor)
    for amount in ("9007199254740992", "1.5", '"1"', "1e30"):
        result = await run(
            actor.context(),
            f'mutation {{ createCampaign(advertiserId: "adv_{advertiser.id}", input: {{name: "x", currency: "USD",'
            f" budgetMinor: {amount}}}) {{ __typename }} }}",
        )
        assert result.data is None
        assert result.errors is not None
        assert "BigInt must be" in result.errors[0].message


async def test_lists_filter_and_sort(actor: Actor) -> None:
    acme, globex = await new_advertiser(actor, "Acme"), await new_advertiser(actor, "Globex")
    for name, advertiser in (("B", acme), ("A", acme), ("C", globex)):
        await new_campaign(actor, advertiser.id, name=name)
    answer = await data(
        actor.context(),
        """query L($advertiser: ID!) {
          byName: campaigns(orderBy: {field: NAME}) { nodes { name } }
          newest: campaigns { nodes { name } }
          acme: campaigns(filter: {advertiserId: $advertiser}) { totalCount }
          active: campaigns(filter: {statuses: [ACTIVE]}) { totalCount }
          advertisers(orderBy: {field: NAME, direction: DESC}, filter: {search: "e"}) {
            nodes { name campaigns(last: 1, orderBy: {field: NAME}) { nodes { name } totalCount } }
          }
        }""",
        advertiser=f"adv_{acme.id}",
    )
    assert [node["name"] for node in answer["byName"]["nodes"]] == ["A", "B", "C"]
    assert [node["name"] for node in answer["newest"]["nodes"]] == ["C", "A", "B"]
    assert (answer["acme"]["totalCount"], answer["active"]["totalCount"]) == (2, 0)
    assert answer["advertisers"]["nodes"] == [
        {"name": "Globex", "campaigns": {"nodes": [{"name": "C"}], "totalCount": 1}},
        {"name": "Acme", "campaigns": {"nodes": [{"name": "B"}], "totalCount": 2}},
    ]


async def test_filter_by_an_id_of_another_kind_is_refused(actor: Actor) -> None:
    result = await run(actor.context(), '{ campaigns(filter: {advertiserId: "cmp_1"}) { totalCount } }')
    assert result.errors is not None
    [error] = result.errors
    assert getattr(error.original_error, "path", None) == ("filter", "advertiserId")


async def test_reads_after_a_write_in_one_operation_show_it(actor: Actor) -> None:
    campaign = await new_campaign(actor)
    answer = await data(
        actor.context(),
        "mutation W($id: ID!) {"
        ' first: updateCampaign(id: $id, version: 1, input: {name: "One"})'
        " { ... on UpdateCampaignPayload { campaign { advertiser { campaigns { nodes { name } } } } } }"
        ' second: updateCampaign(id: $id, version: 2, input: {name: "Two"})'
        " { ... on UpdateCampaignPayload { campaign { advertiser { campaigns { nodes { name } } } } } } }",
        id=f"cmp_{campaign.id}",
    )
    seen = [answer[key]["campaign"]["advertiser"]["campaigns"]["nodes"] for key in ("first", "second")]
    assert seen == [[{"name": "One"}], [{"name": "Two"}]]
