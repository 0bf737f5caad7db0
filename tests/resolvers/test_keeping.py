"""What one operation read is shown to others, and never after anything that it depends on was written."""

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import pytest_asyncio

from persistence.database import Database
from persistence.ids import PodcastId
from persistence.pages import Slice
from persistence.projections import Reads
from persistence.records import PodcastRecord
from persistence.repositories.campaigns import CampaignFilter, LineItemFilter, PlacementFilter
from persistence.repositories.podcasts import EpisodeFilter, Episodes, PodcastFilter, Podcasts
from persistence.repositories.tenants import ApiKeys, memberships_of
from resolvers import lists
from resolvers.context import RequestContext, Services
from resolvers.identity.api_keys import NewApiKey, create_api_key
from resolvers.keeping import Kinds
from resolvers.loaders.kept import wording
from resolvers.pages import requested_page
from resolvers.podcasts import (
    NewEpisode,
    NewPodcast,
    PodcastChanges,
    archive_podcast,
    create_episode,
    create_podcast,
    update_podcast,
)
from resolvers.policy import Scope
from resolvers.sight import NOTHING_DEMANDED, Demand
from tests.actors import Actor, new_tenant
from tests.kept import keeping_process, keeping_services, seeing

FIRST = requested_page(Podcasts.orders, order="TITLE", descending=False, first=10, after=None, last=None, before=None)
TITLE: Reads = frozenset({"title"})
NO_ROW = 2**60


@pytest_asyncio.fixture
async def keeping(services: Services, app_url: str) -> AsyncIterator[Services]:
    async with keeping_services(services, app_url) as own:
        yield own


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Those that are sent meanwhile."""
    seen: list[str] = []
    with database.watched(lambda statement, _values: seen.append(statement)):
        yield seen


async def podcast(actor: Actor, title: str) -> PodcastRecord:
    return await create_podcast(actor.context(), NewPodcast(title=title))


async def renamed(actor: Actor, record: PodcastRecord, title: str) -> PodcastRecord:
    return await update_podcast(actor.context(), record.id, record.version, PodcastChanges(title=title))


async def titles(actor: Actor, *ids: int, demand: Demand = NOTHING_DEMANDED) -> list[str | None]:
    """By an operation of its own."""
    return await titles_in(await seeing(actor.services, actor.viewer, demand), *ids)


async def titles_in(context: RequestContext, *ids: int) -> list[str | None]:
    found = await context.loaders.by_id(Podcasts, TITLE).fetch(ids)
    return [None if record is None else record.title for record in found]


async def listed(actor: Actor, wanted: PodcastFilter | None = None) -> tuple[list[str], int]:
    context = await seeing(actor.services, actor.viewer)
    page = await lists.page(context, Podcasts, FIRST, wanted or PodcastFilter(), reads=TITLE)
    return [node.title for node in page.nodes], await page.counts.fetch_one(page.count_key)


async def test_a_row_that_another_operation_read_is_not_read_again(keeping: Services) -> None:
    actor = await new_tenant(keeping)
    one = await podcast(actor, "One")
    assert await titles(actor, one.id, NO_ROW) == ["One", None]
    with statements(keeping.database) as seen:
        assert await titles(actor, one.id, NO_ROW, one.id) == ["One", None, "One"]
    assert seen == []


async def test_a_written_row_is_read_anew_and_the_others_are_not(keeping: Services) -> None:
    actor = await new_tenant(keeping)
    one, two = await podcast(actor, "One"), await podcast(actor, "Two")
    assert await titles(actor, one.id, two.id) == ["One", "Two"]
    await renamed(actor, one, "Uno")
    with statements(keeping.database) as seen:
        assert await titles(actor, two.id) == ["Two"]
        assert seen == []
        assert await titles(actor, one.id, two.id) == ["Uno", "Two"]
    assert len(seen) == 1


async def test_a_row_that_was_not_there_is_found_once_it_is(keeping: Services) -> None:
    actor = await new_tenant(keeping)
    first = await podcast(actor, "First")
    following = list(range(first.id + 1, first.id + 40))
    assert set(await titles(actor, *following)) == {None}
    second = await podcast(actor, "Second")
    assert second.id in following, "another test would have to make forty podcasts meanwhile"
    assert await titles(actor, second.id) == ["Second"]


async def test_another_tenant_is_never_shown_what_was_kept(keeping: Services) -> None:
    owner, other = await new_tenant(keeping), await new_tenant(keeping)
    record = await podcast(owner, "Secret")
    await create_episode(owner.context(), record.id, NewEpisode(title="Inside"))
    assert await titles(owner, record.id) == ["Secret"]
    assert await listed(owner) == (["Secret"], 1)
    assert await episodes_of(owner, record.id) == [(["Inside"], 1)]
    assert await titles(other, record.id) == [None]
    assert await listed(other) == ([], 0)
    assert await episodes_of(other, record.id) == [([], 0)]
    assert await titles(owner, record.id) == ["Secret"], "nor does the other's look spoil it"


async def episodes_of(actor: Actor, *ids: PodcastId) -> list[tuple[list[str], int]]:
    context = await seeing(actor.services, actor.viewer)
    request = requested_page(
        Episodes.orders, order="TITLE", descending=False, first=10, after=None, last=None, before=None
    )
    pages = await lists.pages_by(context, Episodes, "podcast_id", ids, request, EpisodeFilter(), reads=TITLE)
    return [([node.title for node in page.nodes], await page.counts.fetch_one(page.count_key)) for page in pages]


async def test_lists_and_counts_are_kept_until_any_row_of_theirs_is_written(keeping: Services) -> None:
    actor = await new_tenant(keeping)
    one = await podcast(actor, "A")
    assert await listed(actor) == (["A"], 1)
    with statements(keeping.database) as seen:
        assert await listed(actor) == (["A"], 1)
    assert seen == []
    two = await podcast(actor, "B")
    assert await listed(actor) == (["A", "B"], 2)
    await archive_podcast(actor.context(), two.id, two.version)
    assert await listed(actor) == (["A"], 1)
    assert await listed(actor, PodcastFilter(archived=True)) == (["B"], 1)
    await renamed(actor, one, "C")
    assert await listed(actor) == (["C"], 1)


async def test_lists_below_parents_are_kept_one_by_one(keeping: Services) -> None:
    actor = await new_tenant(keeping)
    one, two = await podcast(actor, "A"), await podcast(actor, "B")
    await create_episode(actor.context(), one.id, NewEpisode(title="1"))
    assert await episodes_of(actor, one.id) == [(["1"], 1)]
    with statements(keeping.database) as seen:
        assert await episodes_of(actor, one.id, two.id) == [(["1"], 1), ([], 0)]
        assert len(seen) == 2, "those of the second podcast alone, and their number"
        assert await episodes_of(actor, two.id, one.id) == [([], 0), (["1"], 1)]
        assert len(seen) == 2
    await create_episode(actor.context(), two.id, NewEpisode(title="2"))
    assert await episodes_of(actor, one.id, two.id) == [(["1"], 1), (["2"], 1)]


async def test_other_attributes_are_read_for_themselves(keeping: Services) -> None:
    actor = await new_tenant(keeping)
    record = await podcast(actor, "One")
    assert await titles(actor, record.id) == ["One"]
    whole = await (await seeing(keeping, actor.viewer)).loaders.by_id(Podcasts).fetch_one(record.id)
    assert whole == record


@pytest.mark.parametrize("demand", [Demand(primary=True), Demand(uncached=True)])
async def test_who_does_not_want_what_was_kept_is_not_shown_it(keeping: Services, demand: Demand) -> None:
    actor = await new_tenant(keeping)
    record = await podcast(actor, "One")
    assert await titles(actor, record.id) == ["One"]
    with statements(keeping.database) as seen:
        assert await titles(actor, record.id, demand=demand) == ["One"]
    assert len(seen) == 1


async def test_a_demand_that_comes_with_the_request_counts_for_loaders_that_are_there(keeping: Services) -> None:
    actor = await new_tenant(keeping)
    record = await podcast(actor, "One")
    await titles(actor, record.id)
    context = await seeing(keeping, actor.viewer)
    context.demand("primary")
    with statements(keeping.database) as seen:
        assert await titles_in(context, record.id) == ["One"]
    assert len(seen) == 1
    assert context.audience is None


async def test_while_nothing_is_known_of_other_writers_nothing_is_kept_and_nothing_kept_is_shown(
    services: Services, app_url: str
) -> None:
    async with keeping_process(services, app_url) as process:
        keeping = process.services
        actor = await new_tenant(keeping)
        one, two = await podcast(actor, "One"), await podcast(actor, "Two")
        assert await titles(actor, one.id) == ["One"]
        process.primary.fresh = False
        with statements(keeping.database) as seen:
            for _ in range(2):
                context = await seeing(keeping, actor.viewer)
                assert context.audience is None
                assert await titles_in(context, one.id, two.id) == ["One", "Two"]
        assert len(seen) == 2
        process.primary.fresh = True
        with statements(keeping.database) as seen:
            assert await titles(actor, two.id) == ["Two"]
        assert len(seen) == 1, "what was read meanwhile was not kept"


async def test_writers_that_were_not_heard_leave_nothing_that_was_kept(services: Services, app_url: str) -> None:
    async with keeping_process(services, app_url) as process:
        keeping = process.services
        actor = await new_tenant(keeping)
        record = await podcast(actor, "Before")
        assert await titles(actor, record.id) == ["Before"]
        # Another process, which announces nothing.
        await renamed(msgspec.structs.replace(actor, services=services), record, "After")
        process.primary.unheard = True
        assert await titles(actor, record.id) == ["After"]
        process.primary.unheard = False
        process.primary.doubt += 1
        assert await titles(actor, record.id) == ["After"]


async def test_an_operation_sees_what_it_writes(keeping: Services) -> None:
    actor = await new_tenant(keeping)
    record = await podcast(actor, "Before")
    await titles(actor, record.id)
    context = await seeing(keeping, actor.viewer)
    assert await titles_in(context, record.id) == ["Before"]
    assert context.consistency is None
    await update_podcast(context, record.id, record.version, PodcastChanges(title="After"))
    assert await titles_in(context, record.id) == ["After"]
    token = context.consistency
    assert token is not None
    context.demand(token)
    assert await titles(actor, record.id) == ["After"]


async def test_an_event_sees_what_was_written_since_its_subscription_began(keeping: Services) -> None:
    actor = await new_tenant(keeping)
    record = await podcast(actor, "Before")
    subscription = await seeing(keeping, actor.viewer)
    assert await titles_in(await subscription.for_event(), record.id) == ["Before"]
    await renamed(actor, record, "After")
    assert await titles_in(await subscription.for_event(), record.id) == ["After"]


async def test_credentials_of_programs_are_not_kept_by_loaders(keeping: Services) -> None:
    actor = await new_tenant(keeping)
    key, _ = await create_api_key(actor.context(), NewApiKey(name="A key", scopes=[Scope.READ]))
    with statements(keeping.database) as seen:
        for _ in range(2):
            context = await seeing(keeping, actor.viewer)
            assert await context.loaders.by_id(ApiKeys).fetch_one(key.id) == key
    assert len(seen) == 2


async def test_what_was_shown_is_noted_whether_it_was_read_or_kept(keeping: Services) -> None:
    actor = await new_tenant(keeping)
    record = await podcast(actor, "One")
    await create_episode(actor.context(), record.id, NewEpisode(title="1"))
    noted = []
    for _ in range(2):
        context = await seeing(keeping, actor.viewer)
        await titles_in(context, record.id)
        episodes = context.loaders.counts(Episodes, "podcast_id", EpisodeFilter())
        assert await episodes.fetch_one(record.id) == 1
        assert context.audience is not None
        kept = context.audience.keeping.kept()
        assert kept is not None
        noted.append(kept[0])
    assert noted[0] == noted[1] == {(actor.tenant_id, "podcasts", 0), (actor.tenant_id, "episodes", 0)}


async def test_an_operation_that_writes_or_reads_of_people_is_not_to_be_kept(keeping: Services) -> None:
    actor = await new_tenant(keeping)
    record = await podcast(actor, "One")
    writer = await seeing(keeping, actor.viewer)
    await titles_in(writer, record.id)
    await update_podcast(writer, record.id, record.version, PodcastChanges(title="Two"))
    reader = await seeing(keeping, actor.viewer)
    async with reader.database.read_account(actor.user_id) as session:
        await memberships_of(session, actor.user_id)
    for context in (writer, reader, await seeing(keeping, actor.viewer)):
        assert context.audience is not None
        assert context.audience.keeping.kept() is None


async def test_equal_lists_have_equal_names_and_different_ones_different(keeping: Services) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    parts = [
        Slice("TITLE", descending=False, limit=10),
        Slice("TITLE", descending=True, limit=10),
        Slice("TITLE", descending=False, limit=11),
        Slice("TITLE", descending=False, limit=10, after=("a", 1)),
        Slice("TITLE", descending=False, limit=10, after=("a", 2)),
        Slice("TITLE", descending=False, limit=10, after=(now, 2)),
        Slice("TITLE", descending=False, limit=10, after=(now + timedelta(microseconds=1), 2)),
        Slice("TITLE", descending=False, limit=10, after=(7, 2)),
    ]
    filters = [
        None,
        PodcastFilter(),
        PodcastFilter(archived=True),
        PodcastFilter(search="a"),
        EpisodeFilter(),
        EpisodeFilter(published_from=now),
        EpisodeFilter(published_before=now),
        CampaignFilter(statuses=("ACTIVE",)),
        CampaignFilter(statuses=("ACTIVE", "DRAFT")),
        CampaignFilter(runs_from=now.date()),
        LineItemFilter(),
        PlacementFilter(promo_code="a"),
    ]
    words = [wording(part, wanted) for part, wanted in itertools.product(parts, filters)]
    assert len(set(words)) == len(parts) * len(filters)
    assert words == [wording(part, wanted) for part, wanted in itertools.product(parts, filters)]


def test_kinds_are_made_once_and_bounded() -> None:
    kinds = Kinds(60, most=2)
    first = kinds.kind("a", int)
    assert kinds.kind("a", int) is first
    assert kinds.kind("a", int, seconds=5).seconds == 5
    assert kinds.kind("a", int, seconds=90).seconds == 60
    kinds.kind("b", str)
    assert len(kinds) == 2
