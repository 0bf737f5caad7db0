"""Bad input of every kind gets a clear error with a code and never a 500."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import httpx2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import RequestRejected
from gateway.http.body import decoded, operation_request, query_string_request
from gateway.http.limits import HttpLimits
from tests.gateway.edge import Edge, client_of, json_of

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is not valid JSON: Input data was truncated"),
        (b'{"query":', "The body is not valid JSON: Input data was truncated"),
        (b"\xff\xfe{\x00}\x00", "The body is not valid JSON: JSON is malformed: invalid character (byte 0)"),
        (b'{"query":"\xff"}', "The body is not valid UTF-8."),
        (b'{"query":"\\ud800"}', "The body is not valid JSON: Input data was truncated"),
        (b'{"query":"{hello}","variables":{"a":NaN}}', None),
        (b'{"query":"{hello}","variables":{"a":Infinity}}', None),
        (b'{"query":"{hello}","variables":{"a":1e999}}', None),
        (b'{"query":"{hello}","variables":{"a":' + b"9" * 5000 + b"}}", None),
        (b'{"query":"{hello}","query":"{viewer}"}', "An object in the body names a member twice."),
        (b'{"query":"{hello}","variables":{"a":{"b":1,"b":2}}}', "An object in the body names a member twice."),
        (b'{"query":"{hello}","variables":{"a":"\\u0000"}}', "A string in the body contains U+0000."),
        (b'{"query":"{hello}","variables":{"\\u0000":1}}', "A string in the body contains U+0000."),
        (b'"{ hello }"', "A request is a JSON object with `query` and perhaps `variables`."),
        (b"null", "A request is a JSON object with `query` and perhaps `variables`."),
        (b"[]", "The batch is empty."),
        (b"{}", "The request has neither `query` nor `documentId`."),
        (b'{"query":null}', "The request has neither `query` nor `documentId`."),
        (b'{"query":["{ hello }"]}', "`query` must be a string or null."),
        (b'{"query":"{hello}","variables":[]}', "`variables` must be an object or null."),
        (b'{"query":"{hello}","variables":"{}"}', "`variables` must be an object or null."),
        (b'{"query":"{hello}","extensions":1}', "`extensions` must be an object or null."),
        (b'{"query":"{hello}","operationName":{}}', "`operationName` must be a string or null."),
    ],
)
async def test_malformed_body_is_400(client: httpx2.AsyncClient, body: bytes, message: str | None) -> None:
    response = await client.post("/", content=body, headers=JSON)
    decoded_body = json_of(response)
    assert response.status_code == 400
    assert isinstance(decoded_body, dict)
    [error] = decoded_body["errors"]
    assert error["extensions"] == {"code": "BAD_REQUEST"}
    assert message is None or error["message"] == message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[" * 100_000, "The body is nested more than 64 levels deep."),
        (b'{"variables":' * 500 + b"1" + b"}" * 500, "The body is nested more than 64 levels deep."),
        (b'{"variables":' * 100 + b"1" + b"}" * 100, "The body is nested more than 64 levels deep."),
        (b"[" + b"1," * 50_000 + b"1]", "The body holds more than 50000 values."),
        (
            b'{"query":"{hello}","variables":{"a":"' + b"x" * 800_000 + b'"}}',
            "The variables are larger than 786432 bytes: send them in several requests.",
        ),
        (
            b'[{"query":"{hello}"},{"query":"{hello}","variables":{"a":"' + b"x" * 800_000 + b'"}}]',
            "The variables are larger than 786432 bytes: send them in several requests.",
        ),
    ],
)
async def test_variables_that_are_too_large_or_too_deep_are_400(
    client: httpx2.AsyncClient, body: bytes, message: str
) -> None:
    response = await client.post("/", content=body, headers=JSON)
    assert response.status_code == 400
    assert json_of(response) == {"errors": [{"message": message, "extensions": {"code": "VARIABLES_TOO_LARGE"}}]}


async def test_byte_order_mark_is_ignored(client: httpx2.AsyncClient) -> None:
    response = await client.post("/", content=b'\xef\xbb\xbf{"query":"{ hello }"}', headers=JSON)
    assert json_of(response) == {"data": {"hello": "hello world"}}


async def test_same_member_in_different_objects_is_no_duplicate(client: httpx2.AsyncClient) -> None:
    body = {"query": "query ($v: JSON!) { echo(value: $v) }", "variables": {"v": {"query": 'a "b": \\', "v": {"v": 1}}}}
    assert json_of(await client.post("/", json=body)) == {"data": {"echo": body["variables"]["v"]}}  # type: ignore[index]  # a dict, two lines up


@pytest.mark.parametrize(
    ("variables", "query"),
    [
        ({"v": "one"}, "query ($v: Int!) { add(left: $v, right: 1) }"),
        ({"v": 2**31}, "query ($v: Int!) { add(left: $v, right: 1) }"),
        ({"v": -(2**63)}, "query ($v: Int!) { add(left: $v, right: 1) }"),
        ({"v": 10**30}, "query ($v: Int!) { add(left: $v, right: 1) }"),
        ({"v": 1.5}, "query ($v: Int!) { add(left: $v, right: 1) }"),
        ({"v": True}, "query ($v: Int!) { add(left: $v, right: 1) }"),
        ({"v": None}, "query ($v: Int!) { add(left: $v, right: 1) }"),
        ({"v": {"a": 1}}, "query ($v: String!) { hello(name: $v) }"),
        ({}, "query ($v: String!) { hello(name: $v) }"),
    ],
)
async def test_wrong_variable_is_bad_user_input(
    client: httpx2.AsyncClient, variables: dict[str, object], query: str
) -> None:
    response = await client.post("/", json={"query": query, "variables": variables})
    body = json_of(response)
    assert response.status_code == 200
    assert isinstance(body, dict)
    assert body["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
    assert "$v" in body["errors"][0]["message"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ('{ hello(name: "\\u0000") }', "BAD_USER_INPUT"),
        ('{ hello(name: "\\uD800") }', "GRAPHQL_PARSE_FAILED"),
        ("{ hello(name: 1) }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ add(left: 99999999999999999999, right: 1) }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ hello(name: " + "[" * 1_000 + "]" * 1_000 + ") }", "DOCUMENT_TOO_DEEP"),
        ("{ hello(name: " + "[" * 100 + "]" * 100 + ") }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ hello " * 900, "DOCUMENT_TOO_DEEP"),
        ("{ node " + "{ child " * 30 + "{ name }" + "}" * 31, "DOCUMENT_TOO_DEEP"),
        ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "DOCUMENT_TOO_DEEP"),
        ("{ ...A } fragment A on Query { node { child { name } } ...A ...A }", "TOO_MANY_FIELDS"),
        ("{ " + "hello " * 200 + "}", "TOO_MANY_FIELDS"),
        ("{ " + " ".join(f"a{n}: hello" for n in range(101)) + " }", "TOO_MANY_ALIASES"),
        ("{ hello" + " @skip(if: false)" * 51 + " }", "TOO_MANY_DIRECTIVES"),
        ("{ hello }" + "#\n" * 5_000, "TOO_MANY_TOKENS"),
        ("{ hello }" + " " * 300_000, "TOO_MANY_TOKENS"),
        ("{ hello } " * 2_000, "TOO_MANY_TOKENS"),
        ("type A { b: Int }", "GRAPHQL_VALIDATION_FAILED"),
        ("fragment A on Query { hello }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ __schema { " + "types { fields { type { fields { type { " * 5 + "name" + "}" * 27, "DOCUMENT_TOO_DEEP"),
    ],
)
async def test_hostile_document_is_refused(client: httpx2.AsyncClient, query: str, code: str) -> None:
    response = await client.post("/", json={"query": query}, headers={"accept": "application/graphql-response+json"})
    body = json_of(response)
    assert response.status_code == 400
    assert isinstance(body, dict)
    assert body["errors"][0]["extensions"] == {"code": code}


async def test_validation_errors_are_capped(client: httpx2.AsyncClient) -> None:
    query = "{ " + " ".join(f"nothing{n}" for n in range(500)) + " }"
    body = json_of(await client.post("/", json={"query": query}))
    assert isinstance(body, dict)
    assert len(body["errors"]) == 21
    assert body["errors"][20]["message"] == "Too many validation errors, error limit reached. Validation aborted."


@pytest.mark.parametrize(
    "query_string",
    [
        "",
        "query=%ff",
        "query=%7B%20hello%20%7D&query=%7B%20viewer%20%7D",
        "query={hello}&variables=%7B",
        "query={hello}&variables=[]",
        "query={hello}&variables=%22a%22",
        "query={hello}&extensions=1",
        "query={hello}&variables=%7B%22a%22%3A%22%5Cu0000%22%7D",
        "&".join(f"a{n}=1" for n in range(21)),
    ],
)
async def test_malformed_query_string_is_400(client: httpx2.AsyncClient, query_string: str) -> None:
    response = await client.get(f"/?{query_string}")
    assert response.status_code == 400
    assert b'"code":"BAD_REQUEST"' in response.content


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content-type": "application/json; charset=utf-16"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content-type": "application/graphql"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content-type": "application/json", "accept": "application/json;q=0"}, 406, "NOT_ACCEPTABLE"),
        ({"content-type": "application/json", "accept": "application/json;q=many"}, 406, "NOT_ACCEPTABLE"),
        ({"content-type": "application/json", "accept": ",;,="}, 406, "NOT_ACCEPTABLE"),
    ],
)
async def test_wrong_headers_are_refused(
    client: httpx2.AsyncClient, headers: dict[str, str], status: int, code: str
) -> None:
    response = await client.post("/", content=b'{"query":"{ hello }"}', headers=headers)
    assert response.status_code == status
    assert f'"code":"{code}"'.encode() in response.content


async def test_oversized_body_is_413_and_read_no_further() -> None:
    sent = 0

    async def endless() -> AsyncGenerator[bytes, None]:
        nonlocal sent
        while sent < 100_000_000:
            sent += 65_536
            yield b" " * 65_536

    edge = Edge(http=HttpLimits(body_bytes=100_000))
    async with client_of(edge) as client:
        announced = await client.post("/", content=b" " * 100_001, headers=JSON)
        assert announced.status_code == 413
        try:
            response = await client.post("/", content=endless(), headers=JSON)
            assert response.status_code == 413
        except httpx2.TransportError:
            # The server closed while we were still writing: as good an answer.
            pass
    assert sent < 50_000_000
    assert edge.bench.contexts == []


async def test_body_that_never_comes_is_408() -> None:
    edge = Edge(http=HttpLimits(body_seconds=0.05))
    async with client_of(edge) as client:
        host, _, port = edge.base.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await client.post("/", json={"query": "{ hello }"})
    assert answer.startswith(b"HTTP/1.1 408 ")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | json_values.map(msgspec.json.encode))
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    with contextlib.suppress(RequestRejected):
        operation_request(decoded(body, HttpLimits()))


@settings(max_examples=300, deadline=None)
@given(json_values)
def test_valid_json_without_nul_is_never_refused(value: object) -> None:
    body = msgspec.json.encode(value)
    if b"\\u0000" in body:
        return
    assert decoded(body, HttpLimits()) == msgspec.json.decode(body)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200).map(lambda raw: bytes(byte & 0x7F for byte in raw)))
def test_any_query_string_is_read_or_refused(query_string: bytes) -> None:
    with contextlib.suppress(RequestRejected):
        query_string_request(query_string, HttpLimits())
