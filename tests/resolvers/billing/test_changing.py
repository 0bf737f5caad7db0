"""Choosing, canceling and resuming a plan: what is stored, who may, and what becomes of it as time passes."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from persistence.errors import MissingReference
from persistence.ids import TenantId
from persistence.records import BillingChangeRecord, BillingSubscriptionRecord
from persistence.repositories.billing import BillingSubscriptions
from resolvers.billing.changing import cancel_plan, change_plan, put_on_plan, resume_plan
from resolvers.billing.plans import PLANS, PlanName
from resolvers.billing.ports import BillingServices
from resolvers.billing.subscriptions import Subscription, SubscriptionStatus, changes, subscription
from resolvers.context import RequestContext, Services
from resolvers.errors import Conflict, Forbidden, IllegalTransition, Unauthenticated
from resolvers.identity.lists import Place
from resolvers.policy import Role, Scope, Viewer
from tests.actors import Actor, new_member, new_tenant
from tests.identity import Clock, clocked, waits_for_a_lock

FREE, TEAM, BUSINESS, ENTERPRISE = PlanName
START = datetime(2026, 11, 23, 12, tzinfo=UTC)
END = datetime(2026, 12, 23, 12, tzinfo=UTC)


@pytest.fixture
async def owner_and_clock(services: Services) -> tuple[Actor, Clock]:
    own_services, clock = clocked(services)
    return await new_tenant(own_services), clock


@pytest.fixture
def owner(owner_and_clock: tuple[Actor, Clock]) -> Actor:
    """Of a tenant that has never chosen a plan; it is START."""
    return owner_and_clock[0]


@pytest.fixture
def clock(owner_and_clock: tuple[Actor, Clock]) -> Clock:
    return owner_and_clock[1]


async def stored(actor: Actor) -> BillingSubscriptionRecord | None:
    async with actor.services.database.read(actor.tenant_id) as session:
        return await BillingSubscriptions(session).found()


async def history(actor: Actor) -> list[BillingChangeRecord]:
    """Newest first."""
    context = actor.context()
    [page] = await changes(context, [await subscription(context)], Place(None, None, None, None))
    return page.nodes


async def told(actor: Actor) -> list[tuple[str, str, str | None, datetime]]:
    return [(change.kind, change.from_plan, change.to_plan, change.effective_at) for change in await history(actor)]


async def test_tenant_that_never_chose_has_the_default_plan_of_version_0(owner: Actor) -> None:
    assert await subscription(owner.context()) == Subscription(owner.tenant_id, PLANS[FREE], SubscriptionStatus.ACTIVE)
    assert await history(owner) == []


async def test_default_plan_is_the_servers(owner: Actor) -> None:
    services = msgspec.structs.replace(owner.services, billing=BillingServices(default_plan=BUSINESS))
    assert (await subscription(RequestContext(services, owner.viewer))).plan is PLANS[BUSINESS]


async def test_first_choice_is_stored_with_its_period_and_told(owner: Actor) -> None:
    chosen = await change_plan(owner.context(), TEAM, 0)
    assert chosen == await subscription(owner.context())
    assert chosen == Subscription(
        tenant_id=owner.tenant_id,
        plan=PLANS[TEAM],
        status=SubscriptionStatus.ACTIVE,
        current_period_start=START,
        current_period_end=END,
        version=1,
        created_at=chosen.created_at,
        updated_at=chosen.updated_at,
    )
    [change] = await history(owner)
    assert (change.kind, change.from_plan, change.to_plan) == ("CHANGED", "FREE", "TEAM")
    assert (change.changed_by, change.effective_at, change.created_at) == (owner.user_id, START, START)


async def test_upgrade_keeps_the_period_and_downgrade_waits_for_its_end(owner: Actor, clock: Clock) -> None:
    await change_plan(owner.context(), TEAM, 0)
    clock.now = START + timedelta(days=5)
    dearer = await change_plan(owner.context(), ENTERPRISE, 1)
    assert (dearer.plan.name, dearer.pending_plan, dearer.current_period_end) == (ENTERPRISE, None, END)
    cheaper = await change_plan(owner.context(), FREE, 2)
    assert (cheaper.plan.name, cheaper.pending_plan, cheaper.version) == (ENTERPRISE, PLANS[FREE], 3)
    clock.now = END
    ended = await subscription(owner.context())
    assert (ended.plan.name, ended.pending_plan, ended.version) == (FREE, None, 3)
    assert (ended.current_period_start, ended.current_period_end) == (END, datetime(2027, 1, 23, 12, tzinfo=UTC))
    assert await told(owner) == [
        ("SCHEDULED", "ENTERPRISE", "FREE", END),
        ("CHANGED", "TEAM", "ENTERPRISE", START + timedelta(days=5)),
        ("CHANGED", "FREE", "TEAM", START),
    ]


async def test_change_after_the_period_writes_down_what_time_has_made_of_it(owner: Actor, clock: Clock) -> None:
    await change_plan(owner.context(), ENTERPRISE, 0)
    await change_plan(owner.context(), TEAM, 1)
    clock.now = END + timedelta(days=40)
    await change_plan(owner.context(), BUSINESS, 2)
    record = await stored(owner)
    assert record is not None
    assert (record.plan, record.pending_plan, record.anchor_at) == ("BUSINESS", None, START)
    assert (record.period_start, record.period_end) == (
        datetime(2027, 1, 23, 12, tzinfo=UTC),
        datetime(2027, 2, 23, 12, tzinfo=UTC),
    )
    assert (await told(owner))[0] == ("CHANGED", "TEAM", "BUSINESS", clock.now)


async def test_canceled_plan_holds_until_its_period_ends_and_the_default_one_then(owner: Actor, clock: Clock) -> None:
    await change_plan(owner.context(), TEAM, 0)
    clock.now = START + timedelta(days=1)
    canceled = await cancel_plan(owner.context(), 1)
    assert (canceled.status, canceled.plan.name) == (SubscriptionStatus.ACTIVE, TEAM)
    assert (canceled.cancel_at_period_end, canceled.canceled_at, canceled.ended_at) == (True, clock.now, None)
    clock.now = END
    over = await subscription(owner.context())
    assert over == Subscription(
        tenant_id=owner.tenant_id,
        plan=PLANS[FREE],
        status=SubscriptionStatus.CANCELED,
        canceled_at=START + timedelta(days=1),
        ended_at=END,
        version=2,
        created_at=canceled.created_at,
        updated_at=canceled.updated_at,
    )
    assert (await told(owner))[0] == ("CANCELED", "TEAM", None, END)


async def test_resumed_plan_goes_on(owner: Actor, clock: Clock) -> None:
    chosen = await change_plan(owner.context(), TEAM, 0)
    await cancel_plan(owner.context(), 1)
    resumed = await resume_plan(owner.context(), 2)
    assert resumed == msgspec.structs.replace(chosen, version=3, updated_at=resumed.updated_at)
    clock.now = END
    assert (await subscription(owner.context())).plan.name is TEAM
    assert [kind for kind, *_ in await told(owner)] == ["RESUMED", "CANCELED", "CHANGED"]


async def test_subscription_that_is_over_is_not_resumed_but_begun_anew(owner: Actor, clock: Clock) -> None:
    await change_plan(owner.context(), TEAM, 0)
    await cancel_plan(owner.context(), 1)
    clock.now = END
    before = await stored(owner)
    with pytest.raises(IllegalTransition):
        await resume_plan(owner.context(), 2)
    with pytest.raises(IllegalTransition):
        await cancel_plan(owner.context(), 2)
    assert await stored(owner) == before
    again = await change_plan(owner.context(), TEAM, 2)
    assert (again.status, again.plan.name, again.canceled_at) == (SubscriptionStatus.ACTIVE, TEAM, None)
    assert (again.current_period_start, again.version) == (END, 3)
    assert (await told(owner))[0] == ("CHANGED", "FREE", "TEAM", END)


async def test_clock_that_went_back_breaks_nothing(owner: Actor, clock: Clock) -> None:
    await change_plan(owner.context(), TEAM, 0)
    clock.now = datetime(1970, 1, 1, tzinfo=UTC)
    assert (await subscription(owner.context())).plan.name is TEAM
    assert (await change_plan(owner.context(), BUSINESS, 1)).current_period_end == END
    assert (await cancel_plan(owner.context(), 2)).cancel_at_period_end


@pytest.mark.parametrize("version", [0, 2, -1, 2**31 - 1])
async def test_stale_version_changes_nothing(owner: Actor, version: int) -> None:
    await change_plan(owner.context(), TEAM, 0)
    before = await stored(owner)
    for refused in (
        change_plan(owner.context(), BUSINESS, version),
        cancel_plan(owner.context(), version),
        resume_plan(owner.context(), version),
    ):
        with pytest.raises(Conflict) as conflict:
            await refused
        assert conflict.value.path == ("version",)
    assert await stored(owner) == before
    assert len(await history(owner)) == 1


@pytest.mark.parametrize("version", [0, 1])
async def test_of_two_changes_at_once_one_wins_and_one_is_told(owner: Actor, version: int) -> None:
    if version:
        await change_plan(owner.context(), TEAM, 0)
    results = await asyncio.gather(
        *(change_plan(owner.context(), plan, version) for plan in (BUSINESS, ENTERPRISE)), return_exceptions=True
    )
    won = [result for result in results if isinstance(result, Subscription)]
    assert [type(result) for result in results if result not in won] == [Conflict]
    assert [own.plan.name for own in won] == [(await subscription(owner.context())).plan.name]
    assert len(await history(owner)) == version + 1


@pytest.mark.parametrize("version", [0, 1])
async def test_change_that_waits_for_another_one_is_told_when_that_is_written(owner: Actor, version: int) -> None:
    if version:
        await change_plan(owner.context(), TEAM, 0)
    database = owner.services.database
    written = {"plan": "FREE", "anchor_at": START, "period_start": START, "period_end": END}
    async with database.write(owner.tenant_id) as session:
        rows = BillingSubscriptions(session)
        await (rows.update(1, written) if version else rows.insert(written))
        waiting = asyncio.create_task(change_plan(owner.context(), BUSINESS, version))
        await waits_for_a_lock(database, waiting)
        assert not waiting.done()
    with pytest.raises(Conflict):
        await waiting
    record = await stored(owner)
    assert record is not None
    assert (record.plan, record.version) == ("FREE", version + 1)
    assert len(await history(owner)) == version


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER, Role.VIEWER])
async def test_only_owners_choose_and_everybody_sees(owner: Actor, role: Role) -> None:
    await change_plan(owner.context(), TEAM, 0)
    member = await new_member(owner.services, owner.tenant_id, role)
    before = await stored(owner)
    await refuse_all(member.context())
    assert await stored(owner) == before
    assert len(await history(owner)) == 1
    assert await subscription(member.context()) == await subscription(owner.context())


async def test_no_key_chooses_and_a_key_that_reads_sees(owner: Actor) -> None:
    await change_plan(owner.context(), TEAM, 0)
    before = await stored(owner)
    every = RequestContext(owner.services, Viewer(tenant_id=owner.tenant_id, scopes=frozenset(Scope)))
    await refuse_all(every)
    assert await stored(owner) == before
    assert (await subscription(every)).plan.name is TEAM
    sender = RequestContext(owner.services, Viewer(tenant_id=owner.tenant_id, scopes=frozenset({Scope.EVENTS})))
    with pytest.raises(Forbidden):
        await subscription(sender)


async def refuse_all(context: RequestContext) -> None:
    for refused in (change_plan(context, BUSINESS, 1), cancel_plan(context, 1), resume_plan(context, 1)):
        with pytest.raises(Forbidden):
            await refused


async def test_stranger_has_no_subscription(services: Services) -> None:
    with pytest.raises(Unauthenticated):
        await subscription(RequestContext(services, None))


async def test_another_tenants_subscription_is_neither_seen_nor_changed(owner: Actor) -> None:
    other = await new_tenant(owner.services)
    await change_plan(owner.context(), TEAM, 0)
    await change_plan(other.context(), ENTERPRISE, 0)
    before = await stored(owner)
    await cancel_plan(other.context(), 1)
    assert await stored(owner) == before
    assert [change.tenant_id for change in await history(owner)] == [owner.tenant_id]
    assert (await subscription(owner.context())).plan.name is TEAM


async def test_operator_is_nobody_in_the_history_and_says_it_once(owner: Actor) -> None:
    await change_plan(owner.context(), ENTERPRISE, 0)
    await cancel_plan(owner.context(), 1)
    assert await put_on_plan(owner.services, owner.tenant_id, TEAM)
    assert not await put_on_plan(owner.services, owner.tenant_id, TEAM)
    put = await subscription(owner.context())
    assert (put.plan.name, put.cancel_at_period_end, put.version) == (TEAM, False, 3)
    assert [change.changed_by for change in await history(owner)] == [None, owner.user_id, owner.user_id]


async def test_operator_puts_nobody_on_a_plan(services: Services) -> None:
    with pytest.raises(MissingReference):
        await put_on_plan(services, TenantId(2**62), TEAM)
