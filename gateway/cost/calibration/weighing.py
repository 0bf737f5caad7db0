"""New weights from samples: which coordinates are weighed, what their weights come to, and which of them have moved."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Final

import msgspec
import numpy as np
from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_composite_type

from gateway.cost.calibration.fitting import Numbers, fitted
from schema.annotations import Annotations
from schema.fields import BATCH_RESOLVER

LEAF: Final = "leaf"
"""Stands for every field of a scalar or an enumeration that has no weight of its own.

What all of them weigh is decided, not measured: next to nothing each, and yet not nothing for thousands of values.
"""

FEWEST: Final = 12
"""Samples that a coordinate must be in before a weight is proposed for it."""

_STEADY: Final = 0.2
"""A weight stays what it is until it moves by more than this part of itself, so that it does not jitter."""

LIGHTEST: Final = Decimal("0.1")
"""Points of a type: every object is some work."""

_PULL_OF_TYPES: Final = 5.0
"""Objects differ little from each other: small queries are not to say otherwise."""
_PULL_OF_FIELDS: Final = 0.05
_PULL_OF_LEAVES: Final = 1e6
_LARGE: Final = 0.9
_HALVES: Final = 8
"""Random halves of the samples that must all say that a weight moves, lest it is chance."""

_DIGITS: Final = 2
_PLACES: Final = 2


class Sample(msgspec.Struct, frozen=True):
    """A query that has run: how often each coordinate was met, and the shortest time that it took, in seconds."""

    counts: Mapping[str, int]
    seconds: float


class Proposal(msgspec.Struct, frozen=True):
    """A weight in points, as it is and as it should be, and how many samples say so."""

    coordinate: str
    before: Decimal
    after: Decimal
    samples: int


def weighed(schema: GraphQLSchema, annotations: Annotations) -> dict[str, Decimal]:
    """The coordinates of queries that may have a weight of their own, and the weights that they have.

    They are the object types but the operations' own, and the fields that give objects or that are resolved for all
    parents at once; other fields are read from what is there already, and weigh what a LEAF does.
    """
    roots = {type_.name for type_ in (schema.query_type, schema.mutation_type, schema.subscription_type) if type_}
    found: dict[str, Decimal] = {LEAF: annotations.leaf}
    for name, type_ in sorted(schema.type_map.items()):
        if not isinstance(type_, GraphQLObjectType) or name.startswith("__"):
            continue
        if name not in roots:
            found[name] = annotations.types.get(name, Decimal(1))
        if name in roots and type_ is not schema.query_type:
            continue
        for field_name, field in type_.fields.items():
            composite = is_composite_type(get_named_type(field.type))
            definition = field.extensions.get("strawberry-definition")
            batched = definition is not None and BATCH_RESOLVER in definition.metadata
            if composite or batched:
                coordinate = f"{name}.{field_name}"
                found[coordinate] = annotations.fields.get(coordinate, Decimal(1) if composite else annotations.leaf)
    return found


def default_weights(schema: GraphQLSchema, leaf: Decimal) -> dict[str, Decimal]:
    """What the same coordinates weigh where nothing but the weight of leaves is said."""
    return weighed(schema, Annotations({}, {}, {}, {}, {}, leaf))


def counting(annotations: Annotations, coordinates: Iterable[str]) -> Annotations:
    """The same list sizes, but these coordinates weigh 1, and so does every leaf."""
    ones = {coordinate: Decimal(1) for coordinate in coordinates if coordinate != LEAF}
    return msgspec.structs.replace(
        annotations,
        types={coordinate: one for coordinate, one in ones.items() if _is_type(coordinate)},
        fields={coordinate: one for coordinate, one in ones.items() if "." in coordinate},
        arguments={},
        input_fields={},
        leaf=Decimal(1),
    )


def predicted(samples: Sequence[Sample], weights: Mapping[str, Decimal]) -> list[float]:
    """The points of each sample by these weights."""
    return [
        float(sum(weights[coordinate] * count for coordinate, count in sample.counts.items() if coordinate in weights))
        for sample in samples
    ]


def seconds_per_object(samples: Sequence[Sample]) -> float:
    """What a point is: the median time for each object, with all that belongs to it, of the largest tenth of queries.

    Raises ValueError without samples.
    """
    if not samples:
        raise ValueError("there are no samples")
    objects = np.array([_objects(sample) for sample in samples], dtype=float)
    seconds = np.array([sample.seconds for sample in samples])
    large = objects >= max(float(np.quantile(objects, _LARGE)), 1.0)
    return float(np.median(seconds[large] / objects[large])) if large.any() else float(np.median(seconds))


def proposals(samples: Sequence[Sample], weights: Mapping[str, Decimal], rate: float) -> list[Proposal]:
    """The weights that have moved, by coordinate, in points of `rate` seconds each."""
    met = Counter(coordinate for sample in samples for coordinate, count in sample.counts.items() if count)
    if not any(met[coordinate] >= FEWEST for coordinate in weights):
        return []
    columns = {coordinate: place for place, coordinate in enumerate(weights)}
    counts = np.zeros((len(samples), len(columns)))
    for row, sample in enumerate(samples):
        for coordinate, count in sample.counts.items():
            if coordinate in columns:
                counts[row, columns[coordinate]] = count
    seconds = np.array([sample.seconds for sample in samples])
    known = np.array([float(weight) for weight in weights.values()])
    pulls = np.array([_pull(coordinate) for coordinate in weights])

    def points(rows: Sequence[int]) -> Numbers:
        found, _ = fitted(counts[rows], seconds[rows], known, pulls=pulls, rate=rate)
        return found

    whole = points(range(len(samples)))
    halves = np.array([points(_half(len(samples), number)) for number in range(_HALVES)])
    moved = (halves.min(axis=0) > known * (1 + _STEADY)) | (halves.max(axis=0) < known * (1 - _STEADY))
    found = []
    for coordinate in sorted(name for name, place in columns.items() if moved[place] and met[name] >= FEWEST):
        after = max(_rounded(whole[columns[coordinate]]), LIGHTEST if _is_type(coordinate) else Decimal(0))
        if after != weights[coordinate]:
            found.append(Proposal(coordinate, weights[coordinate], after, met[coordinate]))
    return found


def _half(size: int, number: int) -> Sequence[int]:
    """The places of a random half; each number has its own."""
    return Random(number).sample(range(size), (size + 1) // 2)  # noqa: S311  # no secret


def _pull(coordinate: str) -> float:
    if coordinate == LEAF:
        return _PULL_OF_LEAVES
    return _PULL_OF_TYPES if _is_type(coordinate) else _PULL_OF_FIELDS


def _objects(sample: Sample) -> int:
    return sum(count for coordinate, count in sample.counts.items() if _is_type(coordinate))


def _is_type(coordinate: str) -> bool:
    return "." not in coordinate and coordinate != LEAF


def _rounded(points: float) -> Decimal:
    """Two significant digits, and no more than a hundredth of a point: what is less is noise."""
    if points <= 0:
        return Decimal(0)
    exact = Decimal(points)
    places = min(_DIGITS - 1 - exact.adjusted(), _PLACES)
    found = round(exact, places)
    return found.quantize(Decimal(1)) if found == found.to_integral_value() else found.normalize()
