"""What operations take of a budget, what they give back, and what clients are told of it."""

import asyncio
from contextlib import aclosing
from typing import Any

import httpx2
import msgspec
import pytest

from gateway.cost.admission import CostMode
from gateway.cost.points import shown
from gateway.cost.terms import allowances
from gateway.operation import ALL_KINDS, OperationRequest, OperationResult
from persistence.ids import ApiKeyId
from resolvers.billing.plans import PLANS, Plan, PlanName
from resolvers.billing.spending import KeyBudget, Spending
from tests.gateway.edge import Edge, client_of
from tests.gateway.small_schema import SmallContext


def plan(**changes: Any) -> Plan:
    """A small plan that restores nothing: what was taken is still missing when a test looks."""
    return msgspec.structs.replace(
        PLANS[PlanName.FREE], **{"capacity": 30, "max_query_cost": 20, "restore_rate": 0, **changes}
    )


def edge_on(a_plan: Plan, **options: Any) -> Edge:
    edge = Edge(**options)
    edge.bench.plan = a_plan
    return edge


async def run(edge: Edge, query: str, *, mode: CostMode | None = None, key: KeyBudget | None = None) -> OperationResult:
    context = SmallContext(edge.bench, "ada")
    context.spending = Spending("ten:1", edge.bench.plan, key)
    result = await edge.operations.run(OperationRequest(query=query, cost_mode=mode), context, ALL_KINDS)
    assert isinstance(result, OperationResult)
    return result


async def left(edge: Edge) -> int | float:
    """What the tenant's budget has."""
    [level] = await edge.operations._parts.budgets.levels(allowances(Spending("ten:1", edge.bench.plan)))
    return shown(level.available)


async def test_answer_says_what_was_requested_what_it_came_to_and_what_is_left() -> None:
    edge = edge_on(plan())
    result = await run(edge, "{ node { name child { name } } }")
    # The root, and each node: its type and the field that leads to it.
    assert result.extensions["cost"] == {
        "requestedQueryCost": 5,
        "actualQueryCost": 5,
        "maximumQueryCost": 20,
        "throttleStatus": {"maximumAvailable": 30, "currentlyAvailable": 25, "restoreRate": 0},
    }


async def test_what_was_not_needed_comes_back() -> None:
    edge = edge_on(plan())
    result = await run(edge, "{ conflict node { name } }")
    # The error came before the node was executed: the root and its field are paid for.
    cost = result.extensions["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (3, 2)
    assert await left(edge) == 28


async def test_variables_that_do_not_fit_cost_nothing() -> None:
    edge = edge_on(plan())
    refused = await edge.operations.run(
        OperationRequest(query="query ($a: Int!) { add(left: $a, right: 1) node { name } }", variables={"a": "x"}),
        SmallContext(edge.bench, None),
        ALL_KINDS,
    )
    assert isinstance(refused, OperationResult)
    assert refused.rejection == "BAD_USER_INPUT"
    assert refused.extensions["cost"]["actualQueryCost"] == 0
    assert await left(edge) == 30


async def test_price_above_the_maximum_is_refused_and_takes_nothing() -> None:
    edge = edge_on(plan(max_query_cost=4))
    result = await run(edge, "{ node { child { name } } }")
    assert result.rejection == "COST_LIMIT_EXCEEDED"
    [error] = result.errors
    assert error["message"].startswith("This operation may cost 5 points; the plan FREE allows 4.")
    assert error["extensions"] == {
        "code": "COST_LIMIT_EXCEEDED",
        "requestedQueryCost": 5,
        "maximumQueryCost": 4,
        "dearestList": None,
    }
    assert result.extensions["cost"]["actualQueryCost"] is None
    assert await left(edge) == 30
    assert edge.count("podgraph_cost_admissions_total", outcome="too_expensive") == 1


async def test_empty_budget_is_429_with_the_time_to_wait() -> None:
    edge = edge_on(plan(capacity=20, restore_rate=1))
    async with client_of(edge) as client:
        query = {"query": "{ " + " ".join(f"n{i}: node {{ name }}" for i in range(9)) + " }"}
        first = await client.post("/", json=query)
        second = await client.post("/", json=query)
    assert (first.status_code, second.status_code) == (200, 429)
    cost = second.json()["extensions"]["cost"]
    [error] = second.json()["errors"]
    wait = float(error["extensions"]["retryAfter"])
    assert 16 < wait <= 18
    assert wait == pytest.approx(19 - cost["throttleStatus"]["currentlyAvailable"], abs=0.01)
    assert int(second.headers["retry-after"]) == -(-wait // 1)
    assert error["extensions"]["code"] == "THROTTLED"
    assert "data" not in second.json()
    assert edge.count("podgraph_cost_admissions_total", outcome="throttled") == 1


async def test_headers_tell_the_budget_in_whole_points_and_seconds() -> None:
    edge = edge_on(plan(capacity=30, restore_rate=10))
    async with client_of(edge) as client:
        response = await client.post("/", json={"query": "{ node { name } }"})
    assert response.headers["ratelimit-policy"] == '"tenant";q=30;w=3'
    assert response.headers["ratelimit"] == '"tenant";r=27;t=1'


async def test_time_that_ran_out_is_charged_for_what_was_executed() -> None:
    edge = edge_on(plan(), seconds=0.02)
    result = await run(edge, "{ gated node { name } }")
    assert (result.rejection, result.extensions["cost"]["actualQueryCost"]) == ("TIMEOUT", 3)
    assert await left(edge) == 27


async def test_client_that_leaves_gets_its_points_back() -> None:
    edge = edge_on(plan())
    running = asyncio.create_task(run(edge, "{ gated node { name } }"))
    await edge.bench.entered.wait()
    assert await left(edge) == 27
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await asyncio.sleep(0)
    assert await left(edge) == 27  # the root and a node were executed: all that was held
    assert edge.count("podgraph_cost_points_total", move="charged") == 3


async def test_mutation_whose_client_left_is_settled_when_it_is_done() -> None:
    edge = edge_on(plan())
    running = asyncio.create_task(run(edge, "mutation { gatedDouble(value: 2) }"))
    await edge.bench.entered.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert edge.count("podgraph_cost_points_total", move="charged") == 0
    edge.bench.gate.set()
    async with asyncio.timeout(5):
        while not edge.count("podgraph_cost_points_total", move="charged"):
            await asyncio.sleep(0.001)
    assert edge.bench.doubled == [2]


async def test_validate_gives_the_bill_and_executes_and_takes_nothing() -> None:
    edge = edge_on(plan())
    result = await run(edge, "mutation { double(value: 2) }", mode=CostMode.VALIDATE)
    payload = result.payload()
    assert (payload["data"], "errors" in payload) == (None, False)
    cost = payload["extensions"]["cost"]
    assert cost["actualQueryCost"] is None
    assert cost["throttleStatus"]["currentlyAvailable"] == 30
    assert sum(line["subtotal"] for line in cost["bill"]) == cost["requestedQueryCost"]
    assert edge.usage.operations == []


async def test_validate_of_what_is_too_dear_says_so_beside_the_bill() -> None:
    result = await run(edge_on(plan(max_query_cost=2)), "{ node { name } }", mode=CostMode.VALIDATE)
    payload = result.payload()
    assert payload["data"] is None
    assert payload["errors"][0]["extensions"]["code"] == "COST_LIMIT_EXCEEDED"
    assert [line["coordinate"] for line in payload["extensions"]["cost"]["bill"]] == ["Query", "Node", "Query.node"]


async def test_report_has_the_bill_with_what_came_of_each_line() -> None:
    result = await run(edge_on(plan()), "{ node { name } }", mode=CostMode.REPORT)
    bill = {line["coordinate"]: line for line in result.extensions["cost"]["bill"]}
    assert bill["Node"] == {
        "path": "node",
        "coordinate": "Node",
        "multiplier": 1,
        "weight": 1,
        "subtotal": 1,
        "actualMultiplier": 1,
        "actualSubtotal": 1,
    }
    assert result.data == {"node": {"name": "root"}}


async def test_header_of_another_word_is_a_bad_request() -> None:
    async with client_of(Edge()) as client:
        response = await client.post("/", json={"query": "{ hello }"}, headers={"GraphQL-Cost": "maybe"})
        told = await client.post("/", json={"query": "{ hello }"}, headers={"GraphQL-Cost": "Report"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert told.json()["extensions"]["cost"]["bill"]


async def test_key_with_a_budget_of_its_own_needs_both() -> None:
    edge = edge_on(plan())
    key = KeyBudget(ApiKeyId(7), 6, 0)
    first = await run(edge, "{ node { child { name } } }", key=key)
    second = await run(edge, "{ node { name } }", key=key)
    without_key = await run(edge, "{ node { name } }")
    assert first.extensions["cost"]["maximumQueryCost"] == 6
    assert first.extensions["cost"]["apiKeyThrottleStatus"]["currentlyAvailable"] == 1
    assert second.rejection == "THROTTLED"
    assert "api key has 1 left" in second.errors[0]["message"]
    assert first.headers["ratelimit-policy"].startswith('"tenant";q=30')
    assert '"api-key";q=6' in first.headers["ratelimit-policy"]
    assert without_key.rejection is None
    assert await left(edge) == 22


async def test_price_above_the_keys_own_budget_names_the_key() -> None:
    result = await run(edge_on(plan()), "{ node { name } }", key=KeyBudget(ApiKeyId(7), 2, 1))
    assert result.rejection == "COST_LIMIT_EXCEEDED"
    assert "the budget of this API key allows 2" in result.errors[0]["message"]


async def test_events_pay_one_by_one() -> None:
    edge = edge_on(plan(capacity=10, max_query_cost=10))
    asked = OperationRequest(query="subscription { loads { before } }")
    stream = await edge.operations.run(asked, SmallContext(edge.bench, None), ALL_KINDS)
    assert not isinstance(stream, OperationResult)
    async with aclosing(stream):
        first, second = [event async for event in stream]
    # Opening is the root and its field; an event that, and what it reads.
    assert first.data == {"loads": {"before": []}}
    assert [event.extensions["cost"]["actualQueryCost"] for event in (first, second)] == [3, 3]
    assert await left(edge) == 2


async def test_event_beyond_the_budget_is_told_and_the_stream_goes_on() -> None:
    edge = edge_on(plan(capacity=5, max_query_cost=5))
    asked = OperationRequest(query="subscription { loads { before } }")
    stream = await edge.operations.run(asked, SmallContext(edge.bench, None), ALL_KINDS)
    assert not isinstance(stream, OperationResult)
    results = [event async for event in stream]
    assert len(results) == 2
    missed = results[1].payload()
    assert (missed["data"], missed["errors"][0]["extensions"]["code"]) == (None, "THROTTLED")


async def test_document_larger_than_the_plan_allows_is_refused_with_the_limits_code() -> None:
    bounds = msgspec.structs.replace(PLANS[PlanName.FREE].bounds, depth=2)
    edge = edge_on(plan(bounds=bounds))
    result = await run(edge, "{ node { child { name } } }")
    assert result.rejection == "DOCUMENT_TOO_DEEP"
    assert edge.count("podgraph_structural_limits_total", limit="depth") == 1
    assert await left(edge) == 30


async def test_operations_are_counted_for_the_client_that_names_itself() -> None:
    edge = Edge()
    asked = OperationRequest(
        query="query Mine { hello }", extensions={"clientLibrary": {"name": "app", "version": "1"}}
    )
    await edge.operations.run(asked, SmallContext(edge.bench, "ada"), ALL_KINDS)
    assert edge.usage.operations == [("Mine", "app")]


async def test_batch_items_pay_for_themselves() -> None:
    edge = edge_on(plan(capacity=5, max_query_cost=5))
    async with client_of(edge) as client:
        response: httpx2.Response = await client.post("/", json=[{"query": "{ node { name } }"}] * 2)
    codes = [item.get("errors", [{"extensions": {"code": None}}])[0]["extensions"]["code"] for item in response.json()]
    assert sorted(codes, key=str) == [None, "THROTTLED"]
