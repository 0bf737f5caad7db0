"""What a run found, as rows: exact sums, and a hash by which equal results are known."""

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from persistence.ids import PlacementId
from resolvers.attribution.paths import Credits, PathCounts
from resolvers.runs.calculations import ModelChoice
from resolvers.runs.decimals import exact_sum

_HASHED = "podgraph credits 1"
"""Names what is hashed and how; another way needs another name, so that equal hashes always mean equal credits."""


class InexactCredits(Exception):
    """The credits do not sum to what they divide: a defect of the model, and nothing that anybody may see."""


class Value(msgspec.Struct, frozen=True):
    """What the conversions of a set are worth in one currency, in minor units: those with a path, and the others."""

    currency: str
    attributed: int
    unattributed: int


class Totals(msgspec.Struct, frozen=True):
    """The conversions of a set: those with a path, and those that nobody earned. `values` are sorted by currency."""

    attributed_conversions: int
    unattributed_conversions: int
    values: tuple[Value, ...]

    @property
    def conversions(self) -> int:
        return self.attributed_conversions + self.unattributed_conversions


def totals(paths: PathCounts) -> Totals:
    with_path = np.diff(paths.offsets) > 0
    values = []
    for currency in sorted(paths.values):
        attributed = _sum(paths.values[currency][with_path])
        values.append(Value(currency, attributed, _sum(paths.values[currency]) - attributed))
    attributed = _sum(paths.conversions[with_path])
    return Totals(attributed, _sum(paths.conversions) - attributed, tuple(values))


def refuse_inexact(credits: Credits, whole: Totals) -> None:
    """Raises InexactCredits unless the credits sum to the attributed conversions and values to the last digit."""
    divided = {"conversions": (credits.conversions, whole.attributed_conversions)}
    for value in whole.values:
        divided[value.currency] = (credits.values.get(value.currency, []), value.attributed)
    for name, (parts, amount) in divided.items():
        found = exact_sum(parts)
        if found != amount:
            raise InexactCredits(f"credits of {name} sum to {found}, not to {amount}")
    if unknown := credits.values.keys() - divided.keys():
        raise InexactCredits(f"credits in {', '.join(sorted(unknown))}, in which nothing was earned")


def credit_rows(credits: Credits, placement_ids: Sequence[PlacementId]) -> list[dict[str, Any]]:
    weights: Sequence[Decimal | None] = credits.weights or [None] * len(placement_ids)
    return [
        {"placement_id": placement_id, "conversions": conversions, "weight": weight}
        for placement_id, conversions, weight in zip(placement_ids, credits.conversions, weights, strict=True)
    ]


def value_rows(credits: Credits, placement_ids: Sequence[PlacementId]) -> list[dict[str, Any]]:
    return [
        {"placement_id": placement_id, "currency": currency, "value": value}
        for currency in sorted(credits.values)
        for placement_id, value in zip(placement_ids, credits.values[currency], strict=True)
    ]


def result_hash(model: ModelChoice, path_set_hash: str, credits: Credits, placement_ids: Sequence[PlacementId]) -> str:
    """SHA-256, in hexadecimal, of the model, the paths and every credit; placements are in the order of their ids."""
    said = [
        _HASHED,
        model.kind,
        model.version,
        sorted(model.parameters.items()),
        path_set_hash,
        list(placement_ids),
        [str(credit) for credit in credits.conversions],
        None if credits.weights is None else [str(weight) for weight in credits.weights],
        [[currency, [str(value) for value in credits.values[currency]]] for currency in sorted(credits.values)],
    ]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


def _sum(column: Any) -> int:
    """Python's integers do not overflow."""
    return sum(column.tolist())
