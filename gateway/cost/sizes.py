"""How long a list is at most, by the arguments of its field."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    Undefined,
    ValueNode,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
)

from gateway.cost.values import ABSENT, Amount, Variables, amount, is_constant, value_of
from resolvers.moments import moment_of
from schema.directives import ListSize, Span

UNKNOWN_SIZE: Final = 1_000_000
"""Values of a list that nothing bounds: the specification says infinite."""

LARGEST_INT: Final = 2**31 - 1


class Slice(msgspec.Struct, frozen=True):
    """One slicing argument of one selected field, and what bounds the list by it: None where it is not given."""

    argument: str
    is_list: bool
    node: ValueNode | None
    inner: tuple[tuple[str, Any], ...]
    """Fields of input objects that lead to the number, each with its default."""
    default: Any

    def asked(self, variables: Variables) -> int | None:
        """How many values the argument lets through."""
        value = _given(self.node, self.default, variables)
        for name, default in self.inner:
            value = value.get(name, default) if isinstance(value, Mapping) else None
        return _length(value) if self.is_list else _number(value)


class Size:
    """The size of one list, as often as it is selected; identity matters, for asking what another size would cost."""

    __slots__ = ("_amount", "slices")

    def __init__(self, size: Amount, slices: Sequence[Slice] = ()) -> None:
        self._amount = size
        self.slices = tuple(slices)

    @property
    def constant(self) -> int | None:
        """The number, where the document alone says it."""
        return self._amount if isinstance(self._amount, int) else None

    def of(self, variables: Variables) -> int:
        return amount(self._amount, variables)

    def cut_by(self, variables: Variables) -> tuple[str, int] | None:
        """The Int argument that a client would shrink the list with, and its value; None if there is none."""
        numbers = [one for one in self.slices if not one.is_list]
        if not numbers:
            return None
        given = [(asked, one.argument) for one in numbers if (asked := one.asked(variables)) is not None]
        if given:
            asked, argument = max(given, key=lambda one: one[0])
            return argument, asked
        return numbers[0].argument, self.of(variables)


ONE_VALUE: Final = Size(1)


def size_of(field: GraphQLField, node: FieldNode, declared: ListSize | None) -> Size:
    """The size that an annotation gives to a list for this selection."""
    if declared is None:
        return Size(UNKNOWN_SIZE)
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    slices = [_slice(field, path, given) for path in declared.slicing_arguments]
    by_value = [(one, given.get(one.argument), _default(field.args[one.argument])) for one in declared.assumed_for]
    ranges = {one.span.argument for one in declared.assumed_for if one.span is not None}
    bounding = [path.partition(".")[0] for path in declared.slicing_arguments]
    bounding += [one.argument for one in declared.assumed_for]
    required = [
        (given.get(name), _default(field.args[name]))
        for name in dict.fromkeys(bounding)
        if is_non_null_type(field.args[name].type)
    ]

    def size(variables: Variables) -> int:
        if any(_given(value_node, default, variables) is None for value_node, default in required):
            # Coercion refuses it: the client is to hear of that, not of a list that nothing bounds.
            return 0
        asked = [number for slice_ in slices if (number := slice_.asked(variables)) is not None]
        if asked:
            return max(asked)
        for one, value_node, default in by_value:
            if _given(value_node, default, variables) == one.value:
                span = one.span
                return (
                    one.size if span is None else min(one.size, _values_of(span, given.get(span.argument), variables))
                )
        return UNKNOWN_SIZE if declared.assumed_size is None else declared.assumed_size

    nodes = [slice_.node for slice_ in slices] + [value_node for _, value_node, _ in by_value]
    nodes += [given.get(name) for name in ranges]
    if all(value_node is None or is_constant(value_node) for value_node in nodes):
        return Size(size({}), slices)
    return Size(size, slices)


def _values_of(span: Span, node: ValueNode | None, variables: Variables) -> int:
    """How many values a range has; one that is no range is refused before anything is done."""
    value = ABSENT if node is None else value_of(node, variables)
    seconds = span.default if value is ABSENT or value is None else _seconds(value)
    return UNKNOWN_SIZE if seconds is None else max(0, -(-seconds // span.seconds)) + 1


def _seconds(value: Any) -> int | None:
    """From one moment to the other, rounded up."""
    if not isinstance(value, Mapping):
        return None
    try:
        since, until = moment_of(value["from"]), moment_of(value["until"])
        return math.ceil((until - since).total_seconds())
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _slice(field: GraphQLField, path: str, given: Mapping[str, ValueNode]) -> Slice:
    name, *inner = path.split(".")
    type_ = get_nullable_type(field.args[name].type)
    steps = []
    for step in inner:
        if isinstance(type_, GraphQLInputObjectType):
            steps.append((step, _default(type_.fields[step])))
            type_ = get_nullable_type(type_.fields[step].type)
    return Slice(path, is_list_type(type_), given.get(name), tuple(steps), _default(field.args[name]))


def _given(node: ValueNode | None, default: Any, variables: Variables) -> Any:
    """What an argument says, or its default where it is left out."""
    value = ABSENT if node is None else value_of(node, variables)
    return default if value is ABSENT else value


def _default(given: GraphQLArgument | GraphQLInputField) -> Any:
    """A default of the schema, as a client would write it; None where there is none."""
    if given.default is not None:
        literal = given.default.literal
        return given.default.value if literal is None else value_of(literal, {})
    # Schemas that are made by code may have the value that resolvers see.
    value = None if given.default_value is Undefined else given.default_value
    type_ = get_nullable_type(given.type)
    return type_.serialize(value) if isinstance(type_, GraphQLEnumType) and value is not None else value


def _number(value: Any) -> int | None:
    """What is no number at all counts as not given: coercion refuses it before anything is done."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return int(min(max(value, 0), LARGEST_INT))


def _length(value: Any) -> int | None:
    if value is None:
        return None
    return len(value) if isinstance(value, list | tuple) else 1
