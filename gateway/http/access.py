"""Whether a long-lived connection may stay.

A stream outlives what let it in: an access token expires within minutes, a login ends, a key is revoked, a member is
removed. Each event is checked by its subscription; this is for connections to which nothing happens. Their credentials
are presented again every minute, as a new request would, so whatever refuses a request ends a stream too. A bound by
the token's own expiry would need no query, but would let a revoked key, which never expires, listen for good.
"""

import asyncio
from collections.abc import Awaitable, Callable

from persistence.errors import PersistenceError
from resolvers.errors import DomainError


async def access_ended(new_context: Callable[[], Awaitable[object]], seconds: float) -> None:
    """Wait until `new_context`, asked every `seconds`, refuses the connection's credentials with a DomainError."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await new_context()
        except DomainError:
            return
        # Nobody is thrown out because the database is away.
        except (PersistenceError, TimeoutError):
            continue
