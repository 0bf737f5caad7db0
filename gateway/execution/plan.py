"""What the planner makes of an operation and the runner runs: selections, their columns, and the shapes of values."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from graphql import FieldNode

from gateway.execution.arguments import Arguments
from gateway.execution.leaves import Leaf
from persistence.projections import Reads

Resolver = Callable[..., Awaitable[Any] | Any]


class Plain(msgspec.Struct, frozen=True):
    """A scalar or an enumeration that a record has under a name of its own."""

    attribute: str
    leaf: Leaf


class TypedId(msgspec.Struct, frozen=True):
    """The id of a record behind its type's prefix."""

    prefix: str


class TypeName(msgspec.Struct, frozen=True):
    """`__typename`."""

    name: str


class Attribute(msgspec.Struct, frozen=True):
    """Objects that a record has under a name of its own."""

    name: str


class Call(msgspec.Struct, frozen=True):
    """One call of a resolver for all parents of a level; of a root field's, which has none, for the operation."""

    resolver: Resolver
    arguments: Arguments
    waits: bool
    """Whether it is a coroutine function."""
    reads: Reads
    """What will be read of the records that it returns."""
    type_name: str
    nodes: tuple[FieldNode, ...]
    path: tuple[str, ...]

    @property
    def coordinate(self) -> str:
        return f"{self.type_name}.{self.nodes[0].name.value}"


class Column(msgspec.Struct, frozen=True):
    """A field whose values are computed for a whole level before its objects are built."""

    key: str
    source: Attribute | Call
    shape: "Shape"
    waits: bool


Build = Callable[..., list[msgspec.Struct]]
"""Generated: records, and a list for each column, to response maps."""


class Selection(msgspec.Struct, frozen=True):
    """One selection set for objects of one concrete type.

    `index` numbers the selections of a plan; `record` is the type of its values, if the graph names one, and
    `is_type_of` decides where that is not enough. `repeats` says that the same record is often there more than once.
    """

    index: int
    type_name: str
    nodes: tuple[FieldNode, ...]
    path: tuple[str, ...]
    record: type[Any] | None
    is_type_of: Callable[[Any, Any], Any] | None
    columns: tuple[Column, ...]
    build: Build
    text: str
    constants: Mapping[str, str]
    """Of `build`, for people: its text, and what stands for names in it."""
    keys: tuple[str, ...]
    """Of its response maps, in their order."""
    waits: bool
    repeats: bool


class Choice(msgspec.Struct, frozen=True):
    """The selections of an interface or union, in the order in which its types are tried."""

    selections: tuple[Selection, ...]

    @property
    def waits(self) -> bool:
        return any(selection.waits for selection in self.selections)


class Leaves(msgspec.Struct, frozen=True):
    """Scalars or enumerations, alone or in lists."""

    leaf: Leaf
    waits: bool = False


class Objects(msgspec.Struct, frozen=True):
    """One object for each value."""

    nullable: bool
    target: Selection | Choice
    waits: bool


class Items(msgspec.Struct, frozen=True):
    """A list for each value."""

    nullable: bool
    item: "Objects | Items"
    waits: bool


Shape: TypeAlias = Leaves | Objects | Items


class Plan(msgspec.Struct, frozen=True):
    """An operation, ready to be run with any variables that steer it alike."""

    root: Selection
    selections: Sequence[Selection]
    fields: int
    """How many there are, which bounds what it takes in memory."""
