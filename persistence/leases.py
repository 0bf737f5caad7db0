"""Leases: the connection of one session, from the primary or a replica, and another one when it fails."""

from typing import Final

import msgspec

from persistence.connections import Connection, Connections, Listener, Scope
from persistence.errors import DatabaseBusy, DatabaseUnavailable, PersistenceError, ReadOnlyServer, WriteConflict
from persistence.positions import Position
from persistence.router import Router
from persistence.servers import Server
from persistence.shares import Shares
from persistence.sight import Sight
from persistence.unheard import Connect

_NOBODYS: Final = 0


class Sources(msgspec.Struct, frozen=True):
    """Where connections come from; without a router there is one server."""

    primary: Connections
    shares: Shares
    router: Router | None
    connect: Connect
    """A connection of the driver's to the primary, for itself."""


class Lease:
    """Of the primary, without a `sight` or with `primary`; else of whatever the router says."""

    __slots__ = (
        "_connection",
        "_over",
        "_placed",
        "_primary",
        "_scope",
        "_sight",
        "_sources",
        "_substituted",
        "listeners",
        "position",
        "server",
    )

    listeners: list[Listener]

    def __init__(self, sources: Sources, scope: Scope, sight: Sight | None, *, primary: bool = False) -> None:
        self._primary = primary
        self._sources = sources
        self._scope = scope
        self._sight = sight
        self._connection: Connection | None = None
        self._over = False
        self._substituted = False
        self._placed: Shares | None = None
        """Where the session has its tenant's place."""
        self.server: Server | None = None
        """The replica; None: the primary."""
        self.position: Position = 0
        """What is read now covers it; meaningless without a sight."""

    @property
    def connection(self) -> Connection:
        """While the lease lasts; afterwards it is another session's."""
        if self._connection is None:
            if self._over:
                raise AttributeError("the session is over")
            raise DatabaseUnavailable("the session's connection was lost, and no other could be had")
        return self._connection

    async def begin(self) -> None:
        """Raises DatabaseUnavailable."""
        router, sight = self._sources.router, self._sight
        if router is None or sight is None or self._primary:
            await self._take_from(None)
        else:
            await self._take(await router.reader(sight, self._scope.tenant_id))

    async def move(self, known: PersistenceError, error: BaseException) -> bool:
        """Elsewhere, if what failed may succeed there; `known` is what `error` means. Raises DatabaseUnavailable."""
        failed, router, sight = self.server, self._sources.router, self._sight
        if router is None or sight is None or not isinstance(known, DatabaseUnavailable):
            return False
        if failed is None:
            if type(known) is not DatabaseUnavailable or isinstance(error, TimeoutError):
                return False
            return await self._instead_of_primary()
        if isinstance(error, TimeoutError) and failed.healthy:
            return False  # It is the statement that takes so long.
        self._give_back()
        lost = not isinstance(known, WriteConflict | ReadOnlyServer)
        await self._take(await router.elsewhere(failed, sight, self._scope.tenant_id, lost=lost))
        return True

    def end(self) -> None:
        self._over = True
        self._give_back()

    def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            pool = self._sources.primary if self.server is None else self.server.connections
            pool.give_back(connection)
            self._leave()

    async def _take(self, server: Server | None) -> None:
        """From there, or, if it cannot be reached, from the next one."""
        while server is not None:
            try:
                await self._take_from(server)
            except DatabaseBusy:
                raise
            except DatabaseUnavailable:
                router, sight = self._sources.router, self._sight
                if router is None or sight is None:
                    raise
                server = await router.elsewhere(server, sight, self._scope.tenant_id, lost=True)
            else:
                return
        try:
            await self._take_from(None)
        except DatabaseUnavailable as error:
            if isinstance(error, DatabaseBusy) or not await self._instead_of_primary():
                raise

    async def _instead_of_primary(self) -> bool:
        """Whether it goes on elsewhere, the primary being lost; once, or it might go on for ever."""
        router, sight = self._sources.router, self._sight
        if router is None or sight is None or self._primary or self._substituted:
            return False
        self._substituted = True
        server = await router.instead(sight, self._scope.tenant_id)
        if server is None and self._connection is None:
            return False
        self._give_back()
        await self._take(server)
        return True

    async def _take_from(self, server: Server | None) -> None:
        if server is None:
            pool, shares = self._sources.primary, self._sources.shares
            if self._sight is not None:
                self.position = self._sight.position
        else:
            pool, shares = server.connections, server.shares
            self.position = server.position
            server.in_use += 1
            server.reads += 1
        self.server = server
        try:
            if self._scope.tenant_id != _NOBODYS:
                if not shares.enter(self._scope.tenant_id):
                    await shares.wait(self._scope.tenant_id)
                self._placed = shares
            self._connection = await pool.take(self._scope)
        except BaseException:
            self._leave()
            raise
        self.listeners = pool.listeners

    def _leave(self) -> None:
        if self._placed is not None:
            self._placed.leave(self._scope.tenant_id)
            self._placed = None
        if self.server is not None:
            self.server.in_use -= 1
            self.server = None
