"""Loaders whose values outlive the operation: what another one read and nobody has written since is not read again.

Memory answers within `fetch`, without a turn of the event loop; what it misses travels in the batch as ever: Redis,
then the statement, for all that miss it together. What is kept here follows from rows of the tenant alone. Loaders
whose values depend on the clock or on who asks are no such loaders.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, Generic

import msgspec

from cache.memory import Missing, Shelf
from persistence.ids import TenantId
from persistence.projections import Reads
from persistence.repositories.campaigns import Advertisers, Campaigns, LineItems, Placements
from persistence.repositories.owned import OwnedRows
from persistence.repositories.paths import FrozenConversions
from persistence.repositories.podcasts import Episodes, Podcasts
from persistence.repositories.runs import AttributionRuns
from resolvers.loaders.loader import K, V
from resolvers.loaders.source import Source, TenantLoader
from resolvers.sight import OperationDatabase

KEPT_ROWS: Final = frozenset(
    {Advertisers, AttributionRuns, Campaigns, Episodes, FrozenConversions, LineItems, Placements, Podcasts}
)
"""Rows that many read and few write. Not those of people, whose every login is a write, and not events."""


class Naming(msgspec.Struct, frozen=True):
    """How a loader's values are kept: the kind's name, type, table and variant (`cache.kinds.Kind`).

    `key` goes before what tells values of one loader apart.
    """

    name: str
    value: Any
    table: str | None = None
    variant: str = ""
    key: str = ""


def is_kept(rows: type[OwnedRows[Any, Any]]) -> bool:
    return rows in KEPT_ROWS


def of_rows(
    rows: type[OwnedRows[Any, Any]], what: str, value: Any, *, parent: str = "", key: str = ""
) -> Naming | None:
    """Of lists of these rows, or of what is made of lists; `parent` is the column that they are listed by."""
    if not is_kept(rows):
        return None
    return Naming(f"{rows.table.name}.{what}", value, variant=f"{rows.__name__}.{parent}", key=f"{key}/")


def wording(*parts: object) -> str:
    """A text that is the same for equal slices and filters alone."""
    named = [(type(part).__name__, part) for part in parts]
    return hashlib.blake2b(msgspec.json.encode(named, order="deterministic"), digest_size=16).hexdigest()


class KeptLoader(TenantLoader[K, V], Generic[K, V]):
    """Subclasses implement `naming` and `read`."""

    def __init__(self, source: Source, tenant_id: TenantId) -> None:
        super().__init__(source, tenant_id)
        self._kept: tuple[Shelf[V], Naming] | None = None
        self._looked = False

    def naming(self) -> Naming | None:
        """How the values are kept; None: not at all."""
        raise NotImplementedError

    async def read(self, database: OperationDatabase, keys: list[K]) -> Sequence[V]:
        """The values of distinct keys, in their order, by one query."""
        raise NotImplementedError

    def names(self, keys: Sequence[K], naming: Naming) -> Sequence[Any]:
        """What the keys are called where their values are kept; ids as they are, where they are rows' own."""
        return [f"{naming.key}{key}" for key in keys] if naming.key else keys

    def projected(self, record: type[Any], reads: Reads) -> type[Any]:
        """The type of the records that a statement with the columns of `reads` gives."""
        keeping = self.source.keeping
        return record if keeping is None else keeping.projections.of(record, reads)

    def at_hand(self, keys: Sequence[K]) -> Sequence[K]:
        keeping, kept = self.source.keeping, self._shelf()
        if keeping is None or kept is None or not keeping.allowed:
            return keys
        shelf, naming = kept
        found = keeping.cache.recall(shelf, self.names(keys, naming))
        missing = [key for key, value in zip(keys, found, strict=True) if isinstance(value, Missing)]
        if len(missing) == len(keys):
            return keys
        keeping.depend(shelf)
        self.take((key, value) for key, value in zip(keys, found, strict=True) if not isinstance(value, Missing))
        return missing

    async def load(self, keys: list[K]) -> Sequence[V]:
        keeping, kept = self.source.keeping, self._shelf()
        if keeping is None or kept is None or not keeping.allowed:
            return await self.read(self.database, keys)
        shelf, naming = kept
        names = self.names(keys, naming)
        named = dict(zip(names, keys, strict=True))
        return await keeping.fetch(
            shelf, names, lambda view, missing: self.read(view, [named[name] for name in missing])
        )

    def _shelf(self) -> tuple[Shelf[V], Naming] | None:
        if not self._looked:
            self._looked = True
            keeping = self.source.keeping
            naming = None if keeping is None else self.naming()
            if keeping is not None and naming is not None:
                kind = keeping.kinds.kind(naming.name, naming.value, table=naming.table, variant=naming.variant)
                self._kept = keeping.shelf(kind), naming
        return self._kept
