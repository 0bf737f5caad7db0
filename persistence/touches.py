"""What statements read and write, found in the statements themselves."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Delete, Executable, Insert, TableClause, TextClause, Update
from sqlalchemy.sql import visitors

from persistence.announcements import ALL, WHOLE, Tag
from persistence.tables import memberships, metadata

PEOPLES: Final = frozenset(
    name for name, table in metadata.tables.items() if "tenant_id" not in table.c and name != "tenants"
)
"""Tables whose rows belong to no tenant."""

UNCACHED: Final[Mapping[str, str]] = {
    "attribution_jobs": "who works on which run: renewed all the time, and read under a lock alone",
    "client_uses": "counts of the operator's: added to by every process, and read by commands alone",
    "element_uses": "as client_uses",
    "refresh_tokens": "read under a lock alone",
    "registered_clients": "read by commands alone",
    "registered_documents": "written by commands alone; the gateway keeps them in its own way",
}
"""Tables of which nothing is ever kept, and why: writing them is not announced, and what reads them is not kept."""

MOST_ROWS: Final = 100
"""Rows of a table that a write names one by one; of more it says that nobody knows which."""


class Touched(msgspec.Struct, frozen=True):
    """What a statement names. A table is written as often as the statement inserts, updates or deletes."""

    tables: frozenset[str]
    written: tuple[str, ...]
    unknown: bool
    """It holds text, which may name other tables."""

    @property
    def cacheable(self) -> bool:
        """Whether somebody is told when what it reads changes."""
        return not self.unknown and self.tables.isdisjoint(UNCACHED)


def touched(statement: Executable) -> Touched:
    tables: set[str] = set()
    written: list[Insert | Update | Delete] = []
    unknown = False
    for element in visitors.iterate(statement):  # type: ignore[arg-type]  # every Executable of ours is an element
        if isinstance(element, Insert | Update | Delete):
            # A common table expression is come by as often as it is used.
            if not any(element is known for known in written):
                written.append(element)
        elif isinstance(element, TableClause):
            tables.add(_name(element))
        elif isinstance(element, TextClause):
            unknown = True
    return Touched(frozenset(tables), tuple(_name(element.table) for element in written), unknown)


class Touches:
    """What the statements of a transaction have touched so far, in a tenant's session; 0: in one of people."""

    def __init__(self, tenant_id: int) -> None:
        self._tenant_id = tenant_id
        self._rows: dict[tuple[int, str], set[int]] = {}
        """By owner and table; ALL is among them when nobody knows which."""

    @property
    def tags(self) -> frozenset[Tag]:
        return frozenset(
            (owner, table, row)
            for (owner, table), rows in self._rows.items()
            for row in ((ALL,) if ALL in rows or len(rows) > MOST_ROWS else (WHOLE, *rows))
        )

    def add(self, table: str, rows: Iterable[int] = (ALL,), *, owner: int | None = None) -> None:
        """`owner` is whose rows they are; without one, the session's tenant, or nobody if the table is people's."""
        wanted = set(rows)
        if not wanted or table in UNCACHED:
            return
        if owner is None:
            owner = 0 if table in PEOPLES else self._tenant_id
        self._rows.setdefault((owner, table), set()).update(wanted)

    def note(self, statement: Executable, rows: Sequence[Sequence[Any]] | None, count: int) -> None:
        """What the statement has done: the rows that it returned, if any were asked for, and how many it changed.

        `count` is negative when that is not known.
        """
        found = touched(statement)
        if found.unknown:
            self._add_everything()
        if not isinstance(statement, Insert | Update | Delete):
            self._add_unknown(found.written)
            return
        table = _name(statement.table)
        others = list(found.written)
        others.remove(table)
        self._add_unknown(others)
        if count == 0 and not others:
            return
        self.add(table, _returned(statement, rows, "id"))
        if table == memberships.name:
            # People's own sessions read theirs in all tenants: under their user's id.
            self.add(table, _returned(statement, rows, "user_id"), owner=0)

    def _add_unknown(self, tables: Iterable[str]) -> None:
        for table in tables:
            self.add(table)
            if table == memberships.name:
                self.add(table, owner=0)

    def _add_everything(self) -> None:
        self._add_unknown(metadata.tables)


def _returned(statement: Insert | Update | Delete, rows: Sequence[Sequence[Any]] | None, column: str) -> Iterable[int]:
    """The column's values in the rows that the statement returned; ALL if it did not return it."""
    wanted = statement.table.c.get(column)
    returned = list(statement.exported_columns)
    place = next((place for place, each in enumerate(returned) if each is wanted), None)
    return (ALL,) if rows is None or place is None else [row[place] for row in rows]


def _name(table: Any) -> str:
    return str(table.name)
