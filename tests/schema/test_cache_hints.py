"""`@cacheControl`: named in one file, written into the SDL, read from it, and every mistake told."""

import pytest
from graphql import get_introspection_query, graphql_sync, parse

from schema.annotations import AnnotationMistakes, read_annotations
from schema.directives import DIRECTIVES, Hint, Scope
from schema.graph import Graph, build_graph


@pytest.fixture(scope="module")
def graph() -> Graph:
    public = '[public]\nCampaign = 60\n"Podcast.title" = 0\nPodcastConnection = 5\n'
    return build_graph(hints=public + '[private]\nMoney = 7\n"Query.viewer" = 9')


def test_hints_stand_behind_types_and_fields_and_are_read_from_there(graph: Graph) -> None:
    assert graph.annotations.hints == {
        "Campaign": Hint(60, Scope.PUBLIC),
        "PodcastConnection": Hint(5, Scope.PUBLIC),
        "Podcast.title": Hint(0, Scope.PUBLIC),
        "Money": Hint(7, Scope.PRIVATE),
        "Query.viewer": Hint(9, Scope.PRIVATE),
    }
    assert "type Campaign implements Node @cacheControl(maxAge: 60, scope: PUBLIC) {" in graph.sdl
    assert 'type PodcastConnection @cost(weight: "5") @cacheControl(maxAge: 5, scope: PUBLIC) {' in graph.sdl
    assert "  viewer: Viewer @cacheControl(maxAge: 9, scope: PRIVATE)\n" in graph.sdl


def test_introspection_tells_of_the_directive_and_its_scopes(graph: Graph) -> None:
    told = graphql_sync(graph.schema, get_introspection_query())
    assert told.errors is None
    assert told.data is not None
    [directive] = [one for one in told.data["__schema"]["directives"] if one["name"] == "cacheControl"]
    assert {one["name"] for one in directive["args"]} == {"maxAge", "scope"}
    [scope] = [one for one in told.data["__schema"]["types"] if one["name"] == "CacheControlScope"]
    assert {one["name"] for one in scope["enumValues"]} == {"PUBLIC", "PRIVATE"}


@pytest.mark.parametrize(
    ("hints", "found"),
    [
        ("[public]\nNothing = 1", "Nothing: cache.toml names what does not exist"),
        ('[private]\n"Campaign.nothing" = 1', "Campaign.nothing: cache.toml names what does not exist"),
        ("[public]\nNode = 1", "Node: cache.toml names what does not exist"),
        ("[public]\nCampaign = 1\n[private]\nCampaign = 2", "Campaign: cache.toml says that it is public and private"),
        ("[public]\nCampaign = -1", "Campaign: maxAge is not between 0 and 31,536,000"),
        (
            '[public]\n"Node.id" = 1',
            "Node.id: @cacheControl stands on the fields of objects, not on those of interfaces",
        ),
        ('[public]\nCampaign = "long"', "cache.toml: Expected `int`, got `str` - at `$.public[...]`"),
        ("[types]", "cache.toml: Object contains unknown field `types`"),
        ("[public", "cache.toml: "),
    ],
)
def test_a_mistake_in_the_hints_fails_the_build(hints: str, found: str) -> None:
    with pytest.raises(AnnotationMistakes) as mistakes:
        build_graph(hints=hints)
    assert found in str(mistakes.value)


@pytest.mark.parametrize(
    ("sdl", "found"),
    [
        ("type Query @cacheControl { a: Int }", "Query: @cacheControl says neither maxAge nor scope"),
        ("type Query { a: Int @cacheControl(maxAge: -5) }", "Query.a: maxAge is not between 0 and 31,536,000"),
        (
            "type Query { a(b: Int @cacheControl(maxAge: 1)): Int }",
            "Query.a(b:): @cacheControl has a meaning on fields",
        ),
        (
            "enum E @cacheControl(maxAge: 1) { A } type Query { a: E }",
            "E: @cacheControl has no meaning on a definition",
        ),
    ],
)
def test_a_mistake_in_an_sdl_is_told(sdl: str, found: str) -> None:
    with pytest.raises(AnnotationMistakes) as mistakes:
        read_annotations(parse(DIRECTIVES + sdl))
    assert found in str(mistakes.value)


def test_a_hint_may_say_only_for_how_long_or_only_for_whom() -> None:
    sdl = "type Query { a: Int @cacheControl(maxAge: 5) b: Int @cacheControl(scope: PRIVATE) }"
    read = read_annotations(parse(DIRECTIVES + sdl))
    assert read.hints == {"Query.a": Hint(5, None), "Query.b": Hint(None, Scope.PRIVATE)}
    assert [hint.written() for hint in read.hints.values()] == [
        "@cacheControl(maxAge: 5)",
        "@cacheControl(scope: PRIVATE)",
    ]
