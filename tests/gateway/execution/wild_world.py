"""A graph of fields that fail: each does what it should, or gives null, or something else, or raises.

What a field does is decided by the seed of its parent and the seed of the operation, so that it does the same again.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from random import Random
from types import GenericAlias
from typing import Annotated, Any, Final

import msgspec
import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from resolvers.context import RequestContext, Services
from resolvers.errors import Forbidden, NotFound
from resolvers.numbers import BigInt
from schema.fields import batched, root_field
from schema.info import Info
from schema.relay import node_id, of_record
from schema.scalars import SCALARS


class WildContext(RequestContext):
    """Of one operation: its seed, and how often in a hundred times a field does not do what it should."""

    def __init__(self, services: Services, seed: int, wild: int) -> None:
        super().__init__(services, None)
        self.seed = seed
        self.wild = wild


class Element(msgspec.Struct, frozen=True):
    """A record; its `…_attribute`s are what a field without a resolver reads."""

    id: int
    seed: int
    number: Any
    text: Any
    colour: Any
    moment: Any
    numbers: Any
    friend: Any
    friends: Any

    @property
    def sure_number(self) -> Any:
        return self.number

    @property
    def sure_colour(self) -> Any:
        return self.colour

    @property
    def sure_friend(self) -> Any:
        return self.friend

    @property
    def sure_numbers(self) -> Any:
        return self.numbers

    @property
    def moody(self) -> str:
        """Fails now and then, as a property can."""
        if self.number is None:
            raise AttributeError("not today")
        if self.text is None:
            raise ValueError("not at all")
        return f"mood {self.seed}"


class Stone(Element, frozen=True):
    pass


class Plant(Element, frozen=True):
    pass


class Beast(Element, frozen=True):
    pass


RECORDS: Final = (Stone, Plant, Beast)


@strawberry.enum
class Colour(Enum):
    RED = "red"
    GREEN = "green"
    BLUE = 3


class Nothing:
    """A value that no type takes."""

    def __repr__(self) -> str:
        return "Nothing()"


class Chance(Random):
    """Decides alike for the same seeds; `wild` as in WildContext."""

    wild = 0


Good = Callable[[Chance], Any]

_LEAVES: Final[Mapping[str, tuple[Any, Good]]] = {
    "number": (int, lambda chance: chance.choice((0, 1, -5, 2**31 - 1, -(2**31)))),
    "fraction": (float, lambda chance: chance.choice((0.5, 1, -2.25, 1e300))),
    "text": (str, lambda chance: chance.choice(("", "a", 'quoted "text"\n', "\u2028\U0001f600", "None"))),
    "flag": (bool, lambda chance: chance.choice((True, False))),
    "key": (strawberry.ID, lambda chance: chance.choice(("k", 7, "key_1"))),
    "colour": (Colour, lambda chance: chance.choice(tuple(Colour))),
    "moment": (datetime, lambda chance: datetime(2026, 1, chance.randint(1, 28), 3, 4, 5, chance.choice((0, 7)), UTC)),
    "day": (date, lambda chance: date(2026, 1, chance.randint(1, 28))),
    "amount": (Decimal, lambda chance: Decimal(chance.choice(("0", "1.50", "-0.000", "1E+3")))),
    "large": (BigInt, lambda chance: chance.choice((0, 2**53 - 1, -(2**40)))),
}
_WRONG: Final[Sequence[Any]] = (
    "x", "RED", 1, 2**31, 2**53, 1.5, True, float("nan"), float("inf"), b"bytes", [], ["x"], {}, {"id": 1}, Nothing(),
    (), Decimal("NaN"), Decimal("2.5"), datetime(2026, 1, 1), date(2026, 1, 1), iter(()), object, Colour.RED, "3", {1},  # noqa: DTZ001  # a moment of no zone is wrong
)  # fmt: skip


def _chance(context: WildContext, *seeds: object) -> Chance:
    chance = Chance(repr((context.seed, *seeds)))
    chance.wild = context.wild
    return chance


def element(chance: Chance, depth: int = 2) -> Element:
    seed = chance.randrange(10_000)
    values = {name: _read(chance, _LEAVES[name][1]) for name in ("number", "text", "colour", "moment")}
    return chance.choice(RECORDS)(
        id=seed,
        seed=seed,
        **values,
        numbers=_read(chance, lambda found: _some(found, lambda one: one.randrange(9))),
        friend=element(chance, depth - 1) if depth and chance.random() < 0.9 else None,
        friends=_some(chance, lambda found: element(found, depth - 1)) if depth else [],
    )


def _some(chance: Chance, good: Good, most: int = 3) -> list[Any]:
    return [good(chance) for _ in range(chance.randint(0, most))]


def _read(chance: Chance, good: Good) -> Any:
    """Of a field that is read, and so cannot raise."""
    roll = chance.randrange(100)
    if roll >= chance.wild:
        return good(chance)
    return None if roll % 3 else chance.choice(_WRONG)


def _resolved(chance: Chance, good: Good) -> Any:
    """Of a field that is resolved: an exception may be its value."""
    if chance.randrange(100) >= chance.wild:
        return good(chance)
    return chance.choice((None, None, chance.choice(_WRONG), ValueError("a value"), NotFound("It is not there.")))


def _lists(inner: Good) -> Good:
    """A list of it, in which one may be null, or none."""

    def good(chance: Chance) -> Any:
        found = [_read(chance, inner) for _ in range(chance.randint(0, 3))]
        return tuple(found) if chance.random() < 0.2 else found

    return good


def _resolver(name: str, good: Good, *, waits: bool) -> Any:
    """A batched resolver. It raises as a whole for some operations."""

    def answers(parents: Sequence[Element], info: Info) -> list[Any]:
        context = info.context
        assert isinstance(context, WildContext)
        chance = _chance(context, name)
        if chance.randrange(500) < context.wild:
            raise chance.choice((ValueError("as a whole"), Forbidden("You may not."), KeyError("key")))
        return [_resolved(_chance(context, name, parent.seed), good) for parent in parents]

    async def later(parents: Sequence[Element], info: Info) -> list[Any]:
        for _ in range(len(name) % 3):
            await asyncio.sleep(0)
        return answers(parents, info)

    return staticmethod(later if waits else answers)


_BEING: Final = Annotated["Being", strawberry.lazy("tests.gateway.execution.wild_world")]
_STONE: Final = Annotated["StoneType", strawberry.lazy("tests.gateway.execution.wild_world")]
_FOUND: Final = Annotated["Found", strawberry.lazy("tests.gateway.execution.wild_world")]


def _stone(chance: Chance) -> Any:
    found = element(chance)
    return found if chance.randrange(100) < chance.wild else Stone(**msgspec.structs.asdict(found))


def _list(item: Any) -> Any:
    return GenericAlias(list, (item,))


def _batched_fields() -> dict[str, Any]:
    """By name, such as `b_number_list`: every leaf and every object, nullable and not, in lists and lists of lists."""
    kinds: dict[str, tuple[Any, Good]] = {
        **_LEAVES,
        "being": (_BEING, element),
        "stone": (_STONE, _stone),
        "found": (_FOUND, element),
    }
    found: dict[str, Any] = {}
    for index, (kind, (type_, good)) in enumerate(kinds.items()):
        shapes: dict[str, tuple[Any, Good]] = {
            kind: (type_ | None, good),
            f"{kind}_must": (type_, good),
            f"{kind}_list": (_list(type_ | None) | None, _lists(good)),
            f"{kind}_must_list": (_list(type_), _lists(good)),
            f"{kind}_grid": (_list(_list(type_ | None) | None), _lists(_lists(good))),
        }
        for place, (name, (shape, value)) in enumerate(shapes.items()):
            resolver = _resolver(name, value, waits=bool((index + place) % 2))
            found[f"b_{name}"] = batched(graphql_type=shape, description="Wild.")(resolver)
    return found


@strawberry.input
class Span:
    least: int = 1
    most: int | None = None
    colours: list[Colour] = strawberry.field(default_factory=list)


def _echo() -> Any:
    async def echo(
        parents: Sequence[Element],
        info: Info,
        text: str | None = "default",
        colour: Colour = Colour.BLUE,
        span: Span | None = None,
        moments: list[datetime | None] | None = None,
    ) -> list[str]:
        return [f"{parent.seed} {text!r} {colour!r} {span!r} {moments!r}" for parent in parents]

    return batched(graphql_type=str, description="Its arguments.")(echo)


@strawberry.interface
class Being:
    """What is read of records."""

    id: strawberry.ID
    number: int | None
    text: str | None
    colour: Colour | None
    moment: datetime | None
    numbers: list[int | None] | None
    moody: str | None
    friend: Annotated["Being", strawberry.lazy("tests.gateway.execution.wild_world")] | None
    friends: list[Annotated["Being", strawberry.lazy("tests.gateway.execution.wild_world")]]
    sure_number: int
    sure_colour: Colour
    sure_friend: Annotated["Being", strawberry.lazy("tests.gateway.execution.wild_world")]
    sure_numbers: list[int]


def _type(name: str, record: type[Element]) -> Any:
    body = {
        "__module__": __name__,
        "is_type_of": of_record(record),
        "id": node_id(name[:3].lower(), name),
        "echo": _echo(),
        **_batched_fields(),
    }
    return strawberry.type(type(f"{name}Type", (Being,), body), name=name)


StoneType: Any = _type("Stone", Stone)
PlantType: Any = _type("Plant", Plant)
BeastType: Any = _type("Beast", Beast)
Found = Annotated[StoneType | PlantType, strawberry.union("Found")]


def _root(name: str, type_: Any, good: Good, *, waits: bool) -> Any:
    def answer(info: Info, seed: int) -> Any:
        context = info.context
        assert isinstance(context, WildContext)
        value = _resolved(_chance(context, name, seed), good)
        if isinstance(value, Exception):
            raise value
        return value

    async def later(info: Info, seed: int) -> Any:
        await asyncio.sleep(0)
        return answer(info, seed)

    return root_field(graphql_type=type_, description="Wild.")(staticmethod(later if waits else answer))


def _plain(seed: int) -> str:
    return f"plain {seed}"


_QUERY: Final = {
    "__module__": __name__,
    "being": _root("being", Being | None, element, waits=True),
    "beings": _root("beings", list[Being | None], _lists(element), waits=True),
    "sure_beings": _root("sure_beings", list[Being], lambda chance: _some(chance, element, 4), waits=False),
    "stone": _root("stone", StoneType, _stone, waits=False),
    "stones": _root("stones", list[StoneType] | None, lambda chance: _some(chance, _stone, 12), waits=True),
    "found": _root("found", list[Found | None] | None, _lists(element), waits=True),
    "grid": _root("grid", list[list[Being | None]] | None, _lists(_lists(element)), waits=False),
    "text": _root("text", str | None, _LEAVES["text"][1], waits=False),
    "plain": strawberry.field(resolver=_plain),
}


def wild_schema() -> GraphQLSchema:
    query = strawberry.type(type("Query", (), _QUERY.copy()))
    config = StrawberryConfig(scalar_map=SCALARS, info_class=Info)
    return strawberry.Schema(query=query, types=[StoneType, PlantType, BeastType], config=config)._schema
