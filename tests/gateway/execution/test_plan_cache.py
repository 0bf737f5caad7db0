"""Plans are made once and kept within bounds, whatever documents clients send."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import pytest
from graphql.execution.values import get_variable_values
from prometheus_client import CollectorRegistry

from gateway.documents.documents import Document
from gateway.execution.plan import Plan
from gateway.execution.planner import Planner, Unplanned
from gateway.execution.plans import Plans
from ops.telemetry.metrics import ExecutionMetrics
from tests.gateway.execution.answers import documents
from tests.gateway.execution.conformance.stage import schema

KNOWN: Final = documents(schema())


def plans(registry: CollectorRegistry | None = None, **bounds: int) -> Plans:
    return Plans(Planner(schema()), ExecutionMetrics(registry or CollectorRegistry()), **bounds)


def planned(kept: Plans, query: str, variables: Mapping[str, Any] = MappingProxyType({})) -> Plan:
    document: Document = KNOWN.document(query, hide_suggestions=False)
    operation = document.operation(None)
    values = get_variable_values(schema(), operation.variable_definitions or (), dict(variables))
    assert not isinstance(values, list)
    return kept.plan(document, operation, values)


def test_the_same_document_has_the_same_plan() -> None:
    kept = plans()
    assert planned(kept, "{ text }") is planned(kept, "{ text }")
    assert planned(kept, "{ text }") is not planned(kept, "{ text } ")


def test_variables_have_plans_of_their_own_only_if_they_steer() -> None:
    kept = plans()
    query = "query Q($a: Boolean!, $t: String!) { best { said(text: $t) name @skip(if: $a) } }"
    first = planned(kept, query, {"a": True, "t": "x"})
    assert planned(kept, query, {"a": True, "t": "y"}) is first
    assert planned(kept, query, {"a": False, "t": "x"}) is not first
    assert len(kept) == 2


def test_distinct_documents_push_out_those_not_used_for_longest() -> None:
    registry = CollectorRegistry()
    kept = plans(registry, max_entries=20)
    favourite = planned(kept, "{ text }")
    for number in range(200):
        planned(kept, f"{{ a{number}: text }}")
        assert planned(kept, "{ text }") is favourite
        assert len(kept) <= 20
    assert registry.get_sample_value("podgraph_execution_plans") == 20


def test_large_documents_are_bounded_by_what_they_take() -> None:
    kept = plans(max_bytes=2_000_000)
    for number in range(60):
        fields = " ".join(f"a{number}x{field}: name" for field in range(100))
        planned(kept, f"{{ best {{ {fields} }} }}")
        assert kept.bytes <= 2_000_000
    assert 1 <= len(kept) < 10


def test_what_cannot_be_planned_is_kept_within_the_same_bounds() -> None:
    kept = plans(max_entries=20)
    for number in range(100):
        with pytest.raises(Unplanned):
            planned(kept, f"{{ a{number}: __schema {{ description }} }}")
        assert len(kept) <= 20


def test_the_values_that_steer_are_bounded_like_documents() -> None:
    kept = plans(max_entries=20)
    declared = ", ".join(f"$v{number}: Boolean!" for number in range(8))
    fields = " ".join(f"a{number}: text @skip(if: $v{number})" for number in range(8))
    query = f"query Q({declared}) {{ {fields} }}"
    for bits in range(256):
        planned(kept, query, {f"v{number}": bool(bits >> number & 1) for number in range(8)})
        assert len(kept) <= 20
