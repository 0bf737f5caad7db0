"""Health of the process: alive, ready, and how each thing it needs is doing.

`/livez` answers while the process runs. `/readyz` is 503 while draining or while a probe that requests depend on
fails. `/health` shows every probe: `unhealthy` when a required one fails, `degraded` when only an optional one does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Final

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

NO_STORE: Final = "no-store"


class Health(StrEnum):
    """How the process is, worst last."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class Probe(msgspec.Struct, frozen=True):
    """One thing to look at. `check` raises when it is unwell; `required` means that requests fail without it."""

    name: str
    check: Callable[[], Awaitable[object]]
    required: bool = True
    timeout: float = 2.0


class ProbeResult(msgspec.Struct, frozen=True):
    """What a probe found; the reason of a failure is in the log, not on the wire."""

    name: str
    ok: bool
    required: bool
    latency_ms: float


class HealthReport(msgspec.Struct, frozen=True):
    """All probes and what they add up to."""

    status: Health
    draining: bool
    probes: tuple[ProbeResult, ...]


class HealthCheck:
    """Runs the probes, all at once, each within its own timeout."""

    def __init__(self, probes: Sequence[Probe], *, draining: Callable[[], bool], clock: Callable[[], float]) -> None:
        self._probes = tuple(probes)
        self._draining = draining
        self._clock = clock
        self._log = structlog.get_logger("ops.health")

    async def report(self, *, required_only: bool = False) -> HealthReport:
        """The state of every probe; `required_only` leaves out those that requests can do without."""
        chosen = [probe for probe in self._probes if probe.required or not required_only]
        results = await asyncio.gather(*(self._result(probe) for probe in chosen))
        failed = [result for result in results if not result.ok]
        status = Health.HEALTHY if not failed else Health.DEGRADED
        if any(result.required for result in failed):
            status = Health.UNHEALTHY
        return HealthReport(status=status, draining=self._draining(), probes=tuple(results))

    def draining(self) -> bool:
        """Whether the process has begun to shut down."""
        return self._draining()

    async def _result(self, probe: Probe) -> ProbeResult:
        started = self._clock()
        ok = True
        try:
            async with asyncio.timeout(probe.timeout):
                await probe.check()
        # Whatever a probe raises is its finding.
        except Exception as error:
            ok = False
            self._log.warning("probe failed", probe=probe.name, error=repr(error))
        latency = round((self._clock() - started) * 1000, 3)
        return ProbeResult(name=probe.name, ok=ok, required=probe.required, latency_ms=latency)


def health_routes(check_of: Callable[[Request], HealthCheck]) -> list[Route]:
    """Starlette routes of `/livez`, `/readyz` and `/health`, all uncached and free of credentials."""

    async def livez(_request: Request) -> Response:
        return _json(200, {"status": "alive"})

    async def readyz(request: Request) -> Response:
        check = check_of(request)
        if check.draining():
            return _json(503, {"status": "draining"})
        report = await check.report(required_only=True)
        ready = report.status is not Health.UNHEALTHY
        failed = [probe.name for probe in report.probes if not probe.ok]
        return _json(200 if ready else 503, {"status": "ready" if ready else "not ready", "failed": failed})

    async def health(request: Request) -> Response:
        report = await check_of(request).report()
        return _json(503 if report.status is Health.UNHEALTHY else 200, report)

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/health", health)]


def _json(status: int, body: object) -> Response:
    return Response(
        msgspec.json.encode(body), status, media_type="application/json", headers={"cache-control": NO_STORE}
    )
