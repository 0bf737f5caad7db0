"""The compiled executor on the graph: what it runs itself, what it asks of the database, and what it leaves."""

import re

import msgspec
import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from gateway.documents.documents import Documents
from gateway.execution.compiled import CompiledExecutor
from gateway.execution.executor import Execution, Job
from gateway.execution.profile import Profile, Way
from gateway.execution.reference import ReferenceExecutor
from ops.telemetry.metrics import DocumentMetrics, ExecutionMetrics
from resolvers.context import RequestContext, Services
from tests.actors import Actor, new_tenant
from tests.graph import ROOMY, data, schema
from tests.schema.test_campaign_statements import recorded_statements

MISSING = 'podcasts { nodes { title } } wrong: podcast(id: "cmp_1") { title }'
"""Ids of campaigns are no ids of podcasts: an error beside a list that was read."""


class Lab:
    """An executor with counters of its own."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.registry = CollectorRegistry()
        graph = schema()._schema
        reference: ReferenceExecutor[RequestContext] = ReferenceExecutor(graph, seconds=30)
        self._executor = CompiledExecutor(graph, ExecutionMetrics(self.registry), seconds=30, reference=reference)
        self._documents = Documents(graph, ROOMY, DocumentMetrics(CollectorRegistry()))

    async def run(self, text: str, profile: Profile | None = None, **variables: object) -> Execution:
        document = self._documents.document(text, hide_suggestions=False)
        job = Job(document, None, variables, hide_suggestions=False, profile=profile)
        execution = await self._executor.execute(job, self.actor.context())
        return Execution(msgspec.to_builtins(execution.data), execution.errors)

    def went(self, way: Way) -> float:
        return self.registry.get_sample_value("podgraph_executions_total", {"way": way.value}) or 0

    @property
    def plans(self) -> float | None:
        return self.registry.get_sample_value("podgraph_execution_plans")


@pytest_asyncio.fixture(scope="module")
async def publisher(services: Services) -> Actor:
    actor = await new_tenant(services)
    for number in range(3):
        selected = "... on CreatePodcastPayload { podcast { id } }"
        create = f'createPodcast(input: {{ title: "Show {number}" }}) {{ {selected} }}'
        made = await data(actor.context(), f"mutation {{ {create} }}")
        podcast_id = made["createPodcast"]["podcast"]["id"]
        for episode in range(2):
            created = (
                f'createEpisode(podcastId: "{podcast_id}", input: {{ title: "Episode {episode}" }}) {{ __typename }}'
            )
            await data(actor.context(), f"mutation {{ {created} }}")
    return actor


@pytest.fixture
def lab(publisher: Actor) -> Lab:
    return Lab(publisher)


def columns(statement: str) -> set[str]:
    """What a statement selects first, without the names that it gives to it."""
    selected = statement.removeprefix("SELECT ").partition("FROM")[0]
    return {re.sub(r"^anon_1\.", "parent.", column.split(" AS ")[0].strip()) for column in selected.split(",")}


async def test_a_query_is_one_statement_a_level_of_only_the_columns_that_it_reads(lab: Lab) -> None:
    with recorded_statements(lab.actor.services.database) as statements:
        execution = await lab.run("{ podcasts { nodes { title episodes { nodes { number podcast { author } } } } } }")
    assert execution.errors == ()
    assert lab.went(Way.COMPILED) == 1
    assert [columns(statement) for statement in statements] == [
        {"podcasts.id", "podcasts.title", "podcasts.author"},
        {"parent.id", "child.id", "child.number", "child.podcast_id"},
        {"podcasts.id", "podcasts.title", "podcasts.author"},
    ]


async def test_a_plan_is_made_once_for_all_variables_that_steer_it_alike(lab: Lab) -> None:
    text = "query ($n: Int, $x: Boolean = false) { podcasts(first: $n) { nodes { title author @include(if: $x) } } }"
    first = await lab.run(text, n=1)
    assert first.data == {"podcasts": {"nodes": [{"title": "Show 2"}]}}
    second = await lab.run(text, n=2)
    assert second.data == {"podcasts": {"nodes": [{"title": "Show 2"}, {"title": "Show 1"}]}}
    assert lab.plans == 1
    third = await lab.run(text, n=1, x=True)
    assert third.data == {"podcasts": {"nodes": [{"title": "Show 2", "author": None}]}}
    assert lab.plans == 2
    assert lab.went(Way.COMPILED) == 3


async def test_an_error_is_graphql_cores_and_nothing_is_read_twice_for_it(lab: Lab) -> None:
    with recorded_statements(lab.actor.services.database) as statements:
        execution = await lab.run(f"{{ {MISSING} }}")
    assert execution.data == {
        "podcasts": {"nodes": [{"title": "Show 2"}, {"title": "Show 1"}, {"title": "Show 0"}]},
        "wrong": None,
    }
    [error] = execution.errors
    assert error.path == ["wrong"]
    assert lab.went(Way.ABANDONED) == 1
    assert len(statements) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('mutation { createPodcast(input: { title: "" }) { __typename } }', "it is no query"),
        ("{ __typename __schema { queryType { name } } }", "__schema is introspection"),
    ],
)
async def test_what_has_no_plan_is_graphql_cores(lab: Lab, text: str, why: str) -> None:
    profile = Profile(lambda: 0.0)
    execution = await lab.run(text, profile)
    assert execution.errors == ()
    assert lab.went(Way.REFERENCE) == 1
    assert (profile.way, profile.why) == (Way.REFERENCE, why)


async def test_a_profile_tells_each_call_by_its_place_its_parents_and_its_time(lab: Lab) -> None:
    seconds = iter(range(100))
    profile = Profile(lambda: float(next(seconds)))
    await lab.run("{ podcasts { nodes { episodes { nodes { title } } } } viewer { role } }", profile)
    shown = profile.shown()
    assert shown["executor"] == "compiled"
    assert [(level["path"], level["field"], level["parents"]) for level in shown["levels"]] == [
        ("podcasts", "Query.podcasts", 1),
        ("viewer", "Query.viewer", 1),
        ("podcasts.nodes.episodes", "Podcast.episodes", 3),
    ]
    assert all(level["milliseconds"] >= 1_000 for level in shown["levels"])
    assert "reason" not in shown


async def test_a_profile_of_an_abandoned_run_says_why(lab: Lab) -> None:
    profile = Profile(lambda: 0.0)
    await lab.run(f"{{ {MISSING} }}", profile)
    shown = profile.shown()
    assert (shown["executor"], shown["reason"]) == ("abandoned", "InvalidInput")
    assert {level["path"]: level["milliseconds"] for level in shown["levels"]} == {"podcasts": None, "wrong": None}


async def test_a_trace_has_a_span_for_each_call_with_its_times(lab: Lab) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    seconds = iter(range(100))
    profile = Profile(lambda: float(next(seconds)))
    await lab.run("{ podcasts { nodes { episodes { nodes { title } } } } }", profile)
    profile.trace(provider.get_tracer("test"), 1_000_000_000_000)
    spans = exporter.get_finished_spans()
    assert [(span.name, dict(span.attributes or {})) for span in spans] == [
        ("Query.podcasts", {"graphql.field.path": "podcasts", "podgraph.parents": 1}),
        ("Podcast.episodes", {"graphql.field.path": "podcasts.nodes.episodes", "podgraph.parents": 3}),
    ]
    assert [(span.start_time, span.end_time) for span in spans] == [
        (996_000_000_000, 997_000_000_000),
        (998_000_000_000, 999_000_000_000),
    ]
