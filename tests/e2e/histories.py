"""Sessions that write and read the same podcasts through several servers, and what none of them may ever be shown.

Every write makes a podcast's `version` one larger. So a read that began after a write was acknowledged, to whomever,
must show its version or a larger one, and so must a read that carries its token, or follows one that showed it.
"""

import asyncio
import contextlib
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import httpx2
import msgspec

from tests.services.client import GraphQLClient

HEADER: Final = "podgraph-consistency"

READS: Final = {
    "node": "query($id: ID!) { node(id: $id) { id ... on Podcast { version } } }",
    "podcast": "query($id: ID!) { podcast(id: $id) { id version } }",
    "list": "query { podcasts(first: 50) { nodes { id version } } }",
    "count": "query($id: ID!) { podcast(id: $id) { id version episodes(first: 1) { totalCount } } }",
}
_THINKING: Final = 0.01
WRITE: Final = """
mutation($id: ID!, $version: Int!, $title: String!) {
  updatePodcast(id: $id, version: $version, input: {title: $title}) {
    __typename ... on UpdatePodcastPayload { podcast { id version } } ... on Error { code message }
  }
}"""


class Account(msgspec.Struct, frozen=True):
    """Somebody with a tenant and podcasts of their own."""

    token: str
    podcasts: tuple[str, ...]


async def new_account(url: str, *, podcasts: int) -> Account:
    email, password = f"{secrets.token_hex(6)}@example.com", "correct horse battery staple"
    async with GraphQLClient(url) as client:
        await client.done(
            "mutation($input: RegisterInput!) { register(input: $input) { __typename } }",
            input={"email": email, "name": "Ada Example", "password": password},
        )
        signed_in = await client.done(
            "mutation($input: LoginInput!) { login(input: $input)"
            " { __typename ... on LoginPayload { session { accessToken } } } }",
            input={"email": email, "password": password},
        )
        token = signed_in["session"]["accessToken"]
        client.sign_in(token)
        await client.done('mutation { createTenant(input: {name: "Shows"}) { __typename } }')
        ids = []
        for number in range(podcasts):
            created = await client.done(
                "mutation($title: String!) { createPodcast(input: {title: $title})"
                " { __typename ... on CreatePodcastPayload { podcast { id } } } }",
                title=f"Show {number}",
            )
            ids.append(created["podcast"]["id"])
    return Account(token, tuple(ids))


class History:
    """What has happened so far, over all sessions: `run` adds to it until it is told to stop."""

    def __init__(self, servers: Sequence[str], account: Account, *, seed: int) -> None:
        self._servers = servers
        self._account = account
        self._random = random.Random(seed)  # noqa: S311  # what comes next is no secret
        self.acknowledged = dict.fromkeys(account.podcasts, 1)
        """The version that each podcast's last acknowledged write gave it."""
        self._writing = {podcast: asyncio.Lock() for podcast in account.podcasts}
        self.operations: Counter[str] = Counter()
        self.failures: list[str] = []
        """Answers that were no answers, and those that were older than they may be."""
        self.tokens = 0
        """Reads that carried a token."""
        self.throttled = 0
        self.slowest = 0.0
        """Of the reads since `watch_latency`, in seconds."""

    @property
    def total(self) -> int:
        return self.operations.total()

    def watch_latency(self) -> None:
        self.slowest = 0.0

    async def run(self, *, sessions: int, operations: int) -> None:
        """This many more operations, by this many sessions at once."""
        goal = self.total + operations
        async with asyncio.TaskGroup() as group:
            for _ in range(sessions):
                group.create_task(self._session(goal))

    @contextlib.asynccontextmanager
    async def going_on(self, *, sessions: int) -> AsyncIterator[None]:
        """Within the block, sessions write and read."""
        tasks = [asyncio.create_task(self._session(None)) for _ in range(sessions)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def everything_current(self) -> None:
        """Every server, asked twice for everything, has the last version of every podcast."""
        async with _http() as http:
            for server in self._servers:
                for _ in range(2):
                    for podcast in self._account.podcasts:
                        for name in READS:
                            await self._read(http, server, podcast, name, {}, {})

    async def _session(self, goal: int | None) -> None:
        seen: dict[str, int] = {}
        token: str | None = None
        async with _http() as http:
            while goal is None or self.total < goal:
                server = self._random.choice(self._servers)
                podcast = self._random.choice(self._account.podcasts)
                if self._random.random() < 0.3 and not self._writing[podcast].locked():
                    async with self._writing[podcast]:
                        token = await self._write(http, server, podcast, seen) or token
                else:
                    headers = {HEADER: token} if token and self._random.random() < 0.5 else {}
                    await self._read(http, server, podcast, self._random.choice(list(READS)), seen, headers)
                if goal is None:
                    await asyncio.sleep(_THINKING)  # else the tenant's budget would not last

    async def _write(self, http: httpx2.AsyncClient, server: str, podcast: str, seen: dict[str, int]) -> str | None:
        """The token."""
        self.operations["write"] += 1
        version = self.acknowledged[podcast]
        variables = {"id": podcast, "version": version, "title": f"Show {version}"}
        answer, headers = await self._asked(http, server, WRITE, variables, {})
        if answer is None:
            return None
        written = answer["updatePodcast"]
        if "podcast" not in written:
            self.failures.append(f"write of {podcast} at {version}: {written}")
            return None
        if written["podcast"]["version"] != version + 1:
            self.failures.append(f"write of {podcast} at {version} showed {written['podcast']['version']}")
        self.acknowledged[podcast] = seen[podcast] = version + 1
        return headers.get(HEADER)

    async def _read(
        self,
        http: httpx2.AsyncClient,
        server: str,
        podcast: str,
        name: str,
        seen: dict[str, int],
        headers: dict[str, str],
    ) -> None:
        self.operations[name] += 1
        self.tokens += bool(headers)
        least = {known: max(version, seen.get(known, 0)) for known, version in self.acknowledged.items()}
        began = time.perf_counter()
        answer, _ = await self._asked(http, server, READS[name], {} if name == "list" else {"id": podcast}, headers)
        self.slowest = max(self.slowest, time.perf_counter() - began)
        if answer is None:
            return
        [value] = answer.values()
        found = value["nodes"] if name == "list" else [value]
        for row in found:
            if row["version"] < least[row["id"]]:
                self.failures.append(
                    f"{name} of {row['id']} on {server} with {headers}: {row['version']} after {least[row['id']]}"
                )
            seen[row["id"]] = max(seen.get(row["id"], 0), row["version"])
        if name == "list" and len(found) != len(self._account.podcasts):
            self.failures.append(f"list of {len(found)}")

    async def _asked(
        self, http: httpx2.AsyncClient, server: str, query: str, variables: dict[str, Any], headers: dict[str, str]
    ) -> tuple[dict[str, Any] | None, httpx2.Headers]:
        try:
            response = await self._sent(http, server, query, variables, headers)
            while response.status_code == httpx2.codes.TOO_MANY_REQUESTS:
                # A Redis that has lost its data begins with empty budgets, until all servers have told what was left.
                self.throttled += 1
                await asyncio.sleep(float(response.headers["retry-after"]))
                response = await self._sent(http, server, query, variables, headers)
            body = response.json()
        except (httpx2.HTTPError, ValueError) as error:
            self.failures.append(f"{server}: {error!r}")
            return None, httpx2.Headers()
        if "errors" in body or body.get("data") is None:
            self.failures.append(f"{server}: {response.status_code} {body}")
            return None, httpx2.Headers()
        return body["data"], response.headers

    async def _sent(
        self, http: httpx2.AsyncClient, server: str, query: str, variables: dict[str, Any], headers: dict[str, str]
    ) -> httpx2.Response:
        return await http.post(
            f"{server}/graphql",
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {self._account.token}", **headers},
        )


def _http() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=30)
