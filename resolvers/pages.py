"""Pages of a list as clients ask for them: Relay's `first`/`after` and `last`/`before` over keyset slices."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from persistence.pages import Order, Position, Rows, Slice
from resolvers.errors import invalid
from resolvers.loaders.loader import Loader

R = TypeVar("R")

DEFAULT_SIZE = 25
LARGEST_SIZE = 1_000

_RowId = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
_KEYS: Mapping[type, Any] = {
    int: Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)],
    str: Annotated[str, msgspec.Meta(pattern=r"\A[^\x00]*\Z")],
    datetime: Annotated[datetime, msgspec.Meta(tz=True)],
}
"""What PostgreSQL can compare with a sort key of each type: a cursor may have been tampered with."""


class PageRequest(msgspec.Struct, frozen=True):
    """A checked request: `part` is what to read; a `backward` page is read in reverse and turned round."""

    part: Slice
    backward: bool
    after_something: bool


class Edge(msgspec.Struct, Generic[R], frozen=True):
    """An object in its page; the cursor is made when a client selects it."""

    node: R
    page: "Page[R]"

    @property
    def cursor(self) -> str:
        return self.page.cursor(self.node)


class Page(msgspec.Struct, Generic[R], frozen=True):
    """One page. `counts` and `count_key` find the size of the whole list when a client selects it."""

    nodes: list[R]
    has_next_page: bool
    has_previous_page: bool
    order: Order
    descending: bool
    counts: Loader[Any, int]
    count_key: Any

    @property
    def edges(self) -> list[Edge[R]]:
        return [Edge(node, self) for node in self.nodes]

    @property
    def page_info(self) -> "Page[R]":
        return self

    @property
    def start_cursor(self) -> str | None:
        return self.cursor(self.nodes[0]) if self.nodes else None

    @property
    def end_cursor(self) -> str | None:
        return self.cursor(self.nodes[-1]) if self.nodes else None

    def cursor(self, node: R) -> str:
        """The node's position in this order, opaque to clients."""
        position = [self.order.name, self.descending, self.order.value(node), node.id]  # type: ignore[attr-defined]  # every listed record has an id
        return base64.urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def requested_page(
    orders: Mapping[str, Order],
    *,
    order: str,
    descending: bool,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> PageRequest:
    """Raises InvalidInput (INVALID_PAGE_SIZE, CONFLICTING_ARGUMENTS, INVALID_CURSOR)."""
    if last is not None or before is not None:
        if first is not None or after is not None:
            message = "Ask for 'first' and 'after', or for 'last' and 'before', not for both."
            raise invalid("CONFLICTING_ARGUMENTS", message, "last")
        limit, cursor, backward = page_size(last, "last"), before, True
    else:
        limit, cursor, backward = page_size(first, "first"), after, False
    position = None
    if cursor is not None:
        position = _position(cursor, orders[order], descending, "before" if backward else "after")
    part = Slice(order=order, descending=descending != backward, limit=limit, after=position)
    return PageRequest(part=part, backward=backward, after_something=cursor is not None)


def page_of(
    rows: Rows[Any], request: PageRequest, orders: Mapping[str, Order], counts: Loader[Any, int], count_key: Any
) -> Page[Any]:
    """The rows in the client's order. Beyond the cursor's side a page is assumed to exist, as Relay allows."""
    return Page(
        nodes=rows.records[::-1] if request.backward else rows.records,
        has_next_page=request.after_something if request.backward else rows.more,
        has_previous_page=rows.more if request.backward else request.after_something,
        order=orders[request.part.order],
        descending=request.part.descending != request.backward,
        counts=counts,
        count_key=count_key,
    )


def page_size(asked: int | None, argument: str) -> int:
    """Raises InvalidInput (INVALID_PAGE_SIZE)."""
    return size_of(asked, argument, DEFAULT_SIZE, LARGEST_SIZE, "; page with cursors to read more")


def size_of(asked: int | None, argument: str, default: int, largest: int, advice: str = "") -> int:
    """How many are asked for. Raises InvalidInput (INVALID_PAGE_SIZE), whose message ends with the advice."""
    size = default if asked is None else asked
    if not 0 <= size <= largest:
        raise invalid("INVALID_PAGE_SIZE", f"'{argument}' must be from 0 to {largest:,}{advice}.", argument)
    return size


def _position(cursor: str, order: Order, descending: bool, argument: str) -> Position:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        decoded = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        name, turned, value, row_id = msgspec.json.decode(decoded, type=tuple[str, bool, Any, _RowId])
        key = msgspec.convert(value, _KEYS[order.type])
        if isinstance(key, datetime):
            key = key.astimezone(UTC)
    except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError, OverflowError, RecursionError):
        raise invalid("INVALID_CURSOR", "This is not a cursor of this graph.", argument) from None
    if (name, turned) != (order.name, descending):
        raise invalid(
            "INVALID_CURSOR", "This cursor comes from a list in another order; start again without it.", argument
        )
    return key, row_id
