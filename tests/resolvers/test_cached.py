"""`@cached`: a use case is run once, until what it reads is written, and for each tenant on its own."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from persistence.ids import PodcastId, TenantId
from persistence.repositories.podcasts import Podcasts
from resolvers.cached import cached
from resolvers.context import RequestContext, Services
from resolvers.errors import Forbidden
from resolvers.podcasts import NewPodcast, PodcastChanges, create_podcast, update_podcast
from resolvers.sight import NOTHING_DEMANDED, Demand, OperationDatabase
from tests.actors import Actor, new_tenant
from tests.kept import keeping_services, seeing

Title = Callable[[RequestContext, int], Awaitable[str | None]]


@pytest.fixture
def runs() -> list[tuple[int, int]]:
    """In whose name, and for which podcast, the use case was run."""
    return []


@pytest.fixture
def title(runs: list[tuple[int, int]]) -> Title:
    @cached("title", str | None)
    async def title(database: OperationDatabase, tenant_id: TenantId, podcast_id: int) -> str | None:
        runs.append((tenant_id, podcast_id))
        async with database.read(tenant_id) as session:
            [found] = await Podcasts(session).by_ids([podcast_id])
        return found.title if found else None

    return title


@pytest_asyncio.fixture
async def keeping(services: Services, app_url: str) -> AsyncIterator[Services]:
    async with keeping_services(services, app_url) as own:
        yield own


async def asked(title: Title, actor: Actor, podcast_id: int, demand: Demand = NOTHING_DEMANDED) -> str | None:
    """As an operation of its own."""
    return await title(await seeing(actor.services, actor.viewer, demand), podcast_id)


async def test_answer_is_kept_until_what_was_read_is_written(
    keeping: Services, title: Title, runs: list[tuple[int, int]]
) -> None:
    actor = await new_tenant(keeping)
    podcast = await create_podcast(actor.context(), NewPodcast(title="First"))
    assert [await asked(title, actor, podcast.id) for _ in range(3)] == ["First"] * 3
    assert len(runs) == 1
    await update_podcast(actor.context(), PodcastId(podcast.id), podcast.version, PodcastChanges(title="Second"))
    assert [await asked(title, actor, podcast.id) for _ in range(3)] == ["Second"] * 3
    assert len(runs) == 2


async def test_answer_of_one_tenant_is_not_given_to_another(
    keeping: Services, title: Title, runs: list[tuple[int, int]]
) -> None:
    actor, other = await new_tenant(keeping), await new_tenant(keeping)
    podcast = await create_podcast(actor.context(), NewPodcast(title="Mine"))
    assert await asked(title, actor, podcast.id) == "Mine"
    assert await asked(title, other, podcast.id) is None
    assert await asked(title, actor, podcast.id) == "Mine"
    assert runs == [(actor.tenant_id, podcast.id), (other.tenant_id, podcast.id)]


async def test_client_that_refuses_what_was_kept_is_read_for(
    keeping: Services, title: Title, runs: list[tuple[int, int]]
) -> None:
    actor = await new_tenant(keeping)
    podcast = await create_podcast(actor.context(), NewPodcast(title="First"))
    await asked(title, actor, podcast.id)
    assert await asked(title, actor, podcast.id, Demand(uncached=True)) == "First"
    assert len(runs) == 2


async def test_operation_depends_on_what_it_was_given(keeping: Services, title: Title) -> None:
    actor = await new_tenant(keeping)
    podcast = await create_podcast(actor.context(), NewPodcast(title="First"))
    for _ in range(2):
        context = await seeing(keeping, actor.viewer)
        await title(context, podcast.id)
        assert context.footprint.tables == {"podcasts"}


async def test_without_caches_it_is_run_every_time(
    services: Services, title: Title, runs: list[tuple[int, int]]
) -> None:
    actor = await new_tenant(services)
    podcast = await create_podcast(actor.context(), NewPodcast(title="First"))
    assert [await title(actor.context(), podcast.id) for _ in range(2)] == ["First"] * 2
    assert len(runs) == 2


async def test_viewer_without_a_tenant_is_refused(
    services: Services, title: Title, runs: list[tuple[int, int]]
) -> None:
    with pytest.raises(Forbidden):
        await title(RequestContext(services, None), 1)
    assert runs == []
