"""Which rows were written lately: so that of a thousand values only those are looked at that somebody has written."""

from collections.abc import Set
from typing import Final

from cache.tags import ALL, Position, Tag

_MOST: Final = 65_536
"""Rows of all tables that are known; then they are forgotten."""


class WrittenRows:
    def __init__(self) -> None:
        self._begin: Position = 0
        self._since: dict[tuple[int, str], Position] = {}
        """Of these tables, only rows written after this position are known."""
        self._rows: dict[tuple[int, str], dict[int, Position]] = {}
        self._known = 0

    def begin(self, position: Position) -> None:
        """Rows written up to here are not known."""
        self._begin = position
        self._since.clear()
        self._rows.clear()
        self._known = 0

    def written(self, tags: frozenset[Tag], position: Position) -> None:
        for tenant_id, table, row_id in tags:
            if row_id == ALL:
                self._since[tenant_id, table] = max(position, self._since.get((tenant_id, table), 0))
            elif row_id > 0:
                rows = self._rows.setdefault((tenant_id, table), {})
                self._known += row_id not in rows
                rows[row_id] = max(position, rows.get(row_id, 0))
        if self._known + len(self._since) > _MOST:
            self.begin(max(self._begin, position, *self._since.values()))

    def since(self, tenant_id: int, table: str, position: Position) -> Set[int] | None:
        """Rows written after `position`; None: not all of them are known."""
        if position < max(self._begin, self._since.get((tenant_id, table), 0)):
            return None
        rows = self._rows.get((tenant_id, table))
        return {row_id for row_id, last in rows.items() if last > position} if rows else set()
