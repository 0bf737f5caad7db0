"""Footprints: what was read, from which position on it is so, and hence when it is so no more."""

from persistence.announcements import WHOLE, Tag
from persistence.positions import Position
from persistence.touches import PEOPLES


class Footprint:
    """Filled by the sessions of a view that notes (`DatabaseView.noting`)."""

    __slots__ = ("one_tenant", "position", "tables", "unknown")

    def __init__(self, *, one_tenant: bool = False) -> None:
        """`one_tenant`: what a people's session reads of tenants is of one, and the reader knows of which."""
        self.one_tenant = one_tenant
        self.tables: set[str] = set()
        self.position: Position | None = None
        """The oldest that covers what was read; None: nothing was."""
        self.unknown = False
        """Something was read of which nobody can tell when it changes: it must not be kept."""

    def note(self, tables: frozenset[str], position: Position) -> None:
        self.tables |= tables
        if self.position is None or position < self.position:
            self.position = position

    def tags(self, tenant_id: int) -> frozenset[Tag]:
        """What was read in this tenant's sessions depends on these."""
        return frozenset((0 if table in PEOPLES else tenant_id, table, WHOLE) for table in self.tables)
