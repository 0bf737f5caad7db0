"""An edge on a real socket, and a client of it."""

from collections.abc import AsyncGenerator

import httpx2
import pytest

from tests.gateway.edge import Edge, client_of


@pytest.fixture
def edge() -> Edge:
    return Edge()


@pytest.fixture
async def client(edge: Edge) -> AsyncGenerator[httpx2.AsyncClient, None]:
    async with client_of(edge) as client:
        yield client
