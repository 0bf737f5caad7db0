"""What makes an annotation wrong by itself: weights that are none, sizes that say nothing or name what is not there."""

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    NullValueNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_list_type,
)

from schema.directives import ListSize, Span

LARGEST_WEIGHT: Final = Decimal(1_000_000)
"""Points: what is dearer is a slip of the keyboard."""

LONGEST_AGE: Final = 31_536_000
"""Seconds for which an answer may be kept: a year."""

LARGEST_SIZE: Final = 1_000_000
"""Values of a list: what is longer is no bound."""


def weight_problem(text: str, least: Decimal = -LARGEST_WEIGHT) -> str | None:
    """Why a text is no weight; None if it is one."""
    try:
        weight = Decimal(text)
    except InvalidOperation:
        return f"the weight '{text}' is not a number"
    if not weight.is_finite():
        return f"the weight '{text}' is not a number"
    if abs(weight) > LARGEST_WEIGHT:
        return f"the weight {text} is beyond {LARGEST_WEIGHT:,}"
    if weight < least:
        return f"the weight {text} of a type is negative"
    if weight * 1_000 != int(weight * 1_000):
        return f"the weight {text} has more than three decimals"
    return None


def size_mistakes(schema: GraphQLSchema, field: GraphQLField, size: ListSize) -> Iterator[str]:
    """What is wrong with the size of one field: section 9.2 of the specification, and what else has no meaning."""
    if not size.sized_fields and not is_list_type(get_nullable_type(field.type)):
        yield "@listSize is on a field that is no list and names no sizedFields"
    if size.assumed_size is None and not size.slicing_arguments:
        yield "@listSize says neither assumedSize nor slicingArguments"
    if size.assumed_size is not None and not 0 <= size.assumed_size <= LARGEST_SIZE:
        yield f"assumedSize is not between 0 and {LARGEST_SIZE:,}"
    yield from _repeated("slicing argument", size.slicing_arguments)
    yield from _repeated("sized field", size.sized_fields)
    for name in size.sized_fields:
        yield from _sized_field_mistakes(schema, field, name)
    slices = [_slice(field, name) for name in size.slicing_arguments]
    for name, slice_ in zip(size.slicing_arguments, slices, strict=True):
        if slice_ is None:
            yield f"the slicing argument '{name}' does not exist"
        elif not _slices(slice_.type):
            yield f"the slicing argument '{name}' is neither an Int nor a list"
    known = [slice_ for slice_ in slices if slice_ is not None]
    with_default = any(slice_.default for slice_ in known)
    if size.slicing_arguments and size.assumed_size is not None:
        if with_default:
            yield "assumedSize never counts beside a slicing argument with a default"
        if size.require_one_slicing_argument:
            yield "assumedSize beside slicingArguments needs requireOneSlicingArgument: false"
    elif size.slicing_arguments and len(known) == len(slices):
        certain = with_default or any(slice_.required for slice_ in known)
        if not certain and not size.require_one_slicing_argument:
            yield "nothing bounds the list when no slicing argument is given: say assumedSize"
    yield from _assumed_for_mistakes(field, size)


def _sized_field_mistakes(schema: GraphQLSchema, field: GraphQLField, name: str) -> Iterator[str]:
    named = get_named_type(field.type)
    holders: list[GraphQLNamedType] = [named, *possible_types(schema, named)]
    found = [
        holder.fields[name]
        for holder in holders
        if isinstance(holder, GraphQLObjectType | GraphQLInterfaceType) and name in holder.fields
    ]
    if not found:
        yield f"the sized field '{name}' does not exist in {named.name}"
    elif not all(is_list_type(get_nullable_type(one.type)) for one in found):
        yield f"the sized field '{name}' of {named.name} is no list"


def _assumed_for_mistakes(field: GraphQLField, size: ListSize) -> Iterator[str]:
    for one in size.assumed_for:
        argument = field.args.get(one.argument)
        type_ = None if argument is None else get_nullable_type(argument.type)
        if argument is None:
            yield f"the argument '{one.argument}' of @assumedSizeFor does not exist"
        elif not isinstance(type_, GraphQLEnumType):
            yield f"the argument '{one.argument}' of @assumedSizeFor is no enumeration"
        elif one.value not in type_.values:
            yield f"{type_.name} has no value '{one.value}', which @assumedSizeFor names"
        if not 0 <= one.size <= LARGEST_SIZE:
            yield f"the size of @assumedSizeFor is not between 0 and {LARGEST_SIZE:,}"
        if one.span is not None:
            yield from _span_mistakes(field, one.span)
    if size.assumed_for and size.assumed_size is None:
        yield "@assumedSizeFor needs an assumedSize, for other values"
    yield from _repeated("@assumedSizeFor", [f"{one.argument}: {one.value}" for one in size.assumed_for])


def _span_mistakes(field: GraphQLField, span: Span) -> Iterator[str]:
    argument = field.args.get(span.argument)
    type_ = None if argument is None else get_nullable_type(argument.type)
    if argument is None:
        yield f"the range '{span.argument}' of @assumedSizeFor does not exist"
    elif not isinstance(type_, GraphQLInputObjectType) or not {"from", "until"} <= type_.fields.keys():
        yield f"the range '{span.argument}' of @assumedSizeFor has no `from` and `until`"
    if span.seconds < 1 or span.default < 0:
        yield "the seconds of @assumedSizeFor are not above 0"


class _Slice(msgspec.Struct, frozen=True):
    """The argument or input field that a slicing argument names."""

    type: Any
    default: bool
    required: bool


def _slice(field: GraphQLField, path: str) -> _Slice | None:
    name, *inner = path.split(".")
    found: Any = field.args.get(name)
    certain = True
    while found is not None:
        # `= null` is what being left out means anyway.
        default = not (found.default is None or isinstance(found.default.literal, NullValueNode))
        required = get_nullable_type(found.type) is not found.type
        if not inner:
            return _Slice(found.type, certain and default, certain and required)
        # What is within an object that may be left out has no say where it is.
        certain = certain and (default or required)
        type_ = get_nullable_type(found.type)
        found = type_.fields.get(inner.pop(0)) if isinstance(type_, GraphQLInputObjectType) else None
    return None


def _slices(type_: Any) -> bool:
    nullable = get_nullable_type(type_)
    return nullable is GraphQLInt or is_list_type(nullable)


def possible_types(schema: GraphQLSchema, named: GraphQLNamedType) -> Sequence[GraphQLObjectType]:
    """The object types that a value of a type may have; none for scalars and inputs."""
    if is_abstract_type(named):
        return schema.get_possible_types(named)
    return [named] if isinstance(named, GraphQLObjectType) else []


def _repeated(what: str, names: Sequence[str]) -> Iterator[str]:
    yield from (f"the {what} '{name}' is named twice" for name in sorted({n for n in names if names.count(n) > 1}))
