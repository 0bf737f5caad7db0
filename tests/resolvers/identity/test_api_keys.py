"""API keys: who makes and revokes them, and what is stored."""

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from persistence.ids import ApiKeyId
from persistence.repositories.tenants import ApiKeys, LiveKey
from persistence.tables import api_keys
from resolvers.context import RequestContext, Services
from resolvers.errors import Forbidden, NotFound
from resolvers.identity.api_keys import NewApiKey, create_api_key, revoke_api_key
from resolvers.identity.secrets import API_KEY, INVITE, split_secret
from resolvers.policy import Role, Scope, Viewer
from tests.actors import Actor, new_tenant
from tests.identity import clocked

READ_KEY = NewApiKey(name="Reports", scopes=[Scope.READ])


async def keys_of(actor: Actor) -> int:
    async with actor.services.database.read(actor.tenant_id) as session:
        return await ApiKeys(session).count()


async def test_key_names_its_tenant_and_only_its_hash_is_stored(services: Services) -> None:
    owner = await new_tenant(services)
    key, secret = await create_api_key(owner.context(), READ_KEY)
    split = split_secret(API_KEY, secret)
    assert split is not None
    assert split.tenant_id == owner.tenant_id
    assert key.hint == secret[: len(f"pgk_{owner.tenant_id}_") + 4] + "…"
    async with services.database.read(owner.tenant_id) as session:
        [row] = await session.rows(select(api_keys).where(api_keys.c.id == key.id))
        found = await ApiKeys(session).live(split.hash)
    assert secret not in map(str, row)
    assert found == LiveKey(key, None)


def test_secret_of_another_kind_is_none() -> None:
    assert split_secret(API_KEY, f"{INVITE}_1_" + "x" * 43) is None


async def test_scopes_are_kept_once_each(services: Services) -> None:
    owner = await new_tenant(services)
    new = NewApiKey(name="Both", scopes=[Scope.WRITE, Scope.READ, Scope.WRITE])
    key, _ = await create_api_key(owner.context(), new)
    assert key.scopes == ["read", "write"]


def test_key_without_scopes_is_refused() -> None:
    with pytest.raises(ValidationError):
        NewApiKey(name="Nothing", scopes=[])


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
async def test_members_make_and_revoke_no_keys(services: Services, role: Role) -> None:
    member = await new_tenant(services, role)
    with pytest.raises(Forbidden):
        await create_api_key(member.context(), READ_KEY)
    with pytest.raises(Forbidden):
        await revoke_api_key(member.context(), ApiKeyId(1))
    assert await keys_of(member) == 0


async def test_keys_make_no_keys(services: Services) -> None:
    owner = await new_tenant(services)
    key = RequestContext(services, Viewer(tenant_id=owner.tenant_id, scopes=frozenset(Scope)))
    with pytest.raises(Forbidden):
        await create_api_key(key, READ_KEY)
    assert await keys_of(owner) == 0


async def test_revoking_twice_keeps_the_first_time(services: Services) -> None:
    clocked_services, clock = clocked(services)
    owner = await new_tenant(clocked_services)
    key, secret = await create_api_key(owner.context(), READ_KEY)
    first = await revoke_api_key(owner.context(), key.id)
    clock.now = clock.now.replace(year=2027)
    assert await revoke_api_key(owner.context(), key.id) == first
    split = split_secret(API_KEY, secret)
    assert split is not None
    async with services.database.read(owner.tenant_id) as session:
        assert await ApiKeys(session).live(split.hash) is None


async def test_another_tenants_key_is_not_found_and_works_on(services: Services) -> None:
    owner, other = await new_tenant(services), await new_tenant(services)
    key, secret = await create_api_key(other.context(), READ_KEY)
    with pytest.raises(NotFound):
        await revoke_api_key(owner.context(), key.id)
    split = split_secret(API_KEY, secret)
    assert split is not None
    async with services.database.read(other.tenant_id) as session:
        assert await ApiKeys(session).live(split.hash) == LiveKey(key, None)
    async with services.database.read(owner.tenant_id) as session:
        assert await ApiKeys(session).live(split.hash) is None
