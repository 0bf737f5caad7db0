"""Views: the database as one operation sees it, which never is older than what the operation may know of."""

from contextlib import AbstractAsyncContextManager, AbstractContextManager

from persistence.connections import Listener
from persistence.database import Database
from persistence.footprints import Footprint
from persistence.ids import TenantId, UserId
from persistence.sessions import Session, TenantSession
from persistence.sight import Sight


class DatabaseView:
    """The methods of `Database`, with reads from wherever `sight` allows."""

    def __init__(self, database: Database, sight: Sight, footprint: Footprint | None = None) -> None:
        self._database = database
        self._sight = sight
        self._footprint = footprint

    def noting(self, footprint: Footprint) -> "DatabaseView":
        """The same view, which notes there what its sessions read."""
        return DatabaseView(self._database, self._sight, footprint)

    def read(self, tenant_id: TenantId, *, primary: bool = False) -> AbstractAsyncContextManager[TenantSession]:
        return self._database.read(tenant_id, sight=self._sight, footprint=self._footprint, primary=primary)

    def read_account(
        self, user_id: UserId | None = None, *, primary: bool = False
    ) -> AbstractAsyncContextManager[Session]:
        return self._database.read_account(user_id, sight=self._sight, footprint=self._footprint, primary=primary)

    def analyse(self, tenant_id: TenantId, *, primary: bool = False) -> AbstractAsyncContextManager[TenantSession]:
        return self._database.analyse(tenant_id, sight=self._sight, footprint=self._footprint, primary=primary)

    def write(self, tenant_id: TenantId) -> AbstractAsyncContextManager[TenantSession]:
        self._read_for_a_write()
        return self._database.write(tenant_id, wrote=self._sight.wrote)

    def write_account(self, user_id: UserId | None = None) -> AbstractAsyncContextManager[Session]:
        self._read_for_a_write()
        return self._database.write_account(user_id, wrote=self._sight.wrote)

    def snapshot(self, tenant_id: TenantId) -> AbstractAsyncContextManager[TenantSession]:
        self._read_for_a_write()
        return self._database.snapshot(tenant_id, wrote=self._sight.wrote)

    def trial(self, tenant_id: TenantId) -> AbstractAsyncContextManager[TenantSession]:
        self._read_for_a_write()
        return self._database.trial(tenant_id)

    def watched(self, listener: Listener) -> AbstractContextManager[None]:
        return self._database.watched(listener)

    def _read_for_a_write(self) -> None:
        """What is read within a transaction may be what it has written itself: nothing of it is to be kept."""
        if self._footprint is not None:
            self._footprint.unknown = True
