"""What a purchase charges and says, by itself; with operations see tests/gateway/test_paid_operations.py."""

import msgspec
import pytest
from graphql import FieldNode
from prometheus_client import CollectorRegistry

from gateway.cost.admission import Checkout, Purchase
from gateway.cost.local_budgets import LocalBudgets
from gateway.errors import RequestRejected
from ops.telemetry.metrics import CostMetrics
from persistence.ids import ApiKeyId
from resolvers.billing.plans import PLANS, PlanName
from resolvers.billing.spending import UNKNOWN, KeyBudget, Spending
from tests.gateway.cost.pricing import Priced, priced

SDL = """
type Query {
  pages(first: Int!): [Shop!]! @listSize(slicingArguments: ["first"])
  shops: [Shop!]! @listSize(assumedSize: 2)
}
type Shop { id: ID! goods: [Shop!]! @listSize(assumedSize: 40) }
"""


KEY = ApiKeyId(12)


@pytest.fixture(scope="module")
def schema() -> Priced:
    return priced(SDL)


def purchase(schema: Priced, query: str, registry: CollectorRegistry, key: KeyBudget | None = None) -> Purchase:
    plan = msgspec.structs.replace(PLANS[PlanName.FREE], capacity=100, max_query_cost=50, restore_rate=0)
    checkout = Checkout(LocalBudgets(lambda: 0.0), CostMetrics(registry))
    return checkout.purchase(schema.price(query), Spending("ten:1", plan, key), UNKNOWN)


def refusal(schema: Priced, query: str, key: KeyBudget | None = None) -> str:
    with pytest.raises(RequestRejected) as refused:
        purchase(schema, query, CollectorRegistry(), key).check()
    return refused.value.errors[0].message


async def test_another_plan_or_budget_of_the_same_payer_counts_at_once(schema: Priced) -> None:
    checkout = Checkout(LocalBudgets(lambda: 0.0), CostMetrics(CollectorRegistry()))
    price, team = schema.price("{ shops { id } }"), PLANS[PlanName.TEAM]
    smaller = msgspec.structs.replace(team, max_query_cost=50, capacity=60, restore_rate=3)
    found = []
    for spending in (
        Spending("ten:1", team),
        Spending("ten:1", smaller),
        Spending("ten:1", team, KeyBudget(KEY, 7, 2)),
    ):
        bought = checkout.purchase(price, spending, UNKNOWN)
        await bought.take(60)
        found.append((bought.extension(None)["maximumQueryCost"], bought.headers()["ratelimit-policy"]))
    assert found == [
        (100_000, '"tenant";q=200000;w=100'),
        (50, '"tenant";q=60;w=20'),
        (7, '"tenant";q=200000;w=100, "api-key";q=7;w=4'),
    ]


async def test_list_beyond_its_bound_is_an_overrun_that_nobody_pays_for(schema: Priced) -> None:
    query, registry = "{ shops { id } }", CollectorRegistry()
    bought = purchase(schema, query, registry)
    await bought.take(60)
    [field] = schema.document(query).operation(None).selection_set.selections
    assert isinstance(field, FieldNode)
    bought.tally.count("Query", ())
    bought.tally.count("Shop", [field], ("shops",), 5)
    await bought.settle()
    cost = bought.extension(None)
    # Query, the field and two shops, not five.
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (4, 4)
    assert cost["throttleStatus"]["currentlyAvailable"] == 96
    assert registry.get_sample_value("podgraph_cost_overruns_total") == 1


def test_refusal_names_the_list_and_the_largest_size_that_fits(schema: Priced) -> None:
    assert refusal(schema, "{ pages(first: 500) { id } }") == (
        "This operation may cost 502 points; the plan FREE allows 50."
        " The dearest list is 'pages': it fits with first: 48 instead of 500."
    )


def test_refusal_says_when_no_size_of_the_list_fits(schema: Priced) -> None:
    assert refusal(schema, "{ shops { goods { id } } pages(first: 3) { id } }") == (
        "This operation may cost 90 points; the plan FREE allows 50."
        " The dearest list is 'pages', but no size of it fits: ask for less below and beside it."
    )


def test_refusal_without_such_a_list_says_to_ask_for_less(schema: Priced) -> None:
    assert refusal(schema, "{ shops { goods { id } } }") == (
        "This operation may cost 86 points; the plan FREE allows 50. Ask for fewer fields or fewer lists within lists."
    )


def test_refusal_by_the_budget_of_a_key_says_so(schema: Priced) -> None:
    key = KeyBudget(KEY, capacity=20, restore_rate=1)
    assert refusal(schema, "{ pages(first: 30) { id } }", key).startswith(
        "This operation may cost 32 points; the budget of this API key allows 20."
    )
