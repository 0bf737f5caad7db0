"""What clients report: who may, how much at once, and what those who listen hear of it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from persistence.ids import CampaignId
from persistence.repositories.tenants import Memberships
from resolvers import ids
from resolvers.context import RequestContext, Services
from resolvers.errors import Forbidden, InvalidInput, NotFound, Problem, Unauthenticated
from resolvers.events.identity import event_id
from resolvers.events.incoming import IncomingEvent
from resolvers.events.intake import OutcomeStatus
from resolvers.events.tracking import (
    TrackedConversion,
    TrackedEventRecord,
    TrackedEvents,
    conversions_tracked,
    track_events,
)
from resolvers.policy import Role, Scope, Viewer
from tests.actors import new_member
from tests.resolvers.campaigns.scene import new_advertiser, new_campaign
from tests.resolvers.events.scene import Scene, new_scene

ACCEPTED, DUPLICATE, REJECTED = OutcomeStatus


@pytest.fixture
async def scene(services: Services) -> Scene:
    return await new_scene(services)


async def track(scene: Scene, *events: IncomingEvent) -> TrackedEvents:
    return await track_events(scene.actor.context(), events)


def typed(scene: Scene, prefix: str, key: str) -> str:
    return ids.typed_id(prefix, event_id(scene.actor.tenant_id, key))


async def test_each_event_gets_its_result(scene: Scene) -> None:
    bad = scene.visit("d", occurred_at="2026-11-01", order_id="1")
    tracked = await track(scene, scene.impression("a"), scene.visit("b"), scene.conversion("c"), bad, scene.visit("a"))
    zone, order = tracked.results[3].problems
    assert (zone.code, zone.path) == ("TIMESTAMP_WITHOUT_ZONE", ("events", "3", "occurredAt"))
    assert (order.code, order.path) == ("FIELD_NOT_ALLOWED", ("events", "3", "orderId"))
    assert tracked == TrackedEvents(
        results=[
            TrackedEventRecord(0, ACCEPTED, typed(scene, "imp", "a"), ()),
            TrackedEventRecord(1, ACCEPTED, typed(scene, "vis", "b"), ()),
            TrackedEventRecord(2, ACCEPTED, typed(scene, "cnv", "c"), ()),
            TrackedEventRecord(3, REJECTED, None, (zone, order)),
            TrackedEventRecord(4, DUPLICATE, typed(scene, "imp", "a"), ()),
        ],
        accepted=3,
        duplicate=1,
        rejected=1,
    )


async def test_thousand_events_are_the_most(scene: Scene) -> None:
    full = [scene.impression(f"{number}") for number in range(1_000)]
    assert (await track(scene, *full)).accepted == 1_000
    with pytest.raises(InvalidInput) as caught:
        await track(scene, *full, scene.impression("one more"))
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [("TOO_MANY_EVENTS", ("events",))]
    assert len(await scene.stored()) == 1_000


async def test_no_events_are_too_few(scene: Scene) -> None:
    with pytest.raises(InvalidInput) as caught:
        await track(scene)
    assert caught.value.problems == (Problem("NO_EVENTS", "Send at least one event.", ("events",)),)


async def test_key_with_the_scope_may_report(scene: Scene, services: Services) -> None:
    viewer = Viewer(tenant_id=scene.actor.tenant_id, scopes=frozenset({Scope.EVENTS}))
    tracked = await track_events(RequestContext(services, viewer), [scene.impression("k")])
    assert tracked.accepted == 1


@pytest.mark.parametrize("scopes", [{Scope.READ}, {Scope.WRITE, Scope.ATTRIBUTION}, set()])
async def test_key_without_the_scope_may_not(scene: Scene, services: Services, scopes: set[Scope]) -> None:
    viewer = Viewer(tenant_id=scene.actor.tenant_id, scopes=frozenset(scopes))
    with pytest.raises(Forbidden):
        await track_events(RequestContext(services, viewer), [scene.impression("k")])
    assert await scene.stored() == []


async def test_member_may_report_and_viewer_may_not(scene: Scene, services: Services) -> None:
    member = await new_member(services, scene.actor.tenant_id, Role.MEMBER)
    assert (await track_events(member.context(), [scene.impression("a")])).accepted == 1
    viewer = await new_member(services, scene.actor.tenant_id, Role.VIEWER)
    with pytest.raises(Forbidden):
        await track_events(viewer.context(), [scene.impression("b")])
    assert [stored.key for stored in await scene.stored()] == ["a"]


async def test_stranger_may_not_report(scene: Scene, services: Services) -> None:
    with pytest.raises(Unauthenticated):
        await track_events(RequestContext(services, None), [scene.impression("k")])
    assert await scene.stored() == []


async def test_another_tenants_placement_is_unknown(scene: Scene, services: Services) -> None:
    other = await new_scene(services)
    tracked = await track(other, scene.impression("a"), other.impression("b"))
    assert [problem.code for problem in tracked.results[0].problems] == ["UNKNOWN_PLACEMENT"]
    assert (tracked.accepted, tracked.rejected) == (1, 1)
    assert await scene.stored() == []


async def test_campaigns_listener_hears_of_its_advertisers_conversions_alone(scene: Scene) -> None:
    other = await new_advertiser(scene.actor, "Another")
    async with aclosing(await conversions_tracked(scene.actor.context(), scene.campaign_id)) as heard:
        await track(scene, scene.conversion("a", advertiser_id=f"adv_{other.id}"), scene.conversion("b"))
        await track(scene, scene.conversion("c"))
        assert [await one(heard), await one(heard)] == [conversion(scene, "b"), conversion(scene, "c")]


async def test_listener_without_a_campaign_hears_of_all_conversions_of_the_tenant(
    scene: Scene, services: Services
) -> None:
    stranger = await new_scene(services)
    other = await new_campaign(scene.actor)
    async with aclosing(await conversions_tracked(scene.actor.context(), None)) as heard:
        await track(stranger, stranger.conversion("x"))
        await track(scene, scene.conversion("a"), scene.conversion("b", advertiser_id=f"adv_{other.advertiser_id}"))
        assert (await one(heard)).conversion_id == event_id(scene.actor.tenant_id, "a")
        assert await one(heard) == TrackedConversion(event_id(scene.actor.tenant_id, "b"), other.advertiser_id)


async def test_what_does_not_count_is_not_heard_of(scene: Scene) -> None:
    async with aclosing(await conversions_tracked(scene.actor.context(), None)) as heard:
        await track(scene, scene.impression("a"), scene.visit("b"), scene.conversion("c", ip_address="10.0.0.1"))
        await track(scene, scene.conversion("d", order_id="1"), scene.conversion("e", order_id="1"))
        await track(scene, scene.conversion("d", order_id="1"), scene.conversion("f"))
        assert [await one(heard), await one(heard)] == [conversion(scene, "d"), conversion(scene, "f")]


async def test_listening_to_an_unknown_campaign_is_refused_and_leaves_no_listener(scene: Scene) -> None:
    with pytest.raises(NotFound) as caught:
        await conversions_tracked(scene.actor.context(), CampaignId(2**63 - 1))
    assert caught.value.path == ("campaignId",)
    assert f"conversions:{scene.actor.tenant_id}" not in scene.actor.services.broadcast.topics


async def test_another_tenants_campaign_is_unknown_to_a_listener(scene: Scene, services: Services) -> None:
    other = await new_scene(services)
    with pytest.raises(NotFound):
        await conversions_tracked(other.actor.context(), scene.campaign_id)


async def test_key_that_only_reports_cannot_listen(scene: Scene, services: Services) -> None:
    viewer = Viewer(tenant_id=scene.actor.tenant_id, scopes=frozenset({Scope.EVENTS}))
    with pytest.raises(Forbidden):
        await conversions_tracked(RequestContext(services, viewer), None)


async def test_removed_member_hears_no_more_even_of_one_call(scene: Scene, services: Services) -> None:
    member = await new_member(services, scene.actor.tenant_id, Role.VIEWER)
    heard = await conversions_tracked(member.context(), None)
    await track(scene, scene.conversion("a"), scene.conversion("b"))
    assert await one(heard) == conversion(scene, "a")
    async with services.database.write(scene.actor.tenant_id) as session:
        membership = await Memberships(session).of_user(member.user_id)
        assert membership is not None
        await Memberships(session).delete(membership.id)
    with pytest.raises(Forbidden):
        await one(heard)
    assert f"conversions:{scene.actor.tenant_id}" not in services.broadcast.topics


def conversion(scene: Scene, key: str) -> TrackedConversion:
    return TrackedConversion(event_id(scene.actor.tenant_id, key), scene.advertiser_id)


async def one(heard: AsyncGenerator[TrackedConversion, None]) -> TrackedConversion:
    async with asyncio.timeout(5):
        return await anext(heard)
