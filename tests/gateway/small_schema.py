"""A small Strawberry schema that shows every behaviour of the edge without a database."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, Self

import msgspec
import strawberry
from graphql import GraphQLSchema
from starlette.requests import HTTPConnection
from strawberry.scalars import JSON

from resolvers.answers import Answers
from resolvers.billing.plans import PLANS, Plan, PlanName
from resolvers.billing.spending import UNKNOWN, Spending
from resolvers.errors import Conflict, Forbidden, InvalidInput, Problem, Unauthenticated, invalid
from resolvers.keeping import Audience
from schema.annotations import Annotations
from schema.directives import ListSize


class Bench(msgspec.Struct):
    """What a test watches and steers: gates that resolvers wait at, and what they saw."""

    contexts: list["SmallContext"] = []
    closed_contexts: list["SmallContext"] = []
    running: int = 0
    most_running: int = 0
    closed_sources: int = 0
    doubled: list[int] = []
    expired: set[str] = set()
    plan: Plan = PLANS[PlanName.ENTERPRISE]
    consistency: str | None = None
    audience: Audience | None = None
    demands: list[object] = msgspec.field(default_factory=list)
    gate: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    entered: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    events: asyncio.Queue[int] = msgspec.field(default_factory=asyncio.Queue)


class SmallContext:
    """The context of one operation; `loaded` stands for what loaders remember."""

    def __init__(self, bench: Bench, viewer: str | None, origin: "SmallContext | None" = None) -> None:
        self.bench = bench
        self.viewer = viewer
        self.origin = origin
        self.loaded: list[str] = []
        self.spending = Spending("ten:1", bench.plan)
        self.client = UNKNOWN
        self.answers = Answers()

    @property
    def audience(self) -> Audience | None:
        return self.bench.audience

    @property
    def consistency(self) -> str | None:
        return self.bench.consistency

    def demand(self, given: object) -> None:
        self.bench.demands.append(given)

    async def for_event(self) -> Self:
        return type(self)(self.bench, self.viewer, self)

    def begin(self) -> None:
        """Nothing is loaded here."""

    def close(self) -> None:
        self.bench.closed_contexts.append(self)


Info = strawberry.Info[SmallContext, None]


@strawberry.type
class Broken:
    @strawberry.field
    def value(self) -> str | None:
        raise ValueError("select * from secrets")


@strawberry.type
class Loaded:
    @strawberry.field
    def before(self, info: Info) -> list[str]:
        seen = list(info.context.loaded)
        info.context.loaded.append("x")
        return seen


@strawberry.type
class Node:
    name: str
    depth: int

    @strawberry.field
    def child(self) -> "Node":
        return Node(name=self.name, depth=self.depth + 1)


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"hello {name}"

    @strawberry.field
    def add(self, left: int, right: int) -> int:
        return left + right

    @strawberry.field
    def node(self) -> Node:
        return Node(name="root", depth=0)

    @strawberry.field
    def viewer(self, info: Info) -> str | None:
        return info.context.viewer

    @strawberry.field
    def context_number(self, info: Info) -> int:
        return info.context.bench.contexts.index(info.context)

    @strawberry.field
    def echo(self, value: JSON) -> JSON | None:
        return value

    @strawberry.field
    def surrogate(self) -> str | None:
        return "\ud800"

    @strawberry.field
    def defect(self) -> str | None:
        raise RuntimeError("password=hunter2")

    @strawberry.field
    def defects(self) -> list[Broken]:
        return [Broken(), Broken()]

    @strawberry.field
    def forbidden(self) -> str | None:
        raise Forbidden("Your role does not allow this.")

    @strawberry.field
    def invalid(self) -> str | None:
        raise InvalidInput(
            [Problem("TOO_LONG", "The name is too long.", ("input", "name")), Problem("EMPTY", "Empty.", ("input",))]
        )

    @strawberry.field
    def conflict(self) -> str:
        raise Conflict("Somebody was faster.", ("version",))

    @strawberry.field
    def too_big(self) -> int | None:
        return 2**40

    @strawberry.field
    async def slow_resource(self) -> str | None:
        raise TimeoutError

    @strawberry.field
    async def gated(self, info: Info) -> str:
        bench = info.context.bench
        bench.running += 1
        bench.most_running = max(bench.most_running, bench.running)
        bench.entered.set()
        try:
            await bench.gate.wait()
        finally:
            bench.running -= 1
        return "passed"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def double(self, value: int) -> int:
        return value * 2

    @strawberry.mutation
    async def gated_double(self, info: Info, value: int) -> int:
        info.context.bench.entered.set()
        await info.context.bench.gate.wait()
        info.context.bench.doubled.append(value)
        return value * 2


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        for number in range(1, to + 1):
            yield number

    @strawberry.subscription
    async def queued(self, info: Info) -> AsyncGenerator[int, None]:
        bench = info.context.bench
        bench.entered.set()
        try:
            while True:
                yield await bench.events.get()
        finally:
            bench.closed_sources += 1

    @strawberry.subscription
    async def loads(self, info: Info) -> AsyncGenerator[Loaded, None]:
        for _ in range(2):
            yield Loaded()

    @strawberry.subscription
    async def breaks(self) -> AsyncGenerator[int, None]:
        yield 1
        raise RuntimeError("password=hunter2")

    @strawberry.subscription
    async def refused(self) -> AsyncGenerator[int, None]:
        raise Forbidden("Not for you.")
        yield 1

    @strawberry.subscription
    async def denied(self) -> AsyncGenerator[int, None]:
        raise Forbidden("Not for you.")

    @strawberry.subscription
    async def bad_event(self) -> AsyncGenerator[Broken, None]:
        yield Broken()


def small_schema() -> GraphQLSchema:
    """The graphql-core schema."""
    return strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)._schema


ANNOTATIONS = Annotations(
    types={}, fields={}, arguments={}, input_fields={}, list_sizes={"Query.defects": ListSize(assumed_size=2)}
)
"""What the small schema costs."""


def context_factory(bench: Bench) -> Callable[[HTTPConnection, Mapping[str, Any] | None], Awaitable[SmallContext]]:
    """Contexts by bearer token: "bad" is refused, "boom" is a defect, "typo" is invalid input, none is a stranger."""

    async def factory(connection: HTTPConnection, payload: Mapping[str, Any] | None) -> SmallContext:
        header = connection.headers.get("authorization", "") or str((payload or {}).get("authorization", ""))
        caller = header.removeprefix("Bearer ") or None
        if caller == "bad" or caller in bench.expired:
            raise Unauthenticated("The credentials are not valid.")
        if caller == "boom":
            raise RuntimeError("password=hunter2")
        if caller == "typo":
            raise invalid("INVALID_VALUE", "Not a tenant.", "tenant")
        context = SmallContext(bench, caller)
        bench.contexts.append(context)
        return context

    return factory
