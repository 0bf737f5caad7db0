"""Rows that a foreign key points to, and pages beyond what exists."""

import pytest

from persistence.repositories.podcasts import Podcasts
from resolvers import lists
from resolvers.context import RequestContext, Services
from resolvers.errors import Forbidden
from resolvers.podcasts import NewPodcast, create_podcast
from resolvers.policy import Viewer
from tests.actors import new_tenant


async def test_existing_rows_answer_in_the_order_asked(services: Services) -> None:
    actor = await new_tenant(services)
    first, second = [await create_podcast(actor.context(), NewPodcast(title=title)) for title in "AB"]
    asked = [second.id, first.id, second.id]
    assert await lists.existing(actor.context(), Podcasts, asked) == [second, first, second]


async def test_a_row_that_is_not_visible_is_a_defect_and_not_a_gap(services: Services) -> None:
    owner, other = await new_tenant(services), await new_tenant(services)
    podcast = await create_podcast(owner.context(), NewPodcast(title="A"))
    with pytest.raises(LookupError, match="Podcasts"):
        await lists.existing(other.context(), Podcasts, [podcast.id])


async def test_a_viewer_without_a_tenant_has_no_loader(services: Services) -> None:
    actor = await new_tenant(services)
    context = RequestContext(services, Viewer(user_id=actor.user_id))
    with pytest.raises(Forbidden, match="createTenant"):
        context.loaders.by_id(Podcasts)
