"""Clients that go on reading and writing while servers of the database die, and what they must never see.

Each write makes the `version` of a podcast one larger. An acknowledged one must be in every later read; what a read has
shown must be in every later one; a write may fail, and then it may or may not have been made.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2

from tests.e2e.histories import HEADER, WRITE, Account

READ: Final = "query($id: ID!) { podcast(id: $id) { id version } }"
SECONDS: Final = 30.0
"""How long a test waits for the clients to get somewhere."""


class Outage:
    """One writer and some readers for each podcast."""

    def __init__(self, url: str, account: Account) -> None:
        self._url = url
        self._account = account
        self._acknowledged = dict.fromkeys(account.podcasts, 0)
        self._shown = dict.fromkeys(account.podcasts, 0)
        self._tokens: dict[str, str] = {}
        self.reads = 0
        self.writes = 0
        """Acknowledged ones."""
        self.refusals: Counter[str] = Counter()
        """Writes that were not acknowledged, by the code of the error."""
        self.failures: list[str] = []
        """Reads that were not answered, or showed less than they had to."""

    @asynccontextmanager
    async def going_on(self, readers: int = 2) -> AsyncIterator[None]:
        """Within the block, everybody reads and writes."""
        clients = [
            asyncio.create_task(client)
            for podcast in self._account.podcasts
            for client in (self._writer(podcast), *(self._reader(podcast, bool(n % 2)) for n in range(readers)))
        ]
        try:
            yield
        finally:
            for client in clients:
                client.cancel()
            await asyncio.gather(*clients, return_exceptions=True)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not condition():
                assert not self.failures, self.failures[:3]
                await asyncio.sleep(0.01)

    async def more(self, *, reads: int = 0, writes: int = 0, refusals: int = 0) -> None:
        """Returns when so many more have been answered."""
        goals = self.reads + reads, self.writes + writes, self.refusals.total() + refusals
        await self.until(
            lambda: self.reads >= goals[0] and self.writes >= goals[1] and self.refusals.total() >= goals[2]
        )

    async def _writer(self, podcast: str) -> None:
        async with self._http() as http:
            version = await self._read(http, podcast, {})
            while True:
                body, headers = await self._asked(http, WRITE, {"id": podcast, "version": version, "title": "Show"}, {})
                written = (body.get("data") or {}).get("updatePodcast") or {}
                if "podcast" in written:
                    version = self._acknowledged[podcast] = written["podcast"]["version"]
                    self._tokens[podcast] = headers[HEADER]
                    self.writes += 1
                    continue
                code = written.get("code") or body["errors"][0]["extensions"]["code"]
                if code != "CONFLICT":  # else the write that had failed was made all the same
                    self.refusals[code] += 1
                version = await self._read(http, podcast, {})

    async def _reader(self, podcast: str, with_tokens: bool) -> None:
        async with self._http() as http:
            while True:
                token = self._tokens.get(podcast) if with_tokens else None
                await self._read(http, podcast, {HEADER: token} if token else {})

    async def _read(self, http: httpx2.AsyncClient, podcast: str, headers: dict[str, str]) -> int:
        """The version, 0 if there was no answer."""
        least = max(self._acknowledged[podcast], self._shown[podcast])
        body, _ = await self._asked(http, READ, {"id": podcast}, headers)
        found = (body.get("data") or {}).get("podcast")
        if found is None:
            self.failures.append(f"{headers}: {body}")
            return 0
        version = int(found["version"])
        if version < least:
            self.failures.append(f"{podcast} with {headers}: {version} after {least}")
        self._shown[podcast] = max(self._shown[podcast], version)
        self.reads += 1
        return version

    def _http(self) -> httpx2.AsyncClient:
        authorization = {"authorization": f"Bearer {self._account.token}"}
        return httpx2.AsyncClient(base_url=self._url, headers=authorization, timeout=30)

    async def _asked(
        self, http: httpx2.AsyncClient, query: str, variables: dict[str, Any], headers: dict[str, str]
    ) -> tuple[dict[str, Any], httpx2.Headers]:
        response = await http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        return dict(response.json()), response.headers
