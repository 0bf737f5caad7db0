"""Random schedules of writes, reads and mishaps over several processes: nobody is shown less than was written.

The database is a model: rows with versions, a log whose places are multiples of 8, commits that are flushed before they
become visible, and a replica that lags. Redis is real, and is emptied, killed, paused and cut off meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from random import Random

import msgspec
import pytest
from redis.exceptions import RedisError

from cache.coherence_store import KEY
from cache.kinds import Kind
from cache.tiers import Loaded
from tests.cache.primary import ScriptedPrimary
from tests.cache.processes import TABLE, TENANT, Process, process, row, whole
from tests.services.redis_server import RedisServer

ROWS = 4
VERSION = Kind[int]("version", int, table=TABLE)
TOTAL = Kind[int]("total", int)
"""The sum of all versions: a value that depends on the whole table."""


class ModelDatabase:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.primary = ScriptedPrimary(8)
        self.flushed = 8
        self.visible = dict.fromkeys(range(1, ROWS + 1), 0)
        self.history: list[tuple[int, dict[int, int]]] = [(8, dict(self.visible))]
        """What a replica shows that has replayed up to a position."""
        self.acknowledged = dict(self.visible)
        self.committing = asyncio.Lock()

    async def moment(self) -> None:
        """A while that a statement takes: often none, sometimes as long as several messages."""
        for _ in range(self.random.randrange(3)):
            await asyncio.sleep(0)
        if self.random.random() < 0.3:
            await asyncio.sleep(self.random.random() * 0.004)

    async def written(self, process: Process, row_id: int) -> None:
        announcement = await process.coherence.announced(row(row_id))
        await self.moment()
        if self.random.random() < 0.1:
            await announcement.undone()
            return
        async with self.committing:  # rows are locked
            self.flushed += 8
            # Somebody may learn the place before the commit can be seen.
            if self.random.random() < 0.5:
                self.primary.heard(self.flushed)
            await self.moment()
            self.visible[row_id] += 1
            version = self.visible[row_id]
            self.history.append((self.flushed, dict(self.visible)))
            position = self.flushed
        await self.moment()
        await announcement.done(position)
        self.acknowledged[row_id] = max(self.acknowledged[row_id], version)

    async def read(self, process: Process) -> tuple[dict[int, int], int | None]:
        """All rows, on the primary or on a replica that may serve; and what it covers, if a replica said so."""
        floor = process.coherence.floor(TENANT)
        lagging = [entry for entry in self.history[-3:] if entry[0] >= floor]
        if self.random.random() < 0.4 and lagging and not process.coherence.pending(TENANT):
            position, rows = lagging[0]
            await self.moment()
            return rows, position
        await self.moment()
        return dict(self.visible), None


async def read_once(database: ModelDatabase, process: Process, row_id: int, seen: dict[object, int]) -> None:
    """As one operation of a session that reads a row, the sum, or both."""
    must = max(database.acknowledged[row_id], seen.get(row_id, 0))
    must_total = max(sum(database.acknowledged.values()), seen.get("total", 0))
    moment = await process.coherence.moment()

    async def rows(use: Callable[[dict[int, int]], list[int]]) -> Loaded[int]:
        if moment.trusted:
            found, position = await database.read(process)
        else:
            await database.moment()
            found, position = dict(database.visible), None
        return Loaded(use(found), whole(), moment.position if position is None else position)

    async def versions(keys: list[int]) -> Loaded[int]:
        return await rows(lambda found: [found[key] for key in keys])

    async def total(_: list[str]) -> Loaded[int]:
        return await rows(lambda found: [sum(found.values())])

    if database.random.random() < 0.7:
        [version] = (await process.cache.fetch(process.cache.shelf(VERSION, TENANT), [row_id], versions, moment)).values
        assert version >= must, f"row {row_id} was {must} and is shown as {version}"
        seen[row_id] = version
    else:
        [shown] = (await process.cache.fetch(process.cache.shelf(TOTAL, TENANT), ["all"], total, moment)).values
        assert shown >= must_total, f"the sum was {must_total} and is shown as {shown}"
        seen["total"] = shown


async def client(database: ModelDatabase, processes: list[Process], operations: int) -> None:
    """One session, whose requests go to any process."""
    random, seen = database.random, dict[object, int]()
    for _ in range(operations):
        chosen = random.choice(processes)
        row_id = random.randint(1, ROWS)
        if random.random() < 0.25:
            await database.written(chosen, row_id)
        else:
            await read_once(database, chosen, row_id, seen)
        if random.random() < 0.1:
            await asyncio.sleep(0.001)


async def nothing(_server: RedisServer, _processes: list[Process]) -> None:
    pass


async def emptied(_server: RedisServer, processes: list[Process]) -> None:
    await processes[0].redis.flushall()


async def restarted(server: RedisServer, _processes: list[Process]) -> None:
    server.kill()
    await asyncio.sleep(0.05)
    server.start()


async def paused(server: RedisServer, _processes: list[Process]) -> None:
    server.pause()
    await asyncio.sleep(0.3)
    server.resume()


async def deafened(_server: RedisServer, processes: list[Process]) -> None:
    await processes[0].redis.client_kill_filter(_type="pubsub")


async def disturbed(_server: RedisServer, processes: list[Process]) -> None:
    """A message that nobody hears."""
    await processes[0].redis.hincrby(KEY, "sequence", 1)


async def renamed(_server: RedisServer, processes: list[Process]) -> None:
    """Somebody writes unheard, though nothing that the model knows."""
    async with processes[0].primary.unheard_writes():
        await asyncio.sleep(0.02)


Mishap = Callable[[RedisServer, list[Process]], Awaitable[None]]
MISHAPS: list[Mishap] = [nothing, emptied, restarted, paused, deafened, disturbed, renamed]


@pytest.mark.parametrize("mishap", MISHAPS, ids=lambda mishap: mishap.__name__)
@pytest.mark.parametrize("seed", [1, 2])
async def test_nobody_is_shown_less_than_was_written(mishap: Mishap, seed: int, redis_server: RedisServer) -> None:
    database = ModelDatabase(Random(seed))  # noqa: S311 - a schedule, no secret
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(process(redis_server.url, database.primary)) for _ in range(3)]
        for one in processes:
            await one.trusted()
        async with asyncio.TaskGroup() as sessions:
            for _ in range(6):
                sessions.create_task(client(database, processes, 60))
            for _ in range(2):
                await asyncio.sleep(0.03)
                try:
                    await mishap(redis_server, processes)
                except RedisError:
                    await asyncio.sleep(0.1)
        for one in processes:
            await one.trusted()
            for row_id in database.visible:
                await read_once(database, one, row_id, {})
        if mishap is nothing:
            hits = sum(line.hits for one in processes for line in one.statistics.snapshot())
            assert hits > 0


async def test_the_model_itself_lies_to_a_cache_that_asks_nobody(redis_server: RedisServer) -> None:
    """That the schedules can fail: a process which does not hear keeps what it has."""
    database = ModelDatabase(Random(3))  # noqa: S311 - as above
    async with process(redis_server.url, database.primary) as one:
        one.coherence._listeners.clear()
        one.memory.put(one.cache.shelf(VERSION, TENANT), [1], [0], [1])
        await database.written(one, 1)
        while not database.acknowledged[1]:
            await database.written(one, 1)
        with pytest.raises(AssertionError, match="row 1 was"):
            for _ in range(20):
                await read_once(database, one, 1, {})


def test_a_version_is_written_as_other_values_are() -> None:
    assert VERSION.decoder.decode(msgspec.msgpack.encode((b"0" * 16, 3, ()))).value == 3
