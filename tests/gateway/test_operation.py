"""Operations without a transport."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from gateway.operation import ALL_KINDS, QUERIES, OperationRequest, OperationResult, ResultStream
from tests.gateway.edge import Edge, uncosted
from tests.gateway.small_schema import SmallContext


async def run(
    edge: Edge, query: str, viewer: str | None = None, extensions: Mapping[str, Any] = MappingProxyType({})
) -> OperationResult:
    asked = OperationRequest(query=query, extensions=extensions)
    result = await edge.operations.run(asked, SmallContext(edge.bench, viewer), ALL_KINDS)
    assert isinstance(result, OperationResult)
    return result


async def stream(edge: Edge, query: str) -> ResultStream:
    result = await edge.operations.run(OperationRequest(query=query), SmallContext(edge.bench, None), ALL_KINDS)
    assert not isinstance(result, OperationResult)
    return result


async def test_payload_has_data_and_nothing_empty() -> None:
    assert uncosted((await run(Edge(), "{ hello }")).payload()) == {"data": {"hello": "hello world"}}


async def test_null_in_a_non_null_place_is_data_null_with_the_error() -> None:
    payload = (await run(Edge(), "{ conflict }")).payload()
    assert payload["data"] is None
    assert payload["errors"][0]["extensions"] == {"code": "CONFLICT", "argumentPath": ["version"]}


async def test_rejection_has_no_data() -> None:
    result = await run(Edge(), "{ nothing }")
    assert result.rejection == "GRAPHQL_VALIDATION_FAILED"
    assert "data" not in result.payload()


async def test_kind_that_the_transport_cannot_carry_does_not_run() -> None:
    edge = Edge()
    request = OperationRequest(query="mutation { double(value: 1) }")
    result = await edge.operations.run(request, SmallContext(edge.bench, None), QUERIES)
    assert isinstance(result, OperationResult)
    assert (result.rejection, result.headers) == ("METHOD_NOT_ALLOWED", {"allow": "POST"})


async def test_stopped_operation_cancels_its_resolvers_and_is_logged() -> None:
    edge = Edge(seconds=0.02)
    result = await run(edge, "{ gated }")
    assert (result.rejection, edge.bench.running) == ("TIMEOUT", 0)
    assert result.errors[0]["extensions"] == {"errorId": "error-1", "code": "TIMEOUT"}
    assert len(edge.logs.entries) == 1


async def test_stream_that_is_closed_closes_its_source() -> None:
    edge = Edge()
    edge.bench.events.put_nowait(1)
    results = await stream(edge, "subscription { queued }")
    assert (await anext(results)).data == {"queued": 1}
    await results.aclose()
    assert edge.bench.closed_sources == 1


async def test_stream_that_breaks_says_so_masked_and_ends() -> None:
    results = [result async for result in await stream(Edge(), "subscription { breaks }")]
    assert [result.data for result in results] == [{"breaks": 1}, None]
    assert results[1].errors[0]["message"] == "Internal server error"


@pytest.mark.parametrize(
    ("query", "status"), [("query Mine { hello }", StatusCode.UNSET), ("{ defect }", StatusCode.ERROR)]
)
async def test_operation_has_a_span(query: str, status: StatusCode) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    await run(Edge(tracer=provider.get_tracer("test")), query)
    [span] = exporter.get_finished_spans()
    name = "Mine" if "Mine" in query else "anonymous"
    assert span.name == f"query {name}"
    assert dict(span.attributes or {}) == {
        "graphql.operation.type": "query",
        "graphql.operation.name": name,
        "podgraph.executor": "reference",
    }
    assert span.status.status_code is status


async def test_who_may_introspect_gets_a_profile_on_request() -> None:
    edge = Edge(strangers_introspect=False)
    asked = {"profile": True}
    profiled = await run(edge, "{ hello }", "ada", extensions=asked)
    assert profiled.extensions["profile"]["executor"] == "reference"
    assert profiled.extensions["profile"]["levels"] == []
    assert "profile" not in (await run(edge, "{ hello }", extensions=asked)).extensions
    assert "profile" not in (await run(edge, "{ hello }", "ada", extensions={"profile": 1})).extensions


async def test_strangers_names_become_no_labels_where_the_graph_is_closed_to_them() -> None:
    edge = Edge(strangers_introspect=False)
    await run(edge, "query Spam { hello }")
    await run(edge, "{ hello }")
    await run(edge, "query Mine { hello }", "ada")
    counts = {
        name: edge.count("podgraph_operation_seconds_count", kind="query", name=name)
        for name in ("Spam", "other", "anonymous", "Mine")
    }
    assert counts == {"Spam": 0, "other": 1, "anonymous": 1, "Mine": 1}
