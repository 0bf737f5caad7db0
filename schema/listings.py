"""Lists: how the objects of one type are sorted and filtered, said once, and the connection fields made of it.

LINE_ITEMS = Listing(
    rows=LineItems,
    node=LineItem,
    order_by=LineItemOrder(field=LineItemOrderField.CREATED_AT, direction=OrderDirection.ASC),
    filter_input=LineItemFilterInput,
    wanted=wanted_line_items,
    by_default="oldest first",
    unfiltered="all but archived",
)

class Campaign(Node):
    line_items = connection(LINE_ITEMS, "campaign_id", description="What is booked, at which prices.")
"""

from collections.abc import Callable, Sequence
from enum import Enum, StrEnum
from typing import Annotated, Any, Protocol

import msgspec
import strawberry

from persistence.repositories.owned import OwnedRows
from resolvers import lists
from resolvers.pages import Page, PageRequest, requested_page
from schema.fields import batched, root_field
from schema.info import Info
from schema.relay import After, Before, First, Last, connection_of


@strawberry.enum(description="Which way a list is sorted.")
class OrderDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="Smallest, earliest or first in the alphabet first.")
    DESC = strawberry.enum_value("DESC", description="Largest, latest or last in the alphabet first.")


class OrderBy(Protocol):
    """An input that sorts a list: every listing has its own, with its own fields."""

    @property
    def field(self) -> StrEnum: ...
    @property
    def direction(self) -> OrderDirection: ...


class Listing(msgspec.Struct, frozen=True):
    """One kind of list. `wanted` makes the repository's filter of the graph's; it may raise InvalidInput."""

    rows: type[OwnedRows[Any, Any]]
    node: Any
    """The object type, or a lazy reference to it."""
    order_by: OrderBy
    """The order of a list whose client names none."""
    filter_input: type[Any]
    wanted: Callable[[Any], Any]
    by_default: str
    """What `order_by` means, for people."""
    unfiltered: str
    """What is listed without a filter, for people."""

    def request(
        self, order_by: OrderBy, *, first: int | None, after: str | None, last: int | None, before: str | None
    ) -> PageRequest:
        """The arguments of a connection, checked. Raises InvalidInput."""
        return requested_page(
            self.rows.orders,
            order=order_by.field.value,
            descending=order_by.direction is OrderDirection.DESC,
            first=first,
            after=after,
            last=last,
            before=before,
        )

    @property
    def arguments(self) -> dict[str, Any]:
        """The annotations of the arguments in which listings differ."""
        order = f"How to sort; {self.by_default} if left out."
        wanted = f"Which to list; {self.unfiltered} if left out."
        return {
            "order_by": Annotated[type(self.order_by), strawberry.argument(description=order)],
            "filter": Annotated[self.filter_input | None, strawberry.argument(description=wanted)],
        }


def connection(listing: Listing, parent: str, *, description: str) -> Any:
    """A field of an object: the rows whose column `parent` holds the object's id."""

    async def resolve(
        parents: Sequence[Any],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order_by: Any = listing.order_by,
        filter: Any = None,
    ) -> list[Page[Any]]:
        request = listing.request(order_by, first=first, after=after, last=last, before=before)
        ids = [record.id for record in parents]
        return await lists.pages_by(
            info.context, listing.rows, parent, ids, request, listing.wanted(filter), reads=info.reads
        )

    resolve.__annotations__ |= listing.arguments
    return batched(graphql_type=connection_of(listing.node), description=description, reads=("id",))(resolve)


def root_connection(listing: Listing, *, description: str) -> Any:
    """A field of Query: all rows of the viewer's tenant."""

    async def resolve(
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order_by: Any = listing.order_by,
        filter: Any = None,
    ) -> Page[Any]:
        request = listing.request(order_by, first=first, after=after, last=last, before=before)
        return await lists.page(info.context, listing.rows, request, listing.wanted(filter), reads=info.reads)

    resolve.__annotations__ |= listing.arguments
    return root_field(graphql_type=connection_of(listing.node), description=description)(resolve)
