"""GraphQL over HTTP, over real HTTP."""

import asyncio

import httpx2
import pytest

from gateway.http.limits import HttpLimits
from tests.gateway.edge import Edge, client_of, json_of, until

GRAPHQL = "application/graphql-response+json"


async def test_post_answers_json(client: httpx2.AsyncClient) -> None:
    response = await client.post(
        "/", json={"query": "query Q($n: String!) { hello(name: $n) }", "variables": {"n": "x"}}
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.content.startswith(b'{"data":{"hello":"hello x"},"extensions":{"cost":')


async def test_post_answers_the_newer_media_type_when_asked(client: httpx2.AsyncClient) -> None:
    response = await client.post("/", json={"query": "{ hello }"}, headers={"accept": GRAPHQL})
    assert response.headers["content-type"] == f"{GRAPHQL}; charset=utf-8"


async def test_operation_name_chooses_the_operation(client: httpx2.AsyncClient) -> None:
    body = {"query": "query A { hello } query B { add(left: 1, right: 2) }", "operationName": "B"}
    assert json_of(await client.post("/", json=body)) == {"data": {"add": 3}}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (None, "Must provide operation name if query contains multiple operations."),
        ("", "Must provide operation name if query contains multiple operations."),
        ("C", "Unknown operation named 'C'."),
    ],
)
async def test_unresolvable_operation_is_refused(client: httpx2.AsyncClient, name: str | None, message: str) -> None:
    body = {"query": "query A { hello } query B { hello }", "operationName": name}
    response = await client.post("/", json=body, headers={"accept": GRAPHQL})
    assert response.status_code == 400
    assert json_of(response) == {
        "errors": [{"message": message, "extensions": {"code": "OPERATION_RESOLUTION_FAILURE"}}]
    }


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ hello ... @defer { viewer } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($l: Int!) { add(left: $l, right: 1) }", "BAD_USER_INPUT"),
    ],
)
async def test_faulty_request_is_400_without_data_or_200_by_media_type(
    client: httpx2.AsyncClient, query: str, code: str
) -> None:
    newer = await client.post("/", json={"query": query}, headers={"accept": GRAPHQL})
    legacy = await client.post("/", json={"query": query})
    assert (newer.status_code, legacy.status_code) == (400, 200)
    for response in (newer, legacy):
        body = json_of(response)
        assert isinstance(body, dict)
        assert "data" not in body
        assert body["errors"][0]["extensions"] == {"code": code}


async def test_mutation_over_get_is_405(client: httpx2.AsyncClient) -> None:
    response = await client.get("/", params={"query": "mutation { double(value: 2) }"})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


async def test_mutation_over_post_runs(client: httpx2.AsyncClient) -> None:
    response = await client.post("/", json={"query": "mutation { double(value: 21) }"})
    assert json_of(response) == {"data": {"double": 42}}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
async def test_other_methods_are_405_with_allow(client: httpx2.AsyncClient, method: str) -> None:
    response = await client.request(method, "/")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST, OPTIONS"


async def test_options_lists_the_methods(client: httpx2.AsyncClient) -> None:
    response = await client.options("/")
    assert (response.status_code, response.headers["allow"]) == (204, "GET, POST, OPTIONS")


async def test_unacceptable_media_type_is_406(client: httpx2.AsyncClient) -> None:
    response = await client.post("/", json={"query": "{ hello }"}, headers={"accept": "text/html"})
    assert response.status_code == 406


async def test_subscription_needs_a_stream(client: httpx2.AsyncClient) -> None:
    response = await client.post("/", json={"query": "subscription { count(to: 1) }"})
    assert response.status_code == 406
    assert b"text/event-stream" in response.content


async def test_get_carries_an_etag_of_its_data_and_is_304_when_unchanged(client: httpx2.AsyncClient) -> None:
    first = await client.get("/", params={"query": "{ hello }"})
    etag = first.headers["etag"]
    again = await client.get("/", params={"query": "{ hello }"}, headers={"if-none-match": f'"x", {etag}'})
    other = await client.get("/", params={"query": '{ hello(name: "y") }'}, headers={"if-none-match": etag})
    strongly = await client.get("/", params={"query": "{ hello }"}, headers={"if-none-match": etag.removeprefix("W/")})
    assert etag.startswith('W/"')
    assert strongly.status_code == 304
    assert "ratelimit" in strongly.headers
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Accept, Authorization"
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert again.headers["vary"] == "Accept, Authorization"
    assert other.status_code == 200


@pytest.mark.parametrize("query", ["{ defect }", "{ surrogate }", "{", "query A { hello } query B { hello }"])
async def test_failed_get_is_not_kept(client: httpx2.AsyncClient, query: str) -> None:
    response = await client.get("/", params={"query": query})
    assert response.headers["cache-control"] == "no-store"
    assert "etag" not in response.headers


@pytest.mark.parametrize(("token", "status", "code"), [("bad", 401, "UNAUTHENTICATED"), ("typo", 400, "INVALID_INPUT")])
async def test_refused_context_has_its_status_in_every_media_type(
    client: httpx2.AsyncClient, token: str, status: int, code: str
) -> None:
    for accept in ("application/json", GRAPHQL):
        headers = {"accept": accept, "authorization": f"Bearer {token}"}
        response = await client.post("/", json={"query": "{ hello }"}, headers=headers)
        body = json_of(response)
        assert response.status_code == status
        assert isinstance(body, dict)
        assert body["errors"][0]["extensions"]["code"] == code
    assert ("www-authenticate" in response.headers) == (status == 401)


async def test_defect_in_the_context_is_masked_and_logged(edge: Edge, client: httpx2.AsyncClient) -> None:
    response = await client.post("/", json={"query": "{ hello }"}, headers={"authorization": "Bearer boom"})
    assert response.status_code == 500
    assert json_of(response) == {
        "errors": [
            {
                "message": "Internal server error",
                "extensions": {"code": "INTERNAL_SERVER_ERROR", "errorId": "error-1"},
            }
        ]
    }
    assert [entry["error_id"] for entry in edge.logs.entries] == ["error-1"]


async def test_value_that_cannot_be_encoded_is_masked(edge: Edge, client: httpx2.AsyncClient) -> None:
    response = await client.post("/", json={"query": "{ surrogate }"})
    assert response.status_code == 500
    assert b"surrogate" not in response.content
    assert len(edge.logs.entries) == 1


async def test_operation_is_stopped_after_its_time() -> None:
    edge = Edge(seconds=0.05)
    async with client_of(edge) as client:
        response = await client.post("/", json={"query": "{ gated }"})
    assert response.status_code == 504
    assert b'"code":"TIMEOUT"' in response.content
    assert edge.bench.running == 0


async def test_persisted_query_of_apollo_is_answered_in_apollos_words(client: httpx2.AsyncClient) -> None:
    body = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "00" * 32}}}
    response = await client.post("/", json=body)
    assert response.status_code == 200
    assert json_of(response) == {
        "errors": [{"message": "PersistedQueryNotSupported", "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"}}]
    }


async def test_strangers_neither_introspect_nor_get_suggestions() -> None:
    edge = Edge(strangers_introspect=False)
    async with client_of(edge) as client:
        stranger = [
            await client.post("/", json={"query": query}, headers={"accept": GRAPHQL})
            for query in ("{ __schema { description } }", "{ helo }")
        ]
        known = [
            await client.post("/", json={"query": query}, headers={"authorization": "Bearer ada"})
            for query in ("{ __schema { description } }", "{ helo }", "{ __typename }")
        ]
    assert stranger[0].status_code == 403
    assert b"INTROSPECTION_DISABLED" in stranger[0].content
    assert b"Did you mean" not in stranger[1].content
    assert json_of(known[0]) == {"data": {"__schema": {"description": None}}}
    assert b"Did you mean 'hello'" in known[1].content
    assert json_of(known[2]) == {"data": {"__typename": "Query"}}


async def test_batch_keeps_order_and_one_bad_item_spoils_no_other(edge: Edge, client: httpx2.AsyncClient) -> None:
    items: list[object] = [
        {"query": "{ add(left: 1, right: 1) }"},
        {"query": "{"},
        17,
        {"query": "{ defect }"},
        {"query": "subscription { count(to: 1) }"},
        {"query": "mutation { double(value: 4) }"},
    ]
    response = await client.post("/", json=items)
    body = json_of(response)
    assert response.status_code == 200
    assert isinstance(body, list)
    assert body[0] == {"data": {"add": 2}}
    codes = [item["errors"][0]["extensions"]["code"] for item in body[1:5]]
    assert codes == ["GRAPHQL_PARSE_FAILED", "BAD_REQUEST", "INTERNAL_SERVER_ERROR", "NOT_ACCEPTABLE"]
    assert b"hunter2" not in response.content
    assert body[5] == {"data": {"double": 8}}


async def test_batch_items_have_contexts_of_their_own(client: httpx2.AsyncClient) -> None:
    response = await client.post("/", json=[{"query": "{ contextNumber }"}] * 3)
    assert json_of(response) == [{"data": {"contextNumber": number}} for number in range(3)]


async def test_batch_runs_side_by_side_within_its_bound() -> None:
    edge = Edge(http=HttpLimits(batch_concurrency=3))
    async with client_of(edge) as client:
        pending = asyncio.create_task(client.post("/", json=[{"query": "{ gated }"}] * 10))
        await until(lambda: edge.bench.running == 3)
        edge.bench.gate.set()
        response = await pending
    assert json_of(response) == [{"data": {"gated": "passed"}}] * 10
    assert edge.bench.most_running == 3


async def test_batch_beyond_its_size_runs_nothing(edge: Edge, client: httpx2.AsyncClient) -> None:
    response = await client.post("/", json=[{"query": "{ hello }"}] * 21)
    assert response.status_code == 400
    assert b"BATCH_TOO_LARGE" in response.content
    assert edge.bench.contexts == []


async def test_get_that_may_be_forged_is_refused(client: httpx2.AsyncClient) -> None:
    async def status(headers: dict[str, str]) -> int:
        return (await client.get("/", params={"query": "{ hello }"}, headers=headers)).status_code

    assert await status({"cookie": "session=1"}) == 403
    assert await status({"sec-fetch-site": "cross-site"}) == 403
    assert await status({"authorization": "Basic YTpi"}) == 403
    assert await status({"cookie": "session=1", "podgraph-preflight": "1"}) == 200
    assert await status({"sec-fetch-site": "same-origin"}) == 200
    assert await status({"sec-fetch-site": "cross-site", "authorization": "Bearer ada"}) == 200


async def test_every_get_needs_proof_where_the_setting_says_so() -> None:
    async with client_of(Edge(http=HttpLimits(get_requires_preflight=True))) as client:
        bare = await client.get("/", params={"query": "{ hello }"})
        proven = await client.get("/", params={"query": "{ hello }"}, headers={"x-requested-with": "test"})
    assert (bare.status_code, proven.status_code) == (403, 200)


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", ""])
async def test_simple_content_types_never_run_anything(
    edge: Edge, client: httpx2.AsyncClient, content_type: str
) -> None:
    headers = {"content-type": content_type}
    response = await client.post("/", content=b'{"query":"mutation { double(value: 1) }"}', headers=headers)
    assert response.status_code == 415
    assert edge.bench.contexts == []


async def test_results_and_errors_are_counted(edge: Edge, client: httpx2.AsyncClient) -> None:
    for query in ("query Mine { hello }", "query Mine { hello }", "{ hello defect }", "{"):
        await client.post("/", json={"query": query})
    assert edge.count("podgraph_operation_results_total", kind="query", outcome="ok") == 2
    assert edge.count("podgraph_operation_results_total", kind="query", outcome="partial") == 1
    assert edge.count("podgraph_operation_results_total", kind="unknown", outcome="rejected") == 1
    assert edge.count("podgraph_operation_errors_total", code="INTERNAL_SERVER_ERROR") == 1
    assert edge.count("podgraph_operation_seconds_count", kind="query", name="Mine") == 2
    assert edge.count("podgraph_document_lookups_total", outcome="hit") == 1
    assert edge.count("podgraph_document_lookups_total", outcome="miss") == 3
