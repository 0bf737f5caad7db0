"""The warmer: what it asked, other processes have; it stops when it should, and it changes nothing."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from gateway.cost.admission import CostMode
from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.operation import QUERIES, OperationRequest, OperationResult
from gateway.warming.queries import Query
from gateway.warming.warmer import TOLD, Report, Rights, Warmer, free_operations
from ops.telemetry.metrics import DocumentMetrics
from persistence.ids import TenantId
from persistence.repositories.tenants import last_tenant_id
from resolvers.billing.plans import PLANS, PlanName
from resolvers.billing.spending import Spending
from resolvers.campaigns.advertisers import NewAdvertiser, create_advertiser
from resolvers.campaigns.campaigns import NewCampaign, create_campaign
from resolvers.context import RequestContext, Services
from resolvers.podcasts import NewPodcast, create_podcast
from resolvers.policy import Role, Scope, Viewer
from schema.graph import Graph, build_graph
from tests.actors import Actor, new_tenant
from tests.kept import Process, seeing, sharing_process
from tests.services.redis_server import RedisServer

ALL = "query All { campaigns { nodes { id name advertiser { name } } } }"
OTHER = "query Other { campaigns(first: 20) { nodes { advertiser { name } } } }"
OWNER = Rights(Role.OWNER)


class Calm:
    """No sign of pressure, until after so many looks."""

    def __init__(self, looks: int = 1_000_000) -> None:
        self.looks = looks

    async def sign(self) -> str | None:
        self.looks -= 1
        return "it is enough" if self.looks < 0 else None


@pytest.fixture(scope="module")
def graph() -> Graph:
    return build_graph()


@pytest_asyncio.fixture
async def one(services: Services, app_url: str, redis_server: RedisServer) -> AsyncIterator[Process]:
    async with sharing_process(services, app_url, redis_server.url) as process:
        yield process


@pytest_asyncio.fixture
async def two(services: Services, app_url: str, redis_server: RedisServer) -> AsyncIterator[Process]:
    async with sharing_process(services, app_url, redis_server.url) as process:
        yield process


def query(text: str, name: str | None = None, **variables: Any) -> Query:
    return Query(f"{name} of a test", text, name, variables)


def warmer(
    graph: Graph, process: Process, signs: Calm | None = None, *, batch: int = 4, patience: float = 5.0
) -> Warmer:
    documents = Documents(graph.schema, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
    operations = free_operations(graph, process.services, documents, seconds=10)
    return Warmer(operations, process.services, signs or Calm(), batch=batch, patience=patience)


async def warmed(
    graph: Graph,
    process: Process,
    tenants: Sequence[int],
    queries: Sequence[Query],
    rights: Sequence[Rights] = (OWNER,),
    **options: Any,
) -> Report:
    told: list[int] = []
    report = await warmer(graph, process, **options).warm(
        [TenantId(each) for each in tenants], queries, rights, lambda report: told.append(report.done)
    )
    assert told == sorted(told)
    return report


async def scene(services: Services) -> Actor:
    actor = await new_tenant(services)
    advertiser = await create_advertiser(actor.context(), NewAdvertiser(name="A"))
    await create_campaign(actor.context(), advertiser.id, NewCampaign(name="First", currency="EUR"))
    return actor


class Answered(msgspec.Struct, frozen=True):
    data: Any
    cached: bool
    statements: int


async def answered(graph: Graph, process: Process, viewer: Viewer, text: str) -> Answered:
    """By the way of every operation, in a process that was not asked before."""
    documents = Documents(graph.schema, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
    operations = free_operations(graph, process.services, documents, seconds=10)
    seen: list[str] = []
    context: RequestContext = await seeing(process.services, viewer)
    context.spending = msgspec.structs.replace(context.spending, owner=f"ten:{viewer.tenant_id}")
    with process.services.database.watched(lambda statement, _values: seen.append(statement)):
        result = await operations.run(OperationRequest(query=text), context, QUERIES)
    assert isinstance(result, OperationResult)
    assert result.errors == ()
    data = msgspec.json.decode(msgspec.json.encode(result.data))
    return Answered(data, "cached" in result.extensions["cost"], len(seen))


async def test_what_was_warmed_another_process_answers_without_a_statement(
    graph: Graph, one: Process, two: Process
) -> None:
    actor = await scene(one.services)
    report = await warmed(graph, one, [actor.tenant_id], [query(ALL, "All")])
    assert (report.warmed, report.there, report.failed, report.tenants) == (1, 0, 0, 1)
    assert (report.errors, report.stopped) == ([], None)
    answer = await answered(graph, two, actor.viewer, ALL)
    assert (answer.cached, answer.statements) == (True, 0)
    assert answer.data["campaigns"]["nodes"][0]["name"] == "First"


async def test_what_answers_are_made_of_serves_other_rights_and_other_queries(
    graph: Graph, one: Process, two: Process
) -> None:
    actor = await scene(one.services)
    await warmed(graph, one, [actor.tenant_id], [query(ALL, "All")])
    member = Viewer(tenant_id=actor.tenant_id, role=Role.MEMBER)
    made = await answered(graph, two, member, ALL)
    assert (made.cached, made.statements) == (False, 0)


async def test_whole_answers_are_kept_for_each_of_the_rights_that_are_named(
    graph: Graph, one: Process, two: Process
) -> None:
    actor = await scene(one.services)
    key = Rights(scopes=frozenset({Scope.READ}))
    report = await warmed(graph, one, [actor.tenant_id], [query(ALL, "All")], [Rights(Role.MEMBER), key])
    assert report.warmed == 2
    for rights, cached in ((Rights(Role.MEMBER), True), (key, True), (Rights(Role.VIEWER), False)):
        answer = await answered(graph, two, rights.viewer(actor.tenant_id), ALL)
        assert answer.cached is cached


async def test_warming_again_finds_what_is_there_and_reads_nothing(graph: Graph, one: Process, two: Process) -> None:
    actor = await scene(one.services)
    await warmed(graph, one, [actor.tenant_id], [query(ALL, "All")])
    seen: list[str] = []
    with two.services.database.watched(lambda statement, _values: seen.append(statement)):
        report = await warmed(graph, two, [actor.tenant_id], [query(ALL, "All")])
    assert (report.warmed, report.there) == (0, 1)
    assert len(seen) == 1, "whether the tenant exists"


async def test_another_tenant_is_warmed_with_its_own(graph: Graph, one: Process, two: Process) -> None:
    actor, other = await scene(one.services), await new_tenant(one.services)
    report = await warmed(graph, one, [actor.tenant_id, other.tenant_id], [query(ALL, "All")])
    assert (report.warmed, report.tenants) == (2, 2)
    theirs = await answered(graph, two, other.viewer, ALL)
    assert theirs.cached
    assert theirs.data == {"campaigns": {"nodes": []}}


async def test_ids_that_are_no_tenants_are_passed_over(graph: Graph, one: Process) -> None:
    actor = await scene(one.services)
    async with one.services.database.read_account() as session:
        last = await last_tenant_id(session)
    assert last >= actor.tenant_id
    report = await warmed(graph, one, [last + 1_000_000, actor.tenant_id], [query(ALL, "All")], [OWNER, OWNER])
    assert (report.passed, report.tenants, report.done) == (2, 1, 4)


async def test_after_a_write_what_was_warmed_is_not_shown_any_more(graph: Graph, one: Process, two: Process) -> None:
    actor = await scene(one.services)
    podcasts = "query Podcasts { podcasts { nodes { title } } }"
    await warmed(graph, one, [actor.tenant_id], [query(podcasts, "Podcasts")])
    context = await seeing(two.services, actor.viewer)
    await create_podcast(context, NewPodcast(title="New"))
    answer = await answered(graph, two, actor.viewer, podcasts)
    assert not answer.cached
    assert answer.data == {"podcasts": {"nodes": [{"title": "New"}]}}


async def test_what_fails_is_counted_and_the_first_are_told_and_the_rest_is_warmed(graph: Graph, one: Process) -> None:
    actor = await scene(one.services)
    bad = [query('query One { campaign(id: "nothing") { name } }', "One") for _ in range(TOLD + 2)]
    report = await warmed(graph, one, [actor.tenant_id], [*bad, query(ALL, "All")])
    assert (report.warmed, report.failed, report.done) == (1, TOLD + 2, TOLD + 3)
    assert len(report.errors) == TOLD
    assert report.errors[0].startswith(f"ten_{actor.tenant_id} (role OWNER): One of a test: ")


async def test_a_mutation_is_not_run(graph: Graph, one: Process) -> None:
    actor = await scene(one.services)
    text = 'mutation Make { createPodcast(input: {title: "Made"}) { __typename } }'
    report = await warmed(graph, one, [actor.tenant_id], [query(text, "Make")])
    assert (report.warmed, report.failed) == (0, 1)
    answer = await answered(graph, one, actor.viewer, "{ podcasts { totalCount } }")
    assert answer.data == {"podcasts": {"totalCount": 0}}


async def test_a_sign_before_the_work_lets_nothing_be_asked(graph: Graph, one: Process) -> None:
    actor = await scene(one.services)
    seen: list[str] = []
    with one.services.database.watched(lambda statement, _values: seen.append(statement)):
        report = await warmed(graph, one, [actor.tenant_id], [query(ALL, "All")], signs=Calm(0))
    assert (report.stopped, report.done, seen) == ("it is enough", 0, [])


async def test_a_sign_between_two_batches_ends_the_work_after_the_first(graph: Graph, one: Process) -> None:
    actors = [await scene(one.services) for _ in range(3)]
    tenants = [actor.tenant_id for actor in actors]
    report = await warmed(graph, one, tenants, [query(ALL, "All"), query(OTHER, "Other")], signs=Calm(1), batch=4)
    assert (report.stopped, report.warmed, report.tenants) == ("it is enough", 4, 2)
    whole = await warmed(graph, one, tenants, [query(ALL, "All"), query(OTHER, "Other")], batch=4)
    assert (whole.stopped, whole.there, whole.warmed) == (None, 4, 2)


async def test_no_more_is_asked_at_once_than_the_batch(graph: Graph, one: Process) -> None:
    actor = await scene(one.services)
    queries = [
        query(f"query Q{number} {{ campaigns(first: {number}) {{ totalCount }} }}", f"Q{number}")
        for number in range(1, 8)
    ]
    looks = Calm()
    before = looks.looks
    report = await warmed(graph, one, [actor.tenant_id], queries, signs=looks, batch=3)
    assert (report.warmed, before - looks.looks) == (7, 4), "once before, then after 3, 3 and 1"


async def test_where_nothing_can_be_kept_nothing_is_asked(graph: Graph, one: Process) -> None:
    actor = await scene(one.services)
    one.primary.fresh = False
    report = await warmed(graph, one, [actor.tenant_id], [query(ALL, "All")], patience=0.1)
    assert report.stopped == "nothing can be kept, since Redis or the database does not keep up"
    assert (report.warmed, report.there, report.failed) == (0, 0, 0)


async def test_together_they_may_cost_more_than_any_budget_has(graph: Graph, one: Process) -> None:
    actor = await scene(one.services)
    spots = "placements(first: 100) { nodes { episode { podcast { id } } } }"
    queries = [query(f"{{ campaigns(first: {number}) {{ nodes {{ {spots} }} }} }}") for number in range(880, 900)]
    largest = PLANS[PlanName.ENTERPRISE]
    context = await seeing(one.services, actor.viewer)
    context.spending = Spending("ten:0", largest)
    documents = Documents(graph.schema, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
    priced = await free_operations(graph, one.services, documents, seconds=10).run(
        OperationRequest(query=queries[0].text, cost_mode=CostMode.VALIDATE), context, QUERIES
    )
    assert isinstance(priced, OperationResult)
    assert priced.extensions["cost"]["requestedQueryCost"] * len(queries) > largest.capacity
    report = await warmed(graph, one, [actor.tenant_id], queries, batch=len(queries))
    assert (report.warmed, report.failed) == (len(queries), 0)
