"""Every test of this folder runs with each executor."""

import pytest

from resolvers.context import Services
from tests.gateway.execution.answers import documents
from tests.gateway.execution.conformance.stage import Stage, schema
from tests.gateway.execution.executors import EXECUTORS


@pytest.fixture(params=sorted(EXECUTORS))
def stage(request: pytest.FixtureRequest, services: Services) -> Stage:
    return Stage(EXECUTORS[request.param](schema()), documents(schema()), services)
