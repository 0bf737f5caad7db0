"""Which operations of a document are asked."""

from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.warming.queries import LeftOut, Query, queries_of
from ops.telemetry.metrics import DocumentMetrics
from schema.graph import build_graph

MANY = """
query Titles($first: Int!, $after: String) { podcasts(first: $first, after: $after) { nodes { title } } }
query Names($first: Int! = 5) { campaigns(first: $first) { nodes { name } } }
mutation Make { createPodcast(input: {title: "Made"}) { __typename } }
subscription Changes { campaignUpdated { __typename } }
"""


@pytest.fixture(scope="module")
def documents() -> Documents:
    return Documents(build_graph().schema, DocumentLimits(), DocumentMetrics(CollectorRegistry()))


def asked(documents: Documents, text: str, given: Mapping[str, Any]) -> tuple[list[Query], list[LeftOut]]:
    return queries_of(documents.document(text, hide_suggestions=False), text, "many.graphql", given)


def test_queries_take_the_variables_that_they_declare_and_nothing_but_queries_is_asked(documents: Documents) -> None:
    queries, left_out = asked(documents, MANY, {"first": 3, "other": 1})
    assert queries == [
        Query("Titles of many.graphql", MANY, "Titles", {"first": 3}),
        Query("Names of many.graphql", MANY, "Names", {"first": 3}),
    ]
    assert left_out == [
        LeftOut("Make of many.graphql", "is a mutation"),
        LeftOut("Changes of many.graphql", "is a subscription"),
    ]


def test_what_needs_a_value_that_is_not_given_is_left_out_and_what_has_a_default_is_not(documents: Documents) -> None:
    queries, left_out = asked(documents, MANY, {})
    assert [(query.operation, query.variables) for query in queries] == [("Names", {})]
    assert left_out[0] == LeftOut("Titles of many.graphql", "needs $first")


def test_values_of_another_type_are_not_sent(documents: Documents) -> None:
    queries, left_out = asked(documents, MANY, {"first": "three"})
    assert queries == []
    assert left_out[:2] == [
        LeftOut(f"{name} of many.graphql", "does not take the values of its variables") for name in ("Titles", "Names")
    ]


def test_a_query_without_a_name_is_called_by_its_file(documents: Documents) -> None:
    text = "{ podcasts { totalCount } }"
    assert asked(documents, text, {}) == ([Query("the query of many.graphql", text, None, {})], [])


def test_a_document_with_introspection_is_not_asked(documents: Documents) -> None:
    why = "is in a document with introspection, whose answers are not kept"
    assert asked(documents, "query Schema { __schema { queryType { name } } }", {}) == (
        [],
        [LeftOut("Schema of many.graphql", why)],
    )
