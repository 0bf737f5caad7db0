"""From a price to a settled budget: what an operation may cost, the hold on its budget, and what is given back."""

import math
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec
from graphql import GraphQLError

from gateway.cost.bill import DearestList
from gateway.cost.budgets import Allowance, Budgets, Hold, Level, Throttled
from gateway.cost.points import ONE, Points, points, readable, shown
from gateway.cost.prices import Price
from gateway.cost.tally import Tally
from gateway.errors import Code, RequestRejected, rejected
from ops.telemetry.metrics import CostMetrics
from resolvers.billing.spending import Client, Spending

HEADER: Final = "graphql-cost"

_OWNERS: Final[Mapping[str, str]] = MappingProxyType(
    {"ten": "tenant", "key": "api-key", "usr": "user", "adr": "address"}
)
"""The names of policies in RateLimit headers, by the kind of owner."""


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


def largest_cost(spending: Spending) -> Points:
    """What one operation may cost: the plan's maximum, or all that fits into the API key's own budget."""
    plan = points(spending.plan.max_query_cost)
    return plan if spending.key is None else min(plan, points(spending.key.capacity))


def allowances(spending: Spending) -> tuple[Allowance, ...]:
    """The budgets that must all have enough, the payer's first."""
    plan = spending.plan
    payer = Allowance(spending.owner, points(plan.capacity), points(plan.restore_rate))
    if spending.key is None:
        return (payer,)
    key = spending.key
    owner = f"key:{spending.owner.partition(':')[2]}:{key.api_key_id}"
    return payer, Allowance(owner, points(key.capacity), points(key.restore_rate))


class Payer(msgspec.Struct, frozen=True):
    """Whose budget it is, and which of their programs spends it."""

    spending: Spending
    client: Client


class Purchase:
    """One operation, or one event of a subscription: its price, what is held for it and what it came to."""

    def __init__(self, price: Price, payer: Payer, budgets: Budgets, metrics: CostMetrics) -> None:
        self._price = price
        self._payer = payer
        self._allowances = allowances(payer.spending)
        self._maximum = largest_cost(payer.spending)
        self._budgets = budgets
        self._metrics = metrics
        self._hold: Hold | None = None
        self._levels: tuple[Level, ...] = ()
        self._actual: Points | None = None
        self._dearest: DearestList | None = None
        self.tally = Tally()
        """Counts what is executed."""

    async def look(self) -> None:
        """Reads the budgets and takes nothing."""
        self._levels = await self._budgets.levels(self._allowances)

    def check(self) -> None:
        """Raises RequestRejected (COST_LIMIT_EXCEEDED) when no budget of the payer's would ever do."""
        if self._price.static <= self._maximum:
            return
        self._metrics.refused("too_expensive")
        self._dearest = self._price.dearest_list(self._maximum)
        message = (
            f"This operation may cost {readable(self._price.static)} points; {_limit(self._payer.spending)} allows"
            f" {readable(self._maximum)}. {_advice(self._dearest)}"
        )
        extensions = {
            "requestedQueryCost": shown(self._price.static),
            "maximumQueryCost": shown(self._maximum),
            "dearestList": _dearest(self._dearest),
        }
        raise RequestRejected(Code.COST_LIMIT_EXCEEDED, [GraphQLError(message, extensions=extensions)])

    async def take(self, seconds: float) -> None:
        """Holds the price until `settle`, or for `seconds`. Raises RequestRejected (COST_LIMIT_EXCEEDED, THROTTLED)."""
        try:
            self.check()
        except RequestRejected:
            await self.look()
            raise
        taken = await self._budgets.take(
            self._allowances, self._price.static, client=self._payer.client.name, seconds=seconds
        )
        self._levels = taken.levels
        if isinstance(taken, Throttled):
            self._metrics.refused("throttled")
            raise self._throttled(taken)
        self._hold = taken
        self._metrics.admitted(self._price.static)

    async def settle(self) -> None:
        """Gives back what was held and not used; does nothing unless something is held."""
        if self._hold is None:
            return
        hold, self._hold = self._hold, None
        actual = self._price.actual(self.tally)
        if actual > self._price.static:
            # A list was longer than the schema says: nobody pays for our mistake, and operators hear of it.
            self._metrics.overrun()
            actual = self._price.static
        self._actual = actual
        self._levels = await self._budgets.settle(hold, actual)
        self._metrics.settled(actual, Points(self._price.static - actual))

    def extension(self, mode: CostMode | None) -> dict[str, Any]:
        """`extensions.cost` of the response."""
        cost: dict[str, Any] = {
            "requestedQueryCost": shown(self._price.static),
            "actualQueryCost": None if self._actual is None else shown(self._actual),
            "maximumQueryCost": shown(self._maximum),
        }
        for name, level in zip(("throttleStatus", "apiKeyThrottleStatus"), self._levels, strict=False):
            cost[name] = {
                "maximumAvailable": shown(level.capacity),
                "currentlyAvailable": shown(level.available),
                "restoreRate": shown(level.restore_rate),
            }
        if mode is not None:
            bill = self._price.bill(None if self._actual is None else self.tally)
            cost["bill"] = [line.shown() for line in bill.lines]
        if self._dearest is not None:
            cost["dearestList"] = _dearest(self._dearest)
        return cost

    def headers(self) -> dict[str, str]:
        """RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers: in whole points, and seconds."""
        if not self._levels:
            return {}
        names = [_OWNERS[allowance.owner[:3]] for allowance in self._allowances]
        budgets = list(zip(names, self._levels, strict=True))
        return {
            "ratelimit-policy": ", ".join(
                f'"{name}";q={level.capacity // ONE}{_seconds("w", level.capacity, level)}' for name, level in budgets
            ),
            "ratelimit": ", ".join(
                f'"{name}";r={level.available // ONE}{_seconds("t", level.capacity - level.available, level)}'
                for name, level in budgets
            ),
        }

    def _throttled(self, throttled: Throttled) -> RequestRejected:
        level = throttled.levels[throttled.by]
        seconds = max(1, math.ceil(throttled.retry_after))
        whose = _OWNERS[self._allowances[throttled.by].owner[:3]].replace("-", " ")
        message = (
            f"This operation may cost {readable(self._price.static)} points, and the budget of this {whose} has"
            f" {readable(level.available)} left: try again in {seconds} s, or ask for less."
        )
        extensions = {"requestedQueryCost": shown(self._price.static), "retryAfter": round(throttled.retry_after, 3)}
        return RequestRejected(
            Code.THROTTLED, [GraphQLError(message, extensions=extensions)], {"retry-after": str(seconds)}
        )


def _limit(spending: Spending) -> str:
    if spending.key is not None and spending.key.capacity < spending.plan.max_query_cost:
        return "the budget of this API key"
    return f"the plan {spending.plan.name}"


def _advice(dearest: DearestList | None) -> str:
    if dearest is None:
        return "Ask for fewer fields or fewer lists within lists."
    if dearest.largest is None:
        return f"The dearest list is '{dearest.path}', but no size of it fits: ask for less below and beside it."
    return f"The dearest list is '{dearest.path}': it fits with {dearest.argument}: {dearest.largest}."


def _dearest(dearest: DearestList | None) -> dict[str, Any] | None:
    if dearest is None:
        return None
    return {
        "path": dearest.path,
        "argument": dearest.argument,
        "asked": dearest.asked,
        "largestThatFits": dearest.largest,
    }


def _seconds(parameter: str, amount: int, level: Level) -> str:
    """How long the budget takes to restore so much; nothing where it restores nothing."""
    return f";{parameter}={math.ceil(amount / level.restore_rate)}" if level.restore_rate else ""
