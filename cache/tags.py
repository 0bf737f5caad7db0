"""Tags: what a cached value depends on and what a write touches. The same words as `persistence.announcements`.

Two tags share a slot now and then (there are 65,536): a write then makes a stranger's value a miss, never a lie.
"""

from collections.abc import Collection, Iterable
from typing import Final
from zlib import crc32

Position = int
"""How far the database had come (`persistence.positions`); larger is later."""

Tag = tuple[int, str, int]
"""Whose row (a tenant's, or 0: nobody's), of which table, and its id, or WHOLE or ALL."""

WHOLE: Final = 0
"""What was read of the table as a whole: a list, a count, a page. Every write of the table touches it."""

ALL: Final = -1
"""Touched by a write that does not know its rows: all of the table's tags lie under it."""

SLOTS: Final = 65_536
_MOST_ROWS: Final = 1_000
"""Rows of one table that a write names one by one; more are all of the table."""


def slot_of(tag: Tag) -> int:
    """Which of the slots keeps this tag's last write; the same in every process, release and machine."""
    tenant_id, table, row_id = tag
    return crc32(b"%d/%d/%s" % (tenant_id, row_id, table.encode())) & (SLOTS - 1)


def normal(tags: Iterable[Tag]) -> frozenset[Tag]:
    """The tags of one write: whoever touches a row touches the whole, and very many rows are all of them."""
    rows: dict[tuple[int, str], set[int]] = {}
    for tenant_id, table, row_id in tags:
        rows.setdefault((tenant_id, table), {WHOLE}).add(row_id)
    return frozenset(
        (tenant_id, table, row_id)
        for (tenant_id, table), ids in rows.items()
        for row_id in (ids if ALL not in ids and len(ids) <= _MOST_ROWS else (WHOLE, ALL))
    )


def tenants_of(tags: Collection[Tag]) -> frozenset[int]:
    return frozenset(tenant_id for tenant_id, _, _ in tags)
