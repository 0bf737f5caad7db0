"""Liveness, readiness and health."""

import asyncio
import itertools

import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from ops.health import Health, HealthCheck, HealthReport, Probe, ProbeResult, health_routes
from tests.gateway.middleware.asgi import Answer, call


async def well() -> None:
    """Nothing to complain of."""


async def unwell() -> None:
    raise ConnectionError("db1.internal refused")


async def stuck() -> None:
    await asyncio.Event().wait()


def check(*probes: Probe, draining: bool = False) -> HealthCheck:
    seconds = itertools.count(0, 0.125)
    return HealthCheck(probes, draining=lambda: draining, clock=lambda: next(seconds))


async def answered(path: str, *probes: Probe, draining: bool = False) -> Answer:
    checked = check(*probes, draining=draining)
    return await call(Starlette(routes=health_routes(lambda _request: checked)), path)


@pytest.mark.parametrize(
    ("probes", "status"),
    [
        ([], Health.HEALTHY),
        ([Probe("database", well), Probe("redis", well, required=False)], Health.HEALTHY),
        ([Probe("database", well), Probe("redis", unwell, required=False)], Health.DEGRADED),
        ([Probe("database", unwell), Probe("redis", well, required=False)], Health.UNHEALTHY),
        ([Probe("database", unwell), Probe("redis", unwell, required=False)], Health.UNHEALTHY),
    ],
)
async def test_status_is_the_worst_that_matters(probes: list[Probe], status: Health) -> None:
    assert (await check(*probes).report()).status is status


async def test_report_names_every_probe_with_its_latency() -> None:
    report = await check(Probe("database", well)).report()
    assert report == HealthReport(
        status=Health.HEALTHY,
        draining=False,
        probes=(ProbeResult(name="database", ok=True, required=True, latency_ms=125.0),),
    )


async def test_probe_that_does_not_answer_is_unwell() -> None:
    report = await check(Probe("database", stuck, timeout=0.01)).report()
    assert report.status is Health.UNHEALTHY


async def test_reason_is_logged_and_not_shown() -> None:
    with capture_logs() as lines:
        answer = await answered("/health", Probe("database", unwell))
    assert answer.status == 503
    assert b"internal" not in answer.body
    assert [(line["probe"], line["error"]) for line in lines] == [
        ("database", "ConnectionError('db1.internal refused')")
    ]


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/livez", 200, b'{"status":"alive"}'),
        ("/readyz", 200, b'{"status":"ready","failed":[]}'),
        (
            "/health",
            200,
            b'{"status":"degraded","draining":false,"probes":'
            b'[{"name":"redis","ok":false,"required":false,"latency_ms":125.0}]}',
        ),
    ],
)
async def test_optional_failure_leaves_the_process_ready(path: str, status: int, body: bytes) -> None:
    answer = await answered(path, Probe("redis", unwell, required=False))
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers["cache-control"] == "no-store"


async def test_required_failure_is_not_ready_but_alive() -> None:
    probe = Probe("database", unwell)
    ready = await answered("/readyz", probe)
    assert (ready.status, ready.body) == (503, b'{"status":"not ready","failed":["database"]}')
    assert (await answered("/livez", probe)).status == 200


async def test_draining_is_not_ready_without_asking_any_probe() -> None:
    asked: list[str] = []

    async def ask() -> None:
        asked.append("asked")

    ready = await answered("/readyz", Probe("database", ask), draining=True)
    assert (ready.status, ready.body, asked) == (503, b'{"status":"draining"}', [])
