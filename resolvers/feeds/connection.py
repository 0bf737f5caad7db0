"""Connections to vetted addresses only.

The name is resolved once for each connection, every address it has is vetted, and the connection goes to one of those
very addresses: an answer of the name server that changes in between (DNS rebinding) changes nothing. TLS and the Host
header keep the name, which httpcore2 takes from the request and not from here.
"""

from collections.abc import Iterable, Sequence

import httpcore2

from resolvers.errors import FeedRejected
from resolvers.feeds.addresses import IPNetwork, Resolve, literal_address, may_fetch_from
from resolvers.feeds.reasons import Reason


class VettedBackend(httpcore2.AsyncNetworkBackend):
    """httpcore2's network backend, with the vetting in front of it."""

    def __init__(self, resolve: Resolve, allowed: Sequence[IPNetwork]) -> None:
        self._resolve = resolve
        self._allowed = allowed
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore2's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first of the host's addresses that answers; `timeout` is for each, in seconds.

        Raises FeedRejected(PRIVATE_ADDRESS) before any connection if one address is not public, and httpcore2's
        ConnectError if none answers.
        """
        literal = literal_address(host)
        addresses = (literal,) if literal is not None else await self._resolve(host, port)
        if not all(may_fetch_from(address, self._allowed) for address in addresses):
            raise FeedRejected(Reason.PRIVATE_ADDRESS, "the feed's address is not on the public internet")
        for address in addresses:
            try:
                return await self._network.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        raise httpcore2.ConnectError("no address answers")
