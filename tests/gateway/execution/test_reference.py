"""The reference executor."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from prometheus_client import CollectorRegistry

from gateway.cost.tally import Tally
from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.errors import RequestRejected
from gateway.execution.executor import Execution, Job
from gateway.execution.reference import ReferenceExecutor
from ops.telemetry.metrics import DocumentMetrics
from tests.gateway.small_schema import Bench, SmallContext, small_schema

SCHEMA = small_schema()


def job(text: str, variables: Mapping[str, object] = MappingProxyType({})) -> Job:
    documents = Documents(SCHEMA, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
    return Job(
        document=documents.document(text, hide_suggestions=False),
        operation_name=None,
        variables=variables,
        hide_suggestions=False,
    )


@pytest.fixture
def executor() -> ReferenceExecutor[SmallContext]:
    return ReferenceExecutor(SCHEMA, seconds=0.05)


@pytest.fixture
def context() -> SmallContext:
    return SmallContext(Bench(), None)


async def test_query_gives_data(executor: ReferenceExecutor[SmallContext], context: SmallContext) -> None:
    assert await executor.execute(job("{ hello }"), context) == Execution(data={"hello": "hello world"})


async def test_errors_leave_unmasked(executor: ReferenceExecutor[SmallContext], context: SmallContext) -> None:
    execution = await executor.execute(job("{ defect }"), context)
    assert [error.message for error in execution.errors] == ["password=hunter2"]


async def test_complaints_about_variables_are_capped(
    executor: ReferenceExecutor[SmallContext], context: SmallContext
) -> None:
    names = [f"v{number}" for number in range(30)]
    text = "query (" + " ".join(f"${name}: Int!" for name in names) + ") { "
    text += " ".join(f"{name}: add(left: ${name}, right: 1)" for name in names) + " }"
    with pytest.raises(RequestRejected) as caught:
        await executor.execute(job(text, variables=dict.fromkeys(names, "x")), context)
    assert caught.value.code == "BAD_USER_INPUT"
    assert len(caught.value.errors) == 11


async def test_time_limit_cancels_the_resolvers(
    executor: ReferenceExecutor[SmallContext], context: SmallContext
) -> None:
    with pytest.raises(TimeoutError):
        await executor.execute(job("{ gated }"), context)
    assert (context.bench.most_running, context.bench.running) == (1, 0)


async def test_every_event_has_a_context_of_its_own(
    executor: ReferenceExecutor[SmallContext], context: SmallContext
) -> None:
    events = await executor.subscribe(job("subscription { loads { before again: before } }"), context)
    assert not isinstance(events, Execution)
    assert [(await event(Tally())).data async for event in events] == [{"loads": {"before": [], "again": ["x"]}}] * 2
    assert context.loaded == []


async def test_quiet_subscription_outlives_the_time_limit_of_an_event(
    executor: ReferenceExecutor[SmallContext], context: SmallContext
) -> None:
    events = await executor.subscribe(job("subscription { queued }"), context)
    assert not isinstance(events, Execution)
    asyncio.get_running_loop().call_later(0.1, context.bench.events.put_nowait, 5)
    assert (await (await anext(events))(Tally())).data == {"queued": 5}
    await events.aclose()
    assert context.bench.closed_sources == 1
