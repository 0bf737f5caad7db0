"""The text of schema/weights.toml with new weights in it, and how it differs from the old one."""

import difflib
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from gateway.cost.calibration.weighing import Proposal
from schema.sdl import Weights, weights_of

_SECTIONS = {"types": "types", "fields": "fields", "arguments": "arguments", "inputFields": "input_fields"}


def with_weights(text: str, moved: Iterable[Proposal], defaults: Mapping[str, Decimal]) -> str:
    """The file with these weights of types and fields; those that are the default are left out.

    Comments before the first section stay, others do not. Raises AnnotationMistakes for a file that cannot be read.
    """
    weights = weights_of(text)
    known = {"types": dict(weights.types), "fields": dict(weights.fields)}
    for proposal in moved:
        section = known["fields" if "." in proposal.coordinate else "types"]
        section[proposal.coordinate] = f"{proposal.after:f}"
        if proposal.after == defaults[proposal.coordinate]:
            del section[proposal.coordinate]
    head = [line for line in text.partition("[")[0].splitlines() if line.startswith("#")]
    return "\n".join(
        [*head, *_sections(msgspec.structs.replace(weights, types=known["types"], fields=known["fields"]))]
    )


def difference(before: str, after: str, name: str) -> str:
    """A unified diff, as `patch` takes it; empty where nothing differs."""
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{name}", f"b/{name}", n=1)
    return "".join(lines)


def _sections(weights: Weights) -> Iterable[str]:
    yield ""
    yield f"leaf = {json.dumps(weights.leaf)}"
    for title, name in _SECTIONS.items():
        yield ""
        yield f"[{title}]"
        for coordinate, weight in sorted(getattr(weights, name).items()):
            yield f"{coordinate if coordinate.isidentifier() else json.dumps(coordinate)} = {json.dumps(weight)}"
    yield ""
