"""Every element of a schema by its coordinate."""

from collections.abc import Iterator
from typing import NewType

import msgspec
from graphql import (
    GraphQLArgument,
    GraphQLDirective,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLError,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_introspection_type,
    is_specified_directive,
    is_specified_scalar_type,
    print_ast,
    validate_schema,
)

Coordinate = NewType("Coordinate", str)
"""A schema coordinate: `Type`, `Type.member`, `Type.field(argument:)`, `@directive` or `@directive(argument:)`."""

_TOLD_OTHERWISE = frozenset({"deprecated", "specifiedBy", "oneOf"})
_Definition = (
    GraphQLNamedType | GraphQLField | GraphQLArgument | GraphQLInputField | GraphQLEnumValue | GraphQLDirective
)


class UnreadableSchema(Exception):
    """Text that is no valid schema; the message is one sentence."""


class Element(msgspec.Struct, frozen=True):
    """One element of a schema.

    `line` counts from 1 and is None where the schema was not built from text. `directives` are the applied ones as
    printed, without those that are the language's own. `type` is what a field returns or an input takes.
    """

    coordinate: Coordinate
    line: int | None
    description: str | None
    deprecation: str | None
    directives: tuple[str, ...]
    type: str | None
    type_name: str | None


def schema_from(sdl: str, origin: str) -> GraphQLSchema:
    """The schema that this SDL defines.

    Raises UnreadableSchema, naming `origin`, when the text does not parse or defines no valid schema.
    """
    try:
        schema = build_schema(sdl)
    except GraphQLError as error:
        where = f" (line {error.locations[0].line})" if error.locations else ""
        raise UnreadableSchema(f"{origin} is not a valid schema: {error.message}{where}") from error
    except TypeError as error:  # the text parses, but its definitions contradict each other
        raise UnreadableSchema(f"{origin} is not a valid schema: {_first_line(str(error))}") from error
    if errors := validate_schema(schema):
        raise UnreadableSchema(f"{origin} is not a valid schema: {errors[0].message}")
    return schema


def elements(schema: GraphQLSchema) -> dict[Coordinate, Element]:
    """Every element that the schema itself defines, in its order: not the language's own types and directives."""
    found = (*_types(schema), *_directives(schema))
    return {element.coordinate: element for element in found}


def owner(coordinate: Coordinate) -> Coordinate | None:
    """The element that contains this one; None for types and directives."""
    text = str(coordinate)
    if text.endswith(")"):
        return Coordinate(text.partition("(")[0])
    name, dot, _ = text.partition(".")
    return Coordinate(name) if dot else None


def line_of(coordinate: Coordinate | None, lines: dict[Coordinate, Element]) -> int:
    """The line to show for this coordinate: its own, else that of the nearest owner that is there, else 1."""
    while coordinate is not None:
        element = lines.get(coordinate)
        if element is not None and element.line is not None:
            return element.line
        coordinate = owner(coordinate)
    return 1


def _types(schema: GraphQLSchema) -> Iterator[Element]:
    for name, type_ in schema.type_map.items():
        if is_introspection_type(type_) or is_specified_scalar_type(type_):
            continue
        yield _element(name, type_)
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in type_.fields.items():
                yield _element(f"{name}.{field_name}", field)
                for argument_name, argument in field.args.items():
                    yield _element(f"{name}.{field_name}({argument_name}:)", argument)
        elif isinstance(type_, GraphQLInputObjectType):
            for input_name, input_field in type_.fields.items():
                yield _element(f"{name}.{input_name}", input_field)
        elif isinstance(type_, GraphQLEnumType):
            for value_name, value in type_.values.items():
                yield _element(f"{name}.{value_name}", value)


def _directives(schema: GraphQLSchema) -> Iterator[Element]:
    for directive in schema.directives:
        if is_specified_directive(directive):
            continue
        yield _element(f"@{directive.name}", directive)
        for argument_name, argument in directive.args.items():
            yield _element(f"@{directive.name}({argument_name}:)", argument)


def _element(coordinate: str, definition: _Definition) -> Element:
    node = definition.ast_node
    typed = definition if isinstance(definition, GraphQLField | GraphQLArgument | GraphQLInputField) else None
    return Element(
        coordinate=Coordinate(coordinate),
        line=node.name.loc.start_token.line if node is not None and node.name.loc is not None else None,
        description=definition.description,
        deprecation=getattr(definition, "deprecation_reason", None),
        directives=tuple(
            sorted(
                print_ast(applied)
                for applied in getattr(node, "directives", None) or ()
                if applied.name.value not in _TOLD_OTHERWISE
            )
        ),
        type=None if typed is None else str(typed.type),
        type_name=None if typed is None else get_named_type(typed.type).name,
    )


def _first_line(message: str) -> str:
    return message.strip().partition("\n")[0]
