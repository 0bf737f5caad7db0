"""Relay: nodes with typed ids, connections with keyset cursors."""

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.field import StrawberryField

from persistence.projections import record_of
from resolvers.ids import typed_id
from resolvers.pages import Page
from schema.fields import batched
from schema.info import Info

T = TypeVar("T")

ID_PREFIX = "podgraph.id_prefix"
"""Key of a typed id's prefix in a field's metadata, for executors that make the id themselves."""


@strawberry.interface(description="An object that can be fetched again by its id.")
class Node:
    id: strawberry.ID = strawberry.field(description="The object's typed id, such as 'cmp_7'.")


class _NodeId(StrawberryField):
    """A field without a resolver of its own: for those Strawberry makes no `info`, and ids are half of what is read."""

    def get_result(self, source: Any, info: strawberry.Info[Any, Any] | None, args: list[Any], kwargs: Any) -> str:
        return typed_id(self.metadata[ID_PREFIX], source.id)


def node_id(prefix: str, noun: str) -> Any:
    """The `id` field of a node: the record's number behind the type's prefix."""
    return _NodeId(
        type_annotation=StrawberryAnnotation(strawberry.ID),
        description=f"The id of the {noun}, such as '{prefix}_7'.",
        metadata={ID_PREFIX: prefix},
    )


class OfRecord:
    """The `is_type_of` of an object type: at run time its values are records, not instances of the declaring class."""

    __slots__ = ("kinds", "record")

    def __init__(self, record: type[Any], kinds: Sequence[str] | None) -> None:
        self.record = record
        self.kinds = kinds

    def __call__(self, value: Any, _info: Any) -> bool:
        if not issubclass(record_of(type(value)), self.record):
            return False
        return self.kinds is None or value.type in self.kinds

    @property
    def reads(self) -> tuple[str, ...]:
        """The attributes of a record that tell its type."""
        return () if self.kinds is None else ("type",)


def of_record(record: type[Any], kinds: Sequence[str] | None = None) -> OfRecord:
    """Values are this record or projections of it; where types share a record, its `type` is one of `kinds`."""
    return OfRecord(record, kinds)


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follow after `endCursor`.")
    has_previous_page: bool = strawberry.field(description="Whether others come before `startCursor`.")
    start_cursor: str | None = strawberry.field(description="Cursor of the page's first edge; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the page's last edge; null on an empty page.")


@strawberry.type(description="An object's place in a list.")
class Edge(Generic[T]):
    node: T = strawberry.field(description="The object.")
    cursor: str = strawberry.field(description="Opaque position, for `after` or `before`; valid for this order only.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The page's objects with their cursors, in order.")
    nodes: list[T] = strawberry.field(description="The page's objects without cursors, in order.")
    page_info: PageInfo = strawberry.field(description="Where this page lies in the list.")

    @batched(
        graphql_type=int,
        description="Number of objects in the whole list, over all its pages; counted only when selected.",
    )
    @staticmethod
    async def total_count(parents: Sequence[Page[Any]], info: Info) -> list[int]:
        found: dict[int, int] = {}
        for counts in {id(page.counts): page.counts for page in parents}.values():
            pages = [page for page in parents if page.counts is counts]
            numbers = await counts.fetch([page.count_key for page in pages])
            found.update(zip(map(id, pages), numbers, strict=True))
        return [found[id(page)] for page in parents]


def connection_of(node: Any) -> Any:
    """`Connection[node]`, for a type that is a value."""
    generic: Any = Connection
    return generic[node]


IdArgument = Annotated[strawberry.ID, strawberry.argument(description="The object's typed id, such as 'cmp_7'.")]
VersionArgument = Annotated[
    int,
    strawberry.argument(description="The `version` you read, counted from 1; another one is a CONFLICT."),
]
First = Annotated[
    int | None,
    strawberry.argument(description="Number of objects from the start or after `after`, 0 to 1,000; 25 if left out."),
]
After = Annotated[str | None, strawberry.argument(description="Cursor after which the page starts.")]
Last = Annotated[
    int | None,
    strawberry.argument(description="Number of objects from the end or before `before`, 0 to 1,000; 25 if left out."),
]
Before = Annotated[str | None, strawberry.argument(description="Cursor before which the page ends.")]
