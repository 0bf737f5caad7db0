"""What a price means on a plan, in numbers."""

import pytest

from gateway.cost.quotes.price_list import sdl_prices
from gateway.cost.quotes.tables import at_once, per_minute, quote_json
from resolvers.billing.plans import PLANS, PlanName
from schema.directives import DIRECTIVES

SDL = """
type Query { shops(first: Int!): [Shop!]! @listSize(slicingArguments: ["first"]) }
type Shop { id: ID! }
"""


@pytest.mark.parametrize(
    ("shops", "a_minute", "at_a_time"),
    [(41_998, 0.7, 1), (6_998, 4.2, 7), (2_998, 10, 16), (1_998, 15, 25)],
)
def test_plan_that_pays_less_than_ten_times_a_minute_is_told_to_a_tenth(
    shops: int, a_minute: float, at_a_time: int
) -> None:
    quote = sdl_prices(DIRECTIVES + SDL, "schema").quote(f"{{ shops(first: {shops}) {{ id }} }}", None, {})
    plan = PLANS[PlanName.FREE]
    assert (per_minute(quote, plan), at_once(quote, plan)) == (a_minute, at_a_time)
    [told] = quote_json(quote, [plan])["plans"]
    assert (told["perMinute"], told["atOnce"], told["fits"]) == (a_minute, at_a_time, True)
