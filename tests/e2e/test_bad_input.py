"""Bad values for every argument of the graph, over real HTTP: always an error with a code, never a defect.

Generated over the whole schema: each root field, each place of its arguments (down into input objects), each bad value
of the place's type as a variable; and, at one place of each name and type, as a literal. A field added later is
tested without a change here.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import httpx2
import msgspec
import pytest
import pytest_asyncio
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
    is_union_type,
)

from tests.graph import schema
from tests.schema.inhabited import valid_value
from tests.services.client import GraphQLClient
from tests.services.gateway import Gateway

BATCH = 20
LONG = "x" * 700_000
"""Within the bound of all variables together."""
WRONG_SHAPES: Sequence[Any] = ({"a": 1}, [[[]]])
BAD: Mapping[str, Sequence[Any]] = {
    "Int": (2**31, -(2**31) - 1, 10**30, 1.5, 1e308, "1", True),
    "BigInt": (2**53, -(2**53), 10**30, 0.5, 1e308, "1", True),
    "Float": (-1, 1.5, 10**30, 1e308, "1", True),
    "Boolean": ("true", 1, 0.0),
    "String": (5, 1.5, False),
    "ID": ("", " ", "7", "pod_", "pod_0", "pod_-1", "pod_1.0", "pod_9223372036854775808", "pod_" + "9" * 5_000,
           "pod_\u0661", "POD_1", "pod_1 ", "🎧", 7, 1.5, False),
    "DateTime": ("", "now", "2026-02-30T00:00:00Z", "2026-11-23T14:00:00", "2026-11-23", "0000-01-01T00:00:00Z",
                 "10000-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00",
                 "2026-11-23T25:00:00Z", "2026-11-23T14:00:00+99:00", 1_795_442_400, True),
    "Date": ("", "today", "2026-02-30", "0000-01-01", "10000-01-01", "-0001-01-01", "2026-11-23T14:00:00Z",
             "0001-01-01", "9999-12-31", 20_261_123, True),
    "enum": ("", "NOPE", "nope", 5, True),
}  # fmt: skip
"""What each type or the use cases must refuse."""

DOUBTFUL: Mapping[str, Sequence[Any]] = {
    "Int": (-1, 0, -(2**31), 2**31 - 1),
    "BigInt": (-1, 0, 2**53 - 1, -(2**53) + 1),
    "String": ("", " ", "'; DROP TABLE users; --", "%_\\", "\x01\x1b[31m\x7f",
               "\u202e\u0645\u0631\u062d\u0628\u0627 🎧\u2028\ufeff\u0301", "\U0010ffff"),
    "ID": ("pod_9223372036854775807", "mem_1", "usr_1", "zzz_1"),
    "Date": ("2026-W48-1", "20261123"),
}  # fmt: skip
"""What one place may accept and another refuse."""

Steps = tuple[str, ...]


class Place(msgspec.Struct, frozen=True):
    """One value of a root field's arguments: `steps` are the argument's name and names of input fields."""

    root: str
    field: str
    steps: Steps
    type: Any

    def bad(self) -> Iterator[Any]:
        nullable = get_nullable_type(self.type)
        named = get_named_type(self.type)
        yield from WRONG_SHAPES
        if isinstance(self.type, GraphQLNonNull):
            yield None
        if not isinstance(named, GraphQLInputObjectType):
            values = BAD["enum" if isinstance(named, GraphQLEnumType) else named.name]
            yield from ([value] if isinstance(nullable, GraphQLList) else value for value in values)
        else:
            yield from ("text", 5, True, {"unknownField": 1})

    def doubtful(self) -> Iterator[Any]:
        in_list = isinstance(get_nullable_type(self.type), GraphQLList)
        named = get_named_type(self.type)
        if not isinstance(self.type, GraphQLNonNull):
            yield None
        for value in DOUBTFUL.get(named.name, ()):
            yield [value] if in_list else value
        if in_list:
            yield []
            yield [None]
            yield [valid_value(self.steps[-1], named)] * 2_000


PURCHASE: Mapping[str, Any] = {
    "key": "k",
    "type": "PURCHASE",
    "occurredAt": "2026-11-01T00:00:00Z",
    "ipAddress": "203.0.113.7",
}
"""What an event must have, so that the value at a place alone is at fault."""


class Attacker(msgspec.Struct, frozen=True):
    """The owner of a tenant with one of everything; `ids` by prefix."""

    url: str
    token: str
    ids: Mapping[str, str]

    async def answers(self, requests: Sequence[tuple[str, Mapping[str, Any]]]) -> list[tuple[Any, str]]:
        """Each request's variables and answer; sent in batches."""
        found: list[tuple[Any, str]] = []
        async with httpx2.AsyncClient(base_url=self.url, timeout=30, headers=self.headers) as client:
            for start in range(0, len(requests), BATCH):
                part = requests[start : start + BATCH]
                body = [{"query": query, "variables": variables} for query, variables in part]
                response = await client.post("/graphql", json=body)
                assert response.status_code == 200, response.text
                answers = msgspec.json.decode(response.content, type=list[msgspec.Raw])
                found += [(request, bytes(answer).decode()) for request, answer in zip(part, answers, strict=True)]
        return found

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}", "content-type": "application/json"}


MAKES = {
    "pod": 'createPodcast(input: {title: "x"}) { __typename ... on CreatePodcastPayload { made: podcast { id } } }',
    "epi": 'createEpisode(podcastId: "%(pod)s", input: {title: "x"})'
    " { __typename ... on CreateEpisodePayload { made: episode { id } } }",
    "adv": 'createAdvertiser(input: {name: "x"})'
    " { __typename ... on CreateAdvertiserPayload { made: advertiser { id } } }",
    "cmp": 'createCampaign(advertiserId: "%(adv)s", input: {name: "x", currency: "EUR"})'
    " { __typename ... on CreateCampaignPayload { made: campaign { id } } }",
    "lin": 'createLineItem(campaignId: "%(cmp)s", input: {name: "x", pricing: CPM, rateMinor: 1})'
    " { __typename ... on CreateLineItemPayload { made: lineItem { id } } }",
    "plc": 'createPlacement(lineItemId: "%(lin)s", episodeId: "%(epi)s", input: {position: MID_ROLL,'
    " insertionType: DYNAMIC, readType: HOST_READ})"
    " { __typename ... on CreatePlacementPayload { made: placement { id } } }",
    "key": 'createApiKey(input: {name: "x", scopes: [READ]})'
    " { __typename ... on CreateApiKeyPayload { made: apiKey { id } } }",
    "inv": 'inviteMember(input: {email: "x@example.com", role: MEMBER})'
    " { __typename ... on InviteMemberPayload { made: invite { id } } }",
}
PREFIXES = {
    "podcastId": "pod", "episodeId": "epi", "advertiserId": "adv", "campaignId": "cmp", "lineItemId": "lin",
    "podcast": "pod", "episode": "epi", "advertiser": "adv", "campaign": "cmp", "lineItem": "lin", "placement": "plc",
    "apikey": "key", "invite": "inv", "role": "mem", "member": "mem", "tenant": "ten", "lineitem": "lin",
}  # fmt: skip


@pytest_asyncio.fixture(scope="module")
async def attacker(demo_server: Gateway) -> Attacker:
    email = f"{secrets.token_hex(8)}@example.com"
    async with GraphQLClient(demo_server.url) as client:
        registered = await client.done(
            "mutation($input: RegisterInput!) { register(input: $input)"
            " { __typename ... on RegisterPayload { session { accessToken } } } }",
            input={"email": email, "name": "x", "password": secrets.token_urlsafe(12)},
        )
        token = registered["session"]["accessToken"]
        client.sign_in(token)
        made = await client.done(
            'mutation { createTenant(input: {name: "x"})'
            " { __typename ... on CreateTenantPayload { tenant { id } membership { id user { id } } } } }"
        )
        # Thousands of requests, each of which is priced before it is refused.
        await client.done("mutation { changePlan(plan: ENTERPRISE, version: 0) { __typename } }")
        ids = {"ten": made["tenant"]["id"], "mem": made["membership"]["id"], "usr": made["membership"]["user"]["id"]}
        for prefix, mutation in MAKES.items():
            ids[prefix] = (await client.done(f"mutation {{ {mutation % ids} }}"))["made"]["id"]
    return Attacker(url=demo_server.url, token=token, ids=ids)


def root_fields() -> list[tuple[str, str]]:
    """(root type, field) of every query and mutation that takes arguments."""
    core = schema()._schema
    roots = [root for root in (core.query_type, core.mutation_type) if root is not None]
    return sorted((root.name, name) for root in roots for name, field in root.fields.items() if field.args)


def declared(root: str, name: str) -> GraphQLField:
    root_type = schema()._schema.type_map[root]
    assert isinstance(root_type, GraphQLObjectType)
    field: GraphQLField = root_type.fields[name]
    return field


def places(root: str, name: str) -> Iterator[Place]:
    def below(steps: Steps, type_: GraphQLInputType) -> Iterator[Place]:
        yield Place(root, name, steps, type_)
        named = get_named_type(type_)
        if isinstance(named, GraphQLInputObjectType):
            for key, field in named.fields.items():
                yield from below((*steps, key), field.type)

    for key, argument in declared(root, name).args.items():
        yield from below((key,), argument.type)


def arguments(place: Place, value: Any, ids: Mapping[str, str]) -> dict[str, Any]:
    """Valid arguments but for the value at the place."""
    field = declared(place.root, place.field)
    chosen = {
        key: ids_for(place.field, key, argument.type, ids) or valid_value(key, argument.type)
        for key, argument in field.args.items()
        if is_required_argument(argument) or key == place.steps[0]
    }
    target, type_ = chosen, field.args[place.steps[0]].type
    for step, below in pairwise(place.steps):
        if not isinstance(target.get(step), dict):
            # A list of one: GraphQL takes the value alone for it.
            target[step] = {**PURCHASE, "advertiserId": ids["adv"]} if step == "events" else required(type_)
        target, type_ = target[step], input_fields(type_)[below].type
    target[place.steps[-1]] = value
    return chosen


def required(type_: GraphQLInputType) -> dict[str, Any]:
    """The input object with no more than it needs."""
    fields = input_fields(type_).items()
    return {key: valid_value(key, field.type) for key, field in fields if is_required_input_field(field)}


def input_fields(type_: GraphQLInputType) -> Mapping[str, GraphQLInputField]:
    named = get_named_type(type_)
    return named.fields if isinstance(named, GraphQLInputObjectType) else {}


def ids_for(field: str, argument: str, type_: GraphQLInputType, ids: Mapping[str, str]) -> Any:
    """The tenant's own id of the kind that the argument wants; None where it wants none."""
    if get_named_type(type_).name != "ID":
        return None
    words = field.lower()
    prefix = PREFIXES.get(argument) or next((found for word, found in PREFIXES.items() if words.endswith(word)), "pod")
    return [ids[prefix]] if isinstance(get_nullable_type(type_), GraphQLList) else ids[prefix]


def selection(field: GraphQLField) -> str:
    named = get_named_type(field.type)
    if not is_composite_type(named):
        return ""
    if not is_union_type(named):
        return "{ __typename }"
    tracked = "... on TrackEventsPayload { results { problems { code message } } }"
    return f"{{ __typename ... on Error {{ code message }} {tracked if field.args.keys() == {'events'} else ''} }}"


def by_variable(place: Place, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    field = declared(place.root, place.field)
    head = ", ".join(f"${key}: {field.args[key].type}" for key in given)
    passed = ", ".join(f"{key}: ${key}" for key in given)
    return f"{place.root.lower()}({head}) {{ {place.field}({passed}) {selection(field)} }}", dict(given)


def by_literal(place: Place, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    field = declared(place.root, place.field)
    passed = ", ".join(f"{key}: {literal(value, field.args[key].type)}" for key, value in given.items())
    return f"{place.root.lower()} {{ {place.field}({passed}) {selection(field)} }}", {}


def literal(value: Any, type_: GraphQLInputType | None) -> str:
    """The value as GraphQL text; a name of an enum is written bare where an enum is wanted."""
    named = get_named_type(type_) if type_ is not None else None
    if isinstance(value, dict):
        fields = named.fields if isinstance(named, GraphQLInputObjectType) else {}
        return (
            "{"
            + ", ".join(
                f"{key}: {literal(item, fields[key].type if key in fields else None)}" for key, item in value.items()
            )
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(literal(item, type_) for item in value) + "]"
    if isinstance(value, str) and isinstance(named, GraphQLEnumType) and value.isidentifier():
        return value
    return msgspec.json.encode(value).decode()


def refusals(text: str) -> list[str]:
    """The codes of an answer; fails where there is an error without one, or a defect."""
    assert "INTERNAL_SERVER_ERROR" not in text, text
    answer = msgspec.json.decode(text)
    found = [str(error["extensions"]["code"]) for error in answer.get("errors", ())]
    for value in (answer.get("data") or {}).values():
        if isinstance(value, dict) and str(value.get("__typename")).endswith("Error"):
            assert value["code"], text
            assert value["message"], text
            found.append(str(value["code"]))
        # An event is refused for itself.
        results = value.get("results", ()) if isinstance(value, dict) else ()
        for problem in (problem for result in results for problem in result["problems"]):
            assert problem["code"], text
            assert problem["message"], text
            found.append("INVALID_INPUT")
    return found


@cache
def written_out() -> frozenset[tuple[str, str, Steps]]:
    """Places at which values are also sent as literals: one for each name and type, by which alone they are read."""
    found: dict[tuple[str, str], tuple[str, str, Steps]] = {}
    for root, field in root_fields():
        for place in places(root, field):
            found.setdefault((place.steps[-1], str(place.type)), (root, field, place.steps))
    return frozenset(found.values())


def ways(place: Place) -> Sequence[Callable[[Place, Mapping[str, Any]], tuple[str, dict[str, Any]]]]:
    also_written = (place.root, place.field, place.steps) in written_out()
    return (by_variable, by_literal) if also_written else (by_variable,)


@pytest.mark.parametrize(("root", "name"), root_fields())
async def test_bad_value_is_refused_with_a_code(attacker: Attacker, root: str, name: str) -> None:
    wanted = [
        way(place, arguments(place, value, attacker.ids))
        for place in places(root, name)
        for value in place.bad()
        for way in ways(place)
    ]
    for request, text in await attacker.answers(wanted):
        assert refusals(text), (request, text)


@pytest.mark.parametrize(("root", "name"), root_fields())
async def test_doubtful_value_is_accepted_or_refused_with_a_code(attacker: Attacker, root: str, name: str) -> None:
    wanted = [
        by_variable(place, arguments(place, value, attacker.ids))
        for place in places(root, name)
        for value in place.doubtful()
    ]
    for _, text in await attacker.answers(wanted):
        refusals(text)


async def sent(attacker: Attacker, client: httpx2.AsyncClient, query: str, variables: str) -> list[str]:
    """The codes of one request whose variables are given as JSON text; an empty budget is waited for, as it says."""
    content = b'{"query":' + msgspec.json.encode(query) + b',"variables":' + variables.encode() + b"}"
    response = await client.post("/graphql", content=content, headers=attacker.headers)
    while refusals(response.text) == ["THROTTLED"]:
        await asyncio.sleep(float(response.headers["retry-after"]))
        response = await client.post("/graphql", content=content, headers=attacker.headers)
    assert response.status_code < 500, response.text
    return refusals(response.text)


def texts(root: str, name: str) -> Iterator[Place]:
    """The places that a text fits in."""
    return (
        place
        for place in places(root, name)
        if get_named_type(place.type).name in {"String", "ID"}
        and not isinstance(get_nullable_type(place.type), GraphQLList)
    )


@pytest.mark.parametrize(("root", "name"), [field for field in root_fields() if any(texts(*field))])
async def test_unstorable_and_endless_texts_are_refused(attacker: Attacker, root: str, name: str) -> None:
    async with httpx2.AsyncClient(base_url=attacker.url, timeout=30) as client:
        for place in texts(root, name):
            query, variables = by_variable(place, arguments(place, "@", attacker.ids))
            text = msgspec.json.encode(variables).decode()
            for value, codes in {
                '"a\\u0000b"': {"BAD_REQUEST"},
                '"\\ud800"': {"BAD_REQUEST"},
                f'"{LONG}"': {"INVALID_INPUT", "FEED_REJECTED", "INVALID_CREDENTIALS", "TOO_MANY_ATTEMPTS"},
            }.items():
                found = await sent(attacker, client, query, text.replace('"@"', value, 1))
                assert set(found) & codes, (place.steps, value[:20], found)
            for value in ('"a\\u0000b"', '"\\ud800"', '"\\u{110000}"', '"""a\x00b"""'):
                query, _ = by_literal(place, arguments(place, "@", attacker.ids))
                assert await sent(attacker, client, query.replace('"@"', value, 1), "{}"), (place.steps, value)


async def test_bad_id_of_a_subscription_is_refused_with_a_code(attacker: Attacker) -> None:
    [place] = [place for name in ("campaignUpdated",) for place in places("Subscription", name)]
    headers = {**attacker.headers, "accept": "text/event-stream"}
    async with httpx2.AsyncClient(base_url=attacker.url, timeout=30) as client:
        for value in (*place.bad(), "pod_1", "cmp_9223372036854775807"):
            query, variables = by_variable(place, {"campaignId": value})
            response = await client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
            data = response.text.partition("data: ")[2].partition("\n")[0]
            assert refusals(data), (value, response.text)
