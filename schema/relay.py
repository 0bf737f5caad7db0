"""Relay: nodes with typed ids, connections with keyset cursors."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum, StrEnum
from typing import Annotated, Any, Generic, Protocol, TypeVar

import strawberry

from persistence.pages import Order
from resolvers.ids import typed_id
from resolvers.pages import Page, PageRequest, requested_page
from schema.fields import batched
from schema.info import Info

T = TypeVar("T")


@strawberry.interface(description="An object that can be fetched again by its id.")
class Node:
    id: strawberry.ID = strawberry.field(description="The object's typed id, such as 'cmp_7'.")


def node_id(prefix: str, noun: str) -> Any:
    """The `id` field of a node: the record's number behind the type's prefix."""

    def resolve(root: Any) -> strawberry.ID:
        return strawberry.ID(typed_id(prefix, root.id))

    return strawberry.field(resolver=resolve, description=f"The id of the {noun}, such as '{prefix}_7'.")


def of_record(record: type[Any]) -> Callable[[Any, Any], bool]:
    """The `is_type_of` of an object type: at run time its values are records, not instances of the declaring class."""
    return lambda value, _info: isinstance(value, record)


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


@strawberry.enum(description="Which way a list is sorted.")
class OrderDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="Smallest, earliest or first in the alphabet first.")
    DESC = strawberry.enum_value("DESC", description="Largest, latest or last in the alphabet first.")


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


class OrderBy(Protocol):
    """An input that sorts a list: every connection has its own, with its own fields."""

    @property
    def field(self) -> StrEnum: ...
    @property
    def direction(self) -> OrderDirection: ...


def page_request(
    orders: Mapping[str, Order],
    order_by: OrderBy,
    *,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> PageRequest:
    """The arguments of a connection, checked. Raises InvalidInput."""
    return requested_page(
        orders,
        order=order_by.field.value,
        descending=order_by.direction is OrderDirection.DESC,
        first=first,
        after=after,
        last=last,
        before=before,
    )
