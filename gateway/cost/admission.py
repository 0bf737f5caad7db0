"""From a price to a settled budget: what an operation may cost, the hold on its budget, and what is given back."""

import math
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from graphql import GraphQLError

from gateway.cost.bill import DearestList
from gateway.cost.budgets import Budgets, Hold, Level, Throttled
from gateway.cost.dearest_list import advice
from gateway.cost.points import ONE, Points, readable, shown
from gateway.cost.prices import Price
from gateway.cost.tally import Tally
from gateway.cost.terms import Terms, terms_of
from gateway.errors import Code, RequestRejected, rejected
from ops.telemetry.metrics import CostMetrics
from resolvers.billing.spending import Client, Spending

HEADER: Final = "graphql-cost"

KEPT_PART: Final = 10
"""An answer from the response cache is charged this part of what it had cost."""

_PAYERS: Final = 10_000
"""Payers whose terms are remembered: those seen last."""


class CostMode(StrEnum):
    """What the request header GraphQL-Cost asks for."""

    REPORT = "report"
    """The bill beside the result."""
    VALIDATE = "validate"
    """The bill instead of the result: nothing is executed, nothing is taken."""


def cost_mode(header: str | None) -> CostMode | None:
    """Raises RequestRejected (BAD_REQUEST) for what is neither."""
    if header is None:
        return None
    try:
        return CostMode(header.strip().lower())
    except ValueError:
        raise rejected(Code.BAD_REQUEST, "The header GraphQL-Cost is 'report' or 'validate'.") from None


def cost_of_kept(actual: Points) -> Points:
    """What an answer from the response cache costs that had cost `actual`: a tenth, in whole points, and at least one.

    Never more than the answer itself.
    """
    return min(actual, max(ONE, Points(-(-actual // (KEPT_PART * ONE)) * ONE)))


class Checkout:
    """Where operations are paid for: makes their purchases."""

    def __init__(self, budgets: Budgets, metrics: CostMetrics) -> None:
        self._budgets = budgets
        self._metrics = metrics
        self._terms = lru_cache(_PAYERS)(terms_of)

    def purchase(self, price: Price, spending: Spending, client: Client) -> "Purchase":
        """Of one operation, or of one event of a subscription; `client` is which of the payer's programs asks."""
        return Purchase(price, self._terms(spending), client, self._budgets, self._metrics)


class Purchase:
    """One operation, or one event of a subscription: its price, what is held for it and what it came to."""

    __slots__ = (
        "_actual",
        "_budgets",
        "_client",
        "_dearest",
        "_hold",
        "_kept",
        "_levels",
        "_metrics",
        "_price",
        "_requested",
        "_terms",
        "tally",
    )

    def __init__(self, price: Price, terms: Terms, client: Client, budgets: Budgets, metrics: CostMetrics) -> None:
        self._price = price
        self._terms = terms
        self._client = client
        self._budgets = budgets
        self._metrics = metrics
        self._hold: Hold | None = None
        self._levels: tuple[Level, ...] = ()
        self._actual: Points | None = None
        self._dearest: DearestList | None = None
        self._requested = price.static
        self._kept = False
        self.tally = Tally()
        """Counts what is executed."""

    async def look(self) -> None:
        """Reads the budgets and takes nothing."""
        self._levels = await self._budgets.levels(self._terms.allowances)

    def check(self) -> None:
        """Raises RequestRejected (COST_LIMIT_EXCEEDED) when no budget of the payer's would ever do."""
        terms = self._terms
        if self._price.static <= terms.maximum:
            return
        self._metrics.refused("too_expensive")
        self._dearest = self._price.dearest_list(terms.maximum)
        message = (
            f"This operation may cost {readable(self._price.static)} points; {terms.limit} allows"
            f" {readable(terms.maximum)}. {advice(self._dearest)}"
        )
        extensions = {
            "requestedQueryCost": shown(self._price.static),
            "maximumQueryCost": terms.shown_maximum,
            "dearestList": _dearest(self._dearest),
        }
        raise RequestRejected(Code.COST_LIMIT_EXCEEDED, [GraphQLError(message, extensions=extensions)])

    async def take(self, seconds: float) -> None:
        """Holds the price until `settle`, or for `seconds`. Raises RequestRejected (COST_LIMIT_EXCEEDED, THROTTLED)."""
        await self._take(self._price.static, seconds)

    async def take_kept(self, actual: Points, seconds: float) -> None:
        """As `take`, for an answer that is there already and had cost `actual`: holds what that costs, no more.

        Which operations are too dear does not depend on what happens to be kept.
        """
        self._kept = True
        await self._take(cost_of_kept(actual), seconds)

    async def _take(self, requested: Points, seconds: float) -> None:
        try:
            self.check()
        except RequestRejected:
            await self.look()
            raise
        self._requested = requested
        taken = await self._budgets.take(self._terms.allowances, requested, client=self._client.name, seconds=seconds)
        self._levels = taken.levels
        if isinstance(taken, Throttled):
            self._metrics.refused("throttled")
            raise self._throttled(taken)
        self._hold = taken
        self._metrics.admitted(requested)

    async def settle(self) -> None:
        """Gives back what was held and not used; does nothing unless something is held."""
        if self._hold is None:
            return
        hold, self._hold = self._hold, None
        requested = self._requested
        actual = requested if self._kept else self._price.actual(self.tally)
        if actual > requested:
            # A list was longer than the schema says: nobody pays for our mistake, and operators hear of it.
            self._metrics.overrun()
            actual = requested
        self._actual = actual
        self._levels = await self._budgets.settle(hold, actual)
        self._metrics.settled(actual, requested - actual)

    @property
    def actual(self) -> Points | None:
        """What it came to, once it is settled."""
        return self._actual

    def extension(self, mode: CostMode | None) -> dict[str, Any]:
        """`extensions.cost` of the response."""
        cost: dict[str, Any] = {
            "requestedQueryCost": shown(self._requested),
            "actualQueryCost": None if self._actual is None else shown(self._actual),
            "maximumQueryCost": self._terms.shown_maximum,
        }
        if self._kept:
            cost["cached"] = True
        # Before a budget has been asked there is no level to show.
        for name, budget, level in zip(
            ("throttleStatus", "apiKeyThrottleStatus"), self._terms.budgets, self._levels, strict=False
        ):
            cost[name] = budget.status(level)
        if mode is not None:
            # Of a kept answer: what it would cost to execute, which nobody did.
            bill = self._price.bill(None if self._actual is None or self._kept else self.tally)
            cost["bill"] = [line.shown() for line in bill.lines]
        if self._dearest is not None:
            cost["dearestList"] = _dearest(self._dearest)
        return cost

    def headers(self) -> dict[str, str]:
        """RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers: in whole points, and seconds."""
        if not self._levels:
            return {}
        terms = self._terms
        rests = [budget.rest(level) for budget, level in zip(terms.budgets, self._levels, strict=True)]
        return {"ratelimit-policy": terms.policy, "ratelimit": ", ".join(rests)}

    def _throttled(self, throttled: Throttled) -> RequestRejected:
        level = throttled.levels[throttled.by]
        seconds = max(1, math.ceil(throttled.retry_after))
        whose = self._terms.budgets[throttled.by].kind.replace("-", " ")
        message = (
            f"This operation may cost {readable(self._requested)} points, and the budget of this {whose} has"
            f" {readable(level.available)} left: try again in {seconds} s, or ask for less."
        )
        extensions = {"requestedQueryCost": shown(self._requested), "retryAfter": round(throttled.retry_after, 3)}
        return RequestRejected(
            Code.THROTTLED, [GraphQLError(message, extensions=extensions)], {"retry-after": str(seconds)}
        )


def _dearest(dearest: DearestList | None) -> dict[str, Any] | None:
    if dearest is None:
        return None
    return {
        "path": dearest.path,
        "argument": dearest.argument,
        "asked": dearest.asked,
        "largestThatFits": dearest.largest,
    }
