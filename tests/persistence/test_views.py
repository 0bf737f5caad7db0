"""A view notes what it reads, and knows what it may not keep."""

import pytest
from sqlalchemy import select, text

from persistence.footprints import Footprint
from persistence.repositories.podcasts import PodcastFilter, Podcasts
from persistence.repositories.tenants import Memberships, memberships_of
from persistence.tables import podcasts, refresh_tokens, users
from persistence.views import DatabaseView
from resolvers.context import Services
from tests.actors import Actor, new_tenant
from tests.persistence.sights import ScriptedSight


@pytest.fixture
async def actor(services: Services) -> Actor:
    return await new_tenant(services)


@pytest.fixture
def footprint() -> Footprint:
    return Footprint()


@pytest.fixture
def view(services: Services, footprint: Footprint) -> DatabaseView:
    return DatabaseView(services.database, ScriptedSight(40), footprint)


async def test_every_way_to_read_is_noted(actor: Actor, view: DatabaseView, footprint: Footprint) -> None:
    async with view.read(actor.tenant_id) as session:
        await Podcasts(session).count(PodcastFilter())
        await session.rows(select(users.c.id).limit(1))
    async with view.analyse(actor.tenant_id) as session:
        await Memberships(session).users([actor.user_id])
    assert footprint.tables == {"podcasts", "users", "memberships"}
    assert not footprint.unknown
    assert footprint.position == 40
    assert footprint.tags(actor.tenant_id) == {
        (actor.tenant_id, "podcasts", 0),
        (actor.tenant_id, "memberships", 0),
        (0, "users", 0),
    }


async def test_the_oldest_position_counts(services: Services, actor: Actor, footprint: Footprint) -> None:
    for position in (60, 50, 70):
        async with DatabaseView(services.database, ScriptedSight(position), footprint).read(actor.tenant_id) as session:
            await Podcasts(session).count()
    assert footprint.position == 50


async def test_nothing_read_has_no_position(footprint: Footprint) -> None:
    assert footprint.position is None
    assert footprint.tags(1) == frozenset()


@pytest.mark.parametrize("statement", [text("SELECT 1"), select(refresh_tokens.c.session_id)])
async def test_what_nobody_announces_is_unknown(
    actor: Actor, view: DatabaseView, footprint: Footprint, statement: object
) -> None:
    async with view.read(actor.tenant_id) as session:
        await session.rows(statement)  # type: ignore[arg-type]  # a parameter of two kinds of statements
    assert footprint.unknown


async def test_tenants_rows_in_a_session_of_people_are_unknown(
    actor: Actor, view: DatabaseView, footprint: Footprint
) -> None:
    async with view.read_account(actor.user_id) as session:
        await session.rows(select(users.c.id).where(users.c.id == actor.user_id))
        assert not footprint.unknown
        assert len(await memberships_of(session, actor.user_id)) == 1
    assert footprint.unknown


@pytest.mark.parametrize("kind", ["write", "snapshot", "trial"])
async def test_what_a_transaction_reads_is_not_to_be_kept(
    actor: Actor, view: DatabaseView, footprint: Footprint, kind: str
) -> None:
    async with getattr(view, kind)(actor.tenant_id) as session:
        await Podcasts(session).count()
    assert footprint.unknown


async def test_operation_sees_its_own_write_from_then_on(services: Services, actor: Actor) -> None:
    sight = ScriptedSight()
    view = DatabaseView(services.database, sight)
    async with view.read(actor.tenant_id) as session:
        await Podcasts(session).count()
    assert sight.token == 0
    async with view.write(actor.tenant_id) as session:
        await Podcasts(session).insert({"title": "One"})
        assert sight.token == 0
    assert sight.token > 0


async def test_statements_of_a_view_are_listened_to(actor: Actor, view: DatabaseView) -> None:
    heard: list[str] = []
    with view.watched(lambda sql, _: heard.append(sql)):
        async with view.read(actor.tenant_id) as session:
            await Podcasts(session).count()
    assert len(heard) == 1


async def test_session_that_reads_writes_nothing(actor: Actor, view: DatabaseView) -> None:
    async with view.read(actor.tenant_id) as session:
        with pytest.raises(TypeError, match="does not announce"):
            await session.execute(podcasts.delete())
