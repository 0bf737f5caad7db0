"""Who was let in is remembered, and forgotten with the first change of what let them in, by whoever made it."""

from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import timedelta
from enum import Enum

import msgspec
import pytest
import pytest_asyncio
from starlette.requests import HTTPConnection

from gateway.auth.addresses import AddressHasher
from gateway.context import Contexts
from persistence.database import Database
from persistence.repositories.tenants import ApiKeys, Memberships
from resolvers.billing.changing import cancel_plan, change_plan, put_on_plan
from resolvers.billing.plans import PLANS, PlanName
from resolvers.billing.spending import KeyBudget
from resolvers.context import RequestContext, Services
from resolvers.errors import Forbidden, Unauthenticated
from resolvers.identity.api_keys import NewApiKey, WantedBudget, change_api_key_budget, create_api_key, revoke_api_key
from resolvers.identity.members import change_role, remove_member
from resolvers.identity.sessions import RefreshToken, logout
from resolvers.policy import Role, Scope
from tests.actors import Actor, new_member, new_tenant
from tests.identity import clocked, keyring, new_account, stranger
from tests.kept import Calm, keeping_process, sharing_process
from tests.services.redis_server import RedisServer


class Writer(Enum):
    """Which process changes what another request was let in by."""

    SAME = "the same process"
    OTHER = "another process with the same Redis"
    UNHEARD = "a process that nobody hears"


class Scene(msgspec.Struct, frozen=True):
    """Who lets requests in, and who changes things."""

    reader: Services
    writer: Services
    contexts: Contexts
    primary: Calm
    unheard: bool

    async def seen(self, token: str, **headers: str) -> RequestContext:
        given = {"authorization": f"Bearer {token}", **headers}
        raw = [(name.lower().encode(), value.encode()) for name, value in given.items()]
        return await self.contexts(HTTPConnection({"type": "http", "headers": raw, "client": ("192.0.2.1", 1)}), None)

    async def changed(self, change: Awaitable[object]) -> None:
        """The change is made; an unheard writer's lock was seen meanwhile, and is free again."""
        await change
        if self.unheard:
            self.primary.doubt += 1

    def of(self, actor: Actor) -> Actor:
        """The same person, served by the writer."""
        return msgspec.structs.replace(actor, services=self.writer)


@pytest_asyncio.fixture(params=list(Writer), ids=lambda writer: writer.name)
async def scene(
    request: pytest.FixtureRequest, services: Services, app_url: str, redis_server: RedisServer
) -> AsyncIterator[Scene]:
    own, _ = clocked(services)
    async with AsyncExitStack() as stack:
        if request.param is Writer.OTHER:
            process = await stack.enter_async_context(sharing_process(own, app_url, redis_server.url))
            writer = (await stack.enter_async_context(sharing_process(own, app_url, redis_server.url))).services
        else:
            process = await stack.enter_async_context(keeping_process(own, app_url))
            writer = process.services if request.param is Writer.SAME else own
        reader = process.services
        contexts = Contexts(reader, keyring(reader.clock), AddressHasher("a key of the tests"))
        yield Scene(reader, writer, contexts, process.primary, request.param is Writer.UNHEARD)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []
    with database.watched(lambda statement, _values: seen.append(statement)):
        yield seen


def token(actor: Actor) -> str:
    return actor.services.identity.access_tokens.issued(actor.user_id, actor.session_id).text


async def refused(scene: Scene, text: str, error: type[Exception] = Unauthenticated) -> None:
    with pytest.raises(error):
        await scene.seen(text)


async def test_a_user_is_looked_up_once_and_a_changed_role_counts_at_once(scene: Scene) -> None:
    owner = await new_tenant(scene.writer)
    member = await new_member(scene.writer, owner.tenant_id, Role.ADMIN)
    text = token(member)
    assert (await scene.seen(text)).viewer == member.viewer
    with statements(scene.reader.database) as seen:
        assert (await scene.seen(text)).viewer == member.viewer
    assert seen == []
    async with scene.writer.database.read(owner.tenant_id) as session:
        record = await Memberships(session).of_user(member.user_id)
    assert record is not None
    await scene.changed(change_role(owner.context(), record.id, record.version, Role.VIEWER))
    assert (await scene.seen(text)).viewer == msgspec.structs.replace(member.viewer, role=Role.VIEWER)
    await scene.changed(remove_member(owner.context(), record.id))
    out = (await scene.seen(text)).viewer
    assert out is not None
    assert out.tenant_id is None


async def test_an_ended_login_counts_at_once(scene: Scene) -> None:
    account = await new_account(scene.writer)
    owner = await new_tenant(scene.writer)
    async with scene.writer.database.write(owner.tenant_id) as session:
        await Memberships(session).insert({"user_id": account.user_id, "role": Role.MEMBER})
    text = account.tokens.access_token
    for _ in range(2):
        viewer = (await scene.seen(text)).viewer
        assert viewer is not None
        assert viewer.tenant_id == owner.tenant_id
    end = RefreshToken(refresh_token=account.tokens.refresh_token)
    await scene.changed(logout(stranger(scene.writer), end))
    await refused(scene, text)


async def test_another_plan_counts_at_once(scene: Scene) -> None:
    owner = await new_tenant(scene.writer)
    _, key = await create_api_key(owner.context(), NewApiKey(name="A key", scopes=[Scope.READ]))
    for text in (token(owner), key):
        assert (await scene.seen(text)).spending.plan is PLANS[PlanName.FREE]
    await scene.changed(put_on_plan(scene.writer, owner.tenant_id, PlanName.TEAM))
    for text in (token(owner), key):
        assert (await scene.seen(text)).spending.plan is PLANS[PlanName.TEAM]


async def test_a_key_is_looked_up_once_and_its_changes_and_its_end_count_at_once(scene: Scene) -> None:
    owner = await new_tenant(scene.writer)
    record, text = await create_api_key(owner.context(), NewApiKey(name="A key", scopes=[Scope.READ]))
    assert (await scene.seen(text)).spending.key is None
    assert (await scene.seen(text)).viewer is not None
    with statements(scene.reader.database) as seen:
        assert (await scene.seen(text)).viewer is not None
    assert seen == []
    budget = WantedBudget(capacity=1_000, restore_rate=10)
    await scene.changed(change_api_key_budget(owner.context(), record.id, budget))
    assert (await scene.seen(text)).spending.key == KeyBudget(record.id, 1_000, 10)
    await scene.changed(revoke_api_key(owner.context(), record.id))
    await refused(scene, text)


async def test_what_lets_nobody_in_is_looked_up_each_time(scene: Scene) -> None:
    owner, other = await new_tenant(scene.writer), await new_tenant(scene.writer)
    _, text = await create_api_key(owner.context(), NewApiKey(name="A key", scopes=[Scope.READ]))
    moved = f"pgk_{other.tenant_id}_{text.split('_', 2)[2]}"
    with statements(scene.reader.database) as seen:
        for _ in range(2):
            await refused(scene, moved)
    assert len(seen) == 2
    with statements(scene.reader.database) as seen:
        for _ in range(2):
            with pytest.raises(Forbidden):
                await scene.seen(token(owner), **{"podgraph-tenant": f"ten_{other.tenant_id}"})
    assert len(seen) == 2


async def test_a_user_who_joins_is_there_at_once(scene: Scene) -> None:
    owner, other = await new_tenant(scene.writer), await new_tenant(scene.writer)
    text = token(owner)
    there = {"podgraph-tenant": f"ten_{other.tenant_id}"}
    assert (await scene.seen(text)).viewer == owner.viewer
    with pytest.raises(Forbidden):
        await scene.seen(text, **there)

    async def joined() -> None:
        async with scene.writer.database.write(other.tenant_id) as session:
            await Memberships(session).insert({"user_id": owner.user_id, "role": Role.VIEWER})

    await scene.changed(joined())
    viewer = (await scene.seen(text, **there)).viewer
    assert viewer == msgspec.structs.replace(owner.viewer, tenant_id=other.tenant_id, role=Role.VIEWER)
    assert (await scene.seen(text)).viewer == owner.viewer, "the one joined first stays where no tenant is named"


async def test_what_time_makes_of_a_plan_is_worked_out_for_each_request(services: Services, app_url: str) -> None:
    own, clock = clocked(services)
    async with keeping_process(own, app_url) as process:
        keeping = process.services
        contexts = Contexts(keeping, keyring(clock), AddressHasher("a key of the tests"))
        scene = Scene(keeping, keeping, contexts, process.primary, unheard=False)
        owner = await new_tenant(keeping)
        _, text = await create_api_key(owner.context(), NewApiKey(name="A key", scopes=[Scope.READ]))
        plan = await change_plan(owner.context(), PlanName.TEAM, 0)
        await cancel_plan(owner.context(), plan.version)
        for _ in range(2):
            assert (await scene.seen(text)).spending.plan is PLANS[PlanName.TEAM]
        clock.now += timedelta(seconds=30)
        with statements(keeping.database) as seen:
            assert (await scene.seen(text)).spending.plan is PLANS[PlanName.TEAM]
        assert seen == []
        clock.now += timedelta(days=40)
        assert (await scene.seen(text)).spending.plan is PLANS[PlanName.FREE]


async def test_the_use_of_a_remembered_key_is_noted_at_most_once_a_minute(services: Services, app_url: str) -> None:
    own, clock = clocked(services)
    async with keeping_process(own, app_url) as process:
        keeping = process.services
        contexts = Contexts(keeping, keyring(clock), AddressHasher("a key of the tests"))
        scene = Scene(keeping, keeping, contexts, process.primary, unheard=False)
        owner = await new_tenant(keeping)
        record, text = await create_api_key(owner.context(), NewApiKey(name="A key", scopes=[Scope.READ]))
        used = []
        for seconds in (0, 59, 2, 59, 2):
            clock.now += timedelta(seconds=seconds)
            await scene.seen(text)
            async with keeping.database.read(owner.tenant_id) as session:
                [found] = await ApiKeys(session).by_ids([record.id])
            assert found is not None
            assert found.last_used_at is not None
            used.append((clock.now - found.last_used_at).total_seconds())
        assert used == [0, 59, 0, 59, 0]
