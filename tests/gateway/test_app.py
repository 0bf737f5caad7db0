"""The whole application, put together from settings: what each setting of the edge does to a request."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.trace import NoOpTracer
from pydantic import SecretStr
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.middleware.drain import Drain
from gateway.settings import Auth, DatabaseSettings, Environment, Http, Settings
from persistence.database import Database

QUERY = {"query": "{ __typename }"}


@contextmanager
def client(app_url: str, *, environment: Environment = Environment.DEVELOPMENT, **http: Any) -> Iterator[TestClient]:
    settings = Settings(
        environment=environment,
        http=Http(**http),
        database=DatabaseSettings(url=app_url, owner_url=None, pool_size=2),
        auth=Auth(signing_keys=(SecretStr("k" * 32),), hash_key=SecretStr("h" * 32)),
    )
    app = create_app(settings, drain=Drain(), tracer=NoOpTracer())
    with TestClient(app, base_url="http://podgraph.test") as opened:
        yield opened


def test_page_of_an_allowed_origin_may_call_and_another_may_not(database: Database, app_url: str) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    with client(app_url, cors_origins="https://app.example") as http:
        allowed = http.options("/graphql", headers={"origin": "https://app.example", **asked})
        refused = http.options("/graphql", headers={"origin": "https://evil.example", **asked})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "https://app.example")
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers


def test_without_origins_no_page_elsewhere_may_call(database: Database, app_url: str) -> None:
    with client(app_url) as http:
        answer = http.post("/graphql", json=QUERY, headers={"origin": "https://app.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_other_hosts_are_refused_when_hosts_are_listed(database: Database, app_url: str) -> None:
    with client(app_url, allowed_hosts="podgraph.test") as http:
        assert http.post("/graphql", json=QUERY).status_code == 200
        assert http.post("/graphql", json=QUERY, headers={"host": "evil.example"}).status_code in {400, 421}


def test_plain_http_is_not_served_where_https_is_required(database: Database, app_url: str) -> None:
    with client(app_url, require_https=True) as http:
        page = http.get("/", follow_redirects=False)
        refused = http.post("/graphql", json=QUERY)
        alive = http.get("/livez")
    assert (page.status_code, page.headers["location"]) == (308, "https://podgraph.test/")
    assert (refused.status_code, alive.status_code) == (403, 200)


def test_forwarded_scheme_is_believed_from_a_trusted_proxy_alone(database: Database, app_url: str) -> None:
    forwarded = {"x-forwarded-proto": "https", "x-forwarded-for": "198.51.100.7"}
    with client(app_url, require_https=True) as http:
        assert http.post("/graphql", json=QUERY, headers=forwarded).status_code == 403
    with client(app_url, require_https=True, trusted_proxies="0.0.0.0/0,::/0") as http:
        # The test's client has no address of its own, so no network holds it.
        assert http.post("/graphql", json=QUERY, headers=forwarded).status_code == 403


def test_stranger_may_introspect_in_development_but_not_in_production(database: Database, app_url: str) -> None:
    introspection = {"query": "{ __schema { queryType { name } } }"}
    with client(app_url) as http:
        shown = http.post("/graphql", json=introspection).json()
    assert shown["data"] == {"__schema": {"queryType": {"name": "Query"}}}
    with client(app_url, environment=Environment.PRODUCTION) as http:
        refused = http.post("/graphql", json=introspection).json()
    assert refused["errors"][0]["extensions"]["code"] == "INTROSPECTION_DISABLED"


def test_schema_is_shown_to_strangers_in_development_only(database: Database, app_url: str) -> None:
    with client(app_url) as http:
        assert "type Query" in http.get("/schema.graphql").text
    with client(app_url, environment=Environment.PRODUCTION) as http:
        assert http.get("/schema.graphql").status_code == 401


def test_metrics_are_shown_for_their_token(database: Database, app_url: str) -> None:
    with client(app_url, metrics_token="a token of the tests") as http:  # noqa: S106 - opens nothing else
        assert http.get("/metrics").status_code == 401
        shown = http.get("/metrics", headers={"authorization": "Bearer a token of the tests"})
    assert "podgraph_http_requests_total" in shown.text


def test_unchanged_answer_to_a_get_is_not_sent_again(database: Database, app_url: str) -> None:
    with client(app_url) as http:
        first = http.get("/graphql", params=QUERY)
        again = http.get("/graphql", params=QUERY, headers={"if-none-match": first.headers["etag"]})
    assert first.json()["data"] == {"__typename": "Query"}
    assert (again.status_code, again.content) == (304, b"")
    assert "Podgraph-Tenant" in first.headers["vary"]


def test_batch_is_answered_in_order_and_a_bad_item_spoils_no_other(database: Database, app_url: str) -> None:
    batch = [{"query": "{ a: __typename }"}, {"query": "{ nonsense }"}, {"query": "{ b: __typename }"}]
    with client(app_url) as http:
        first, second, third = http.post("/graphql", json=batch).json()
    assert (first["data"], third["data"]) == ({"a": "Query"}, {"b": "Query"})
    assert second["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_batch_beyond_the_setting_is_refused(database: Database, app_url: str) -> None:
    with client(app_url, batch_items=2) as http:
        refused = http.post("/graphql", json=[QUERY] * 3)
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (400, "BATCH_TOO_LARGE")


def test_body_beyond_the_setting_is_refused(database: Database, app_url: str) -> None:
    with client(app_url, body_bytes=2048) as http:
        refused = http.post("/graphql", json={"query": "{ __typename }" + " " * 2048})
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (413, "REQUEST_TOO_LARGE")


def test_health_names_the_database_and_redis(database: Database, app_url: str) -> None:
    with client(app_url) as http:
        report = http.get("/health").json()
    assert report["status"] == "healthy"
    assert [(probe["name"], probe["required"]) for probe in report["probes"]] == [("database", True), ("redis", False)]
