"""What an operation may be kept for follows from the hints of all its fields; what nobody allowed is not kept."""

from functools import cache

import pytest
from graphql import GraphQLSchema, build_schema, parse
from prometheus_client import CollectorRegistry

from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.responses.policies import Policies, Policy
from ops.telemetry.metrics import DocumentMetrics
from schema.annotations import read_annotations
from schema.directives import DIRECTIVES, Hint
from schema.graph import Graph, build_graph

SDL = """
interface Named { name: String }
type Show implements Named @cacheControl(maxAge: 60, scope: PUBLIC) {
  name: String
  plays: Int @cacheControl(maxAge: 0)
  rating: Int @cacheControl(maxAge: 5)
  note: String @cacheControl(scope: PRIVATE)
  host: Host
  mine: Show @cacheControl(maxAge: 30, scope: PRIVATE)
  unhinted: Bare
  forced: Bare @cacheControl(maxAge: 20, scope: PUBLIC)
  other: Host @cacheControl(maxAge: 7)
}
type Host implements Named @cacheControl(maxAge: 40) { name: String show: Show }
type Bare { name: String }
type Loose implements Named { name: String }
union Either = Show | Host
union Any = Show | Bare
type Query {
  show: Show
  shows: [Show!]! @listSize(assumedSize: 5)
  named: Named
  either: Either
  any: Any
  bare: Bare
  count: Int
  counted: Int @cacheControl(maxAge: 9, scope: PUBLIC)
  off: Show @cacheControl(maxAge: 0)
}
type Mutation { change: Show }
"""


@cache
def small() -> tuple[GraphQLSchema, dict[str, Hint]]:
    return build_schema(DIRECTIVES + SDL), dict(read_annotations(parse(DIRECTIVES + SDL)).hints)


def policy(text: str, graph: tuple[GraphQLSchema, dict[str, Hint]] | None = None) -> Policy | None:
    schema, hints = graph or small()
    documents = Documents(schema, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
    document = documents.document(text, hide_suggestions=False)
    policies = Policies(schema, hints)
    found = policies.policy(document, document.operation(None))
    assert policies.policy(document, document.operation(None)) == found, "the second time it is remembered"
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ show { name } }", Policy(60, private=False)),
        ("{ __typename show { __typename name } }", Policy(60, private=False)),
        ("{ shows { name } show { name } }", Policy(60, private=False)),
        ("{ show { rating } }", Policy(5, private=False)),
        ("{ show { note } }", Policy(60, private=True)),
        ("{ show { host { name } } }", Policy(40, private=True)),
        ("{ show { mine { name } } }", Policy(30, private=True)),
        ("{ show { forced { name } } }", Policy(20, private=False)),
        ("{ show { other { name } } }", Policy(7, private=True)),
        ("{ either { ... on Show { name } } }", Policy(40, private=True)),
        ("{ counted }", Policy(9, private=False)),
        ("query ($no: Boolean!) { show { name rating @skip(if: $no) } }", Policy(5, private=False)),
        ("{ show { ...F } } fragment F on Show { rating ...G } fragment G on Show { mine { name } }", Policy(5, True)),
        ("{ show { ... on Named { name } ... { rating } } }", Policy(5, private=False)),
    ],
)
def test_the_shortest_time_and_the_narrowest_circle_of_all_fields_count(text: str, expected: Policy) -> None:
    assert policy(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{ show { plays } }",
        "{ show { unhinted { name } } }",
        "{ bare { name } }",
        "{ show { name } bare { name } }",
        "{ show { name } ...F } fragment F on Query { bare { name } }",
        "{ named { name } }",
        "{ any { ... on Show { name } } }",
        "{ count }",
        "{ off { name } }",
        "{ show { name } __schema { queryType { name } } }",
        '{ __type(name: "Show") { name } }',
        "{ __typename }",
        "mutation { change { name } }",
    ],
)
def test_what_one_field_does_not_allow_is_not_kept(text: str) -> None:
    assert policy(text) is None


def test_remembered_policies_are_bounded_and_told_apart_by_the_operation() -> None:
    schema, hints = small()
    documents = Documents(schema, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
    document = documents.document("query A { show { name } } query B { bare { name } }", hide_suggestions=False)
    policies = Policies(schema, hints, most=1)
    for _ in range(2):
        assert policies.policy(document, document.operation("A")) == Policy(60, private=False)
        assert policies.policy(document, document.operation("B")) is None
    assert len(policies) == 1


@cache
def graph() -> Graph:
    return build_graph()


@pytest.mark.parametrize(
    "text",
    [
        "{ campaigns { totalCount nodes { name placements { nodes { episode { title podcast { title } } } } } } }",
        '{ attributionRun(id: "run_1") { totals { values { currency } } credits { edges { cursor } } } }',
        '{ attributionRun(id: "run_1") { conversions { nodes { occurredAt credits { placement { id } } } } } }',
        "{ podcasts { nodes { episodes { pageInfo { hasNextPage } } } } }",
        "{ plans { name } attributionModels { kind } }",
    ],
)
def test_lists_and_runs_of_the_graph_are_shared_within_a_tenant(text: str) -> None:
    built = graph()
    assert policy(text, (built.schema, dict(built.annotations.hints))) == Policy(300, private=False)


@pytest.mark.parametrize(
    "text",
    [
        "{ viewer { role } }",
        "{ campaigns { nodes { metrics { impressions } } } }",
        '{ attributionRun(id: "run_1") { createdBy { name } } }',
        '{ attributionRun(id: "run_1") { conversions { nodes { conversion { id } } } } }',
        "{ conversions { nodes { id } } }",
        "{ events { nodes { id } } }",
        '{ node(id: "pod_1") { id } }',
        "{ billingSubscription { plan { name } } }",
        '{ placement(id: "plc_1") { events { nodes { id } } } }',
    ],
)
def test_what_depends_on_the_clock_the_viewer_or_events_is_never_kept(text: str) -> None:
    built = graph()
    assert policy(text, (built.schema, dict(built.annotations.hints))) is None


def test_nothing_that_belongs_to_people_is_hinted() -> None:
    personal = {"Viewer", "User", "Tenant", "Membership", "Invite", "ApiKey", "BillingSubscription", "BillingChange"}
    hints = graph().annotations.hints
    assert hints
    assert not {name.partition(".")[0].removesuffix("Connection").removesuffix("Edge") for name in hints} & personal
