"""The graph as text, with what it costs and what may be kept: Strawberry's SDL, and directives that it does not know.

They are put into the text rather than on Strawberry's fields: an interface and its objects share those, and `@cost` may
stand on the objects' fields alone.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import strawberry
from graphql import (
    EnumTypeDefinitionNode,
    FieldDefinitionNode,
    GraphQLField,
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    Node,
    ObjectTypeDefinitionNode,
    OperationType,
    ScalarTypeDefinitionNode,
    get_named_type,
    parse,
)
from strawberry.printer import print_schema

from resolvers.pages import DEFAULT_SIZE
from schema.annotations import AnnotationMistakes, Mistake
from schema.directives import DIRECTIVES, LEAF_COST, AssumedSizeFor, Hint, ListSize, Scope, Span
from schema.fields import LONGEST, LongestBy, PerItem

MUTATION_WEIGHT: Final = "10"
"""Points of a field of Mutation for which no other weight is given."""

WEIGHTS: Final = Path(__file__).with_name("weights.toml")
HINTS: Final = Path(__file__).with_name("cache.toml")


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Weights in points, as text, by coordinate."""

    leaf: str = "0"
    """Of each field of a scalar or an enumeration."""
    types: Mapping[str, str] = {}
    fields: Mapping[str, str] = {}
    arguments: Mapping[str, str] = {}
    input_fields: Mapping[str, str] = {}

    def all(self) -> dict[str, str]:
        return {**self.types, **self.fields, **self.arguments, **self.input_fields}


def weights_of(text: str) -> Weights:
    """The weights of a TOML text. Raises AnnotationMistakes."""
    try:
        return msgspec.toml.decode(text, type=Weights)
    except msgspec.DecodeError as error:
        raise AnnotationMistakes([Mistake("weights.toml", str(error))]) from None


class Hints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds for which answers may be kept, by the coordinate of a type or a field."""

    public: Mapping[str, int] = {}
    private: Mapping[str, int] = {}

    def all(self) -> dict[str, Hint]:
        scopes = ((self.public, Scope.PUBLIC), (self.private, Scope.PRIVATE))
        return {name: Hint(seconds, scope) for table, scope in scopes for name, seconds in table.items()}


def hints_of(text: str) -> Hints:
    """The hints of a TOML text. Raises AnnotationMistakes."""
    try:
        hints = msgspec.toml.decode(text, type=Hints)
    except msgspec.DecodeError as error:
        raise AnnotationMistakes([Mistake("cache.toml", str(error))]) from None
    twice = sorted(hints.public.keys() & hints.private.keys())
    if twice:
        raise AnnotationMistakes([Mistake(name, "cache.toml says that it is public and private") for name in twice])
    return hints


def annotated_sdl(schema: strawberry.Schema, weights: Weights, hints: Hints) -> tuple[str, Sequence[Mistake]]:
    """The SDL, types sorted by name, which ends with a newline; and the weights and hints that have no place in it."""
    text = print_schema(schema).strip() + "\n"
    writer = _Writer(schema, weights, hints)
    for definition in parse(text).definitions:
        writer.definition(definition)
    mistakes = [
        Mistake(coordinate, f"{file} names what does not exist")
        for file, given, written in (
            ("weights.toml", weights.all().keys(), writer.written),
            ("cache.toml", hints.all().keys(), writer.hinted),
        )
        for coordinate in sorted(given - written)
    ]
    return DIRECTIVES + "\n" + writer.head + writer.text(text), mistakes


class _Writer:
    """Collects what to insert where."""

    def __init__(self, schema: strawberry.Schema, weights: Weights, hints: Hints) -> None:
        self._types = schema._schema.type_map
        self._weights = weights
        self._hints = hints.all()
        self._insertions: list[tuple[int, str]] = []
        mutation = schema._schema.mutation_type
        self._mutation = mutation.name if mutation else None
        self._roots = {
            kind.value: root.name for kind in OperationType if (root := schema._schema.get_root_type(kind)) is not None
        }
        self.written: set[str] = set()
        """Coordinates whose weight has found its place, and in `hinted` those whose hint has."""
        self.hinted: set[str] = set()

    def text(self, text: str) -> str:
        pieces = []
        done = 0
        for at, directive in sorted(self._insertions, key=lambda one: one[0]):
            pieces += [text[done:at], f" {directive}"]
            done = at
        return "".join([*pieces, text[done:]])

    @property
    def head(self) -> str:
        """The definition of the schema, where there is something to say of it as a whole."""
        if self._weights.leaf == "0":
            return ""
        kinds = "".join(f"  {kind}: {name}\n" for kind, name in self._roots.items())
        return f"schema @{LEAF_COST}(weight: {json.dumps(self._weights.leaf)}) {{\n{kinds}}}\n\n"

    def definition(self, node: Node) -> None:
        """Annotate one type and what is in it."""
        match node:
            case ScalarTypeDefinitionNode() | EnumTypeDefinitionNode():
                self._cost(self._weights.types, node.name.value, node.name)
            case ObjectTypeDefinitionNode():
                end = (node.interfaces or (node.name,))[-1]
                self._cost(self._weights.types, node.name.value, end)
                self._hint(node.name.value, end)
                self._fields(node.name.value, node.fields or ())
            case InterfaceTypeDefinitionNode():
                self._fields(node.name.value, node.fields or ())
            case InputObjectTypeDefinitionNode():
                for field in node.fields or ():
                    self._cost(self._weights.input_fields, f"{node.name.value}.{field.name.value}", _value_end(field))

    def _fields(self, type_name: str, fields: Iterable[FieldDefinitionNode]) -> None:
        for field in fields:
            coordinate = f"{type_name}.{field.name.value}"
            size = list_size(self._types[type_name], field.name.value)
            if size is not None:
                self._insert(field.type, size.written())
            default = MUTATION_WEIGHT if type_name == self._mutation else None
            self._cost(self._weights.fields, coordinate, field.type, default)
            self._hint(coordinate, field.type)
            for argument in field.arguments or ():
                self._cost(self._weights.arguments, f"{coordinate}({argument.name.value}:)", _value_end(argument))

    def _cost(self, weights: Mapping[str, str], coordinate: str, after: Node, default: str | None = None) -> None:
        weight = weights.get(coordinate, default)
        if weight is not None:
            self.written.add(coordinate)
            self._insert(after, f"@cost(weight: {json.dumps(weight)})")

    def _hint(self, coordinate: str, after: Node) -> None:
        hint = self._hints.get(coordinate)
        if hint is not None:
            self.hinted.add(coordinate)
            self._insert(after, hint.written())

    def _insert(self, after: Node, directive: str) -> None:
        if after.loc is not None:
            self._insertions.append((after.loc.end, directive))


def _value_end(node: InputValueDefinitionNode) -> Node:
    return node.default_value or node.type


def _span(declared: LongestBy, value: str) -> Span | None:
    seconds = declared.spans.get(value)
    return None if seconds is None else Span(declared.range, seconds, declared.range_seconds)


def list_size(parent: Any, name: str) -> ListSize | None:
    """What bounds the list that a field is or returns, as declared where the field is."""
    field: GraphQLField = parent.fields[name]
    definition = field.extensions.get("strawberry-definition")
    declared = definition.metadata.get(LONGEST) if definition is not None else None
    if isinstance(declared, PerItem):
        return ListSize(slicing_arguments=(declared.argument,), sized_fields=declared.fields)
    if isinstance(declared, LongestBy):
        longest = max(declared.lengths.values())
        by_value = tuple(
            AssumedSizeFor(declared.argument, value, size, _span(declared, value))
            for value, size in declared.lengths.items()
            if size < longest or value in declared.spans
        )
        return ListSize(assumed_size=longest, assumed_for=by_value)
    slices = tuple(argument for argument in ("first", "last") if argument in field.args)
    if declared is None and not slices:
        return None
    # The lists of a connection, or the field itself where it is a list that takes `first`.
    pages = tuple(inner for inner in ("edges", "nodes") if inner in getattr(get_named_type(field.type), "fields", {}))
    return ListSize(
        assumed_size=DEFAULT_SIZE if declared is None else declared,
        slicing_arguments=slices,
        sized_fields=pages,
        require_one_slicing_argument=not slices,
    )
