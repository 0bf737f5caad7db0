"""The ways from a request to a text: as it is, by hash, by id; and which texts may run."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import pytest
from graphql import get_introspection_query
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from structlog.testing import capture_logs

from cache.redis import open_redis
from gateway.documents.persisted import PersistedLimits, PersistedQueries
from gateway.documents.source import DocumentSource
from gateway.errors import RequestRejected
from gateway.operation import OperationRequest
from gateway.settings import TrustedDocuments
from ops.telemetry.metrics import ClientMetrics, PersistedMetrics
from persistence.errors import DatabaseUnavailable
from resolvers.billing.spending import Client

WEB = Client("web", "1.2")
KNOWN = "query Known { a }"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def apollo(text: str, **more: object) -> dict[str, object]:
    return {"persistedQuery": {"version": 1, "sha256Hash": digest(text), **more}}


class Texts(msgspec.Struct):
    """Registered texts by id, which may be away."""

    texts: dict[str, str] = msgspec.field(default_factory=lambda: {"known": KNOWN})
    away: bool = False

    async def by_id(self, given: str) -> str | None:
        self._answer()
        hashes = {digest(text): text for text in self.texts.values()}
        return self.texts.get(given) or hashes.get(given.removeprefix("sha256:"))

    async def has(self, digest_: str) -> bool:
        self._answer()
        return digest_ in map(digest, self.texts.values())

    def _answer(self) -> None:
        if self.away:
            raise DatabaseUnavailable("gone")


class World:
    """A source over registered texts, and what it counted."""

    def __init__(self, redis: Redis | None, trusted: TrustedDocuments = TrustedDocuments.OFF) -> None:
        self.registry = CollectorRegistry()
        self.texts = Texts()
        persisted = PersistedMetrics(self.registry)
        self.source = DocumentSource(
            self.texts,
            PersistedQueries(redis, PersistedLimits(kept_seconds=60), persisted, lambda: 0.0) if redis else None,
            trusted,
            ClientMetrics(self.registry),
        )

    async def text(self, *, may_introspect: bool = False, **asked: Any) -> str:
        return await self.source.text(OperationRequest(**asked), WEB, may_introspect=may_introspect)

    async def refused(self, *, may_introspect: bool = False, **asked: Any) -> tuple[str, str]:
        with pytest.raises(RequestRejected) as caught:
            await self.text(may_introspect=may_introspect, **asked)
        return caught.value.code, caught.value.errors[0].message

    def untrusted(self, outcome: str) -> float | None:
        labels = {"client": "web", "outcome": outcome}
        return self.registry.get_sample_value("podgraph_untrusted_documents_total", labels)


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    client = open_redis(None)
    yield client
    await client.aclose()


async def test_hash_is_not_found_until_its_text_was_kept(redis: Redis) -> None:
    world = World(redis)
    assert await world.refused(extensions=apollo("{ b }")) == ("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
    both: Mapping[str, Any] = {"query": "{ b }", "extensions": apollo("{ b }")}
    assert await world.text(**both) == "{ b }"
    # It was not found valid yet.
    assert (await world.refused(extensions=apollo("{ b }")))[0] == "PERSISTED_QUERY_NOT_FOUND"
    await world.source.keep(OperationRequest(**both), "{ b }")
    assert await world.text(extensions=apollo("{ b }")) == "{ b }"


async def test_text_without_a_hash_is_not_kept(redis: Redis) -> None:
    world = World(redis)
    await world.source.keep(OperationRequest(query="{ b }"), "{ b }")
    assert (await world.refused(extensions=apollo("{ b }")))[0] == "PERSISTED_QUERY_NOT_FOUND"


async def test_hash_of_another_text_is_a_mismatch(redis: Redis) -> None:
    code, message = await World(redis).refused(query="{ a }", extensions=apollo("{ b }"))
    assert (code, message) == (
        "PERSISTED_QUERY_MISMATCH",
        "`sha256Hash` is not the SHA-256 of `query`: send the right one.",
    )


@pytest.mark.parametrize(
    "given",
    [
        1,
        [],
        {"sha256Hash": "0" * 64},
        {"version": 2, "sha256Hash": "0" * 64},
        {"version": 1},
        {"version": 1, "sha256Hash": 1},
        {"version": 1, "sha256Hash": "0" * 63},
        {"version": 1, "sha256Hash": "G" * 64},
    ],
)
async def test_malformed_extension_is_refused(redis: Redis, given: object) -> None:
    assert (await World(redis).refused(extensions={"persistedQuery": given}))[0] == "BAD_REQUEST"


async def test_switched_off_hashes_are_not_supported_and_texts_run() -> None:
    world = World(None)
    refused = await world.refused(extensions=apollo("{ b }"))
    assert refused == ("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
    both: Mapping[str, Any] = {"query": "{ b }", "extensions": apollo("{ b }")}
    assert await world.text(**both) == "{ b }"
    await world.source.keep(OperationRequest(**both), "{ b }")
    assert (await world.refused(extensions=apollo("{ b }")))[0] == "PERSISTED_QUERY_NOT_SUPPORTED"


@pytest.mark.parametrize("trusted", list(TrustedDocuments))
@pytest.mark.parametrize("given", ["known", f"sha256:{digest(KNOWN)}"])
async def test_registered_id_is_served_in_every_mode(redis: Redis, trusted: TrustedDocuments, given: str) -> None:
    assert await World(redis, trusted).text(document_id=given) == KNOWN


@pytest.mark.parametrize("trusted", list(TrustedDocuments))
async def test_hash_of_a_registered_text_is_served_in_every_mode(trusted: TrustedDocuments) -> None:
    assert await World(None, trusted).text(extensions=apollo(KNOWN)) == KNOWN


async def test_unknown_id_is_not_found(redis: Redis) -> None:
    assert (await World(redis).refused(document_id="unknown"))[0] == "DOCUMENT_NOT_FOUND"


@pytest.mark.parametrize("asked", [{}, {"query": "{ a }", "document_id": "known"}])
async def test_request_names_one_document(redis: Redis, asked: dict[str, Any]) -> None:
    assert (await World(redis).refused(**asked))[0] == "BAD_REQUEST"


async def test_required_refuses_what_is_not_registered_and_says_how_to_register(redis: Redis) -> None:
    world = World(redis, TrustedDocuments.REQUIRED)
    code, message = await world.refused(query="{ b }")
    assert code == "DOCUMENT_NOT_TRUSTED"
    assert "podgraph documents register MANIFEST --client NAME" in message
    assert await world.text(query=KNOWN) == KNOWN
    assert (world.untrusted("refused"), world.untrusted("run")) == (1, None)


async def test_required_refuses_a_persisted_text_that_is_not_registered(redis: Redis) -> None:
    both: Mapping[str, Any] = {"query": "{ b }", "extensions": apollo("{ b }")}
    await World(redis).source.keep(OperationRequest(**both), "{ b }")
    world = World(redis, TrustedDocuments.REQUIRED)
    assert (await world.refused(extensions=apollo("{ b }")))[0] == "DOCUMENT_NOT_TRUSTED"


async def test_log_only_runs_counts_and_tells_each_text_once_without_its_literals(redis: Redis) -> None:
    world = World(redis, TrustedDocuments.LOG_ONLY)
    text = 'mutation SignIn { login(password: "hunter2") }'
    with capture_logs() as logs:
        assert [await world.text(query=text) for _ in range(3)] == [text] * 3
        assert await world.text(query=KNOWN) == KNOWN
    assert [entry for entry in logs if entry["event"] == "document.not_trusted"] == [
        {
            "event": "document.not_trusted",
            "log_level": "warning",
            "sha256": digest(text),
            "operations": ["SignIn"],
            "client": "web",
            "version": "1.2",
        }
    ]
    assert world.untrusted("run") == 3


async def test_log_is_bounded(redis: Redis) -> None:
    world = World(redis, TrustedDocuments.LOG_ONLY)
    with capture_logs() as logs:
        for number in range(1_010):
            await world.text(query=f"{{ a{number} }}")
    assert len(logs) == 1_000
    assert world.untrusted("run") == 1_010


@pytest.mark.parametrize("text", ["{ __schema { description } }", get_introspection_query(), "{ __typename }"])
async def test_required_lets_those_introspect_who_may(redis: Redis, text: str) -> None:
    world = World(redis, TrustedDocuments.REQUIRED)
    assert await world.text(may_introspect=True, query=text) == text
    assert (await world.refused(may_introspect=False, query=text))[0] == "DOCUMENT_NOT_TRUSTED"


@pytest.mark.parametrize(
    "text",
    [
        "{ __schema { description } a }",
        "{ __schema { description } ...F } fragment F on Query { a }",
        "{ ... { a } }",
        "query A { __typename } query B { a }",
        "fragment F on Query { __typename }",
        "{",
        "{ __typename }" + " #" * 5_000 + "\n{ a }",
    ],
)
async def test_introspection_is_no_cover_for_data(redis: Redis, text: str) -> None:
    world = World(redis, TrustedDocuments.REQUIRED)
    assert (await world.refused(may_introspect=True, query=text))[0] == "DOCUMENT_NOT_TRUSTED"


async def test_without_the_database_only_required_texts_wait_for_it(redis: Redis) -> None:
    for trusted in (TrustedDocuments.OFF, TrustedDocuments.LOG_ONLY):
        world = World(redis, trusted)
        world.texts.away = True
        assert await world.text(query="{ b }") == "{ b }"
        assert (await world.refused(extensions=apollo("{ c }")))[0] == "PERSISTED_QUERY_NOT_FOUND"
    world = World(redis, TrustedDocuments.REQUIRED)
    world.texts.away = True
    with pytest.raises(DatabaseUnavailable):
        await world.text(query=KNOWN)
    with pytest.raises(DatabaseUnavailable):
        await world.text(document_id="known")


async def test_unpaired_surrogate_is_no_defect(redis: Redis) -> None:
    assert (await World(redis, TrustedDocuments.REQUIRED).refused(query="\ud800"))[0] == "DOCUMENT_NOT_TRUSTED"
