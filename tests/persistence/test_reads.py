"""Rows of which few attributes are read: the same rows, in the same order, with no more than these."""

from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from persistence.pages import Slice
from persistence.projections import CURSOR, record_of
from persistence.records import EpisodeRecord, PodcastRecord
from persistence.repositories.events import EventFilter, Events
from persistence.repositories.owned import OwnedRows
from persistence.repositories.podcasts import EpisodeFilter, Episodes, Podcasts
from resolvers.context import Services
from resolvers.nodes import ROWS
from tests.actors import Actor, new_tenant
from tests.resolvers.events.scene import Scene, new_scene

TITLE = frozenset({"title"})
NEWEST = Slice("PUBLISHED_AT", True, 2)


@pytest_asyncio.fixture(scope="module")
async def shelf(services: Services) -> tuple[Actor, list[PodcastRecord], list[EpisodeRecord]]:
    """Two podcasts; three episodes of the first."""
    actor = await new_tenant(services)
    async with services.database.write(actor.tenant_id) as session:
        podcasts = [await Podcasts(session).insert({"title": title}) for title in ("A", "B")]
        episodes = [
            await Episodes(session).insert(
                {
                    "podcast_id": podcasts[0].id,
                    "guid": str(day),
                    "title": f"Day {day}",
                    "published_at": datetime(2026, 1, day, tzinfo=UTC),
                }
            )
            for day in (1, 2, 3)
        ]
    return actor, podcasts, episodes


async def test_rows_by_id_have_the_attributes_that_are_read(
    services: Services, shelf: tuple[Actor, list[PodcastRecord], list[EpisodeRecord]]
) -> None:
    actor, _, episodes = shelf
    ids = [episodes[1].id, 2**62, episodes[0].id, episodes[1].id]
    told: list[str] = []
    with services.database.watched(lambda statement, _values: told.append(statement)):
        async with services.database.read(actor.tenant_id) as session:
            second, nobody, first, again = await Episodes(session).by_ids(ids, TITLE)
    assert nobody is None
    assert first is not None
    assert second is again
    assert record_of(type(first)) is EpisodeRecord
    assert [(record.id, record.title) for record in (first, second) if record] == [
        (episodes[0].id, "Day 1"),
        (episodes[1].id, "Day 2"),
    ]
    assert not hasattr(first, "description")
    assert [statement.split("\n")[0].strip() for statement in told] == ["SELECT episodes.id, episodes.title"]


async def test_no_ids_find_nothing(services: Services, shelf: tuple[Actor, Any, Any]) -> None:
    async with services.database.read(shelf[0].tenant_id) as session:
        assert await Episodes(session).by_ids([], TITLE) == []
        assert await Episodes(session).by_ids([2**62, 2**61], TITLE) == [None, None]


async def test_page_has_what_it_is_sorted_by_only_if_cursors_are_made(
    services: Services, shelf: tuple[Actor, list[PodcastRecord], list[EpisodeRecord]]
) -> None:
    actor, _, episodes = shelf
    async with services.database.read(actor.tenant_id) as session:
        plain = await Episodes(session).page(NEWEST, EpisodeFilter(), TITLE)
        placed = await Episodes(session).page(NEWEST, EpisodeFilter(), TITLE | {CURSOR})
    expected = [(episode.id, episode.title) for episode in episodes[:0:-1]]
    assert [(record.id, record.title) for record in plain.records] == expected
    assert [(record.id, record.title) for record in placed.records] == expected
    assert plain.more
    assert type(plain.records[0]).__struct_fields__ == ("id", "title")
    assert type(placed.records[0]).__struct_fields__ == ("id", "title", "published_at", "created_at")
    value = Episodes.orders["PUBLISHED_AT"].value
    assert [value(record) for record in placed.records] == [episodes[2].published_at, episodes[1].published_at]


async def test_pages_by_parent_have_the_attributes_that_are_read(
    services: Services, shelf: tuple[Actor, list[PodcastRecord], list[EpisodeRecord]]
) -> None:
    actor, podcasts, episodes = shelf
    ids = [podcasts[1].id, podcasts[0].id, podcasts[0].id]
    async with services.database.read(actor.tenant_id) as session:
        empty, full, again = await Episodes(session).pages_by("podcast_id", ids, NEWEST, EpisodeFilter(), TITLE)
    assert (empty.records, empty.more) == ([], False)
    assert [(record.id, record.title) for record in full.records] == [
        (episodes[2].id, "Day 3"),
        (episodes[1].id, "Day 2"),
    ]
    assert again == full
    assert full.more


async def test_another_tenant_reads_none_of_it(services: Services, shelf: tuple[Actor, Any, Any]) -> None:
    other = await new_tenant(services)
    _, podcasts, episodes = shelf
    async with services.database.read(other.tenant_id) as session:
        rows = Episodes(session)
        assert await rows.by_ids([episode.id for episode in episodes], TITLE) == [None] * 3
        assert (await rows.page(NEWEST, EpisodeFilter(), TITLE)).records == []
        [page] = await rows.pages_by("podcast_id", [podcasts[0].id], NEWEST, EpisodeFilter(), TITLE)
        assert page.records == []


@pytest.mark.parametrize("rows", {kind.__name__: kind for kind in ROWS.values()}.values(), ids=lambda r: r.__name__)
async def test_every_table_can_be_read_by_single_attributes(
    services: Services, rows: type[OwnedRows[Any, Any]]
) -> None:
    """What SQLAlchemy would convert is refused as a statement is compiled: no column of ours needs that."""
    actor = await new_tenant(services)
    async with services.database.read(actor.tenant_id) as session:
        for name in rows.record.__struct_fields__:
            assert await rows(session).by_ids([2**62], frozenset({name})) == [None]
            for order in rows.orders.values():
                page = await rows(session).page(Slice(order.name, False, 1), None, frozenset({name, CURSOR}))
                for record in page.records:
                    assert set(type(record).__struct_fields__) == {"id", name} | order.reads


@pytest_asyncio.fixture(scope="module")
async def scene(services: Services) -> Scene:
    scene = await new_scene(services)
    order = {"order_id": "o1", "value_minor": 500, "currency": "EUR"}
    await scene.store(scene.impression("a"), scene.conversion("b", **order), scene.conversion("c", **order))
    return scene


async def test_events_have_the_attributes_that_are_read(services: Services, scene: Scene) -> None:
    impression, first, _ = await scene.stored()
    newest = Slice("OCCURRED_AT", True, 10)
    reads = frozenset({"key"})
    of_campaign = EventFilter(placement_ids=(scene.placement_id,))
    async with services.database.read(scene.actor.tenant_id) as session:
        by_id = await Events(session).by_ids([first.id, impression.id], reads)
        listed = await Events(session).page(newest, of_campaign, reads)
    assert [record.key for record in by_id if record] == ["b", "a"]
    assert [record.key for record in listed.records] == ["a"]
    assert type(listed.records[0]).__struct_fields__ == ("id", "key")


async def test_events_of_another_tenant_are_not_read(services: Services, scene: Scene) -> None:
    other = await new_tenant(services)
    ids = [record.id for record in await scene.stored()]
    reads = frozenset({"key"})
    async with services.database.read(other.tenant_id) as session:
        assert await Events(session).by_ids(ids, reads) == [None] * 3
        of_placement = EventFilter(placement_ids=(scene.placement_id,))
        assert (await Events(session).page(Slice("OCCURRED_AT", True, 10), of_placement, reads)).records == []
