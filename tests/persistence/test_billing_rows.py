"""Row-level security on billing, and what the look-up of who asks finds of it."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.exc import ProgrammingError

from persistence.errors import DuplicateValue
from persistence.records import PlanTermsRecord
from persistence.repositories.billing import BillingChanges, BillingSubscriptions
from persistence.repositories.tenants import Memberships, Standing, standing
from persistence.tables import billing_changes, billing_subscriptions
from resolvers.billing.changing import change_plan
from resolvers.billing.plans import PlanName
from resolvers.context import Services
from resolvers.policy import Role
from tests.actors import Actor, new_tenant

OWNED = [billing_subscriptions, billing_changes]


async def subscriber(services: Services, plan: PlanName = PlanName.TEAM) -> Actor:
    owner = await new_tenant(services)
    await change_plan(owner.context(), plan, 0)
    return owner


@pytest.mark.parametrize("table", OWNED, ids=lambda table: table.name)
async def test_a_tenants_session_sees_its_own_rows_without_asking(services: Services, table: Table) -> None:
    first, _ = await subscriber(services), await subscriber(services)
    async with services.database.read(first.tenant_id) as session:
        assert await session.rows(select(table.c.tenant_id)) == [(first.tenant_id,)]


async def test_a_tenants_session_changes_no_others_subscription(services: Services) -> None:
    first, other = await subscriber(services), await subscriber(services)
    statement = update(billing_subscriptions).values(plan="ENTERPRISE")
    async with services.database.write(first.tenant_id) as session:
        assert await session.rows(statement.returning(billing_subscriptions.c.tenant_id)) == [(first.tenant_id,)]
    async with services.database.read(other.tenant_id) as session:
        record = await BillingSubscriptions(session).found()
    assert record is not None
    assert record.plan == "TEAM"


async def test_update_by_the_repository_names_its_tenant_and_its_version(services: Services) -> None:
    first, other = await subscriber(services), await subscriber(services)
    async with services.database.write(first.tenant_id) as session:
        assert await BillingSubscriptions(session).update(2, {"plan": "FREE"}) is None
        changed = await BillingSubscriptions(session).update(1, {"plan": "FREE"})
    assert changed is not None
    assert (changed.tenant_id, changed.plan, changed.version) == (first.tenant_id, "FREE", 2)
    async with services.database.read(other.tenant_id) as session:
        assert (await session.rows(select(billing_subscriptions.c.plan))) == [("TEAM",)]


async def test_a_tenant_has_one_subscription(services: Services) -> None:
    owner = await subscriber(services)
    moments = dict.fromkeys(("anchor_at", "period_start"), datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(DuplicateValue, match="billing_subscriptions_pkey"):
        async with services.database.write(owner.tenant_id) as session:
            await BillingSubscriptions(session).insert(
                {"plan": "FREE", **moments, "period_end": datetime(2026, 2, 1, tzinfo=UTC)}
            )


@pytest.mark.parametrize("table", OWNED, ids=lambda table: table.name)
async def test_a_tenants_session_makes_nothing_for_another(services: Services, table: Table) -> None:
    first, other = await subscriber(services), await new_tenant(services)
    async with services.database.read(first.tenant_id) as session:
        result = await session.execute(select(table))
        [row] = result.mappings().fetchall()
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with services.database.write(first.tenant_id) as session:
            await session.execute(insert(table).values({**row, "tenant_id": other.tenant_id}))
    async with services.database.read(other.tenant_id) as session:
        assert await session.rows(select(table.c.tenant_id)) == []


@pytest.mark.parametrize(
    "statement",
    [update(billing_changes).values(to_plan="FREE"), delete(billing_changes), delete(billing_subscriptions)],
    ids=str,
)
async def test_history_is_written_once_and_nothing_is_deleted(services: Services, statement: object) -> None:
    owner = await subscriber(services)
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with services.database.write(owner.tenant_id) as session:
            await session.execute(statement)  # type: ignore[arg-type]  # a parameter of three kinds of statements
    async with services.database.read(owner.tenant_id) as session:
        assert await BillingChanges(session).count() == 1


async def test_a_persons_session_sees_subscriptions_of_own_tenants_alone_and_changes_none(services: Services) -> None:
    first, other = await subscriber(services), await subscriber(services)
    async with services.database.write_account(first.user_id) as session:
        assert await session.rows(select(billing_subscriptions.c.tenant_id)) == [(first.tenant_id,)]
        assert await session.rows(select(billing_changes.c.tenant_id)) == []
        statement = update(billing_subscriptions).values(plan="ENTERPRISE")
        assert await session.rows(statement.returning(billing_subscriptions.c.tenant_id)) == []
    async with services.database.read(other.tenant_id) as session:
        assert await session.rows(select(billing_subscriptions.c.plan)) == [("TEAM",)]


async def test_nobodys_session_sees_no_subscription(services: Services) -> None:
    await subscriber(services)
    async with services.database.read_account() as session:
        for table in OWNED:
            assert await session.rows(select(table.c.tenant_id)) == []


async def test_standing_has_the_terms_of_the_chosen_tenant(services: Services) -> None:
    first, second, none = (
        await subscriber(services, PlanName.TEAM),
        await subscriber(services, PlanName.BUSINESS),
        await new_tenant(services),
    )
    for tenant in (second, none):
        async with services.database.write(tenant.tenant_id) as session:
            await Memberships(session).insert({"user_id": first.user_id, "role": Role.VIEWER})

    async def of(actor: Actor | None) -> Standing | None:
        tenant_id = None if actor is None else actor.tenant_id
        async with services.database.read_account(first.user_id) as session:
            return await standing(session, first.user_id, first.session_id, tenant_id)

    async def terms(actor: Actor) -> PlanTermsRecord:
        async with services.database.read(actor.tenant_id) as session:
            stored = await BillingSubscriptions(session).found()
        assert stored is not None
        return PlanTermsRecord(stored.plan, stored.pending_plan, stored.period_end, stored.canceled_at)

    assert await of(None) == await of(first) == Standing(first.tenant_id, "OWNER", await terms(first))
    assert await of(second) == Standing(second.tenant_id, "VIEWER", await terms(second))
    assert await of(none) == Standing(none.tenant_id, "VIEWER", None)
    assert await of(await subscriber(services)) == Standing(None, None, None)
