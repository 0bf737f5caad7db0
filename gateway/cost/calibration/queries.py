"""Valid queries over any schema, drawn at random: to try what holds for every query, and to measure what they take."""

import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, Final

import msgspec
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    SchemaMetaFieldDef,
    TypeMetaFieldDef,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_list_type,
    is_required_argument,
)

from gateway.cost.calibration.arguments import MISSING, Arguments, Sizes, Values, invented
from gateway.cost.calibration.shape import Shape, fits

Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType

_INTROSPECTION_LISTS: Final = frozenset({"fields", "interfaces", "possibleTypes", "inputFields"})
_DEEPEST_INTROSPECTION: Final = 2
"""Lists of introspection within one another; graphql-core refuses three."""


class GeneratedQuery(msgspec.Struct, frozen=True):
    """A document of one query, and values for those of its variables that are given."""

    text: str
    variables: Mapping[str, Any]


class QueryStyle(msgspec.Struct, frozen=True):
    """What queries look like."""

    depth: int = 6
    """Fields with a selection within one another, at most."""
    fields: int = 40
    """Once so many are written, selections end as soon as they can."""
    objects: int = 10_000
    """Numbers given to lists within lists multiply to no more, where smaller numbers are known."""
    least: int = 0
    """Smaller numbers are given only where larger ones would be too large."""
    lists: float = 0.0
    """How likely only lists, and fields that take a number, are chosen where there are such."""
    page: int = 25
    """What a list is taken to hold whose number is left out."""
    arguments: float = 0.4
    """How likely an argument is given that may be left out."""
    one_number: bool = True
    """Whether at most one Int argument of a field is given: 'first' beside 'last' is valid, and often refused."""
    introspection: float = 0.0
    """How likely `__schema` or `__type` is asked for beside the rest."""


class QueryGenerator:
    """An endless source of queries, the same for the same state of `random`.

    They have named and inline fragments (also on interfaces, and on types that exclude each other), aliases, variables
    with and without defaults, @skip and @include.
    """

    def __init__(
        self, schema: GraphQLSchema, random: Random, values: Values = invented, style: QueryStyle | None = None
    ) -> None:
        self._world = _World(schema)
        self._random = random
        self._values = values
        self._style = style or QueryStyle()

    def query(self) -> GeneratedQuery:
        """The next one."""
        return _Draft(self._world, self._random, self._values, self._style).query()


def assorted(schema: GraphQLSchema, random: Random, values: Values) -> Iterator[GeneratedQuery]:
    """Queries without end that are mostly answered, small and large ones in turns: a few objects, to many thousands."""
    shapes = ((3, 6), (5, 20), (6, 40))
    sizes = (
        QueryStyle(objects=3, arguments=0.15),
        QueryStyle(objects=30, arguments=0.15),
        QueryStyle(objects=300, least=10, arguments=0.1, lists=0.3),
        QueryStyle(objects=3_000, least=50, arguments=0.05, lists=0.6),
        QueryStyle(objects=10_000, least=100, arguments=0.03, lists=0.8),
    )
    generators = [
        QueryGenerator(schema, random, values, msgspec.structs.replace(size, depth=depth, fields=fields))
        for depth, fields in shapes
        for size in sizes
    ]
    while True:
        for generator in generators:
            yield generator.query()


class _World:
    """A schema, and what is asked of it over and over."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._conditions: dict[str, Sequence[Composite]] = {}
        self._fields: dict[str, tuple[Sequence[tuple[str, GraphQLField]], Sequence[tuple[str, GraphQLField]]]] = {}

    def conditions(self, parent: Composite) -> Sequence[Composite]:
        """The types that a fragment may be on where an object of `parent` is."""
        known = self._conditions.get(parent.name)
        if known is None:
            here = self._objects(parent)
            known = [
                type_
                for name, type_ in sorted(self.schema.type_map.items())
                if is_composite_type(type_) and not name.startswith("__") and self._objects(type_) & here
            ]
            self._conditions[parent.name] = known
        return known

    def fields(
        self, parent: Composite
    ) -> tuple[Sequence[tuple[str, GraphQLField]], Sequence[tuple[str, GraphQLField]]]:
        """Those without and those with a selection."""
        known = self._fields.get(parent.name)
        if known is None:
            named = [] if isinstance(parent, GraphQLUnionType) else list(parent.fields.items())
            leaves = [(name, field) for name, field in named if not is_composite_type(get_named_type(field.type))]
            known = (leaves, [item for item in named if item not in leaves])
            self._fields[parent.name] = known
        return known

    def _objects(self, type_: Composite) -> set[str]:
        if isinstance(type_, GraphQLObjectType):
            return {type_.name}
        return {possible.name for possible in self.schema.get_possible_types(type_)}


class _Place(msgspec.Struct, frozen=True):
    """Where in a query a selection stands."""

    depth: int
    """Selections below it, at most."""
    objects: float
    """The product of the numbers given to the lists above it."""
    introspected: int
    shapes: tuple[Shape, ...]
    """What else the response has here, and in each fragment that is being written."""


class _Fragment(msgspec.Struct, frozen=True):
    name: str
    on: Composite
    text: str
    place: _Place
    shape: Shape


class _Draft:
    """One query that is being written."""

    def __init__(self, world: _World, random: Random, values: Values, style: QueryStyle) -> None:
        self._world = world
        self._random = random
        self._style = style
        self._arguments = Arguments(random, values)
        self._fragments: list[_Fragment] = []
        self._left = style.fields
        self._names = 0

    def query(self) -> GeneratedQuery:
        root = self._world.schema.query_type
        assert root is not None, "a schema has a type of queries"  # noqa: S101  # GraphQL's own rule
        place = _Place(depth=self._style.depth, objects=1, introspected=0, shapes=(Shape(),))
        written = self._selection(root, place)
        if self._chance(self._style.introspection):
            written = f"{written[:-1]} {self._introspection(place)} }}"
        name = " Q" if self._chance(0.5) else ""
        declared = self._arguments.declarations
        operation = f"query{name}{declared} {written}" if name or declared else written
        fragments = [f"fragment {made.name} on {made.on.name} {made.text}" for made in self._fragments]
        parts = [operation, *fragments]
        self._random.shuffle(parts)
        return GeneratedQuery(text="\n".join(parts), variables=self._arguments.given)

    def _selection(self, parent: Composite, place: _Place) -> str:
        leaves, composites = self._world.fields(parent)
        if place.introspected >= _DEEPEST_INTROSPECTION:
            composites = [item for item in composites if item[0] not in _INTROSPECTION_LISTS]
        if self._chance(self._style.lists):
            composites = [item for item in composites if _is_long(item[1])] or composites
        room = place.depth > 0 and self._left > 0
        parts = [self._field(parent, name, field, place) for name, field in self._some(composites)] if room else []
        if self._left > 0 or not parts:
            parts += [self._field(parent, name, field, place) for name, field in self._some(leaves, most=5)]
        if room:
            parts += [self._fragment(parent, place) for _ in range(self._fragment_count(parent))]
        written = [part for part in parts if part]
        if not written or self._chance(0.1):
            written.append(self._typename(parent, place))
        self._random.shuffle(written)
        return f"{{ {' '.join(written)} }}"

    def _some(self, items: Sequence[tuple[str, GraphQLField]], most: int = 3) -> list[tuple[str, GraphQLField]]:
        """A few; now and then one of them twice, which then has an alias or is merged."""
        if not items:
            return []
        count = min(1 + int(self._random.expovariate(1.0)), most, len(items))
        again = [self._random.choice(items)] if self._chance(0.1) else []
        return self._random.sample(items, count) + again

    def _fragment_count(self, parent: Composite) -> int:
        if is_abstract_type(parent):
            return self._random.randint(1, 4)
        return int(self._chance(0.2))

    def _field(self, parent: Composite, name: str, field: GraphQLField, place: _Place) -> str:
        """Empty where the field needs an argument for which no value is known."""
        numbers = 0
        written: list[str] = []
        objects = place.objects
        sizes = Sizes(self._style.least, int(self._style.objects / objects))
        items = list(field.args.items())
        self._random.shuffle(items)
        for key, argument in items:
            is_number = get_named_type(argument.type).name == "Int"
            if is_number and numbers and self._style.one_number and not is_required_argument(argument):
                continue
            # Numbers are what makes queries differ in size.
            likely = max(self._style.arguments, 0.8 if is_number and not numbers else 0.0)
            drawn = self._arguments.drawn(argument, f"{parent.name}.{name}({key}:)", likely=likely, sizes=sizes)
            if drawn is None:
                if is_required_argument(argument):
                    return ""
                continue
            written.append(f"{key}: {drawn.text}")
            if is_number and drawn.value is not None and drawn.value is not MISSING:
                numbers += 1
                objects *= max(drawn.value, 1)
            elif isinstance(drawn.value, list):
                objects *= max(len(drawn.value), 1)
        if not numbers and _is_long(field):
            objects *= self._style.page
        return self._written(parent, name, field, f"({', '.join(written)})" if written else "", place, objects)

    def _written(
        self, parent: Composite, name: str, field: GraphQLField, arguments: str, place: _Place, objects: float
    ) -> str:
        key = self._key(parent, name, field, arguments, place)
        self._left -= 1
        head = f"{'' if key == name else f'{key}: '}{name}{arguments}{self._directive()}"
        below = get_named_type(field.type)
        if not isinstance(below, Composite):
            return head
        inner = _Place(
            depth=place.depth - 1,
            objects=objects,
            introspected=place.introspected + (name in _INTROSPECTION_LISTS and parent.name.startswith("__")),
            shapes=tuple(shape.below(key) for shape in place.shapes),
        )
        return f"{head} {self._selection(below, inner)}"

    def _key(self, parent: Composite, name: str, field: GraphQLField, arguments: str, place: _Place) -> str:
        """The response key: the name or an alias, such that it means one thing wherever it can meet itself."""
        wanted = self._fresh("a") if self._chance(0.1) else name
        call, type_ = f"{name}{arguments}", str(field.type)
        on = parent.name if isinstance(parent, GraphQLObjectType) else None
        while not all(shape.takes(wanted, type_, on, call) for shape in place.shapes):
            wanted = self._fresh("a")
        for shape in place.shapes:
            shape.add(wanted, type_, on, call)
        return wanted

    def _typename(self, parent: Composite, place: _Place) -> str:
        for shape in place.shapes:
            shape.add("__typename", "String!", None, "__typename")
        return "__typename"

    def _fragment(self, parent: Composite, place: _Place) -> str:
        """A fragment in place, a new one with a name, or one that is elsewhere already; empty if that cannot be."""
        conditions = self._world.conditions(parent)
        if not conditions:  # types of introspection: no fragment is of use there
            return ""
        if self._fragments and self._chance(0.3):
            return self._spread_again(self._random.choice(self._fragments), conditions, place)
        on = self._random.choice(conditions)
        if self._chance(0.3):
            return self._spread(on, place)
        named = f" on {on.name}" if on is not parent or self._chance(0.5) else ""
        return f"...{named}{self._directive()} {self._selection(on, self._inside(place))}"

    def _spread(self, on: Composite, place: _Place) -> str:
        shape = Shape()
        inside = self._inside(place)
        text = self._selection(on, msgspec.structs.replace(inside, shapes=(*place.shapes, shape)))
        made = _Fragment(name=self._fresh("F"), on=on, text=text, place=place, shape=shape)
        self._fragments.append(made)
        return f"...{made.name}{self._directive()}"

    def _spread_again(self, made: _Fragment, conditions: Sequence[GraphQLNamedType], place: _Place) -> str:
        roomy = made.place.depth <= place.depth and made.place.objects >= place.objects
        if made.on not in conditions or not roomy or not all(fits(shape, made.shape) for shape in place.shapes):
            return ""
        for shape in place.shapes:
            shape.merge(made.shape)
        return f"...{made.name}{self._directive()}"

    def _inside(self, place: _Place) -> _Place:
        return msgspec.structs.replace(place, depth=place.depth - 1)

    def _introspection(self, place: _Place) -> str:
        query = self._world.schema.query_type
        assert query is not None, "as above"  # noqa: S101  # as above
        name, field = self._random.choice((("__schema", SchemaMetaFieldDef), ("__type", TypeMetaFieldDef)))
        arguments = f'(name: "{self._random.choice(sorted(self._world.schema.type_map))}")' if field.args else ""
        return self._written(query, name, field, arguments, place, math.inf)

    def _directive(self) -> str:
        if not self._chance(0.06):
            return ""
        return f" @{self._random.choice(('skip', 'include'))}(if: {self._arguments.flag()})"

    def _fresh(self, letter: str) -> str:
        self._names += 1
        return f"{letter}{self._names}"

    def _chance(self, likely: float) -> bool:
        return self._random.random() < likely


def _is_long(field: GraphQLField) -> bool:
    """Whether the field is a list, or takes a number and so probably returns one."""
    return is_list_type(get_nullable_type(field.type)) or any(
        get_named_type(argument.type).name == "Int" for argument in field.args.values()
    )
