"""The text of schema/weights.toml with new weights in it, and how it differs from the old one."""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec
from graphql import GraphQLSchema

from gateway.cost.calibration.weighing import Proposal, default_weights
from schema.sdl import Weights, weights_of

_SECTIONS = {"types": "types", "fields": "fields", "arguments": "arguments", "inputFields": "input_fields"}


def with_weights(text: str, moved: Iterable[Proposal], schema: GraphQLSchema) -> str:
    """The file with these weights; those that are the schema's default are left out.

    Comments stay: those at the head there, others above the coordinate that they stood above, while it is listed.
    Raises AnnotationMistakes for a file that cannot be read.
    """
    weights = weights_of(text)
    types, fields = dict(weights.types), dict(weights.fields)
    for proposal in moved:
        (fields if "." in proposal.coordinate else types)[proposal.coordinate] = f"{proposal.after:f}"
    defaults = default_weights(schema, Decimal(weights.leaf))
    new = msgspec.structs.replace(weights, types=_unusual(types, defaults), fields=_unusual(fields, defaults))
    head, _, body = text.partition("\n[")
    comments = [line for line in head.splitlines() if line.startswith("#")]
    return "\n".join([*comments, *_sections(new, _comments(body))])


def _unusual(weights: Mapping[str, str], defaults: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: weight for name, weight in weights.items() if Decimal(weight) != defaults.get(name)}


def difference(before: str, after: str, name: str) -> str:
    """A unified diff, as `patch` takes it; empty where nothing differs."""
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{name}", f"b/{name}", n=1)
    return "".join(lines)


def _comments(body: str) -> dict[str, list[str]]:
    """The comments above each coordinate."""
    found: dict[str, list[str]] = {}
    above: list[str] = []
    for line in body.splitlines():
        if line.startswith("#"):
            above.append(line)
        else:
            if above and "=" in line:
                found[line.partition("=")[0].strip().strip('"')] = above
            above = []
    return found


def _sections(weights: Weights, comments: Mapping[str, Sequence[str]]) -> Iterable[str]:
    yield ""
    yield f"leaf = {json.dumps(weights.leaf)}"
    for title, name in _SECTIONS.items():
        yield ""
        yield f"[{title}]"
        for coordinate, weight in sorted(getattr(weights, name).items()):
            yield from comments.get(coordinate, ())
            yield f"{coordinate if coordinate.isidentifier() else json.dumps(coordinate)} = {json.dumps(weight)}"
    yield ""
