"""Keyset pages: walking them gives exactly the list, whatever its keys and whoever writes meanwhile."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persistence.database import Database
from persistence.ids import TenantId
from persistence.pages import Position, Slice
from persistence.records import EpisodeRecord, PodcastRecord
from persistence.repositories.podcasts import EpisodeFilter, Episodes, PodcastFilter, Podcasts
from resolvers.context import Services
from tests.actors import new_tenant

EVERYTHING = 1_000

# Few letters, so that many titles are equal; some that collations treat in their own ways.
titles = st.lists(st.text(alphabet="aAbB -é日🎙", min_size=1, max_size=3), max_size=12)
sizes = st.integers(min_value=1, max_value=5)
orders = st.sampled_from(["TITLE", "CREATED_AT"])


async def add_podcasts(database: Database, tenant_id: TenantId, names: Sequence[str]) -> list[PodcastRecord]:
    """All in one transaction, so that all have the same moment of creation."""
    async with database.write(tenant_id) as session:
        return [await Podcasts(session).insert({"title": name}) for name in names]


async def add_episodes(database: Database, podcast: PodcastRecord, names: Sequence[str]) -> list[EpisodeRecord]:
    async with database.write(podcast.tenant_id) as session:
        return [
            await Episodes(session).insert({"podcast_id": podcast.id, "guid": f"{number} {name}", "title": name})
            for number, name in enumerate(names)
        ]


async def podcasts_page(database: Database, tenant_id: TenantId, part: Slice) -> tuple[list[PodcastRecord], bool]:
    async with database.read(tenant_id) as session:
        rows = await Podcasts(session).page(part, PodcastFilter())
    return rows.records, rows.more


def position(order: str, podcast: PodcastRecord) -> Position:
    return (Podcasts.orders[order].value(podcast), podcast.id)


async def walked(
    database: Database, tenant_id: TenantId, order: str, *, descending: bool, size: int, added: Sequence[str] = ()
) -> list[PodcastRecord]:
    """All pages one after the other; between pages the titles of `added` are inserted one by one."""
    found: list[PodcastRecord] = []
    waiting = list(added)
    after: Position | None = None
    while True:
        part = Slice(order=order, descending=descending, limit=size, after=after)
        records, more = await podcasts_page(database, tenant_id, part)
        assert len(records) <= size
        found += records
        if not more:
            return found
        assert len(records) == size
        after = position(order, records[-1])
        if waiting:
            await add_podcasts(database, tenant_id, [waiting.pop()])


@given(names=titles, size=sizes, order=orders, descending=st.booleans())
@settings(max_examples=30, deadline=None)
async def test_pages_make_up_the_list(
    services: Services, names: list[str], size: int, order: str, descending: bool
) -> None:
    actor = await new_tenant(services)
    database = services.database
    made = await add_podcasts(database, actor.tenant_id, names)
    whole, more = await podcasts_page(
        database, actor.tenant_id, Slice(order=order, descending=descending, limit=EVERYTHING)
    )
    assert not more
    assert sorted(podcast.id for podcast in whole) == [podcast.id for podcast in made]
    assert await walked(database, actor.tenant_id, order, descending=descending, size=size) == whole


@given(names=titles, order=orders)
@settings(max_examples=20, deadline=None)
async def test_descending_list_is_the_ascending_one_backwards(services: Services, names: list[str], order: str) -> None:
    actor = await new_tenant(services)
    await add_podcasts(services.database, actor.tenant_id, names)
    ascending, descending = [
        (await podcasts_page(services.database, actor.tenant_id, Slice(order, turned, EVERYTHING)))[0]
        for turned in (False, True)
    ]
    assert descending == ascending[::-1]


@given(names=titles, added=titles, size=sizes, order=orders, descending=st.booleans())
@settings(max_examples=30, deadline=None)
async def test_rows_added_between_pages_neither_skip_nor_repeat_the_others(
    services: Services, *, names: list[str], added: list[str], size: int, order: str, descending: bool
) -> None:
    actor = await new_tenant(services)
    database = services.database
    made = {podcast.id for podcast in await add_podcasts(database, actor.tenant_id, names)}
    before, _ = await podcasts_page(
        database, actor.tenant_id, Slice(order=order, descending=descending, limit=EVERYTHING)
    )
    found = await walked(database, actor.tenant_id, order, descending=descending, size=size, added=added)
    assert len({podcast.id for podcast in found}) == len(found)
    assert [podcast for podcast in found if podcast.id in made] == before


@given(
    lists=st.lists(titles, min_size=1, max_size=4), size=st.integers(min_value=0, max_value=5), descending=st.booleans()
)
@settings(max_examples=20, deadline=None)
async def test_pages_of_many_parents_are_the_pages_of_each(
    services: Services, lists: list[list[str]], size: int, descending: bool
) -> None:
    actor = await new_tenant(services)
    database = services.database
    podcasts = await add_podcasts(database, actor.tenant_id, ["A show"] * len(lists))
    for podcast, names in zip(podcasts, lists, strict=True):
        await add_episodes(database, podcast, names)
    part = Slice(order="TITLE", descending=descending, limit=size)
    wanted = EpisodeFilter()
    asked = [podcast.id for podcast in podcasts]
    async with database.read(actor.tenant_id) as session:
        rows = Episodes(session)
        together = await rows.pages_by("podcast_id", [*asked, *asked[::-1]], part, wanted)
        alone = [(await rows.pages_by("podcast_id", [podcast_id], part, wanted))[0] for podcast_id in asked]
        counts = await rows.counts_by("podcast_id", [*asked, *asked[::-1]], wanted)
    assert together == [*alone, *alone[::-1]]
    assert [len(page.records) for page in alone] == [min(size, len(names)) for names in lists]
    assert [page.more for page in alone] == [len(names) > size for names in lists]
    lengths = [len(names) for names in lists]
    assert counts == [*lengths, *lengths[::-1]]


async def test_position_of_a_row_that_is_gone_still_has_a_place(services: Services) -> None:
    actor = await new_tenant(services)
    a, b, c = await add_podcasts(services.database, actor.tenant_id, ["a", "b", "c"])
    async with services.database.write(actor.tenant_id) as session:
        await Podcasts(session).update(b.id, 1, {"archived_at": services.clock()})
    for descending, expected in ((False, c), (True, a)):
        part = Slice(order="TITLE", descending=descending, limit=5, after=position("TITLE", b))
        assert await podcasts_page(services.database, actor.tenant_id, part) == ([expected], False)


@pytest.mark.parametrize("size", [0, 3])
async def test_page_tells_whether_more_follow(services: Services, size: int) -> None:
    actor = await new_tenant(services)
    made = await add_podcasts(services.database, actor.tenant_id, ["a", "b", "c"])
    part = Slice(order="TITLE", descending=False, limit=size)
    assert await podcasts_page(services.database, actor.tenant_id, part) == (made[:size], size < 3)


async def test_parent_that_is_not_there_has_an_empty_page(services: Services) -> None:
    actor = await new_tenant(services)
    async with services.database.read(actor.tenant_id) as session:
        rows = Episodes(session)
        [page] = await rows.pages_by("podcast_id", [2**63 - 1], Slice("TITLE", False, 5))
        assert (page.records, page.more) == ([], False)
        assert await rows.counts_by("podcast_id", [2**63 - 1]) == [0]
        assert await rows.pages_by("podcast_id", [], Slice("TITLE", False, 5)) == []
