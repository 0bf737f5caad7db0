"""The loader of conversions that count an order."""

from collections.abc import Sequence

from persistence.records import EventRecord
from persistence.repositories.events import Conversions, OrderKey
from resolvers.loaders.source import TenantLoader


class ConversionByOrderLoader(TenantLoader[OrderKey, EventRecord | None]):
    """The conversion that counts each order; None where it has been deleted by retention."""

    async def load(self, keys: list[OrderKey]) -> Sequence[EventRecord | None]:
        async with self.database.read(self.tenant_id) as session:
            return await Conversions(session).counting(keys)
