"""The subscription `campaignUpdated`, run as the gateway runs it: each event in a context of its own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from gateway.execution.executor import Execution
from resolvers.campaigns.campaigns import CampaignChanges, update_campaign
from resolvers.context import RequestContext, Services
from resolvers.errors import DomainError
from tests.actors import new_tenant
from tests.graph import subscribed
from tests.resolvers.campaigns.scene import new_campaign, new_line_item

ONE = """subscription One($id: ID) {
  campaignUpdated(campaignId: $id) { campaign { id name version lineItems { totalCount nodes { name } } } }
}"""


async def next_campaign(events: AsyncGenerator[Execution, None]) -> Any:
    async with asyncio.timeout(5):
        event = await anext(events)
    assert event.errors == ()
    assert event.data is not None
    return event.data["campaignUpdated"]["campaign"]


def code_of(execution: Execution) -> str:
    [error] = execution.errors
    cause = error.original_error
    assert isinstance(cause, DomainError)
    return cause.code


async def test_every_event_shows_the_values_of_now(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    events = await subscribed(actor.context(), ONE, id=f"cmp_{campaign.id}")
    assert not isinstance(events, Execution)
    async with aclosing(events):
        await update_campaign(actor.context(), campaign.id, 1, CampaignChanges(name="Second"))
        assert await next_campaign(events) == {
            "id": f"cmp_{campaign.id}",
            "name": "Second",
            "version": 2,
            "lineItems": {"totalCount": 0, "nodes": []},
        }
        await new_line_item(actor, campaign.id)
        assert await next_campaign(events) == {
            "id": f"cmp_{campaign.id}",
            "name": "Second",
            "version": 2,
            "lineItems": {"totalCount": 1, "nodes": [{"name": "Mid-rolls"}]},
        }


async def test_without_an_id_all_campaigns_of_the_tenant_are_heard(services: Services) -> None:
    actor = await new_tenant(services)
    events = await subscribed(actor.context(), ONE)
    assert not isinstance(events, Execution)
    async with aclosing(events):
        made = [await new_campaign(actor) for _ in range(2)]
        assert [(await next_campaign(events))["id"] for _ in made] == [f"cmp_{campaign.id}" for campaign in made]


async def test_refusals_come_when_the_subscription_opens(services: Services) -> None:
    actor, other = await new_tenant(services), await new_tenant(services)
    theirs = await new_campaign(other)
    refusals = {
        "NOT_FOUND": await subscribed(actor.context(), ONE, id=f"cmp_{theirs.id}"),
        "INVALID_INPUT": await subscribed(actor.context(), ONE, id="adv_1"),
        "UNAUTHENTICATED": await subscribed(RequestContext(services, None), ONE),
    }
    for code, refusal in refusals.items():
        assert isinstance(refusal, Execution)
        assert code_of(refusal) == code


async def test_closing_the_events_ends_the_subscription(services: Services) -> None:
    actor = await new_tenant(services)
    events = await subscribed(actor.context(), ONE)
    assert not isinstance(events, Execution)
    await new_campaign(actor)
    await next_campaign(events)
    await events.aclose()
    assert f"campaigns:{actor.tenant_id}" not in services.broadcast.topics
