"""The plans that are sold: what a query may cost, how much may be spent, and how large a document may be."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec


class PlanName(StrEnum):
    """From the smallest to the largest."""

    FREE = "FREE"
    TEAM = "TEAM"
    BUSINESS = "BUSINESS"
    ENTERPRISE = "ENTERPRISE"


CURRENCY: Final = "USD"
"""Of all prices."""


class DocumentBounds(msgspec.Struct, frozen=True):
    """The largest document: they protect the parser, cost does the rest."""

    tokens: int
    depth: int
    aliases: int
    directives: int


class Plan(msgspec.Struct, frozen=True):
    """Costs are in points, the rate in points per second, the price in minor units of `CURRENCY` per month."""

    name: PlanName
    description: str
    price_minor: int
    max_query_cost: int
    capacity: int
    restore_rate: int
    bounds: DocumentBounds


PLANS: Final[Mapping[PlanName, Plan]] = MappingProxyType(
    {
        plan.name: plan
        for plan in (
            Plan(
                name=PlanName.FREE,
                description="To get to know the graph, and for small dashboards.",
                price_minor=0,
                max_query_cost=50_000,
                capacity=50_000,
                restore_rate=500,
                bounds=DocumentBounds(tokens=2_000, depth=18, aliases=50, directives=30),
            ),
            Plan(
                name=PlanName.TEAM,
                description="For a team with a dashboard that is looked at all day.",
                price_minor=9_900,
                max_query_cost=100_000,
                capacity=200_000,
                restore_rate=2_000,
                bounds=DocumentBounds(tokens=3_000, depth=20, aliases=80, directives=50),
            ),
            Plan(
                name=PlanName.BUSINESS,
                description="For partners who read attribution graphs and send their events.",
                price_minor=49_900,
                max_query_cost=250_000,
                capacity=1_000_000,
                restore_rate=10_000,
                bounds=DocumentBounds(tokens=4_000, depth=24, aliases=100, directives=50),
            ),
            Plan(
                name=PlanName.ENTERPRISE,
                description="For those whose systems run on the graph.",
                price_minor=199_900,
                max_query_cost=500_000,
                capacity=5_000_000,
                restore_rate=50_000,
                bounds=DocumentBounds(tokens=4_000, depth=24, aliases=100, directives=50),
            ),
        )
    }
)
"""A query never costs more than fits into the budget: max_query_cost ≤ capacity."""
