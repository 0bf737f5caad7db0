"""`trackEvents` and `conversionTracked` as clients see them."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from gateway.execution.executor import Execution
from resolvers.context import Services
from resolvers.events.identity import event_id
from resolvers.policy import Role
from tests.actors import new_member
from tests.graph import data, run, subscribed
from tests.resolvers.events.scene import Scene, new_scene

TRACK = """
mutation($events: [EventInput!]!) {
  trackEvents(events: $events) {
    ... on TrackEventsPayload {
      accepted duplicate rejected
      results { index status eventId problems { code path } }
    }
    ... on Error { code path }
    ... on InvalidInputError { problems { code path } }
  }
}
"""


@pytest.fixture
async def scene(services: Services) -> Scene:
    return await new_scene(services)


def impression(scene: Scene, key: str, **values: Any) -> dict[str, Any]:
    return {
        "key": key,
        "type": "AD_DELIVERED",
        "occurredAt": "2026-11-01T00:00:00Z",
        "ipAddress": "203.0.113.7",
        "placementId": f"plc_{scene.placement_id}",
        **values,
    }


def purchase(scene: Scene, key: str, **values: Any) -> dict[str, Any]:
    advertiser = {"type": "PURCHASE", "placementId": None, "advertiserId": f"adv_{scene.advertiser_id}"}
    return impression(scene, key, **advertiser, **values)


async def tracked(scene: Scene, *events: dict[str, Any]) -> Any:
    return (await data(scene.actor.context(), TRACK, events=list(events)))["trackEvents"]


async def test_results_tell_of_each_event(scene: Scene) -> None:
    row = event_id(scene.actor.tenant_id, "a")
    events = [impression(scene, "a"), impression(scene, "b", ipAddress="::1", currency="EUR"), impression(scene, "a")]
    assert await tracked(scene, *events) == {
        "accepted": 1,
        "duplicate": 1,
        "rejected": 1,
        "results": [
            {"index": 0, "status": "ACCEPTED", "eventId": f"imp_{row}", "problems": []},
            {
                "index": 1,
                "status": "REJECTED",
                "eventId": None,
                "problems": [
                    {"code": "ADDRESS_NOT_PUBLIC", "path": ["events", "1", "ipAddress"]},
                    {"code": "FIELD_NOT_ALLOWED", "path": ["events", "1", "currency"]},
                ],
            },
            {"index": 2, "status": "DUPLICATE", "eventId": f"imp_{row}", "problems": []},
        ],
    }


async def test_every_field_arrives(scene: Scene) -> None:
    values = {"source": "PIXEL", "orderId": "17", "valueMinor": 1250, "currency": "usd", "promoCode": "show"}
    assert (await tracked(scene, purchase(scene, "a", **values)))["accepted"] == 1
    [stored] = await scene.stored()
    assert (stored.source, stored.order_id, stored.value_minor) == ("PIXEL", "17", 1250)
    assert (stored.currency, stored.promo_code, stored.advertiser_id) == ("USD", "SHOW", scene.advertiser_id)


async def test_field_that_is_null_or_left_out_is_that_events_problem(scene: Scene) -> None:
    answer = await tracked(scene, {**impression(scene, "a"), "key": None}, {}, impression(scene, "c"))
    assert [result["status"] for result in answer["results"]] == ["REJECTED", "REJECTED", "ACCEPTED"]


async def test_value_that_is_no_whole_number_is_that_events_problem(scene: Scene) -> None:
    answer = await tracked(scene, purchase(scene, "a", valueMinor=12.5, currency="EUR"), purchase(scene, "b"))
    assert answer["results"][0]["problems"] == [{"code": "INVALID_VALUE", "path": ["events", "0", "valueMinor"]}]
    assert answer["accepted"] == 1


async def test_value_that_is_not_a_number_changes_nothing(scene: Scene) -> None:
    events = [impression(scene, "a"), purchase(scene, "b", valueMinor=float("nan"), currency="EUR")]
    result = await run(scene.actor.context(), TRACK, events=events)
    assert result.errors is not None
    assert "valueMinor" in result.errors[0].message
    assert await scene.stored() == []


async def test_too_many_events_are_refused_whole(scene: Scene) -> None:
    events = [impression(scene, f"{number}") for number in range(1_001)]
    assert await tracked(scene, *events) == {
        "code": "INVALID_INPUT",
        "path": ["events"],
        "problems": [{"code": "TOO_MANY_EVENTS", "path": ["events"]}],
    }
    assert await scene.stored() == []


async def test_viewer_is_refused(scene: Scene, services: Services) -> None:
    viewer = await new_member(services, scene.actor.tenant_id, Role.VIEWER)
    answer = await data(viewer.context(), TRACK, events=[impression(scene, "a")])
    assert answer["trackEvents"] == {"code": "FORBIDDEN", "path": []}
    assert await scene.stored() == []


async def test_counted_conversion_is_told_to_who_listens(scene: Scene) -> None:
    query = """subscription($id: ID) {
      conversionTracked(campaignId: $id) { conversion { id key orderId value { amountMinor currency } } }
    }"""
    events = await subscribed(scene.actor.context(), query, id=f"cmp_{scene.campaign_id}")
    assert isinstance(events, AsyncGenerator)
    order = {"orderId": "17", "valueMinor": 1250, "currency": "EUR"}
    await tracked(scene, purchase(scene, "pixel", **order), purchase(scene, "server", **order), purchase(scene, "c"))
    try:
        assert [(await told(events))["key"], (await told(events))["key"]] == ["pixel", "c"]
        await tracked(scene, purchase(scene, "d", orderId="18", valueMinor=5, currency="USD"))
        assert await told(events) == {
            "id": f"cnv_{event_id(scene.actor.tenant_id, 'd')}",
            "key": "d",
            "orderId": "18",
            "value": {"amountMinor": 5, "currency": "USD"},
        }
    finally:
        await events.aclose()


async def test_listening_to_another_tenants_campaign_is_refused(scene: Scene, services: Services) -> None:
    other = await new_scene(services)
    query = "subscription($id: ID) { conversionTracked(campaignId: $id) { conversion { id } } }"
    refused = await subscribed(other.actor.context(), query, id=f"cmp_{scene.campaign_id}")
    assert isinstance(refused, Execution)
    assert [error.message for error in refused.errors or ()] == ["Your tenant has no such campaign."]


async def told(events: AsyncGenerator[Execution, None]) -> Any:
    async with asyncio.timeout(5):
        execution = await anext(events)
    assert not execution.errors
    assert execution.data is not None
    return execution.data["conversionTracked"]["conversion"]
