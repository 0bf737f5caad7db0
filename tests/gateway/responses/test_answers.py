"""Whole answers: executed once for all who may see the same, fresh after any write, charged a tenth."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
import pytest_asyncio
import structlog
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry
from starlette.requests import HTTPConnection

from gateway.auth.addresses import AddressHasher
from gateway.context import Contexts
from gateway.cost.admission import CostMode
from gateway.cost.local_budgets import LocalBudgets
from gateway.cost.model import CostModel
from gateway.cost.prices import Prices
from gateway.cost.terms import allowances
from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.documents.source import DocumentSource
from gateway.endpoint import GraphQLEndpoint
from gateway.errors import ErrorMask
from gateway.execution.compiled import CompiledExecutor
from gateway.execution.reference import ReferenceExecutor
from gateway.http.limits import HttpLimits
from gateway.middleware.drain import Drain
from gateway.operation import (
    QUERIES_AND_MUTATIONS,
    OperationParts,
    OperationRequest,
    OperationResult,
    Operations,
    OperationTelemetry,
)
from gateway.responses.answers import Answers
from gateway.responses.policies import Policies
from gateway.settings import TrustedDocuments
from ops.telemetry.metrics import ClientMetrics, CostMetrics, DocumentMetrics, ExecutionMetrics, OperationMetrics
from persistence.database import Database
from resolvers.billing.changing import put_on_plan
from resolvers.billing.plans import PLANS, PlanName
from resolvers.billing.spending import tenant_spending
from resolvers.campaigns.advertisers import NewAdvertiser, create_advertiser
from resolvers.campaigns.campaigns import NewCampaign, create_campaign
from resolvers.context import RequestContext, Services
from resolvers.errors import InvalidInput
from resolvers.policy import Role, Scope, Viewer
from resolvers.sight import NOTHING_DEMANDED, Demand, begun
from schema.directives import Hint
from schema.directives import Scope as HintScope
from schema.graph import Graph, build_graph
from tests.actors import Actor, new_member, new_tenant
from tests.gateway.edge import NothingRegistered, Used
from tests.identity import keyring
from tests.kept import keeping_services, sharing_process
from tests.services.redis_server import RedisServer

ONE = "query One($id: ID!) { campaign(id: $id) { name status } }"
ALL = "{ campaigns { totalCount nodes { name advertiser { name } } } }"
RENAME = """
mutation ($id: ID!, $name: String!) {
  updateCampaign(id: $id, version: 1, input: {name: $name}) { __typename }
}
"""


@pytest_asyncio.fixture
async def keeping(services: Services, app_url: str) -> AsyncIterator[Services]:
    async with keeping_services(services, app_url) as own:
        yield own


@cache
def graph() -> Graph:
    return build_graph()


class Process:
    """What runs operations in one process, and what a test looks at."""

    def __init__(self, services: Services, hints: Mapping[str, Hint] | None = None) -> None:
        built, registry = graph(), CollectorRegistry()
        reference: ReferenceExecutor[RequestContext] = ReferenceExecutor(built.schema, seconds=10)
        self.services = services
        self.used = Used()
        self.registry = registry
        clients = ClientMetrics(registry)
        log = structlog.get_logger("tests")
        self.operations: Operations[RequestContext] = Operations(
            OperationParts(
                source=DocumentSource(NothingRegistered(), None, TrustedDocuments.OFF, clients),
                documents=Documents(built.schema, DocumentLimits(), DocumentMetrics(registry)),
                prices=Prices(CostModel(built.schema, built.annotations)),
                budgets=LocalBudgets(time.monotonic),
                usage=self.used,
                executor=CompiledExecutor(built.schema, ExecutionMetrics(registry), seconds=10, reference=reference),
                answers=Answers(Policies(built.schema, built.annotations.hints if hints is None else hints)),
            ),
            ErrorMask(lambda: "an id", log),
            OperationTelemetry(OperationMetrics(registry), CostMetrics(registry), NoOpTracer()),
            hold_seconds=20,
            introspection_allowed=lambda _context: True,
        )

    async def context(
        self, viewer: Viewer, demand: Demand = NOTHING_DEMANDED, plan: PlanName = PlanName.ENTERPRISE
    ) -> RequestContext:
        assert self.services.coherence is not None
        assert viewer.tenant_id is not None
        return RequestContext(
            self.services,
            viewer,
            spending=tenant_spending(viewer.tenant_id, plan),
            sight=await begun(self.services.coherence, demand),
        )

    async def run(
        self, viewer: Viewer, request: OperationRequest, demand: Demand = NOTHING_DEMANDED
    ) -> OperationResult:
        result = await self.operations.run(request, await self.context(viewer, demand), QUERIES_AND_MUTATIONS)
        assert isinstance(result, OperationResult)
        return result

    async def asked(
        self, viewer: Viewer, query: str, demand: Demand = NOTHING_DEMANDED, **variables: Any
    ) -> dict[str, Any]:
        """The response, decoded."""
        result = await self.run(viewer, OperationRequest(query=query, variables=variables), demand)
        response: dict[str, Any] = msgspec.json.decode(self.operations.serialised(result)[1])
        return response


def cached(response: Mapping[str, Any]) -> bool:
    return response["extensions"]["cost"].get("cached") is True


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []
    with database.watched(lambda statement, _values: seen.append(statement)):
        yield seen


@pytest_asyncio.fixture
async def process(keeping: Services) -> Process:
    return Process(keeping)


class Scene(msgspec.Struct, frozen=True):
    """A tenant with a campaign."""

    actor: Actor
    id: str


async def scene_of(process: Process) -> Scene:
    actor = await new_tenant(process.services)
    advertiser = await create_advertiser(actor.context(), NewAdvertiser(name="A"))
    campaign = await create_campaign(actor.context(), advertiser.id, NewCampaign(name="First", currency="EUR"))
    return Scene(actor, f"cmp_{campaign.id}")


@pytest_asyncio.fixture
async def scene(process: Process) -> Scene:
    return await scene_of(process)


async def test_the_same_question_is_answered_without_a_statement_and_byte_for_byte(
    process: Process, scene: Scene
) -> None:
    for query, variables in ((ONE, {"id": scene.id}), (ALL, {})):
        first = await process.run(scene.actor.viewer, OperationRequest(query=query, variables=variables))
        with statements(process.services.database) as seen:
            second = await process.run(scene.actor.viewer, OperationRequest(query=query, variables=variables))
        assert seen == []
        assert second.data == first.data
        assert second.extensions["cost"]["cached"] is True
        assert "cached" not in first.extensions["cost"]


async def test_a_hit_is_charged_a_tenth_of_what_the_answer_had_cost_in_whole_points(
    process: Process, scene: Scene
) -> None:
    first = (await process.asked(scene.actor.viewer, ONE, id=scene.id))["extensions"]["cost"]
    assert first["actualQueryCost"] > 100
    left = first["throttleStatus"]["currentlyAvailable"]
    second = (await process.asked(scene.actor.viewer, ONE, id=scene.id))["extensions"]["cost"]
    tenth = -(-int(first["actualQueryCost"] * 1000) // 10_000)
    assert second["requestedQueryCost"] == second["actualQueryCost"] == tenth
    assert second["throttleStatus"]["currentlyAvailable"] >= left - tenth
    assert process.used.operations[-2:] == [("One", "unknown")] * 2, "a hit is used, too"


async def test_a_hit_needs_no_more_in_the_budget_than_it_costs(process: Process, scene: Scene) -> None:
    viewer = scene.actor.viewer
    many = "{ campaigns(first: 100) { nodes { name } } }"
    price = (await process.asked(viewer, many))["extensions"]["cost"]["requestedQueryCost"]
    assert price < PLANS[PlanName.FREE].max_query_cost
    poor = Process(process.services)
    poor.operations._parts.budgets.give(  # type: ignore[attr-defined]  # LocalBudgets
        _allowance(viewer), -(PLANS[PlanName.FREE].capacity - 50) * 1000
    )
    request = OperationRequest(query=many)
    context = await poor.context(viewer, plan=PlanName.FREE)
    kept = await poor.operations.run(request, context, QUERIES_AND_MUTATIONS)
    assert isinstance(kept, OperationResult)
    assert kept.extensions["cost"]["cached"] is True
    other = OperationRequest(query=many.replace("100", "99"))
    refused = await poor.operations.run(other, await poor.context(viewer, plan=PlanName.FREE), QUERIES_AND_MUTATIONS)
    assert isinstance(refused, OperationResult)
    assert refused.rejection == "THROTTLED"


def _allowance(viewer: Viewer) -> Any:
    assert viewer.tenant_id is not None
    return allowances(tenant_spending(viewer.tenant_id, PlanName.FREE))[0]


async def test_what_is_too_dear_for_the_plan_is_refused_though_it_is_kept(process: Process, scene: Scene) -> None:
    many = "{ campaigns(first: 1000) { nodes { placements(first: 100) { nodes { id } } } } }"
    assert (await process.asked(scene.actor.viewer, many))["data"] is not None
    context = await process.context(scene.actor.viewer, plan=PlanName.FREE)
    refused = await process.operations.run(OperationRequest(query=many), context, QUERIES_AND_MUTATIONS)
    assert isinstance(refused, OperationResult)
    assert refused.rejection == "COST_LIMIT_EXCEEDED"


async def test_the_bill_of_a_hit_says_what_it_would_cost_to_execute(process: Process, scene: Scene) -> None:
    request = OperationRequest(query=ONE, variables={"id": scene.id}, cost_mode=CostMode.REPORT)
    executed, kept = [(await process.run(scene.actor.viewer, request)).extensions["cost"] for _ in range(2)]
    assert kept["cached"] is True
    assert [line["subtotal"] for line in kept["bill"]] == [line["subtotal"] for line in executed["bill"]]
    assert round(sum(line["subtotal"] for line in kept["bill"]), 3) == executed["requestedQueryCost"]
    assert "actualSubtotal" not in kept["bill"][0]


async def test_after_a_write_of_anything_in_it_an_answer_is_fresh(process: Process, scene: Scene) -> None:
    viewer = scene.actor.viewer
    before = await process.asked(viewer, ALL)
    assert cached(await process.asked(viewer, ALL))
    renamed = await process.asked(viewer, RENAME, id=scene.id, name="Second")
    assert renamed["data"]["updateCampaign"]["__typename"] == "UpdateCampaignPayload"
    after = await process.asked(viewer, ALL)
    assert not cached(after)
    assert after["data"]["campaigns"]["nodes"][0]["name"] == "Second"
    assert before["data"]["campaigns"]["nodes"][0]["name"] == "First"
    assert (await process.asked(viewer, ALL))["data"] == after["data"]


async def test_a_write_says_where_it_went_and_a_read_says_nothing(process: Process, scene: Scene) -> None:
    viewer = scene.actor.viewer
    written = await process.run(viewer, OperationRequest(query=RENAME, variables={"id": scene.id, "name": "Second"}))
    token = written.extensions["consistency"]
    assert written.headers["podgraph-consistency"] == token
    read = await process.run(
        viewer, OperationRequest(query=ONE, variables={"id": scene.id}, extensions={"consistency": token})
    )
    assert "consistency" not in read.extensions
    assert "podgraph-consistency" not in read.headers
    assert b"Second" in bytes(read.data)


async def test_what_is_no_token_is_refused_with_what_to_send(process: Process, scene: Scene) -> None:
    tried: list[object] = ["yesterday", 7, "1/xyz", {}]
    for given in tried:
        request = OperationRequest(query=ONE, variables={"id": scene.id}, extensions={"consistency": given})
        refused = await process.run(scene.actor.viewer, request)
        [error] = refused.errors
        assert error["extensions"]["problems"][0]["code"] == "INVALID_CONSISTENCY"
        assert error["extensions"]["argumentPath"] == ["extensions", "consistency"]


@pytest.mark.parametrize("demand", [Demand(primary=True), Demand(uncached=True)])
async def test_who_wants_nothing_kept_is_answered_anew_and_nothing_is_kept_of_it(
    process: Process, scene: Scene, demand: Demand
) -> None:
    viewer = scene.actor.viewer
    assert not cached(await process.asked(viewer, ONE, demand, id=scene.id))
    assert not cached(await process.asked(viewer, ONE, id=scene.id))
    assert not cached(await process.asked(viewer, ONE, demand, id=scene.id))
    assert cached(await process.asked(viewer, ONE, id=scene.id))


async def test_another_tenant_asking_the_same_is_answered_with_its_own(process: Process, scene: Scene) -> None:
    other = await scene_of(process)
    assert (await process.asked(scene.actor.viewer, ONE, id=scene.id))["data"]["campaign"]["name"] == "First"
    theirs = await process.asked(other.actor.viewer, ONE, id=scene.id)
    assert not cached(theirs)
    assert theirs["data"] == {"campaign": None}
    await process.asked(scene.actor.viewer, ALL)
    assert not cached(await process.asked(other.actor.viewer, ALL))


async def test_answers_are_shared_by_those_of_one_role_and_by_no_other(process: Process, scene: Scene) -> None:
    owner = scene.actor
    tenant_id = owner.tenant_id
    assert not cached(await process.asked(owner.viewer, ALL))
    others = [
        (await new_member(process.services, tenant_id, Role.VIEWER)).viewer,
        Viewer(tenant_id=tenant_id, scopes=frozenset({Scope.READ})),
        Viewer(tenant_id=tenant_id, scopes=frozenset({Scope.READ, Scope.WRITE})),
    ]
    # Members and keys are writes, but of nothing that is shown.
    for viewer in others:
        assert not cached(await process.asked(viewer, ALL))
        assert cached(await process.asked(viewer, ALL))
    second = await new_member(process.services, tenant_id, Role.OWNER)
    assert cached(await process.asked(second.viewer, ALL))


async def test_who_may_not_read_is_refused_what_others_may(process: Process, scene: Scene) -> None:
    await process.asked(scene.actor.viewer, ALL)
    sender = Viewer(tenant_id=scene.actor.tenant_id, scopes=frozenset({Scope.EVENTS}))
    for _ in range(2):
        refused = await process.asked(sender, ALL)
        assert refused["data"] is None
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_private_answers_are_the_viewers_alone(keeping: Services) -> None:
    hints = {**graph().annotations.hints, "Campaign": Hint(60, HintScope.PRIVATE)}
    process = Process(keeping, hints)
    scene = await scene_of(process)
    assert not cached(await process.asked(scene.actor.viewer, ONE, id=scene.id))
    assert cached(await process.asked(scene.actor.viewer, ONE, id=scene.id))
    second = await new_member(keeping, scene.actor.tenant_id, Role.OWNER)
    assert not cached(await process.asked(second.viewer, ONE, id=scene.id))


@pytest.mark.parametrize(
    "query",
    [
        "{ viewer { user { name } } }",
        "{ campaigns { nodes { createdAt metrics { impressions } } } }",
        "{ __schema { queryType { name } } }",
        "{ campaigns { nodes { name } } viewer { role } }",
    ],
)
async def test_what_no_hint_allows_is_executed_each_time(process: Process, scene: Scene, query: str) -> None:
    for _ in range(2):
        response = await process.asked(scene.actor.viewer, query)
        assert "errors" not in response
        assert not cached(response)


async def test_answers_with_errors_are_never_kept(process: Process, scene: Scene) -> None:
    for _ in range(2):
        response = await process.asked(
            scene.actor.viewer, '{ campaign(id: "pod_1") { name } campaigns { nodes { name } } }'
        )
        assert response["errors"]
        assert not cached(response)


async def test_other_variables_and_operations_are_other_questions(process: Process, scene: Scene) -> None:
    viewer = scene.actor.viewer
    two = "query A($n: Int) { campaigns(first: $n) { nodes { name } } } query B { campaigns { nodes { id } } }"
    asked = [
        OperationRequest(query=two, operation_name="A", variables={"n": 0}),
        OperationRequest(query=two, operation_name="A", variables={"n": 1}),
        OperationRequest(query=two, operation_name="B"),
    ]
    answers = [await process.run(viewer, request) for request in asked]
    assert len({bytes(answer.data) for answer in answers}) == 3
    again = [await process.run(viewer, request) for request in asked]
    assert [answer.data for answer in again] == [answer.data for answer in answers]
    assert all(answer.extensions["cost"]["cached"] for answer in again)


async def test_a_profile_is_of_an_execution(process: Process, scene: Scene) -> None:
    await process.asked(scene.actor.viewer, ONE, id=scene.id)
    request = OperationRequest(query=ONE, variables={"id": scene.id}, extensions={"profile": True})
    profiled = await process.run(scene.actor.viewer, request)
    assert profiled.extensions["profile"]["executor"] == "compiled"
    assert "cached" not in profiled.extensions["cost"]


async def test_many_who_ask_the_same_at_once_are_answered_by_one_execution(process: Process, scene: Scene) -> None:
    with statements(process.services.database) as seen:
        answers = await asyncio.gather(*(process.asked(scene.actor.viewer, ONE, id=scene.id) for _ in range(20)))
    assert len(seen) == 1
    assert [cached(answer) for answer in answers].count(False) == 1
    assert len({msgspec.json.encode(answer["data"]) for answer in answers}) == 1


async def test_who_leaves_takes_nobody_with_it(process: Process, scene: Scene) -> None:
    first = asyncio.create_task(process.asked(scene.actor.viewer, ONE, id=scene.id))
    others = [asyncio.create_task(process.asked(scene.actor.viewer, ONE, id=scene.id)) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    answers = await asyncio.gather(*others)
    assert [answer["data"]["campaign"]["name"] for answer in answers] == ["First"] * 3


async def test_without_caches_everything_is_as_before(services: Services) -> None:
    actor = await new_tenant(services)
    process = Process(services)
    for _ in range(2):
        context = RequestContext(services, actor.viewer, spending=tenant_spending(actor.tenant_id, PlanName.ENTERPRISE))
        result = await process.operations.run(OperationRequest(query=ALL), context, QUERIES_AND_MUTATIONS)
        assert isinstance(result, OperationResult)
        assert result.errors == ()
        assert "cached" not in result.extensions["cost"]


class Replied(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: Any


async def sent(
    process: Process, actor: Actor, body: object, query: Mapping[str, str] | None = None, **headers: str
) -> Replied:
    """A request through the whole endpoint: a POST of `body`, or a GET of `query`."""
    contexts = Contexts(process.services, keyring(process.services.clock), AddressHasher("a key of the tests"))
    endpoint = GraphQLEndpoint(process.operations, contexts, HttpLimits(), Drain())
    token = actor.services.identity.access_tokens.issued(actor.user_id, actor.session_id).text
    given = {"authorization": f"Bearer {token}", "content-type": "application/json", **headers}
    messages: list[Any] = [{"type": "http.request", "body": msgspec.json.encode(body)}]
    replied: list[Any] = []

    async def receive() -> Any:
        return messages.pop() if messages else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        replied.append(message)

    scope = {
        "type": "http",
        "method": "POST" if query is None else "GET",
        "query_string": urlencode(query or {}).encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()],
        "client": ("192.0.2.1", 1),
    }
    await endpoint(scope, receive, send)
    start, end = replied
    return Replied(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        msgspec.json.decode(end["body"]) if end["body"] else None,
    )


async def rich(process: Process, scene: Scene) -> None:
    await put_on_plan(process.services, scene.actor.tenant_id, PlanName.ENTERPRISE)


async def test_a_kept_answer_is_revalidated_without_executing(process: Process, scene: Scene) -> None:
    await rich(process, scene)
    asked = {"query": "{ campaigns { nodes { name } } }"}
    first = await sent(process, scene.actor, None, asked)
    assert first.status == 200
    assert first.headers["cache-control"] == "private, no-cache"
    with statements(process.services.database) as seen:
        again = await sent(process, scene.actor, None, asked, if_none_match=first.headers["etag"])
    assert seen == []
    assert (again.status, again.body) == (304, None)
    assert again.headers["etag"] == first.headers["etag"]
    await process.asked(scene.actor.viewer, RENAME, id=scene.id, name="Second")
    fresh = await sent(process, scene.actor, None, asked, if_none_match=first.headers["etag"])
    assert fresh.status == 200
    assert fresh.body["data"]["campaigns"]["nodes"] == [{"name": "Second"}]
    assert fresh.headers["etag"] != first.headers["etag"]


async def test_a_post_has_no_etag_whether_it_is_kept_or_not(process: Process, scene: Scene) -> None:
    await rich(process, scene)
    for _ in range(2):
        reply = await sent(process, scene.actor, {"query": ALL})
        assert "etag" not in reply.headers
        assert reply.headers["cache-control"] == "no-store"
    assert cached(reply.body)


@pytest.mark.parametrize("header", [{"cache_control": "no-cache"}, {"podgraph_consistency": "primary"}])
async def test_a_header_passes_by_what_is_kept(process: Process, scene: Scene, header: dict[str, str]) -> None:
    await rich(process, scene)
    for expected in (False, True):
        assert cached((await sent(process, scene.actor, {"query": ALL})).body) is expected
    assert not cached((await sent(process, scene.actor, {"query": ALL}, None, **header)).body)


async def test_a_token_in_the_header_is_read_and_written(process: Process, scene: Scene) -> None:
    await rich(process, scene)
    rename = {"query": RENAME, "variables": {"id": scene.id, "name": "Second"}}
    written = await sent(process, scene.actor, rename)
    token = written.headers["podgraph-consistency"]
    assert token == written.body["extensions"]["consistency"]
    read = await sent(process, scene.actor, {"query": ALL}, podgraph_consistency=token)
    assert read.body["data"]["campaigns"]["nodes"][0]["name"] == "Second"
    bad = await sent(process, scene.actor, {"query": ALL}, podgraph_consistency="soon")
    assert bad.status == 400
    assert bad.body["errors"][0]["extensions"]["problems"][0]["code"] == "INVALID_CONSISTENCY"
    assert bad.body["errors"][0]["extensions"]["argumentPath"] == ["Podgraph-Consistency"]


async def test_the_header_of_a_batch_has_the_newest_of_its_tokens(process: Process, scene: Scene) -> None:
    await rich(process, scene)
    rename = RENAME.replace("version: 1", "version: $v").replace("($id", "($v: Int!, $id")
    items = [
        {"query": rename, "variables": {"id": scene.id, "name": "Second", "v": 1}},
        {"query": "{ campaigns { totalCount } }"},
    ]
    reply = await sent(process, scene.actor, items)
    assert "consistency" not in reply.body[1]["extensions"]
    assert reply.headers["podgraph-consistency"] == reply.body[0]["extensions"]["consistency"]


async def test_connection_init_may_say_what_must_be_seen(process: Process, scene: Scene) -> None:
    contexts = Contexts(process.services, keyring(process.services.clock), AddressHasher("a key of the tests"))
    actor = scene.actor
    token = actor.services.identity.access_tokens.issued(actor.user_id, actor.session_id).text
    # Browsers open every WebSocket with no-cache.
    connection = HTTPConnection(
        {"type": "websocket", "headers": [(b"cache-control", b"no-cache")], "client": ("192.0.2.1", 1)}
    )
    payload = {"Authorization": f"Bearer {token}"}
    assert (await contexts(connection, payload)).audience is not None
    assert (await contexts(connection, {**payload, "Podgraph-Consistency": "primary"})).audience is None
    with pytest.raises(InvalidInput) as refused:
        await contexts(connection, {**payload, "podgraph-consistency": "soon"})
    assert refused.value.problems[0].code == "INVALID_CONSISTENCY"


async def test_processes_share_answers_and_what_one_writes_the_other_shows(
    services: Services, app_url: str, redis_server: RedisServer
) -> None:
    async with (
        sharing_process(services, app_url, redis_server.url) as one,
        sharing_process(services, app_url, redis_server.url) as two,
    ):
        first, second = Process(one.services), Process(two.services)
        scene = await scene_of(first)
        viewer = scene.actor.viewer
        assert not cached(await first.asked(viewer, ALL))
        with statements(two.services.database) as seen:
            shared = await second.asked(viewer, ALL)
        assert seen == []
        assert cached(shared)
        for version, (writer, reader) in enumerate(((first, second), (second, first)), start=1):
            name = f"Name {version}"
            rename = RENAME.replace("version: 1", f"version: {version}")
            written = await writer.asked(viewer, rename, id=scene.id, name=name)
            assert written["data"]["updateCampaign"]["__typename"] == "UpdateCampaignPayload"
            for process in (reader, writer):
                answer = await process.asked(viewer, ALL)
                assert answer["data"]["campaigns"]["nodes"][0]["name"] == name


async def test_one_of_many_processes_executes_what_all_are_asked_at_once(
    services: Services, app_url: str, redis_server: RedisServer
) -> None:
    async with (
        sharing_process(services, app_url, redis_server.url) as one,
        sharing_process(services, app_url, redis_server.url) as two,
    ):
        processes = [Process(one.services), Process(two.services)]
        scene = await scene_of(processes[0])
        asked = [process.asked(scene.actor.viewer, ONE, id=scene.id) for process in processes for _ in range(10)]
        with statements(one.services.database) as seen, statements(two.services.database) as others:
            answers = await asyncio.gather(*asked)
        assert len(seen) + len(others) == 1
        assert [cached(answer) for answer in answers].count(False) == 1
