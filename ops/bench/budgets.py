"""Whether clients that hammer several gateways with one API key ever get more than its budget has.

Each client sends operations of three sizes in turn, and one that is refused again until it is admitted: every second
client when it was told to, the others at once and without end. What they were charged is added up from the answers.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx2
import msgspec

from ops.bench.processes import BenchFailed

SIZES: Final = ((1, 5), (4, 25), (10, 50))
"""Podcasts, and episodes of each."""

IMPATIENT_SECONDS: Final = 0.05
"""How soon a client that does not care what it was told comes again."""

_ENDING_SECONDS: Final = 15.0
"""How long the last answers may take."""

QUERY: Final = """
query($podcasts: Int!, $episodes: Int!) {
  podcasts(first: $podcasts) { nodes { title episodes(first: $episodes) { nodes { title publishedAt } } } }
}
"""


class ClientMeasured(msgspec.Struct, frozen=True):
    """One client; `longest_wait` is in seconds, from an operation's first refusal to its admission."""

    name: str
    patient: bool
    admitted: int
    throttled: int
    settled: float
    longest_wait: float


class Measured(msgspec.Struct, frozen=True):
    """All clients. Points are those that answers say; `seconds` are those from the first request to the last answer."""

    seconds: float
    capacity: float
    restore_rate: float
    requested: float
    settled: float
    clients: tuple[ClientMeasured, ...]
    failures: Mapping[str, int]
    """Answers that were neither a result nor THROTTLED, by what they were."""

    @property
    def bound(self) -> float:
        """What one full bucket has in that time."""
        return self.capacity + self.restore_rate * self.seconds

    @property
    def problems(self) -> list[str]:
        """What must not be, in sentences."""
        found = [f"{count} requests failed: {what}." for what, count in self.failures.items()]
        if self.settled > self.bound:
            found.append(f"{self.settled:,.3f} points were spent of {self.bound:,.3f}.")
        if idle := [client.name for client in self.clients if client.admitted == 0]:
            found.append(f"Never admitted: {', '.join(idle)}.")
        if not any(client.throttled for client in self.clients):
            found.append("Nobody was throttled: the budget is too large for this bench, or the time too short.")
        return found


async def measured(urls: Sequence[str], key: str, *, clients: int, seconds: float) -> Measured:
    """Hammers the gateways. `key` is an API key; its own budget, else its tenant's, is full. Raises BenchFailed."""
    hammers = [
        _Hammer(f"hammer-{number}", urls[number % len(urls)], key, patient=number // len(urls) % 2 == 0, first=number)
        for number in range(clients)
    ]
    begin = time.monotonic()
    try:
        async with asyncio.timeout(seconds + _ENDING_SECONDS):
            await asyncio.gather(*(hammer.run(begin + seconds) for hammer in hammers))
    except TimeoutError:
        raise BenchFailed(f"answers took longer than {_ENDING_SECONDS:.0f} seconds") from None
    elapsed = time.monotonic() - begin
    failures: Counter[str] = Counter()
    for hammer in hammers:
        failures += hammer.failures
    statuses = [hammer.status for hammer in hammers if hammer.status is not None]
    if not statuses:
        raise BenchFailed(f"no operation was priced: {dict(failures)}")
    return Measured(
        seconds=elapsed,
        capacity=max(status["maximumAvailable"] for status in statuses),
        restore_rate=max(status["restoreRate"] for status in statuses),
        requested=sum(hammer.requested for hammer in hammers),
        settled=sum(hammer.settled for hammer in hammers),
        clients=tuple(hammer.result() for hammer in hammers),
        failures=dict(failures),
    )


class _Hammer:
    """One client of one gateway, with one connection."""

    def __init__(self, name: str, url: str, key: str, *, patient: bool, first: int) -> None:
        self._name = name
        self._url = url
        self._headers = {
            "authorization": f"Bearer {key}",
            "apollographql-client-name": name,
            "content-type": "application/json",
        }
        self._patient = patient
        self._first = first
        self.status: dict[str, float] | None = None
        self.failures: Counter[str] = Counter()
        self.settled = 0.0
        self.requested = 0.0
        self._admitted = 0
        self._throttled = 0
        self._longest_wait = 0.0

    def result(self) -> ClientMeasured:
        return ClientMeasured(
            self._name, self._patient, self._admitted, self._throttled, self.settled, self._longest_wait
        )

    async def run(self, until: float) -> None:
        number = self._first
        async with httpx2.AsyncClient(base_url=self._url, headers=self._headers, timeout=_ENDING_SECONDS) as http:
            while time.monotonic() < until:
                podcasts, episodes = SIZES[number % len(SIZES)]
                await self._admission(http, {"podcasts": podcasts, "episodes": episodes}, until)
                number += 1

    async def _admission(self, http: httpx2.AsyncClient, variables: Mapping[str, int], until: float) -> None:
        """Asks until it is admitted, or the time is over."""
        body = msgspec.json.encode({"query": QUERY, "variables": variables})
        begin = time.monotonic()
        while time.monotonic() < until:
            wait = await self._answer(http, body)
            if wait is None:
                self._longest_wait = max(self._longest_wait, time.monotonic() - begin)
                return
            await asyncio.sleep(min(wait, max(0.0, until - time.monotonic())))

    async def _answer(self, http: httpx2.AsyncClient, body: bytes) -> float | None:
        """Seconds until the client asks again; None once it was admitted."""
        try:
            response = await http.post("/graphql", content=body)
            answer: Any = msgspec.json.decode(response.content)
        except (httpx2.HTTPError, msgspec.DecodeError) as error:
            self.failures[type(error).__name__] += 1
            return IMPATIENT_SECONDS
        codes = [error.get("extensions", {}).get("code", "none") for error in answer.get("errors", ())]
        if codes == ["THROTTLED"]:
            self._throttled += 1
            return float(response.headers["retry-after"]) if self._patient else IMPATIENT_SECONDS
        cost = answer.get("extensions", {}).get("cost")
        if codes or cost is None or cost["actualQueryCost"] is None:
            self.failures[f"{response.status_code} {', '.join(map(str, codes))}"] += 1
        if cost is not None:
            self.status = cost.get("apiKeyThrottleStatus", cost["throttleStatus"])
            self.requested += cost["requestedQueryCost"]
            self.settled += cost["actualQueryCost"] or 0
        self._admitted += not codes
        return IMPATIENT_SECONDS if codes else None
