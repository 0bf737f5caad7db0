"""Where loaders read: the operation's database, and what is kept beyond the operation."""

from typing import Generic

import msgspec

from persistence.ids import TenantId
from resolvers.keeping import Keeping
from resolvers.loaders.loader import K, Loader, V
from resolvers.sight import OperationDatabase


class Source(msgspec.Struct, frozen=True):
    """`keeping` is None where nothing that was kept is shown, and nothing is kept."""

    database: OperationDatabase
    keeping: Keeping | None = None


class TenantLoader(Loader[K, V], Generic[K, V]):
    """A loader over one tenant's rows."""

    def __init__(self, source: Source, tenant_id: TenantId) -> None:
        super().__init__()
        self.source = source
        self.database = source.database
        self.tenant_id = tenant_id
