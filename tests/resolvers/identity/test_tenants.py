"""Tenants: making and renaming them."""

import pytest

from persistence.records import TenantRecord
from persistence.repositories.tenants import Memberships, memberships_of, tenants_of
from resolvers.context import RequestContext, Services
from resolvers.errors import Conflict, Forbidden, NotFound, Unauthenticated
from resolvers.identity import tenants
from resolvers.identity.tenants import NewTenant, TenantChanges, create_tenant, update_tenant
from resolvers.policy import Role, Scope, Viewer
from tests.actors import Actor, new_tenant
from tests.identity import new_account, stranger


async def tenant(actor: Actor) -> TenantRecord:
    async with actor.services.database.read(actor.tenant_id) as session:
        [found] = await tenants_of(session, [actor.tenant_id])
    assert found is not None
    return found


async def test_caller_owns_the_new_tenant_and_goes_on_in_it(services: Services) -> None:
    account = await new_account(services)
    context = account.context()
    created, membership = await create_tenant(context, NewTenant(name=" Acme "))
    assert (created.name, created.version, membership.role, membership.user_id) == (
        "Acme", 1, Role.OWNER, account.user_id
    )  # fmt: skip
    assert context.viewer == account.context(created.id, Role.OWNER).viewer


async def test_who_is_in_a_tenant_stays_there_when_making_another(services: Services) -> None:
    actor = await new_tenant(services, Role.VIEWER)
    context = actor.context()
    created, _ = await create_tenant(context, NewTenant(name="Second"))
    assert context.viewer == actor.viewer
    async with services.database.read_account(actor.user_id) as session:
        joined = await memberships_of(session, actor.user_id)
    assert [(m.tenant_id, m.role) for m in joined] == [(actor.tenant_id, "VIEWER"), (created.id, "OWNER")]


async def test_user_belongs_to_a_bounded_number_of_tenants(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenants, "MOST_MEMBERSHIPS", 1)
    actor = await new_tenant(services)
    with pytest.raises(Conflict):
        await create_tenant(actor.context(), NewTenant(name="Second"))
    async with services.database.read_account(actor.user_id) as session:
        assert len(await memberships_of(session, actor.user_id)) == 1


async def test_strangers_and_api_keys_make_no_tenant(services: Services) -> None:
    actor = await new_tenant(services)
    with pytest.raises(Unauthenticated):
        await create_tenant(stranger(services), NewTenant(name="Acme"))
    key = RequestContext(services, Viewer(tenant_id=actor.tenant_id, scopes=frozenset(Scope)))
    with pytest.raises(Forbidden):
        await create_tenant(key, NewTenant(name="Acme"))


async def test_admin_renames_the_tenant(services: Services) -> None:
    admin = await new_tenant(services, Role.ADMIN)
    renamed = await update_tenant(admin.context(), admin.tenant_id, 1, TenantChanges(name="New name"))
    assert (renamed.name, renamed.version) == ("New name", 2)
    assert await tenant(admin) == renamed


async def test_stale_rename_is_a_conflict(services: Services) -> None:
    owner = await new_tenant(services)
    await update_tenant(owner.context(), owner.tenant_id, 1, TenantChanges(name="First"))
    with pytest.raises(Conflict):
        await update_tenant(owner.context(), owner.tenant_id, 1, TenantChanges(name="Second"))
    assert (await tenant(owner)).name == "First"


async def test_member_renames_nothing(services: Services) -> None:
    member = await new_tenant(services, Role.MEMBER)
    before = await tenant(member)
    with pytest.raises(Forbidden):
        await update_tenant(member.context(), member.tenant_id, 1, TenantChanges(name="Mine"))
    assert await tenant(member) == before


async def test_another_tenant_is_not_found_and_keeps_its_name(services: Services) -> None:
    owner, other = await new_tenant(services), await new_tenant(services)
    before = await tenant(other)
    with pytest.raises(NotFound):
        await update_tenant(owner.context(), other.tenant_id, 1, TenantChanges(name="Taken"))
    assert await tenant(other) == before


async def test_own_other_tenant_is_not_changed_by_a_request_for_this_one(services: Services) -> None:
    owner, other = await new_tenant(services), await new_tenant(services)
    async with services.database.write(other.tenant_id) as session:
        await Memberships(session).insert({"user_id": owner.user_id, "role": Role.OWNER})
    before = await tenant(other)
    with pytest.raises(NotFound):
        await update_tenant(owner.context(), other.tenant_id, 1, TenantChanges(name="Mistaken"))
    assert await tenant(other) == before
