"""Podcasts and episodes through the graph."""

from resolvers.context import Services
from tests.actors import new_tenant
from tests.graph import data


async def test_created_podcast_is_listed_with_its_episodes(services: Services) -> None:
    actor = await new_tenant(services)
    created = await data(
        actor.context(),
        'mutation { createPodcast(input: {title: " A show ", language: "en-GB"})'
        " { ... on CreatePodcastPayload { podcast { id title version } } } }",
    )
    podcast = created["createPodcast"]["podcast"]
    assert podcast == {"id": podcast["id"], "title": "A show", "version": 1}
