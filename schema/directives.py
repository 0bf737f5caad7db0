"""The directives that say what the graph costs, and which answers may be kept.

Costs are as the GraphQL Cost Directives specification defines them,
https://ibm.github.io/graphql-specs/cost-spec.html. Three things are ours: a slicing argument that is a list counts by
its length, `@assumedSizeFor`, and `@leafCost`. `@cacheControl` has Apollo Server's words.
"""

import json
from enum import StrEnum
from typing import Final

import msgspec

COST: Final = "cost"
LIST_SIZE: Final = "listSize"
ASSUMED_SIZE_FOR: Final = "assumedSizeFor"
LEAF_COST: Final = "leafCost"
CACHE_CONTROL: Final = "cacheControl"
CACHE_CONTROL_SCOPE: Final = "CacheControlScope"

DIRECTIVES: Final = '''\
"""
What it costs, in points: of a type for each value of it, of a field each time it is resolved, of an argument or input
field for each value given. Where nothing is said, scalars and enums cost 0, their fields what @leafCost says, arguments
and input fields of them 0, and all else 1.
"""
directive @cost(
  """
  A number of points with at most three decimals; a field's own and those of its arguments never sum to less than 0.
  """
  weight: String!
) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR

"""How long a list is at most."""
directive @listSize(
  """The greatest number of values, where no slicing argument is given."""
  assumedSize: Int
  """
  Arguments whose value is the greatest number of values, or which are lists with one item for each; of several the
  largest counts.
  """
  slicingArguments: [String!]
  """Fields of the returned object that are the lists meant, in place of the field itself."""
  sizedFields: [String!]
  """Whether exactly one slicing argument is expected."""
  requireOneSlicingArgument: Boolean = true
) on FIELD_DEFINITION

"""How long a list is at most when an argument has a certain value, an enumeration's."""
directive @assumedSizeFor(
  """The argument's name."""
  argument: String!
  """Its value."""
  value: String!
  """The greatest number of values then, in place of `assumedSize` of @listSize."""
  size: Int!
  """
  An argument with two moments, `from` and `until`: there is at most one value for each begun `seconds` between them,
  and one more.
  """
  range: String
  """Seconds of the range for each value."""
  seconds: Int
  """Seconds of the range where the argument is left out."""
  rangeSeconds: Int
) repeatable on FIELD_DEFINITION

"""What each field of a scalar or an enumeration costs when it is resolved, where its own @cost does not say; else 0."""
directive @leafCost(
  """A number of points with at most three decimals."""
  weight: String!
) on SCHEMA

"""Who may be shown an answer that was kept."""
enum CacheControlScope {
  """Everybody of the tenant who has the same role, or the same scopes."""
  PUBLIC
  """The user or the API key that asked."""
  PRIVATE
}

"""
Whether answers may be kept and shown again, until something that they show is written. An answer is kept if each of its
fields may be: a field says so itself, or the type of the objects that it leads to, or, for other fields, the object
that it belongs to.
"""
directive @cacheControl(
  """The longest time in seconds for which an answer is kept, written or not; 0 for not at all."""
  maxAge: Int
  """Who may be shown it; PRIVATE where a type, or a field that leads to objects, does not say."""
  scope: CacheControlScope
) on FIELD_DEFINITION | OBJECT
'''
"""Their definitions, for the head of an SDL."""


class Scope(StrEnum):
    """Who may be shown an answer that was kept."""

    PUBLIC = "PUBLIC"
    PRIVATE = "PRIVATE"


class Hint(msgspec.Struct, frozen=True):
    """What `@cacheControl` says of a type or a field; `max_age` is in seconds, None where it says only for whom."""

    max_age: int | None
    scope: Scope | None

    def written(self) -> str:
        """The directive as it stands behind a type or a field."""
        given = [] if self.max_age is None else [f"maxAge: {self.max_age}"]
        if self.scope is not None:
            given.append(f"scope: {self.scope}")
        return f"@{CACHE_CONTROL}({', '.join(given)})"


class Span(msgspec.Struct, frozen=True):
    """A list that has a value for each begun `seconds` of the range that an argument gives, and one more.

    The argument has two moments, `from` and `until`; `default` are the seconds of the range where it is left out.
    """

    argument: str
    seconds: int
    default: int


class AssumedSizeFor(msgspec.Struct, frozen=True):
    """The greatest length of a list while an argument has this value; with `span`, less for a short range."""

    argument: str
    value: str
    size: int
    span: Span | None = None

    def written(self) -> str:
        """The directive as it stands behind a field."""
        given = f'argument: "{self.argument}", value: "{self.value}", size: {self.size}'
        if self.span is not None:
            given += f', range: "{self.span.argument}", seconds: {self.span.seconds}, rangeSeconds: {self.span.default}'
        return f"@{ASSUMED_SIZE_FOR}({given})"


class ListSize(msgspec.Struct, frozen=True):
    """What bounds a list; names are as in the graph. A dot in a slicing argument leads into an input object."""

    assumed_size: int | None = None
    slicing_arguments: tuple[str, ...] = ()
    sized_fields: tuple[str, ...] = ()
    require_one_slicing_argument: bool = True
    assumed_for: tuple[AssumedSizeFor, ...] = ()

    def written(self) -> str:
        """The directives as they stand behind a field."""
        arguments = []
        if self.assumed_size is not None:
            arguments.append(f"assumedSize: {self.assumed_size}")
        if self.slicing_arguments:
            arguments.append(f"slicingArguments: {json.dumps(self.slicing_arguments)}")
        if self.sized_fields:
            arguments.append(f"sizedFields: {json.dumps(self.sized_fields)}")
        if self.slicing_arguments and not self.require_one_slicing_argument:
            arguments.append("requireOneSlicingArgument: false")
        return " ".join((f"@{LIST_SIZE}({', '.join(arguments)})", *(one.written() for one in self.assumed_for)))
