"""Events in the graph: three kinds behind one interface, found by what they are about."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from persistence.records import PlacementRecord
from resolvers import ids
from resolvers.context import Services
from resolvers.events.incoming import IncomingEvent
from tests.actors import Actor, new_tenant
from tests.graph import data, run
from tests.resolvers.campaigns.scene import new_campaign, new_episode, new_line_item, new_placement
from tests.schema.test_campaign_statements import recorded_statements

HOME, NEIGHBOUR = "203.0.113.7", "203.0.113.8"


class Shop(msgspec.Struct, frozen=True):
    """Three placements of two campaigns of one advertiser, and what happened; `ids` are the events' by their keys."""

    actor: Actor
    placements: list[PlacementRecord]
    advertiser: str
    moment: datetime
    ids: dict[str, str]

    async def keys(self, field: str, filter: str, **variables: Any) -> list[str]:
        """Of the events that a filter finds, newest first."""
        query = f"{{ {field}(filter: {{{filter}}}, first: 100) {{ totalCount nodes {{ key }} }} }}"
        found = (await data(self.actor.context(), query, **variables))[field]
        assert found["totalCount"] == len(found["nodes"])
        return [node["key"] for node in found["nodes"]]


@pytest_asyncio.fixture(scope="module")
async def shop(services: Services) -> Shop:
    actor = await new_tenant(services)
    spring = await new_campaign(actor)
    autumn = await new_campaign(actor, spring.advertiser_id)
    episode = await new_episode(actor)
    line_items = [await new_line_item(actor, campaign.id) for campaign in (spring, spring, autumn)]
    episodes = (episode.id, None, None)
    placements = [
        await new_placement(actor, line_item.id, episode_id)
        for line_item, episode_id in zip(line_items, episodes, strict=True)
    ]
    moment = (services.clock() - timedelta(days=40)).replace(hour=12, minute=0, second=0, microsecond=0)
    first, second, third = (ids.typed_id(ids.PLACEMENT, placement.id) for placement in placements)
    advertiser = ids.typed_id(ids.ADVERTISER, spring.advertiser_id)
    order = {"advertiser_id": advertiser, "order_id": "A-1", "value_minor": 4_250, "currency": "EUR"}
    sent: list[tuple[str, int, str, dict[str, Any]]] = [
        ("seen", 0, HOME, {"type": "AD_DELIVERED", "placement_id": first}),
        ("heard", 1, HOME, {"type": "CLIENT_CONFIRMED", "placement_id": second}),
        ("elsewhere", 2, NEIGHBOUR, {"type": "AD_DELIVERED", "placement_id": third}),
        ("came by link", 3, HOME, {"type": "VISIT", "placement_id": first}),
        ("came", 4, NEIGHBOUR, {"type": "VISIT", "advertiser_id": advertiser}),
        ("bought", 5, HOME, {"type": "PURCHASE", "source": "PIXEL", "promo_code": "SAVE", **order}),
        ("bought again", 6, NEIGHBOUR, {"type": "PURCHASE", "source": "SERVER", **order}),
        ("signed up", 7, NEIGHBOUR, {"type": "SIGNUP", "advertiser_id": advertiser}),
    ]
    outcomes = [
        (
            await actor.services.intake.store(
                actor.tenant_id,
                [
                    IncomingEvent(
                        key=key, occurred_at=(moment + timedelta(hours=hours)).isoformat(), ip_address=address, **values
                    )
                ],
            )
        )[0]
        for key, hours, address, values in sent
    ]
    assert {outcome.status for outcome in outcomes} == {"ACCEPTED"}, outcomes
    prefixes = ["imp", "imp", "imp", "vis", "vis", "cnv", "cnv", "cnv"]
    numbers = {
        key: f"{prefix}_{outcome.event_id}" for (key, *_), prefix, outcome in zip(sent, prefixes, outcomes, strict=True)
    }
    return Shop(actor, placements, advertiser, moment, numbers)


async def test_events_of_each_kind_show_themselves_through_one_interface(shop: Shop) -> None:
    query = """{ events(first: 100) { nodes {
      __typename id type key occurredAt advertiser { id }
      ... on Touchpoint { placement { id } }
      ... on ConversionEvent { source orderId promoCode counted value { amountMinor currency } countedBy { key } }
    } } }"""
    nodes = {node["key"]: node for node in (await data(shop.actor.context(), query))["events"]["nodes"]}
    assert {key: node["id"] for key, node in nodes.items()} == shop.ids
    assert {node["advertiser"]["id"] for node in nodes.values()} == {shop.advertiser}
    kinds = {key: (node["__typename"], node["type"]) for key, node in nodes.items()}
    assert kinds["heard"] == ("ImpressionEvent", "CLIENT_CONFIRMED")
    assert kinds["came"] == ("VisitEvent", "VISIT")
    assert kinds["signed up"] == ("ConversionEvent", "SIGNUP")
    assert nodes["seen"]["placement"] == {"id": f"plc_{shop.placements[0].id}"}
    assert nodes["came"]["placement"] is None
    assert nodes["seen"]["occurredAt"] == shop.moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    shown = {key: nodes["bought"][key] for key in ("source", "orderId", "promoCode", "counted", "value", "countedBy")}
    assert shown == {
        "source": "PIXEL",
        "orderId": "A-1",
        "promoCode": "SAVE",
        "counted": True,
        "value": {"amountMinor": 4250, "currency": "EUR"},
        "countedBy": None,
    }
    assert (nodes["bought again"]["counted"], nodes["bought again"]["countedBy"]) == (False, {"key": "bought"})
    assert nodes["signed up"]["value"] is None


async def test_every_event_can_be_fetched_again_by_its_id_and_its_prefix_alone(shop: Shop) -> None:
    query = "query N($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    texts = list(shop.ids.values())
    nodes = (await data(shop.actor.context(), query, ids=texts))["nodes"]
    assert [node["id"] for node in nodes] == texts
    swapped = [text.replace("imp", "vis").replace("cnv", "imp") for text in texts if not text.startswith("vis")]
    assert set((await data(shop.actor.context(), query, ids=swapped))["nodes"]) == {None}


async def test_a_conversion_is_found_by_its_id(shop: Shop) -> None:
    query = "query C($id: ID!) { conversion(id: $id) { key } }"
    shown = await data(shop.actor.context(), query, id=shop.ids["bought"])
    assert shown == {"conversion": {"key": "bought"}}
    unknown = await data(shop.actor.context(), query, id="cnv_5")
    assert unknown == {"conversion": None}


async def test_another_tenant_sees_none_of_them(shop: Shop, services: Services) -> None:
    stranger = await new_tenant(services)
    query = """query N($ids: [ID!]!, $id: ID!, $household: String!) {
      nodes(ids: $ids) { id } conversion(id: $id) { id } events { totalCount nodes { id } }
      conversions(filter: {household: $household}) { totalCount nodes { id } } }"""
    household = (await data(shop.actor.context(), "{ events { nodes { household } } }"))["events"]["nodes"][0]
    shown = await data(
        stranger.context(), query, ids=list(shop.ids.values()), id=shop.ids["bought"], household=household["household"]
    )
    assert set(shown["nodes"]) == {None}
    assert shown["conversion"] is None
    assert shown["events"] == shown["conversions"] == {"totalCount": 0, "nodes": []}


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("types: [AD_DELIVERED]", ["elsewhere", "seen"]),
        ("types: [VISIT, SIGNUP]", ["signed up", "came", "came by link"]),
        ("types: []", []),
        ('placementIds: ["{first}"]', ["came by link", "seen"]),
        ('placementIds: ["{first}", "{third}"]', ["came by link", "elsewhere", "seen"]),
        ('placementIds: ["{first}", "{third}"], types: [VISIT]', ["came by link"]),
        ("placementIds: []", []),
        ('lineItemId: "{line_item}"', ["came by link", "seen"]),
        ('campaignId: "{campaign}"', ["came by link", "heard", "seen"]),
        ('campaignId: "{campaign}", placementIds: ["{third}"]', []),
        ('podcastId: "{podcast}"', ["came by link", "seen"]),
        ('advertiserId: "{advertiser}", types: [VISIT]', ["came", "came by link"]),
        ('household: "{home}"', ["bought", "came by link", "heard", "seen"]),
        ('household: "{home}", campaignId: "{campaign}"', ["came by link", "heard", "seen"]),
        ('from: "{t3}", until: "{t5}"', ["came", "came by link"]),
        ('from: "{t3}", campaignId: "{campaign}"', ["came by link"]),
        ('from: "{t5}", until: "{t3}"', []),
        ('campaignId: "cmp_999999999"', []),
    ],
)
async def test_events_are_found_by_what_they_are_about(shop: Shop, filter: str, found: list[str]) -> None:
    assert await shop.keys("events", await filled(shop, filter)) == found


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("", ["signed up", "bought again", "bought"]),
        ("types: [PURCHASE]", ["bought again", "bought"]),
        ("types: [LEAD]", []),
        ('orderId: "A-1"', ["bought again", "bought"]),
        ('orderId: "A-1", advertiserId: "{advertiser}"', ["bought again", "bought"]),
        ('orderId: "a-1"', []),
        ('orderId: "A-1", countedOnly: true', ["bought"]),
        ('promoCode: "save"', ["bought"]),
        ('household: "{home}"', ["bought"]),
        ('from: "{t6}"', ["signed up", "bought again"]),
        ("countedOnly: true", ["signed up", "bought"]),
    ],
)
async def test_conversions_are_found_by_what_they_are_about(shop: Shop, filter: str, found: list[str]) -> None:
    assert await shop.keys("conversions", await filled(shop, filter)) == found


async def filled(shop: Shop, filter: str) -> str:
    query = "query N($id: ID!) { node(id: $id) { ... on Event { household } } }"
    home = (await data(shop.actor.context(), query, id=shop.ids["seen"]))["node"]["household"]
    first, _, third = shop.placements
    query = "query P($id: ID!) { placement(id: $id) { episode { podcast { id } } } }"
    podcast = (await data(shop.actor.context(), query, id=f"plc_{first.id}"))["placement"]["episode"]["podcast"]["id"]
    values = {
        "first": f"plc_{first.id}",
        "third": f"plc_{third.id}",
        "line_item": f"lin_{first.line_item_id}",
        "campaign": f"cmp_{first.campaign_id}",
        "podcast": podcast,
        "advertiser": shop.advertiser,
        "home": home,
        **{f"t{hours}": (shop.moment + timedelta(hours=hours)).isoformat() for hours in range(8)},
    }
    for name, value in values.items():
        filter = filter.replace(f"{{{name}}}", value)
    return filter


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("filter", ["", 'campaignId: "{campaign}"'])
async def test_pages_follow_each_other_through_the_whole_list_both_ways(
    shop: Shop, direction: str, filter: str
) -> None:
    order = f"orderBy: {{field: OCCURRED_AT, direction: {direction}}}, filter: {{{await filled(shop, filter)}}}"
    forwards = f"query E($c: String) {{ events({order}, first: 2, after: $c) {{ ...P }} }}"
    backwards = f"query E($c: String) {{ events({order}, last: 2, before: $c) {{ ...P }} }}"
    page = """ fragment P on EventConnection {
      nodes { key } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"""
    expected = await shop.keys("events", await filled(shop, filter))
    if direction == "ASC":
        expected.reverse()
    for query, more, cursor, backward in (
        (forwards, "hasNextPage", "endCursor", False),
        (backwards, "hasPreviousPage", "startCursor", True),
    ):
        found: list[str] = []
        at = None
        while True:
            shown = (await data(shop.actor.context(), query + page, c=at))["events"]
            keys = [node["key"] for node in shown["nodes"]]
            found = keys + found if backward else found + keys
            if not shown["pageInfo"][more]:
                break
            at = shown["pageInfo"][cursor]
        assert found == expected


async def test_a_placement_lists_its_events_and_all_placements_do_in_one_statement(shop: Shop) -> None:
    query = "{ campaigns { nodes { placements { nodes { id events(first: 2) { totalCount nodes { key } } } } } } }"
    with recorded_statements(shop.actor.services.database) as statements:
        answer = await data(shop.actor.context(), query)
    shown = {
        placement["id"]: placement["events"]
        for campaign in answer["campaigns"]["nodes"]
        for placement in campaign["placements"]["nodes"]
    }
    first, second, third = (f"plc_{placement.id}" for placement in shop.placements)
    assert shown == {
        first: {"totalCount": 2, "nodes": [{"key": "came by link"}, {"key": "seen"}]},
        second: {"totalCount": 1, "nodes": [{"key": "heard"}]},
        third: {"totalCount": 1, "nodes": [{"key": "elsewhere"}]},
    }
    assert len(statements) == 4


async def test_what_counts_is_loaded_for_all_further_reports_at_once(shop: Shop) -> None:
    query = "{ conversions { nodes { countedBy { key } } } }"
    with recorded_statements(shop.actor.services.database) as statements:
        answer = await data(shop.actor.context(), query)
    assert [node["countedBy"] for node in answer["conversions"]["nodes"]] == [None, {"key": "bought"}, None]
    assert len(statements) == 2


@pytest.mark.parametrize(
    ("filter", "code"),
    [
        ('household: "203.0.113.7"', "INVALID_HOUSEHOLD"),
        ('household: "hh_ffffffffffffffff"', "INVALID_HOUSEHOLD"),
        ('campaignId: "plc_1"', "WRONG_ID_TYPE"),
        ('placementIds: ["plc_1", "nonsense"]', "INVALID_ID"),
    ],
)
async def test_a_filter_that_cannot_be_understood_says_so(shop: Shop, filter: str, code: str) -> None:
    result = await run(shop.actor.context(), f"{{ events(filter: {{{filter}}}) {{ totalCount }} }}")
    assert result.errors is not None
    [problem] = result.errors[0].original_error.problems  # type: ignore[union-attr]  # an InvalidInput
    assert problem.code == code
    assert problem.path[0] == "filter"


async def test_a_household_is_the_same_for_one_address_and_says_nothing_of_it(shop: Shop) -> None:
    nodes = (await data(shop.actor.context(), "{ events { nodes { key household } } }"))["events"]["nodes"]
    households = {node["key"]: node["household"] for node in nodes}
    assert households["seen"] == households["bought"] != households["came"]
    assert all(household.startswith("hh_") and len(household) == 19 for household in households.values())
