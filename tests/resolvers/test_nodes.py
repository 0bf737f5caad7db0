"""Objects by their typed ids."""

import msgspec
import pytest

from resolvers.context import RequestContext, Services
from resolvers.errors import Forbidden, InvalidInput, Unauthenticated
from resolvers.nodes import LARGEST_REQUEST, nodes
from resolvers.podcasts import NewPodcast, create_podcast
from resolvers.policy import Scope, Viewer
from tests.actors import new_tenant


async def test_ids_of_several_kinds_answer_in_the_order_asked(services: Services) -> None:
    actor = await new_tenant(services)
    podcast = await create_podcast(actor.context(), NewPodcast(title="A Show"))
    asked = [f"pod_{podcast.id}", f"ten_{actor.tenant_id}", "xyz_1", f"usr_{actor.user_id}", f"pod_{podcast.id}"]
    found = await nodes(actor.context(), asked, "ids")
    assert [type(record).__name__ for record in found] == [
        "PodcastRecord",
        "TenantRecord",
        "NoneType",
        "UserRecord",
        "PodcastRecord",
    ]
    assert found[0] == podcast


async def test_what_is_no_id_says_where_it_stood(services: Services) -> None:
    actor = await new_tenant(services)
    with pytest.raises(InvalidInput) as refusal:
        await nodes(actor.context(), ["pod_1", "podcast"], "ids")
    assert [(problem.code, problem.path) for problem in refusal.value.problems] == [("INVALID_ID", ("ids", "1"))]


async def test_too_many_ids_are_refused_before_any_is_read(services: Services) -> None:
    actor = await new_tenant(services)
    with pytest.raises(InvalidInput) as refusal:
        await nodes(actor.context(), ["nonsense"] * (LARGEST_REQUEST + 1), "ids")
    assert refusal.value.problems[0].code == "TOO_MANY_IDS"
    assert await nodes(actor.context(), ["pod_1"] * LARGEST_REQUEST, "ids") == [None] * LARGEST_REQUEST


async def test_a_key_that_may_not_read_gets_no_node(services: Services) -> None:
    actor = await new_tenant(services)
    key = Viewer(tenant_id=actor.tenant_id, scopes=frozenset({Scope.EVENTS}))
    with pytest.raises(Forbidden):
        await nodes(RequestContext(services, key), [f"ten_{actor.tenant_id}"], "ids")


async def test_a_stranger_gets_no_node(services: Services) -> None:
    with pytest.raises(Unauthenticated):
        await nodes(RequestContext(services, None), ["pod_1"], "ids")


async def test_a_user_without_a_tenant_is_told_how_to_get_one(services: Services) -> None:
    actor = await new_tenant(services)
    nowhere = msgspec.structs.replace(actor.viewer, tenant_id=None, role=None)
    with pytest.raises(Forbidden, match="createTenant"):
        await nodes(RequestContext(services, nowhere), ["pod_1"], "ids")
