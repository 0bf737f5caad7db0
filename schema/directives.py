"""The directives that say what the graph costs, as the GraphQL Cost Directives specification defines them.

https://ibm.github.io/graphql-specs/cost-spec.html. Two things are ours: a slicing argument that is a list counts by its
length, and `@assumedSizeFor`.
"""

import json
from typing import Final

import msgspec

COST: Final = "cost"
LIST_SIZE: Final = "listSize"
ASSUMED_SIZE_FOR: Final = "assumedSizeFor"

DIRECTIVES: Final = '''\
"""
What it costs, in points: of a type for each value of it, of a field each time it is resolved, of an argument or input
field for each value given. Scalars, enums and what is made of them cost 0, all else 1, where nothing is said.
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
) repeatable on FIELD_DEFINITION
'''
"""Their definitions, for the head of an SDL."""


class AssumedSizeFor(msgspec.Struct, frozen=True):
    """The greatest length of a list while an argument has this value."""

    argument: str
    value: str
    size: int


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
        by_value = (
            f'@{ASSUMED_SIZE_FOR}(argument: "{one.argument}", value: "{one.value}", size: {one.size})'
            for one in self.assumed_for
        )
        return " ".join((f"@{LIST_SIZE}({', '.join(arguments)})", *by_value))
