"""For every type of a graph, a query that asks for all of its fields at once."""

from collections import deque
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)

from gateway.cost.calibration.arguments import Arguments, Sizes, Values
from gateway.cost.calibration.queries import GeneratedQuery

Step = tuple[GraphQLObjectType, str]
"""A field of a type, on the way to another one."""


def queries_of_types(schema: GraphQLSchema, values: Values) -> Iterator[GeneratedQuery]:
    """One for each object type that a query gets to, by the shortest way."""
    root = schema.query_type
    assert root is not None
    for type_, steps in _ways(schema, root).items():
        yield _query(schema, type_, steps, values)


def _ways(schema: GraphQLSchema, root: GraphQLObjectType) -> dict[GraphQLObjectType, tuple[Step, ...]]:
    found: dict[GraphQLObjectType, tuple[Step, ...]] = {root: ()}
    left = deque([root])
    while left:
        type_ = left.popleft()
        for name, field in type_.fields.items():
            named = get_named_type(field.type)
            if not is_composite_type(named) or get_named_type(field.type).name == "Node":  # could be anything
                continue
            for target in schema.get_possible_types(named) if is_abstract_type(named) else [named]:
                if isinstance(target, GraphQLObjectType) and target not in found:
                    found[target] = (*found[type_], (type_, name))
                    left.append(target)
    return found


def _query(schema: GraphQLSchema, type_: GraphQLObjectType, steps: Sequence[Step], values: Values) -> GeneratedQuery:
    arguments = Arguments(Random(len(steps)), values)  # noqa: S311  # no secret
    text = _everything(schema, type_, arguments)
    inner: Any = type_
    for parent, name in reversed(steps):
        field = parent.fields[name]
        if get_named_type(field.type) is not inner:
            text = f"{{ __typename ... on {inner.name} {text} }}"
        text = f"{{ {_call(parent, name, field, arguments)} {text} }}"
        inner = parent
    return GeneratedQuery(text=f"query{arguments.declarations} {text}", variables=arguments.given)


def _everything(schema: GraphQLSchema, type_: GraphQLObjectType, arguments: Arguments) -> str:
    """All fields; of objects the fields that are no objects, and their own names."""
    parts = ["__typename"]
    for name, field in type_.fields.items():
        below = get_named_type(field.type)
        call = _call(type_, name, field, arguments)
        if isinstance(below, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType):
            call += f" {{ {_leaves(below)} }}"
        parts.append(call)
    return f"{{ {' '.join(parts)} }}"


def _leaves(type_: GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType) -> str:
    fields = {} if isinstance(type_, GraphQLUnionType) else type_.fields
    plain = [
        name for name, field in fields.items() if not field.args and not is_composite_type(get_named_type(field.type))
    ]
    return " ".join(["__typename", *plain])


def _call(parent: GraphQLObjectType, name: str, field: GraphQLField, arguments: Arguments) -> str:
    """Lists are long, and ids are whatever the values have; what need not be given is left out."""
    written = []
    if "first" in field.args:
        written.append("first: 20")
    for key, argument in field.args.items():
        drawn = arguments.drawn(argument, f"{parent.name}.{name}({key}:)", likely=0.0, sizes=Sizes(0, 100))
        if drawn is not None:
            written.append(f"{key}: {drawn.text}")
    return f"{name}({', '.join(written)})" if written else name
