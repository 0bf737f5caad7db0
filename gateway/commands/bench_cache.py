"""`podgraph bench cache`: what the tiers of the cache take, beside the bare thing that each stands on."""

import asyncio
import gc
import os
import random
import secrets
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import msgspec
import typer
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from cache.coherence import Coherence
from cache.kinds import Kind
from cache.memory import Memory
from cache.redis_tier import RedisTier
from cache.shared_coherence import SharedCoherence
from cache.statistics import CacheStatistics
from cache.tiers import Cache, Loaded
from gateway.commands.bench_queries import own_settings
from gateway.commands.database import migrated
from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.running import database_settings
from gateway.lifespan import open_process
from gateway.middleware.drain import Drain
from gateway.settings import RedisSettings, Settings
from persistence.database import Database
from persistence.footprints import Footprint
from persistence.ids import TenantId
from persistence.records import PodcastRecord
from persistence.repositories.podcasts import Podcasts
from persistence.views import DatabaseView
from resolvers.context import RequestContext
from resolvers.identity.accounts import Registration, register
from resolvers.identity.tenants import NewTenant, create_tenant
from resolvers.sight import NOTHING_DEMANDED, begun

_TRUST_SECONDS = 10.0
_MEMORY_BYTES = 256 << 20


class TierFigure(msgspec.Struct, frozen=True):
    """One tier beside its bare counterpart; milliseconds for a batch, medians of the rounds."""

    tier: str
    bare: str
    """What it is compared with."""
    ms: float
    bare_ms: float
    ratio: float
    """The median of the rounds' own ratios."""
    cpu_ratio: float
    """The same, of this process's processor time."""


class CacheFigures(msgspec.Struct, frozen=True):
    """What the command writes."""

    measured_at: datetime
    python: str
    processors: int
    load: float
    """Processes that wanted a processor when it began."""
    batch: int
    rounds: int
    record_bytes: float
    """Of a record as msgpack, on average."""
    figures: list[TierFigure]


@failures_as_sentences
def cache_command(
    batch: Annotated[int, typer.Option(min=1, max=1_000, help="Records that are asked for at once.")] = 1_000,
    rounds: Annotated[int, typer.Option(min=1, max=10_000, help="The tiers take turns so many times.")] = 50,
    redis_url: Annotated[
        str | None,
        typer.Option(envvar="PODGRAPH_REDIS__URL", help="Default: no Redis; the tiers that need it are left out."),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here.")] = None,
) -> None:
    """Batches of podcasts from memory, from Redis and from the database, beside a dict, an MGET and the statement.

    Both sides give the same records: the MGET is the same client's and its values are decoded to them, the statement is
    the one that is run on a miss. A hit in Redis also puts the values into memory, and so does a miss, which is then
    sent to Redis while nobody waits.
    The database is the command's own; in Redis it leaves nothing behind that does not end within a minute.
    """
    with (
        TemporaryDirectory(prefix="podgraph-bench-") as name,
        Console(stderr=True).status("Starting a database"),
    ):
        folder = Path(name)
        folder.chmod(0o755)  # as root, PostgreSQL runs as another account
        with database_settings(own_settings(folder)) as settings:
            own = settings.model_copy(update={"redis": RedisSettings(url=redis_url)})
            done = asyncio.run(_measured(own, batch, rounds))
    _print(Console(soft_wrap=True), done)
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(done)) + b"\n")


async def _measured(settings: Settings, batch: int, rounds: int) -> CacheFigures:
    await migrated(settings)
    async with open_process(settings, Drain(), serving=True) as process:
        services = process.services
        if services.coherence is None:
            raise Failure("Nothing may be cached here: see what was logged.")
        context = RequestContext(services, None, "bench")
        account = Registration(email="bench@example.com", name="Bench", password=secrets.token_urlsafe(12))
        await register(context, account)
        tenant, _ = await create_tenant(context, NewTenant(name="Bench"))
        async with services.database.write(tenant.id) as session:
            ids = await Podcasts(session).insert_many([_podcast(number) for number in range(batch)])
        redis = process.redis if settings.redis.url is not None else None
        bench = _Bench(services.database, services.coherence, redis, tenant.id, ids)
        await bench.trusted()
        return await bench.measured(rounds)


class _Bench:
    def __init__(
        self,
        database: Database,
        coherence: Coherence,
        redis: Redis | None,
        tenant_id: TenantId,
        ids: Sequence[int],
    ) -> None:
        self._database = database
        self._coherence = coherence
        self._redis = redis
        self._tenant_id = tenant_id
        self._ids = ids
        self._memory = Memory(_MEMORY_BYTES, CacheStatistics(), time.monotonic, random.SystemRandom().random)
        tier = None
        if redis is not None and isinstance(coherence, SharedCoherence):
            tier = RedisTier(redis, secrets.token_hex(8), coherence.failed)
        self._cache = Cache(coherence, self._memory, tier, CacheStatistics())
        self._kind = _kind("hits")

    async def trusted(self) -> None:
        """Raises Failure if the process does not come to trust what it keeps."""
        until = time.monotonic() + _TRUST_SECONDS
        while not (await self._coherence.moment()).trusted:
            if time.monotonic() > until:
                raise Failure("Redis or the database does not keep up: see what was logged.")
            await asyncio.sleep(0.05)

    async def measured(self, rounds: int) -> CacheFigures:
        load = os.getloadavg()[0]
        records = await self._statement()
        encoded = [msgspec.msgpack.encode(record) for record in records]
        pairs = await self._pairs(records, encoded)
        times: dict[str, list[tuple[float, float, float, float]]] = {pair.tier: [] for pair in pairs}
        for number in range(rounds + 1):
            for pair in pairs:
                # Whoever goes first finds other caches of the processor.
                both = (pair.ours, pair.theirs) if number % 2 else (pair.theirs, pair.ours)
                taken = {}
                for side in both:
                    if side is pair.ours:
                        await pair.prepared(number)
                    gc.collect()
                    taken[side] = await _timed(side, records)
                if number:  # the first round warms up
                    times[pair.tier].append((*taken[pair.ours], *taken[pair.theirs]))
        return CacheFigures(
            measured_at=datetime.now(UTC),
            python=sys.version.split()[0],
            processors=os.cpu_count() or 1,
            load=load,
            batch=len(self._ids),
            rounds=rounds,
            record_bytes=sum(map(len, encoded)) / len(encoded),
            figures=[_figure(pair, times[pair.tier]) for pair in pairs],
        )

    async def _pairs(self, records: Sequence[PodcastRecord | None], encoded: Sequence[bytes]) -> "list[_Pair]":
        kept = dict(zip(self._ids, records, strict=True))

        async def from_dict() -> list[Any]:
            return list(map(kept.get, self._ids))

        async def from_memory() -> list[Any]:
            return self._cache.recall(self._cache.shelf(self._kind, self._tenant_id), self._ids)

        async def in_memory(_number: int) -> None:
            await self._keep()

        kinds: list[Kind[PodcastRecord | None]] = []

        async def cold(number: int) -> None:
            await self._cache.settled()
            self._memory.forget_all()
            await self.trusted()
            kinds.append(_kind(f"miss {number} {secrets.token_hex(4)}"))

        async def missed() -> list[Any]:
            return await self._fetched(kinds[-1])

        pairs = [_Pair("memory", "map(dict.get)", from_memory, from_dict, in_memory)]
        if self._redis is not None:
            pairs.append(await self._redis_pair(self._redis, encoded))
        pairs.append(_Pair("miss", "the statement", missed, self._statement, cold))
        return pairs

    async def _redis_pair(self, redis: Redis, encoded: Sequence[bytes]) -> "_Pair":
        own = secrets.token_hex(8)
        names = [f"podgraph:v:{own}:{self._tenant_id}:bench:{own}:{row_id}".encode() for row_id in self._ids]
        decoder = msgspec.msgpack.Decoder(PodcastRecord)

        async def bare() -> list[Any]:
            found: list[Any] = await redis.mget(names)
            return list(map(decoder.decode, found))

        async def forgotten(_number: int) -> None:
            await self._keep()
            await self._cache.settled()
            self._memory.forget_all()
            await redis.mset(dict(zip(names, encoded, strict=True)))
            async with redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.expire(name, 60)
                await pipe.execute()

        async def hit() -> list[Any]:
            return await self._fetched(self._kind)

        await forgotten(0)
        return _Pair("redis", "MGET and decoding", hit, bare, forgotten)

    async def _keep(self) -> None:
        """Raises Failure if nothing is kept: a process that is not trusted for a moment tries again."""
        for _ in range(5):
            await self.trusted()
            await self._fetched(self._kind)
            if self._memory.recall_all(self._cache.shelf(self._kind, self._tenant_id), self._ids) is not None:
                return
        raise Failure("What was read is not kept: see what was logged.")

    async def _fetched(self, kind: Kind[PodcastRecord | None]) -> list[Any]:
        """As a loader does it, from the beginning of an operation on."""
        sight = await begun(self._coherence, NOTHING_DEMANDED)

        async def load(missing: list[Any]) -> Loaded[PodcastRecord | None]:
            footprint = Footprint()
            async with DatabaseView(self._database, sight, footprint).read(self._tenant_id) as session:
                values = await Podcasts(session).by_ids(missing)
            return Loaded(values, footprint.tags(self._tenant_id), footprint.position)

        shelf = self._cache.shelf(kind, self._tenant_id)
        return (await self._cache.fetch(shelf, self._ids, load, sight.moment)).values

    async def _statement(self) -> list[Any]:
        async with self._database.read(self._tenant_id) as session:
            return await Podcasts(session).by_ids(self._ids)


_Side = Callable[[], Awaitable[list[Any]]]


class _Pair(msgspec.Struct, frozen=True, eq=False):
    tier: str
    bare: str
    ours: _Side
    theirs: _Side
    prepared: Callable[[int], Awaitable[None]]
    """Before ours, untimed."""


async def _timed(side: _Side, expected: list[Any]) -> tuple[float, float]:
    """Seconds on the wall and of this process. Raises Failure if the answer is another."""
    begin, cpu = time.perf_counter(), time.process_time()
    found = await side()
    taken = time.perf_counter() - begin, time.process_time() - cpu
    if found != expected:
        raise Failure("A tier gave other records than the database.")
    return taken


def _figure(pair: _Pair, times: Sequence[tuple[float, float, float, float]]) -> TierFigure:
    return TierFigure(
        tier=pair.tier,
        bare=pair.bare,
        ms=statistics.median(ours for ours, _, _, _ in times) * 1_000,
        bare_ms=statistics.median(theirs for _, _, theirs, _ in times) * 1_000,
        ratio=statistics.median(ours / theirs for ours, _, theirs, _ in times),
        cpu_ratio=statistics.median(ours / max(theirs, 1e-9) for _, ours, _, theirs in times),
    )


def _kind(variant: str) -> Kind[PodcastRecord | None]:
    return Kind("bench", PodcastRecord | None, table="podcasts", variant=variant, seconds=30.0)


def _podcast(number: int) -> dict[str, Any]:
    return {
        "title": f"A podcast of the bench, number {number}",
        "description": "What it is about is said in some words that a listing shows. " * 3,
        "author": f"Author {number % 50}",
    }


def _print(console: Console, done: CacheFigures) -> None:
    table = Table(
        "tier",
        "beside",
        title=f"{done.batch:,} records of {done.record_bytes:,.0f} bytes: milliseconds a batch",
        caption="Medians of the rounds; a ratio is the median of the rounds' own.",
    )
    for column in ("podgraph", "bare", "ratio", "processor ratio"):
        table.add_column(column, justify="right")
    for figure in done.figures:
        times = (f"{figure.ms:.3f}", f"{figure.bare_ms:.3f}")
        table.add_row(figure.tier, figure.bare, *times, f"{figure.ratio:.2f}", f"{figure.cpu_ratio:.2f}")
    console.print(table)
    console.print(f"When it began, {done.load:.1f} processes wanted one of {done.processors} processors.")
