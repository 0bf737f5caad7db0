"""What an operation sees: everything that was written before it began, and everything that it writes itself.

A client may ask for more with `Podgraph-Consistency` or `extensions.consistency`: a token, as a write's response gave
it, which holds when what processes tell each other does not (Redis is away, the write was in another place); or
`primary`, which reads past all caches and replicas.
"""

from typing import Final, Self, TypeAlias

import msgspec

from cache.coherence import Coherence, Moment
from persistence.database import Database
from persistence.footprints import Footprint
from persistence.positions import Position, position_of, token_of
from persistence.views import DatabaseView
from resolvers.errors import invalid

PRIMARY: Final = "primary"

OperationDatabase: TypeAlias = Database | DatabaseView
"""What an operation reads and writes through: by its sight, or, where it has none, on the primary alone."""


class Demand(msgspec.Struct, frozen=True):
    """What a client asks for: to see all up to `position`, or to have everything read on the primary."""

    position: Position = 0
    primary: bool = False
    uncached: bool = False
    """Nothing that was kept is shown."""

    def and_(self, other: "Demand") -> "Demand":
        return Demand(
            max(self.position, other.position), self.primary or other.primary, self.uncached or other.uncached
        )


NOTHING_DEMANDED: Final = Demand()


def demanded(given: object, *path: str) -> Demand:
    """What a header or a request says; None says nothing. Raises InvalidInput (INVALID_CONSISTENCY)."""
    if given is None:
        return NOTHING_DEMANDED
    if given == PRIMARY:
        return Demand(primary=True)
    try:
        return Demand(position_of(given if isinstance(given, str) else ""))
    except ValueError:
        message = "Send a token as the response to a write had it in extensions.consistency, or 'primary'."
        raise invalid("INVALID_CONSISTENCY", message, *path) from None


class OperationSight:
    """The `persistence.views.Sight` of one operation, from the moment in which it began."""

    __slots__ = ("_coherence", "_demand", "_moment", "_written")

    def __init__(self, coherence: Coherence, moment: Moment, demand: Demand = NOTHING_DEMANDED) -> None:
        self._coherence = coherence
        self._moment = moment
        self._demand = demand
        self._written: Position = 0

    @property
    def moment(self) -> Moment:
        return self._moment

    @property
    def position(self) -> Position:
        """Covers what is read on the primary. Never what a client says: it would be believed of what is kept."""
        return self._moment.position

    @property
    def primary(self) -> bool:
        return self._demand.primary or not self._moment.trusted

    @property
    def caches(self) -> bool:
        """Whether what was kept may be shown, and what is read be kept."""
        return self._moment.trusted and not (self._demand.primary or self._demand.uncached)

    @property
    def token(self) -> Position:
        """What the client has seen, by its own word, and what the operation has written; 0: nothing."""
        return max(self._demand.position, self._written)

    @property
    def consistency(self) -> str | None:
        """The newest that the operation has written, as its client is told; None if it wrote nothing."""
        return token_of(self._written) if self._written else None

    def floor(self, tenant_id: int) -> Position:
        return max(self._coherence.floor(tenant_id), self.token)

    def pending(self, tenant_id: int) -> bool:
        return self._coherence.pending(tenant_id)

    def wrote(self, position: Position) -> None:
        self._written = max(self._written, position)

    def demand(self, demand: Demand) -> None:
        """Asks for this too."""
        self._demand = self._demand.and_(demand)

    async def renewed(self) -> Self:
        """For what begins now in the same client's name, such as an event of a subscription."""
        demand = self._demand.and_(Demand(self.token))
        return type(self)(self._coherence, await self._coherence.moment(), demand)


def seen(database: Database, sight: OperationSight | None, footprint: Footprint | None = None) -> OperationDatabase:
    """The database as an operation sees it; `footprint` notes what it reads."""
    return database if sight is None else DatabaseView(database, sight, footprint)


async def begun(coherence: Coherence, demand: Demand) -> OperationSight:
    """The sight of an operation that begins now."""
    return OperationSight(coherence, await coherence.moment(), demand)
