"""What a process opens when it starts and closes when it ends: the typed state behind every request."""

import os
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import uuid4

import msgspec
import structlog
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from starlette.requests import HTTPConnection

from cache.broadcast import Broadcast
from cache.coherence import Coherence
from cache.memory import Memory
from cache.redis import open_redis
from cache.redis_tier import RedisTier
from cache.shared_coherence import SharedCoherence
from cache.statistics import CacheStatistics
from cache.tiers import Cache
from gateway.auth.services import open_authentication
from gateway.coherence import open_coherence
from gateway.context import Contexts
from gateway.cost.budgets import Budgets
from gateway.cost.levels import Levels
from gateway.cost.local_budgets import LocalBudgets
from gateway.cost.model import CostModel
from gateway.cost.prices import Prices
from gateway.cost.shared_budgets import SharedBudgets
from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.documents.persisted import PersistedLimits, PersistedQueries
from gateway.documents.registered import Registered
from gateway.documents.source import DocumentSource
from gateway.documents.usage import Usage
from gateway.errors import ErrorMask
from gateway.execution.compiled import CompiledExecutor
from gateway.execution.executor import Executor
from gateway.execution.reference import ReferenceExecutor
from gateway.middleware.drain import Drain
from gateway.operation import OperationParts, Operations, OperationTelemetry
from gateway.responses.answers import Answers
from gateway.responses.policies import Policies
from gateway.settings import CacheSettings, Feeds, IncompleteSettings, Settings
from gateway.upkeep import upkeep
from ops.health import HealthCheck, Probe
from ops.telemetry.cache_metrics import CacheMetrics
from ops.telemetry.metrics import (
    ClientMetrics,
    CostMetrics,
    DocumentMetrics,
    EventMetrics,
    ExecutionMetrics,
    OperationMetrics,
    PersistedMetrics,
    ReplicaMetrics,
    RunMetrics,
)
from persistence.database import Database, open_database
from persistence.errors import DatabaseUnavailable
from persistence.migrate import refuse_pending
from resolvers.billing.ports import BillingServices
from resolvers.context import RequestContext, Services
from resolvers.events.intake import Intake, IntakeSettings
from resolvers.events.kinds import EventType
from resolvers.feeds.fetcher import FeedFetcher, FetchSettings
from resolvers.feeds.reader import FeedReader, ReaderLimits
from resolvers.keeping import Keeper, Kinds
from resolvers.runs.line import Line
from resolvers.runs.runner import Runner, RunnerTimes
from schema.graph import Graph

_RUN_CONNECTIONS = 4
"""One freezes paths, one says how far it is, one keeps the claim, one to spare."""

_RUN_STATEMENT_SECONDS = 60.0
"""Nobody waits for a run: on a busy database it had better be slow than begin again."""

_SPARE_SECONDS = 10.0
"""How much longer than the longest operation a hold on a budget lasts; then its server is taken for dead."""

STATE = "process"
"""Where the lifespan's state lies in the state of an ASGI scope."""


class Telemetry(msgspec.Struct, frozen=True):
    """Where a process counts and traces."""

    registry: CollectorRegistry
    cost: CostMetrics
    tracer: Tracer


class Process(msgspec.Struct, frozen=True):
    """Open for as long as the process serves."""

    services: Services
    contexts: Contexts
    health: HealthCheck
    redis: Redis
    budgets: Budgets


def process_of(connection: HTTPConnection) -> Process:
    """The process that serves the connection."""
    return cast(Process, connection.scope["state"][STATE])


@asynccontextmanager
async def open_process(
    settings: Settings,
    drain: Drain,
    registry: CollectorRegistry | None = None,
    cost: CostMetrics | None = None,
    *,
    serving: bool = False,
) -> AsyncIterator[Process]:
    """`registry` and `cost` are where metrics are kept that somebody reads; only a server, which is `serving`, caches.

    Raises UnsafeRole, PendingMigrations or DatabaseUnavailable when the database will not do; IncompleteSettings.
    """
    if settings.database.url is None:
        raise IncompleteSettings(
            "There is no database: set PODGRAPH_DATABASE__URL, or use `podgraph up`, which starts one."
        )
    if not settings.auth.signing_keys or settings.auth.hash_key is None:
        raise IncompleteSettings("There are no keys: set PODGRAPH_AUTH__SIGNING_KEYS and PODGRAPH_AUTH__HASH_KEY.")
    registry = registry or CollectorRegistry()
    async with AsyncExitStack() as stack:
        database = open_database(
            settings.database.url,
            pool_size=settings.database.pool_size,
            statement_timeout=settings.database.statement_seconds,
            replica_urls=settings.database.replica_urls,
            lag_seconds=settings.database.lag_seconds,
            sticky_seconds=settings.database.sticky_seconds,
            metrics=ReplicaMetrics(registry),
        )
        stack.push_async_callback(database.close)
        await database.refuse_unsafe_role()
        await refuse_pending(settings.database.url)
        redis = open_redis(settings.redis.url)
        stack.push_async_callback(redis.aclose)
        await stack.enter_async_context(database.watch.running())
        shared = redis if settings.redis.url is not None else None
        # Whoever reads on replicas has to hear of writes, too.
        hearing = serving and (settings.cache.enabled or len(database.watch.states) > 1)
        coherence = await stack.enter_async_context(open_coherence(database, shared, keeping=hearing))
        keeper = None
        if serving and settings.cache.enabled:
            keeper = _keeper(settings.cache, coherence, database, shared, registry)
        if keeper is not None:
            stack.push_async_callback(keeper.cache.settled)
        authentication = open_authentication(
            signing_keys=[key.get_secret_value() for key in settings.auth.signing_keys],
            hash_key=settings.auth.hash_key.get_secret_value(),
            access_token_lifetime=timedelta(seconds=settings.auth.access_token_seconds),
            refresh_token_lifetime=timedelta(days=settings.auth.refresh_token_days),
            invite_lifetime=timedelta(days=settings.auth.invite_days),
            clock=_now,
            redis=redis,
        )
        stack.callback(authentication.close)
        budgets = _budgets(settings, redis, cost or CostMetrics(CollectorRegistry()))
        if isinstance(budgets, SharedBudgets):
            await stack.enter_async_context(budgets.running())
        broadcast = Broadcast(redis)
        await stack.enter_async_context(broadcast.running())
        reader = FeedReader(
            ReaderLimits(processes=settings.feeds.parse_processes, seconds=settings.feeds.parse_seconds)
        )
        stack.push_async_callback(reader.close)
        intake = Intake(
            database,
            IntakeSettings(_household_key(settings), settings.events.keep_months),
            _now,
            EventMetrics(registry, EventType),
        )
        await stack.enter_async_context(upkeep(intake))
        services = Services(
            database=database,
            broadcast=broadcast,
            feeds=FeedFetcher(_fetch_settings(settings.feeds)),
            reader=reader,
            intake=intake,
            line=Line(),
            clock=_now,
            random_token=lambda: secrets.token_urlsafe(32),
            identity=authentication.identity,
            billing=BillingServices(default_plan=settings.cost.default_plan, levels=Levels(budgets)),
            coherence=coherence,
            keeper=keeper,
        )
        replicas = [Probe("replicas", lambda: _replicas_healthy(database), required=False)]
        yield Process(
            services=services,
            contexts=Contexts(services, authentication.keyring, authentication.addresses),
            health=HealthCheck(
                [
                    Probe("database", database.ping),
                    *(replicas if len(database.watch.states) > 1 else ()),
                    Probe("redis", redis.ping, required=False),
                ],
                draining=lambda: drain.draining,
                clock=time.monotonic,
            ),
            redis=redis,
            budgets=budgets,
        )


@asynccontextmanager
async def open_operations(
    settings: Settings,
    process: Process,
    graph: Graph,
    telemetry: Telemetry,
    introspection_allowed: Callable[[RequestContext], bool],
) -> AsyncIterator[Operations[RequestContext]]:
    """What runs the operations of the graph in an open process; the usage it counts is written within the block."""
    database = process.services.database
    persisted = None
    if settings.documents.persisted:
        kept = PersistedLimits(kept_seconds=settings.documents.persisted_days * 24 * 60 * 60)
        persisted = PersistedQueries(process.redis, kept, PersistedMetrics(telemetry.registry), time.monotonic)
    clients = ClientMetrics(telemetry.registry)
    usage = Usage(graph.schema, database, clients, _now)
    async with usage.running():
        yield Operations(
            OperationParts(
                source=DocumentSource(
                    Registered(database, time.monotonic), persisted, settings.documents.trusted, clients
                ),
                documents=Documents(graph.schema, DocumentLimits(), DocumentMetrics(telemetry.registry)),
                prices=Prices(CostModel(graph.schema, graph.annotations)),
                budgets=process.budgets,
                usage=usage,
                executor=_executor(settings, graph, telemetry),
                answers=Answers(Policies(graph.schema, graph.annotations.hints)) if process.services.keeper else None,
            ),
            ErrorMask(lambda: uuid4().hex, structlog.get_logger("gateway.errors")),
            OperationTelemetry(
                metrics=OperationMetrics(telemetry.registry),
                cost=telemetry.cost,
                tracer=telemetry.tracer,
            ),
            hold_seconds=settings.http.operation_seconds + _SPARE_SECONDS,
            introspection_allowed=introspection_allowed,
        )


@asynccontextmanager
async def taking_runs(settings: Settings, process: Process, registry: CollectorRegistry) -> AsyncIterator[None]:
    """Within the block, the process does attribution runs in the background.

    It has connections of its own, so that a long run takes none from requests.
    """
    if settings.database.url is None:
        raise IncompleteSettings("There is no database: set PODGRAPH_DATABASE__URL.")
    database = open_database(
        settings.database.url,
        pool_size=_RUN_CONNECTIONS,
        statement_timeout=max(settings.database.statement_seconds, _RUN_STATEMENT_SECONDS),
        replica_urls=settings.database.replica_urls,
    )
    database.announcer = process.services.database.announcer
    runner = Runner(database, process.services.broadcast, RunMetrics(registry), time.monotonic, RunnerTimes())
    try:
        async with runner.working():
            yield
    finally:
        await database.close()


def _keeper(
    settings: CacheSettings,
    coherence: Coherence | None,
    database: Database,
    redis: Redis | None,
    registry: CollectorRegistry,
) -> Keeper | None:
    if coherence is None:
        return None
    statistics = CacheStatistics()
    CacheMetrics(registry, statistics.snapshot, lambda: coherence.trusted)
    memory = Memory(settings.memory_mib << 20, statistics, time.monotonic, random.SystemRandom().random)
    tier = None
    if redis is not None and isinstance(coherence, SharedCoherence):
        tier = RedisTier(redis, secrets.token_hex(8), coherence.failed)
    return Keeper(Cache(coherence, memory, tier, statistics), Kinds(settings.seconds), database.projections)


async def _replicas_healthy(database: Database) -> None:
    """Raises DatabaseUnavailable with the names of those that are not used."""
    if away := [state.name for state in database.watch.states if not state.healthy]:
        raise DatabaseUnavailable(f"not used: {', '.join(away)}")


def _executor(settings: Settings, graph: Graph, telemetry: Telemetry) -> Executor[RequestContext]:
    seconds = settings.http.operation_seconds
    reference: ReferenceExecutor[RequestContext] = ReferenceExecutor(graph.schema, seconds=seconds)
    if not settings.execution.compiled:
        return reference
    return CompiledExecutor(graph.schema, ExecutionMetrics(telemetry.registry), seconds=seconds, reference=reference)


def _budgets(settings: Settings, redis: Redis, metrics: CostMetrics) -> Budgets:
    """Those of all processes, or of this one where nobody else could see them."""
    if settings.redis.url is None:
        return LocalBudgets(time.monotonic)
    return SharedBudgets(redis, f"{os.getpid()}-{secrets.token_hex(8)}", metrics, time.monotonic)


def _household_key(settings: Settings) -> str:
    key = settings.events.household_key or settings.auth.hash_key
    if key is None:
        raise IncompleteSettings("There is no key for households: set PODGRAPH_AUTH__HASH_KEY.")
    return key.get_secret_value()


def _fetch_settings(feeds: Feeds) -> FetchSettings:
    if not feeds.allow_networks:
        return FetchSettings()
    return FetchSettings(allow_networks=feeds.allow_networks, ports=None)


def _now() -> datetime:
    return datetime.now(UTC)
