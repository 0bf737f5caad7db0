"""Who asks, by the headers that Apollo's clients send."""

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.documents.clients import STRANGER
from resolvers.billing.spending import UNKNOWN, Client
from resolvers.context import Services
from tests.actors import new_tenant
from tests.gateway.test_context import context_of
from tests.identity import keyring

NAMED = {"Apollographql-Client-Name": "web", "Apollographql-Client-Version": "1.2"}


async def bearer(services: Services) -> dict[str, str]:
    actor = await new_tenant(services)
    return {"Authorization": f"Bearer {keyring(services.clock).issued(actor.user_id, actor.session_id).text}"}


@pytest.mark.parametrize(
    ("headers", "payload", "client"),
    [
        (NAMED, None, Client("web", "1.2")),
        ({}, None, UNKNOWN),
        ({}, NAMED, Client("web", "1.2")),
        (NAMED, {"apollographql-client-name": "page"}, Client("page", "1.2")),
        ({}, {"apollographql-client-name": 7}, UNKNOWN),
    ],
)
async def test_headers_or_the_init_payload_name_the_client(
    services: Services, headers: Mapping[str, str], payload: Mapping[str, Any] | None, client: Client
) -> None:
    context = await context_of(services, {**headers, **await bearer(services)}, payload)
    assert context.client == client
    assert (await context.for_event()).client == client


async def test_name_of_a_stranger_is_not_kept(services: Services) -> None:
    assert (await context_of(services, NAMED)).client == STRANGER
