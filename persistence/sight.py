"""Sight: what an operation knows of the database, which decides where it may read."""

from typing import Protocol

from persistence.positions import Position


class Sight(Protocol):
    """Of one operation, from when it began."""

    @property
    def position(self) -> Position:
        """What is read on the primary covers it."""

    @property
    def token(self) -> Position:
        """What the client has seen, by its own word, and what the operation has written; 0: nothing."""

    @property
    def primary(self) -> bool:
        """Reads must go to the primary."""

    def floor(self, tenant_id: int) -> Position:
        """What a read of this tenant must cover, the token included; 0: a read of what belongs to people."""

    def pending(self, tenant_id: int) -> bool:
        """Something of the tenant is being written: only the primary knows it."""

    def wrote(self, position: Position) -> None:
        """The operation has written, and must see it from now on."""
