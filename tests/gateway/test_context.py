"""From credentials to a context: who is let in, where, and what a request costs in statements."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from starlette.requests import HTTPConnection

from gateway.auth.addresses import AddressHasher
from gateway.context import Contexts
from persistence.database import Database
from persistence.errors import DatabaseUnavailable
from persistence.records import ApiKeyRecord, MembershipRecord
from persistence.repositories.accounts import Accounts
from persistence.repositories.tenants import ApiKeys, Memberships
from resolvers.context import RequestContext, Services
from resolvers.errors import DomainError, Forbidden, InvalidInput, Unauthenticated
from resolvers.identity.api_keys import NewApiKey, create_api_key, revoke_api_key
from resolvers.identity.members import change_role, remove_member
from resolvers.identity.sessions import RefreshToken, logout
from resolvers.policy import Role, Scope, Viewer
from tests.actors import Actor, new_member, new_tenant
from tests.identity import clocked, keyring, new_account, stranger

ADDRESSES = AddressHasher("a key of the tests")


def connection(headers: Mapping[str, str], kind: str = "http", client: str | None = "192.0.2.1") -> HTTPConnection:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection({"type": kind, "headers": raw, "client": (client, 12345) if client else None})


async def context_of(
    services: Services, headers: Mapping[str, str], payload: Mapping[str, Any] | None = None
) -> RequestContext:
    contexts = Contexts(services, keyring(services.clock), ADDRESSES)
    return await contexts(connection(headers, "http" if payload is None else "websocket"), payload)


async def viewer_of(services: Services, token: str, tenant: str | None = None) -> Viewer | None:
    headers = {"Authorization": f"Bearer {token}"} | ({"Podgraph-Tenant": tenant} if tenant else {})
    return (await context_of(services, headers)).viewer


def access_token(actor: Actor) -> str:
    return actor.services.identity.access_tokens.issued(actor.user_id, actor.session_id).text


async def api_key(actor: Actor, *scopes: Scope) -> tuple[ApiKeyRecord, str]:
    return await create_api_key(actor.context(), NewApiKey(name="A key", scopes=list(scopes)))


async def membership(actor: Actor) -> MembershipRecord:
    async with actor.services.database.read(actor.tenant_id) as session:
        found = await Memberships(session).of_user(actor.user_id)
    assert found is not None
    return found


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The SQL statements that run meanwhile."""
    seen: list[str] = []

    with database.watched(lambda statement, _values: seen.append(statement)):
        yield seen


async def test_without_credentials_there_is_no_viewer_and_no_statement(services: Services) -> None:
    with statements(services.database) as seen:
        context = await context_of(services, {})
    assert context.viewer is None
    assert context.address_hash == ADDRESSES.hashed("192.0.2.1")
    assert seen == []


async def test_access_token_gives_the_user_in_one_statement(services: Services) -> None:
    actor = await new_tenant(services, Role.ADMIN)
    token = access_token(actor)
    with statements(services.database) as seen:
        assert await viewer_of(services, token) == actor.viewer
    assert len(seen) == 1


async def test_api_key_gives_its_tenant_and_scopes_in_one_statement(services: Services) -> None:
    own_services, _ = clocked(services)
    owner = await new_tenant(own_services)
    key, text = await api_key(owner, Scope.READ, Scope.EVENTS)
    expected = Viewer(api_key_id=key.id, tenant_id=owner.tenant_id, scopes=frozenset({Scope.READ, Scope.EVENTS}))
    assert await viewer_of(own_services, text) == expected
    with statements(services.database) as seen:
        assert await viewer_of(own_services, text) == expected
    assert len(seen) == 1


async def test_user_without_a_tenant_is_let_in_and_is_nowhere(services: Services) -> None:
    account = await new_account(services)
    assert await viewer_of(services, account.tokens.access_token) == account.context().viewer


async def test_default_tenant_is_the_one_joined_first_and_the_header_chooses_another(services: Services) -> None:
    first, second = await new_tenant(services), await new_tenant(services)
    async with services.database.write(second.tenant_id) as session:
        await Memberships(session).insert({"user_id": first.user_id, "role": Role.VIEWER})
    token = access_token(first)
    assert await viewer_of(services, token) == first.viewer
    assert await viewer_of(services, token, f"ten_{second.tenant_id}") == msgspec.structs.replace(
        first.viewer, tenant_id=second.tenant_id, role=Role.VIEWER
    )


async def test_foreign_and_missing_tenants_are_refused_alike(services: Services) -> None:
    actor, other = await new_tenant(services), await new_tenant(services)
    _, key = await api_key(actor, Scope.READ)
    messages = set()
    for token in (access_token(actor), key):
        for tenant in (f"ten_{other.tenant_id}", "ten_4611686018427387904"):
            with pytest.raises(Forbidden) as refused:
                await viewer_of(services, token, tenant)
            messages.add(refused.value.message)
    assert messages == {"The header Podgraph-Tenant names no tenant of yours."}


async def test_api_key_may_name_its_own_tenant(services: Services) -> None:
    actor = await new_tenant(services)
    key, text = await api_key(actor, Scope.READ)
    viewer = await viewer_of(services, text, f"ten_{actor.tenant_id}")
    assert viewer is not None
    assert viewer.api_key_id == key.id


@pytest.mark.parametrize("tenant", ["3", "ten_", "ten_0", "cmp_3", "ten_3; DROP TABLE", "ten_99999999999999999999"])
async def test_what_is_no_tenants_id_is_invalid(services: Services, tenant: str) -> None:
    actor = await new_tenant(services)
    with pytest.raises(InvalidInput) as refused:
        await viewer_of(services, access_token(actor), tenant)
    assert refused.value.path == ("Podgraph-Tenant",)


async def test_changed_role_counts_from_the_next_request(services: Services) -> None:
    owner = await new_tenant(services)
    member = await new_member(services, owner.tenant_id, Role.ADMIN)
    token = access_token(member)
    record = await membership(member)
    await change_role(owner.context(), record.id, record.version, Role.VIEWER)
    viewer = await viewer_of(services, token)
    assert viewer is not None
    assert viewer.role is Role.VIEWER


async def test_removed_member_is_out_from_the_next_request(services: Services) -> None:
    owner = await new_tenant(services)
    member = await new_member(services, owner.tenant_id, Role.ADMIN)
    token = access_token(member)
    await remove_member(owner.context(), (await membership(member)).id)
    assert await viewer_of(services, token) == Viewer(user_id=member.user_id, session_id=member.session_id)
    with pytest.raises(Forbidden):
        await viewer_of(services, token, f"ten_{owner.tenant_id}")


async def test_access_token_ends_with_its_login(services: Services) -> None:
    account = await new_account(services)
    await logout(stranger(services), RefreshToken(refresh_token=account.tokens.refresh_token))
    with pytest.raises(Unauthenticated):
        await viewer_of(services, account.tokens.access_token)


async def test_revoked_key_is_refused_at_once(services: Services) -> None:
    owner = await new_tenant(services)
    key, text = await api_key(owner, Scope.READ)
    assert await viewer_of(services, text)
    await revoke_api_key(owner.context(), key.id)
    with pytest.raises(Unauthenticated):
        await viewer_of(services, text)


async def test_key_moved_to_another_tenant_is_refused(services: Services) -> None:
    owner, other = await new_tenant(services), await new_tenant(services)
    _, text = await api_key(owner, Scope.READ)
    with pytest.raises(Unauthenticated):
        await viewer_of(services, f"pgk_{other.tenant_id}_{text.split('_', 2)[2]}")


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic YWRhOnB3", "token", "Bearer pgk_", "Bearer pgk_1_x", "Bearer pgk_x_" + "y" * 43,
     "Bearer pgk_1_" + "y" * 43, "Bearer a.b.c", "Bearer " + "x" * 10_000, "Bearer pgi_1_" + "y" * 43],
)  # fmt: skip
async def test_bad_credentials_are_refused_not_ignored(services: Services, authorization: str) -> None:
    with pytest.raises(Unauthenticated):
        await context_of(services, {"Authorization": authorization})


async def test_connection_init_carries_what_a_browser_cannot_put_into_headers(services: Services) -> None:
    first, second = await new_tenant(services), await new_tenant(services)
    async with services.database.write(second.tenant_id) as session:
        await Memberships(session).insert({"user_id": first.user_id, "role": Role.VIEWER})
    payload = {"authorization": f"Bearer {access_token(first)}", "Podgraph-Tenant": f"ten_{second.tenant_id}"}
    viewer = (await context_of(services, {"Authorization": "Bearer stale"}, payload)).viewer
    assert viewer == msgspec.structs.replace(first.viewer, tenant_id=second.tenant_id, role=Role.VIEWER)


@pytest.mark.parametrize("value", [7, {"a": 1}, ["Bearer x"], True])
async def test_credentials_of_connection_init_that_are_no_text_are_refused(services: Services, value: object) -> None:
    with pytest.raises(Unauthenticated):
        await context_of(services, {}, {"Authorization": value})


async def test_other_members_of_connection_init_are_left_alone(services: Services) -> None:
    assert (await context_of(services, {}, {"locale": 7, "Authorization": None})).viewer is None


async def test_use_of_a_key_is_noted_at_most_once_a_minute(services: Services) -> None:
    own_services, clock = clocked(services)
    owner = await new_tenant(own_services)
    key, text = await api_key(owner, Scope.READ)

    async def last_used() -> object:
        async with services.database.read(owner.tenant_id) as session:
            [record] = await ApiKeys(session).by_ids([key.id])
        assert record is not None
        return record.last_used_at

    assert await last_used() is None
    await viewer_of(own_services, text)
    first = clock.now
    assert await last_used() == first
    clock.now = first.replace(second=59)
    await viewer_of(own_services, text)
    assert await last_used() == first
    clock.now = first.replace(minute=1, second=1)
    await viewer_of(own_services, text)
    assert await last_used() == clock.now


async def test_request_does_not_fail_when_the_use_of_its_key_cannot_be_noted(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await new_tenant(services)
    _, text = await api_key(owner, Scope.READ)

    async def unavailable(*_: object) -> None:
        raise DatabaseUnavailable("read only")

    monkeypatch.setattr(ApiKeys, "note_use", unavailable)
    assert await viewer_of(services, text)


async def test_each_call_gives_a_fresh_context(services: Services) -> None:
    actor = await new_tenant(services)
    headers = {"Authorization": f"Bearer {access_token(actor)}"}
    first, second = await context_of(services, headers), await context_of(services, headers)
    assert first is not second
    assert first.loaders is not second.loaders


async def test_another_users_login_cannot_be_named(services: Services) -> None:
    actor, other = await new_tenant(services), await new_tenant(services)
    async with services.database.write_account() as session:
        login = await Accounts(session).insert_session(other.user_id, "somewhere")
    mixed = keyring(services.clock).issued(actor.user_id, login.id)
    with pytest.raises(DomainError):
        await viewer_of(services, mixed.text)


async def test_address_is_unknown_behind_a_unix_socket(services: Services) -> None:
    contexts = Contexts(services, keyring(), ADDRESSES)
    assert (await contexts(connection({}, client=None), None)).address_hash == ADDRESSES.hashed(None)
