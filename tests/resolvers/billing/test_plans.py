"""The price list: what is dearer gives more, and a query that a plan allows fits into its budget."""

from itertools import pairwise

from resolvers.billing.plans import PLANS, PlanName


def test_every_name_has_a_plan_from_the_smallest_to_the_largest() -> None:
    assert list(PLANS) == [plan.name for plan in PLANS.values()] == list(PlanName)


def test_dearer_plan_gives_more_of_what_is_paid_for() -> None:
    for smaller, larger in pairwise(PLANS.values()):
        for of in ("price_minor", "max_query_cost", "capacity", "restore_rate"):
            assert getattr(smaller, of) < getattr(larger, of), of
        for of in ("tokens", "depth", "aliases", "directives"):
            assert getattr(smaller.bounds, of) <= getattr(larger.bounds, of), of


def test_dearest_query_of_a_plan_fits_into_its_budget() -> None:
    for plan in PLANS.values():
        assert plan.max_query_cost <= plan.capacity
