"""Runs of the compiled executor that end early leave nothing behind, and runs of one plan do not mix."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
import pytest
import pytest_asyncio

from gateway.cost.calibration.queries import GeneratedQuery
from gateway.execution.executor import Job
from resolvers.context import RequestContext, Services
from schema.build import build_schema
from tests.actors import Actor, new_tenant
from tests.gateway.execution.answers import answer, documents
from tests.gateway.execution.conformance.stage import Person, Script, schema
from tests.gateway.execution.executors import compiled
from tests.gateway.execution.leftovers import LEFTOVERS
from tests.graph import data

pytestmark = LEFTOVERS

GATED: Final = """query Gated($text: String!) { friends { a: gated friend { b: gated name } said(text: $text) }
  best { gated ... on Human { friend { gated } } } }"""
ADA: Final = Person("Ada", links={"friend": Person("Eve")})
ROOT: Final = {"friends": [ADA, Person("Bob")], "best": ADA}
KNOWN: Final = documents(schema())


@pytest_asyncio.fixture(autouse=True)
async def _no_task_is_left() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    for _ in range(5):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


def job(query: str, **variables: Any) -> Job:
    return Job(KNOWN.document(query, hide_suggestions=False), None, variables, hide_suggestions=False)


async def waiting(script: Script, count: int) -> None:
    while script.waiting < count:
        await asyncio.sleep(0)


async def test_a_run_whose_client_is_gone_stops_all_that_it_began(services: Services) -> None:
    script = Script(services, ROOT)
    run = asyncio.create_task(compiled(schema()).executor.execute(job(GATED, text="a"), script))
    await waiting(script, 4)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (script.waiting, script.closed) == (0, 1)


async def test_a_run_that_takes_too_long_stops_all_that_it_began(services: Services) -> None:
    script = Script(services, ROOT)
    with pytest.raises(TimeoutError):
        await compiled(schema(), seconds=0.05).executor.execute(job(GATED, text="a"), script)
    assert (script.waiting, script.closed) == (0, 1)


async def test_an_error_stops_what_waits_beside_it_and_is_answered(services: Services) -> None:
    subject = compiled(schema(), seconds=2)
    script = Script(services, {"best": Person(links={"sureText": ValueError("no")}), "friends": []})
    execution = await subject.executor.execute(job("{ best { a: gated sureText } friends { name } }"), script)
    assert execution.data == {"best": None, "friends": []}
    assert [error.message for error in execution.errors] == ["no"]
    assert (script.waiting, script.closed, subject.fallback.jobs) == (0, 1, 1)


async def test_runs_of_one_plan_at_the_same_time_do_not_mix(services: Services) -> None:
    subject = compiled(schema())
    scripts = [Script(services, {"friends": [Person(str(number))] * number, "best": None}) for number in range(40)]
    runs = [
        asyncio.create_task(subject.executor.execute(job(GATED, text=f"text {number}"), script))
        for number, script in enumerate(scripts)
    ]
    for number, script in enumerate(scripts[1:]):
        await waiting(script, 1)
        if number % 7 == 0:
            runs[number + 1].cancel()
    for script in reversed(scripts):
        script.gate.set()
    ended = await asyncio.gather(*runs, return_exceptions=True)
    for number, execution in enumerate(ended):
        if (number - 1) % 7 == 0:
            assert isinstance(execution, asyncio.CancelledError)
        else:
            assert not isinstance(execution, BaseException)
            one = {"a": "passed", "friend": None, "said": f"text {number}"}
            assert msgspec.to_builtins(execution.data) == {"friends": [one] * number, "best": None}
    assert subject.fallback.jobs == 0


async def with_podcasts(services: Services, word: str, count: int) -> Actor:
    actor = await new_tenant(services)
    for number in range(count):
        create = f'createPodcast(input: {{title: "{word} {number}"}}) {{ __typename }}'
        await data(actor.context(), f"mutation {{ {create} }}")
    return actor


async def test_tenants_that_share_a_plan_see_their_own_alone(services: Services) -> None:
    actors = [await with_podcasts(services, word, 2) for word in ("One", "Two", "Three")]
    graph = build_schema()._schema
    subject, known = compiled(graph), documents(graph)
    query = GeneratedQuery("query Some($first: Int!) { podcasts(first: $first) { nodes { title } } }", {"first": 2})

    async def titles(actor: Actor) -> list[str]:
        context: RequestContext = actor.context()
        found = json.loads((await answer(subject.executor, known, query, context)).data)
        return [node["title"] for node in found["podcasts"]["nodes"]]

    found = await asyncio.gather(*[titles(actor) for actor in actors * 10])
    assert found == [["One 1", "One 0"], ["Two 1", "Two 0"], ["Three 1", "Three 0"]] * 10
    assert subject.fallback.jobs == 0
