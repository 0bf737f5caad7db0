"""How many values an operation of the graph could be answered with, and where that is too many."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.errors import RequestRejected
from ops.telemetry.metrics import DocumentMetrics
from tests.graph import schema

SCREEN = (
    "{ campaigns(first: 50) { nodes { id name status lineItems { nodes { id name placements { nodes {"
    " id position promoCode episode { id title publishedAt podcast { id title } } } } } } } } }"
)
ENDLESS = "{ podcasts(first: 1) { nodes { " + "episodes(first: 1000) { nodes { podcast { " * 4 + "id" + "} " * 15


def values(text: str, **variables: Any) -> int:
    documents = Documents(schema()._schema, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
    document = documents.document(text, hide_suggestions=False)
    [size] = document.sizes.values()
    return size.values(variables)


def check(text: str, **variables: Any) -> None:
    documents = Documents(schema()._schema, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
    document = documents.document(text, hide_suggestions=False)
    documents.check_size(document, document.operation(None), variables)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ viewer { user { id } } }", 3),
        ("{ podcasts(first: 10) { nodes { id title } } }", 1 + 10 * (1 + 2)),
        ("{ podcasts(last: 10) { nodes { id } } }", 1 + 10 * 2),
        ("{ podcasts { nodes { id } } }", 1 + 25 * 2),
        ("{ podcasts(first: null) { nodes { id } } }", 1 + 25 * 2),
        ("{ podcasts(first: 0) { nodes { id } } }", 1),
        ("{ podcasts(first: -1) { nodes { id } } }", 1),
        ("{ podcasts(first: 2147483647) { nodes { id } } }", 1 + 1_000 * 2),
        ("{ podcasts(first: 10) { edges { node { id } } } }", 1 + 10 * 3),
        ("{ podcasts(first: 10) { nodes { episodes(first: 20) { nodes { id } } } } }", 1 + 10 * (2 + 20 * 2)),
        ('{ nodes(ids: ["pod_1", "pod_2"]) { id } }', 1 + 2),
        ('{ nodes(ids: "pod_1") { id } }', 1 + 1),
        ("{ viewer { memberships { role } } }", 2 + 100),
        ("{ attributionRuns(first: 10) { nodes { parameters { name } } } }", 1 + 10 * (2 + 20)),
        ('{ conversion(id: "cnv_1") { path { touches { ageSeconds } } } }', 3 + 500),
        ('{ conversion(id: "cnv_1") { explain(model: {kind: LINEAR}) { touches { share } } } }', 3 + 1_000),
        ("{ campaigns(first: 10) { nodes { metrics { reach visits } } } }", 1 + 10 * (2 + 2)),
        ("{ campaigns(first: 10) { nodes { metrics { byCurrency { spend } } } } }", 1 + 10 * (2 + 1 + 20)),
        ("{ campaigns(first: 10) { nodes { metrics(groupBy: DAY) { reach } } } }", 1 + 10 * (2 + 401)),
        ("{ campaigns(first: 10) { nodes { metrics(groupBy: HOUR) { reach } } } }", 1 + 10 * (2 + 1_000)),
        ("{ __schema { queryType { name } } }", 20_000),
        ("{ ...A } fragment A on Query { podcasts(first: 10) { ...B } }"
         " fragment B on PodcastConnection { nodes { ... { id } ... on Node { id } } }", 1 + 10 * 3),
    ],
)  # fmt: skip
def test_page_sizes_multiply(text: str, expected: int) -> None:
    assert values(text) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, 30),
        ({"n": 7}, 7),
        ({"n": None}, 25),
        ({"n": 3.0}, 3),
        ({"n": 10**400}, 1_000),
        ({"n": -5}, 0),
        ({"n": "9"}, 25),
        ({"n": True}, 25),
    ],
)
def test_variables_are_evaluated(given: dict[str, Any], expected: int) -> None:
    assert values("query ($n: Int = 30) { podcasts(first: $n) { nodes { id } } }", **given) == 1 + expected * 2


def test_ids_of_a_variable_are_counted() -> None:
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert values(text, ids=["pod_1"] * 3) == 1 + 3
    assert values(text, ids="pod_1") == 1 + 1


def test_dashboard_and_a_thousand_episodes_are_allowed() -> None:
    check(SCREEN)
    check('{ podcast(id: "pod_1") { episodes(first: 1000) { edges { cursor node { id title description } } } } }')


@pytest.mark.parametrize(("variables", "rows"), [({}, 59), ({"by": "NONE"}, 1), ({"by": "PLACEMENT"}, 1_000)])
def test_rows_of_metrics_are_counted_by_the_grouping_of_the_request(variables: dict[str, str], rows: int) -> None:
    query = 'query ($by: MetricsGrouping! = WEEK) { campaign(id: "cmp_1") { metrics(groupBy: $by) { reach } } }'
    assert values(query, **variables) == 2 + rows


def test_every_figure_of_a_screen_of_campaigns_is_allowed_and_of_every_hour_of_them_refused() -> None:
    figures = "currency impressions visits conversions spend revenue cpm cpv cpa aov roas"
    row = f"{figures} reach frequency visitors visitationRate conversionRate byCurrency {{ {figures} }}"
    check(f"{{ campaigns(first: 100) {{ nodes {{ id name metrics {{ {row} }} }} }} }}")
    check("{ campaigns(first: 100) { nodes { metrics(groupBy: DAY) { impressions reach spend revenue } } } }")
    with pytest.raises(RequestRejected):
        check("{ campaigns(first: 100) { nodes { metrics(groupBy: HOUR) { impressions reach spend revenue roas } } } }")


def test_models_compared_and_a_runs_conversions_are_allowed() -> None:
    check("""query ($from: DateTime!, $until: DateTime!, $models: [AttributionModelInput!]!) {
      compareModels(campaignId: "cmp_1", from: $from, until: $until, models: $models) {
        models { kind parameters { name value } } totals { conversions values { currency attributed unattributed } }
        rows(first: 1000) { placement { id } credits { conversions values { currency amountMinor } } }
      }
    }""")
    check("""{ attributionRun(id: "run_1") {
      credits(first: 1000) { nodes { placement { id episode { title } } conversions share values { amountMinor } } }
      conversions(first: 200) { nodes { evidence credits { share placement { id episode { title } } } } }
    } }""")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (ENDLESS, "3,003,003,003,003"),
        ("{ podcasts(first: 1000) { nodes { episodes(first: 1000) { nodes { id } } } } }", "2,002,001"),
        ("{" + "".join(f"a{n}: podcasts(first: 1000) {{ nodes {{ id title author }} }} " for n in range(100)) + "}",
         "400,100"),
    ],
)  # fmt: skip
def test_answer_that_could_grow_without_bound_is_refused_before_anything_is_read(text: str, shown: str) -> None:
    most = 500_000 if shown != "400,100" else 400_099
    documents = Documents(schema()._schema, DocumentLimits(values=most), DocumentMetrics(CollectorRegistry()))
    document = documents.document(text, hide_suggestions=False)
    with pytest.raises(RequestRejected) as caught:
        documents.check_size(document, document.operation(None), {})
    assert caught.value.code == "RESPONSE_TOO_LARGE"
    assert f"could hold {shown} values; at most {most:,} are allowed" in caught.value.errors[0].message
