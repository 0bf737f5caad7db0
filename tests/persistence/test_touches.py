"""What a write touches is read off its statements: rows where they are known, whole tables where they are not."""

import ast
from collections.abc import AsyncIterator, Collection
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, exists, func, insert, select, text, update

from persistence.announcements import ALL, WHOLE, Announcement, Tag, Unannounced
from persistence.database import Database, open_database
from persistence.ids import MembershipId
from persistence.positions import Position
from persistence.repositories.accounts import Accounts
from persistence.repositories.campaigns import Advertisers
from persistence.repositories.podcasts import Episodes, Podcasts
from persistence.repositories.tenants import ApiKeys, Memberships
from persistence.tables import advertisers, attribution_jobs, campaigns, events, metadata, podcasts, users
from persistence.touches import MOST_ROWS, PEOPLES, UNCACHED, Touched, Touches, touched
from resolvers.context import Services
from tests.actors import Actor, new_tenant

PERSISTENCE = Path(__file__).parents[2] / "persistence"

IN_TEXT = {
    "repositories/event_intake.py": 1,  # `insert`, which says what it has stored
    "repositories/podcasts.py": 1,  # SET LOCAL
    "repositories/tenants.py": 1,  # the name of a sequence, in a session that reads
    "partitions.py": 6,  # the function that makes empty ones; reads of the catalog; what the owner drops
    "database.py": 1,  # the role
    "sessions.py": 1,  # settings of an analysis
    "migrate.py": 2,
}
"""Statements in text, by file. Whoever adds one in a write session says there what it touches, and counts it here."""


class Recorder:
    """Implements Announcer: what was announced, and where it went."""

    def __init__(self) -> None:
        self.tags: list[frozenset[Tag]] = []
        self.positions: list[Position] = []

    async def announced(self, tags: Collection[Tag]) -> Announcement:
        self.tags.append(frozenset(tags))
        return self

    async def done(self, position: Position) -> None:
        self.positions.append(position)

    async def undone(self) -> None:
        raise AssertionError("nothing was refused")


@pytest.fixture
async def told(app_url: str) -> AsyncIterator[tuple[Database, Recorder]]:
    database = open_database(app_url, pool_size=2, statement_timeout=10)
    recorder = Recorder()
    database.announcer = recorder
    yield database, recorder
    await database.close()


def rows_of(actor: Actor, table: str, *rows: int) -> set[Tag]:
    return {(actor.tenant_id, table, row) for row in (WHOLE, *rows)}


def test_statements_name_what_they_read_and_write() -> None:
    made = insert(advertisers).values(name="New").returning(advertisers.c.id).cte("made")
    reading = select(func.count()).select_from(made).where(exists().where(users.c.id == made.c.id))
    assert touched(reading) == Touched(frozenset({"advertisers", "users"}), ("advertisers",), unknown=False)
    removed = delete(campaigns).where(campaigns.c.advertiser_id.in_(select(advertisers.c.id)))
    assert touched(removed) == Touched(frozenset({"advertisers", "campaigns"}), ("campaigns",), unknown=False)
    assert touched(select(text("1"))).unknown
    assert touched(text("SELECT 1")).unknown
    assert not touched(select(attribution_jobs)).cacheable
    assert touched(select(podcasts)).cacheable


def test_tables_without_a_tenant_are_peoples() -> None:
    expected = {
        *("users", "user_sessions", "refresh_tokens"),
        *("client_uses", "element_uses", "registered_clients", "registered_documents"),
    }
    assert expected == PEOPLES
    assert set(UNCACHED) <= set(metadata.tables)


def test_many_rows_of_a_table_are_all_of_them() -> None:
    few, many = Touches(5), Touches(5)
    few.add("episodes", range(1, MOST_ROWS + 1))
    many.add("episodes", range(1, MOST_ROWS + 2))
    assert few.tags == {(5, "episodes", row) for row in (WHOLE, *range(1, MOST_ROWS + 1))}
    assert many.tags == {(5, "episodes", ALL)}


def test_what_belongs_to_people_is_nobodys() -> None:
    touches = Touches(5)
    touches.add("users", [3])
    assert touches.tags == {(0, "users", 3), (0, "users", WHOLE)}


def test_no_rows_and_no_table_that_is_never_kept_touch_anything() -> None:
    touches = Touches(5)
    touches.add("episodes", [])
    touches.add("refresh_tokens")
    assert touches.tags == frozenset()


async def test_inserted_and_updated_rows_are_named(told: tuple[Database, Recorder], services: Services) -> None:
    actor = await new_tenant(services)
    database, recorder = told
    async with database.write(actor.tenant_id) as session:
        made = await Podcasts(session).insert({"title": "One"})
    async with database.write(actor.tenant_id) as session:
        assert await Podcasts(session).update(made.id, made.version, {"title": "Two"})
    async with database.write(actor.tenant_id) as session:
        ids = await Podcasts(session).insert_many([{"title": "Three"}, {"title": "Four"}])
    assert recorder.tags == [
        rows_of(actor, "podcasts", made.id),
        rows_of(actor, "podcasts", made.id),
        rows_of(actor, "podcasts", *ids),
    ]
    assert sorted(recorder.positions) == recorder.positions
    assert len(set(recorder.positions)) == 3


async def test_rows_that_a_statement_does_not_return_are_unknown(
    told: tuple[Database, Recorder], services: Services
) -> None:
    actor = await new_tenant(services)
    database, recorder = told
    async with database.write(actor.tenant_id) as session:
        await Advertisers(session).insert({"name": "One"})
        own = advertisers.c.tenant_id == actor.tenant_id
        await session.execute(update(advertisers).where(own).values(name="Two"))
    assert recorder.tags == [{(actor.tenant_id, "advertisers", ALL)}]


async def test_write_within_a_read_is_seen(told: tuple[Database, Recorder], services: Services) -> None:
    actor = await new_tenant(services)
    database, recorder = told
    made = insert(advertisers).values(tenant_id=actor.tenant_id, name="One").returning(advertisers.c.id).cte("made")
    async with database.write(actor.tenant_id) as session:
        await session.rows(select(made.c.id))
    assert recorder.tags == [{(actor.tenant_id, "advertisers", ALL)}]


async def test_text_touches_all_of_the_tenant(told: tuple[Database, Recorder], services: Services) -> None:
    actor = await new_tenant(services)
    database, recorder = told
    async with database.write(actor.tenant_id) as session:
        await session.execute(text("SELECT 1"))
    kept = set(metadata.tables) - set(UNCACHED)
    everything = {(0 if table in PEOPLES else actor.tenant_id, table, ALL) for table in kept}
    assert recorder.tags == [everything | {(0, "memberships", ALL)}]


async def test_nothing_is_announced_where_nothing_is_written(
    told: tuple[Database, Recorder], services: Services
) -> None:
    actor = await new_tenant(services)
    database, recorder = told
    async with database.write(actor.tenant_id) as session:
        await Podcasts(session).by_ids([1])
        assert await Podcasts(session).update(1, 1, {"title": "Nobody's"}) is None
        await session.execute(delete(advertisers).where(advertisers.c.tenant_id == actor.tenant_id))
        await session.execute(delete(attribution_jobs).where(attribution_jobs.c.tenant_id == actor.tenant_id))
    async with database.analyse(actor.tenant_id) as session:
        await session.rows(select(func.count()).select_from(events))
    async with database.trial(actor.tenant_id) as session:
        await Podcasts(session).insert({"title": "Undone"})
    with pytest.raises(ZeroDivisionError):
        async with database.snapshot(actor.tenant_id) as session:
            await Podcasts(session).insert({"title": "Undone"})
            raise ZeroDivisionError
    assert recorder.tags == []
    async with database.read(actor.tenant_id) as session:
        assert await Podcasts(session).count() == 0


async def test_feed_names_the_episodes_it_changed_and_no_others(
    told: tuple[Database, Recorder], services: Services
) -> None:
    actor = await new_tenant(services)
    database, recorder = told
    async with database.write(actor.tenant_id) as session:
        podcast = await Podcasts(session).insert({"title": "One"})
    items = [{"guid": str(number), "title": f"Episode {number}"} for number in range(3)]
    for changed in (items, items, [*items[:2], {"guid": "2", "title": "Another"}]):
        async with database.write(actor.tenant_id) as session:
            await Episodes(session).write_from_feed(podcast.id, changed)
    first, second = recorder.tags[1:]
    assert len(first) == 4
    assert len(second) == 2
    assert second < first


async def test_tables_that_a_repository_names_are_plain_text(
    told: tuple[Database, Recorder], services: Services
) -> None:
    database, recorder = told
    actor = await new_tenant(services)
    async with database.write(actor.tenant_id) as session:
        session.touched(events, [7])
    [tags] = recorder.tags
    assert tags == rows_of(actor, "events", 7)
    assert {type(table) for _, table, _ in tags} == {str}, "other kinds of text cannot be told to other processes"


async def test_membership_is_announced_to_its_user_too(told: tuple[Database, Recorder], services: Services) -> None:
    actor, guest = await new_tenant(services), await new_tenant(services)
    database, recorder = told
    async with database.write(actor.tenant_id) as session:
        made = await Memberships(session).insert({"user_id": guest.user_id, "role": "VIEWER"})
    async with database.write(actor.tenant_id) as session:
        assert await Memberships(session).delete(MembershipId(made.id))
    expected = rows_of(actor, "memberships", made.id) | {(0, "memberships", guest.user_id), (0, "memberships", WHOLE)}
    assert recorder.tags == [expected, expected]


async def test_end_of_a_login_is_announced_as_nobodys_row(told: tuple[Database, Recorder], services: Services) -> None:
    actor = await new_tenant(services)
    database, recorder = told
    async with database.write_account() as session:
        await Accounts(session).revoke_session(actor.session_id, services.clock())
    async with database.write_account() as session:
        await Accounts(session).revoke_session(actor.session_id, services.clock())
    assert recorder.tags == [{(0, "user_sessions", actor.session_id), (0, "user_sessions", WHOLE)}]


async def test_use_of_a_key_is_announced_when_it_is_noted(told: tuple[Database, Recorder], services: Services) -> None:
    actor = await new_tenant(services)
    database, recorder = told
    values = {"name": "Key", "secret_hash": "x", "hint": "x", "scopes": [], "created_by": actor.user_id}
    async with database.write(actor.tenant_id) as session:
        key = await ApiKeys(session).insert(values)
    for _ in range(2):
        async with database.write(actor.tenant_id) as session:
            await ApiKeys(session).note_use(key.id, services.clock(), timedelta(minutes=1))
    assert recorder.tags == [rows_of(actor, "api_keys", key.id)] * 2


def test_statements_in_text_are_these() -> None:
    found = {}
    for path in sorted(PERSISTENCE.glob("**/*.py")):
        if {"migrations", "tables"}.isdisjoint(path.relative_to(PERSISTENCE).parts):
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            texts = [node for node in calls if isinstance(node.func, ast.Name) and node.func.id == "text"]
            if texts:
                found[str(path.relative_to(PERSISTENCE))] = len(texts)
    assert found == IN_TEXT


async def test_announcer_of_a_process_alone_says_nothing() -> None:
    announcement = await Unannounced().announced([(1, "podcasts", 1)])
    await announcement.done(1)
    await announcement.undone()
