"""Arguments of generated queries: literals, enum values, input objects and variables with defaults."""

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Any, Final

import msgspec
from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    Undefined,
    is_required_argument,
    is_required_input_field,
)

Values = Callable[[str, str], Sequence[Any]]
"""The JSON values that may stand at a coordinate ('Query.campaign(id:)', 'EventFilterInput.campaignId') of this scalar.

None at all: the argument is left out, and so is a field that cannot do without it.
"""

_INVENTED: Final[Mapping[str, Sequence[Any]]] = MappingProxyType(
    {
        "Int": (0, 1, 2, 3, 5, 10, 25, 50, 100),
        "Float": (0, 1.5),
        "Boolean": (True, False),
        "String": ("", "a text", 'a "quoted" text\nof two lines'),
        "ID": ("cmp_1", "pod_1", "run_1", "evt_1", "1"),
        "BigInt": (0, 1, 5_000_000_000),
        "Decimal": ("0.5", "12"),
        "Date": ("2026-01-01", "2026-12-31"),
        "DateTime": ("2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"),
    }
)
_LONGEST_LIST: Final = 4
_DEEPEST_INPUT: Final = 3


def invented(_coordinate: str, type_name: str) -> Sequence[Any]:
    """Values that mean nothing to a server, but are of their type; none for scalars that it does not know."""
    return _INVENTED.get(type_name, ())


class Sizes(msgspec.Struct, frozen=True):
    """Which numbers an argument should have, where such are known."""

    least: int
    largest: int

    def of(self, known: Sequence[int]) -> Sequence[int]:
        """Those between the bounds, else those below, else the least of all."""
        small = [number for number in known if number <= self.largest]
        return [number for number in small if number >= self.least] or small or [min(known)]


class Argument(msgspec.Struct, frozen=True):
    """An argument as it is written, and the value that the server will see; MISSING for a variable without one."""

    text: str
    value: Any


MISSING: Final = object()


class Arguments:
    """Draws the arguments of one operation, and keeps its variables."""

    def __init__(self, random: Random, values: Values) -> None:
        self._random = random
        self._values = values
        self._declared: list[str] = []
        self.given: dict[str, Any] = {}

    @property
    def declarations(self) -> str:
        """The operation's variables, such as '($v1: Int = 5, $v2: Boolean!)'; empty without any."""
        return f"({', '.join(self._declared)})" if self._declared else ""

    def drawn(self, argument: GraphQLArgument, coordinate: str, *, likely: float, sizes: Sizes) -> Argument | None:
        """The argument, or None where it is left out: by chance, or because no value is known."""
        required = is_required_argument(argument)
        if not required and self._random.random() >= likely:
            return None
        return self._argument(argument.type, coordinate, has_default=_has_default(argument), sizes=sizes)

    def flag(self) -> str:
        """The value of `if` of @skip or @include: a literal, or a variable with or without a default."""
        value = self._chance(0.5)
        if self._chance(0.4):
            return json.dumps(value)
        return self._variable(GraphQLNonNull(GraphQLBoolean), value, has_default=False).text

    def _argument(
        self, type_: GraphQLInputType, coordinate: str, *, has_default: bool, sizes: Sizes
    ) -> Argument | None:
        nullable = not isinstance(type_, GraphQLNonNull)
        if nullable and self._chance(0.03):
            return Argument(text="null", value=None)
        value = self._value(type_, coordinate, sizes, 0)
        if value is MISSING:
            return None
        if self._chance(0.4):
            return self._variable(type_, value, has_default=has_default)
        return Argument(text=self._text(type_, value), value=value)

    def _value(self, type_: GraphQLInputType, coordinate: str, sizes: Sizes | None, depth: int) -> Any:
        """A JSON value, or MISSING."""
        if isinstance(type_, GraphQLNonNull):
            return self._value(type_.of_type, coordinate, sizes, depth)
        if isinstance(type_, GraphQLList):
            return self._list(type_, coordinate, sizes, depth)
        if isinstance(type_, GraphQLEnumType):
            return self._random.choice(sorted(type_.values))
        if isinstance(type_, GraphQLInputObjectType):
            return self._object(type_, depth)
        known = self._values(coordinate, type_.name)
        if not known:
            return MISSING
        if sizes is not None and type_.name == "Int":
            known = sizes.of(known)
        return self._random.choice(known)

    def _list(self, type_: GraphQLList[Any], coordinate: str, sizes: Sizes | None, depth: int) -> Any:
        if depth >= _DEEPEST_INPUT:
            return []
        most = _LONGEST_LIST if sizes is None else sizes.largest
        length = self._random.randint(1, min(_LONGEST_LIST, max(most, 1)))
        drawn = [self._value(type_.of_type, coordinate, None, depth) for _ in range(length)]
        # Each once: servers refuse to be asked twice for the same.
        items = {json.dumps(item, sort_keys=True): item for item in drawn if item is not MISSING}
        return list(items.values()) or MISSING

    def _object(self, type_: GraphQLInputObjectType, depth: int) -> Any:
        fields = list(type_.fields.items())
        if type_.is_one_of:
            fields = [self._random.choice(fields)]
        value: dict[str, Any] = {}
        for name, field in fields:
            required = is_required_input_field(field) or type_.is_one_of
            if not required and (depth >= _DEEPEST_INPUT or self._chance(0.7)):
                continue
            drawn = self._value(field.type, f"{type_.name}.{name}", None, depth + 1)
            if drawn is not MISSING:
                value[name] = drawn
            elif required:
                return MISSING
        return value

    def _text(self, type_: GraphQLInputType, value: Any) -> str:
        """A literal; values within objects and lists may be variables."""
        if value is None:
            return "null"
        if isinstance(type_, GraphQLNonNull):
            return self._text(type_.of_type, value)
        if isinstance(type_, GraphQLList):
            return f"[{', '.join(self._text(type_.of_type, item) for item in value)}]"
        if isinstance(type_, GraphQLInputObjectType):
            written = []
            for name, item in value.items():
                field = type_.fields[name]
                # The variable of a field of a @oneOf object would have to be of another type than the field.
                inner = self._text(field.type, item) if type_.is_one_of else self._part(field, item)
                written.append(f"{name}: {inner}")
            return f"{{{', '.join(written)}}}"
        return str(value) if isinstance(type_, GraphQLEnumType) else json.dumps(value)

    def _part(self, field: GraphQLInputField, value: Any) -> str:
        if self._chance(0.15):
            return self._variable(field.type, value, has_default=_has_default(field), always=True).text
        return self._text(field.type, value)

    def _variable(self, type_: GraphQLInputType, value: Any, *, has_default: bool, always: bool = False) -> Argument:
        """A new variable of this value: given, or by default, or given against a default, or (unless `always`) not."""
        name = f"v{len(self._declared) + 1}"
        bare = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        constant = f" = {_constant(type_, value)}"
        left_out = (bare is type_ or has_default) and not always
        if left_out and self._chance(0.1):
            self._declared.append(f"${name}: {bare}")
            return Argument(text=f"${name}", value=MISSING)
        if self._chance(0.3):  # by default; with one that is not null, a variable that takes null may stand everywhere
            self._declared.append(f"${name}: {self._random.choice((bare, type_))}{constant}")
            return Argument(text=f"${name}", value=value)
        self._declared.append(f"${name}: {type_}{constant if self._chance(0.2) else ''}")
        self.given[name] = value
        return Argument(text=f"${name}", value=value)

    def _chance(self, likely: float) -> bool:
        return self._random.random() < likely


def _constant(type_: GraphQLInputType, value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(type_, GraphQLNonNull):
        return _constant(type_.of_type, value)
    if isinstance(type_, GraphQLList):
        return f"[{', '.join(_constant(type_.of_type, item) for item in value)}]"
    if isinstance(type_, GraphQLInputObjectType):
        return f"{{{', '.join(f'{name}: {_constant(type_.fields[name].type, item)}' for name, item in value.items())}}}"
    return str(value) if isinstance(type_, GraphQLEnumType) else json.dumps(value)


def _has_default(place: GraphQLArgument | GraphQLInputField) -> bool:
    return place.default_value is not Undefined or place.default is not None
