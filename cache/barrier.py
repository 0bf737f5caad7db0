"""The round trip with which an operation begins: how many messages there have been when it came.

Whoever comes while one is under way joins the next one, which begins when that one ends: so there is one at a time,
however many ask, and nobody is told what was so before he came. It has a connection of its own, since taking one from
the pool for so small a question would double what it costs.
"""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from cache.busy_loop import answered


class State(msgspec.Struct, frozen=True):
    generation: str
    """Empty: there is none."""
    sequence: int


class Barrier:
    """Works within `run`, a task that its owner starts and ends."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key
        self._waiting: list[asyncio.Future[State]] = []
        self._asked = asyncio.Event()
        self._connection: AbstractConnection | None = None
        self._question: Any = None

    async def state(self) -> State:
        """As it is, or as it was a moment ago but after the call. Raises RedisError or OSError."""
        waiter: asyncio.Future[State] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._asked.set()
        return await waiter

    def fail(self, error: Exception) -> None:
        """Nobody waits any longer."""
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_exception(error)

    async def run(self) -> None:
        try:
            while True:
                await self._asked.wait()
                self._asked.clear()
                await self._round_trip()
        finally:
            self.fail(ConnectionError("the process ends"))
            await self._disconnect()

    async def _round_trip(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            generation, sequence = await answered(self._answer)
        except Exception as error:
            # Whatever it was: nobody may wait for a round trip that never ends.
            failure = error if isinstance(error, RedisError | OSError) else ConnectionError(repr(error))
            for waiter in waiting:
                if not waiter.done():
                    waiter.set_exception(failure)
            self.fail(failure)
            await self._disconnect()
            return
        except asyncio.CancelledError:
            for waiter in waiting:
                waiter.cancel()
            raise
        state = State((generation or b"").decode(), int(sequence or 0))
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(state)

    async def _answer(self) -> Any:
        try:
            return await self._asked_once()
        except (RedisError, OSError):
            # What comes late must not be taken for the answer to the next question.
            await self._disconnect()
            raise

    async def _asked_once(self) -> Any:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py left it out
            await connection.connect()
            self._question = connection.pack_command("HMGET", self._key, "generation", "sequence")
        await connection.send_packed_command(self._question, check_health=False)
        return await connection.read_response()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(RedisError, OSError):
                await connection.disconnect(nowait=True)
