"""The one way to Redis: a server by its URL, or a store inside this process when there is none.

Both answer through the same client class, so nothing behind this module knows which it is. What both can do is fixed
by tests/cache/test_redis_contract.py; Lua scripts keep to `redis.call` and Lua's own library (no cjson, no cmsgpack).
"""

from typing import Any, Final

from fakeredis import FakeAsyncRedisConnection, FakeServer
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

TIMEOUT: Final = 0.25
"""Seconds for a connection, for an answer and for a free connection: past that, PostgreSQL is the faster one."""

_CONNECTIONS = 64
_RESP = 2


def open_redis(url: str | None, *, timeout: float = TIMEOUT) -> Redis:
    """A client with bytes in and out, whose every failure is a `redis.exceptions.RedisError` within about `timeout` s.

    Nothing connects before the first command and nothing is retried: a script that took points from a bucket must not
    run twice, and a subscriber must hear that it may have missed messages. After a loss, the next command connects
    anew and a subscription subscribes anew. `None` opens a new, empty store, which ends with the process and which
    other processes do not see. The caller closes the client with `aclose`.
    """
    options: dict[str, Any] = {
        "max_connections": _CONNECTIONS,
        "timeout": timeout,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "protocol": _RESP,
    }
    if url is None:
        store = FakeServer(server_type="redis", version=(8,))
        pool = BlockingConnectionPool(connection_class=FakeAsyncRedisConnection, server=store, **options)
    else:
        pool = BlockingConnectionPool.from_url(url, **options)
    return Redis.from_pool(pool)
