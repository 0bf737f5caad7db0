"""The graph with what it costs and what may be kept of it: what the server and the commands start from."""

from functools import cache

import msgspec
from graphql import GraphQLSchema, build_ast_schema, is_specified_directive, parse

from schema.annotations import AnnotationMistakes, Annotations, read_annotations
from schema.build import build_schema
from schema.directives import CACHE_CONTROL_SCOPE, DIRECTIVES
from schema.sdl import HINTS, WEIGHTS, annotated_sdl, hints_of, weights_of


class Graph(msgspec.Struct, frozen=True):
    """`schema` is what is executed, `sdl` what is published, `annotations` are those of the SDL."""

    schema: GraphQLSchema
    sdl: str
    annotations: Annotations


@cache
def build_graph(weights: str | None = None, hints: str | None = None) -> Graph:
    """The graph, built once, with these weights and hints, TOML texts, or with its own. Raises AnnotationMistakes."""
    built = build_schema()
    sdl, mistakes = annotated_sdl(
        built,
        weights_of(WEIGHTS.read_text() if weights is None else weights),
        hints_of(HINTS.read_text() if hints is None else hints),
    )
    try:
        annotations = read_annotations(parse(sdl))
    except AnnotationMistakes as error:
        raise AnnotationMistakes([*mistakes, *error.mistakes]) from None
    if mistakes:
        raise AnnotationMistakes(mistakes)
    schema = built._schema
    # Introspection tells of the directives too.
    ours = build_ast_schema(parse(DIRECTIVES))
    schema.directives = (*schema.directives, *(one for one in ours.directives if not is_specified_directive(one)))
    schema.type_map[CACHE_CONTROL_SCOPE] = ours.type_map[CACHE_CONTROL_SCOPE]
    return Graph(schema, sdl, annotations)
