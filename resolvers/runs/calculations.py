"""What is calculated away from the event loop: credits of one path set by several models, and removal effects."""

from collections.abc import Mapping
from typing import Protocol, TypeVar

import msgspec

from resolvers.attribution.models.markov import RemovalEffect, removal_effect
from resolvers.attribution.paths import Credits, PathCounts
from resolvers.attribution.registry import ChosenModel, chosen

T_co = TypeVar("T_co", covariant=True)


class ModelChoice(msgspec.Struct, frozen=True):
    """A model in words that another process understands; `parameters` holds every one, in canonical text."""

    kind: str
    version: int
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, model: ChosenModel) -> "ModelChoice":
        return cls(model.kind, model.version, dict(model.parameters))

    def model(self) -> ChosenModel:
        """Raises InvalidInput (UNKNOWN_MODEL) when this release has no such version."""
        return chosen(self.kind, self.version, self.parameters)


class Calculation(Protocol[T_co]):
    """Values that go to another process, and what it makes of them."""

    def result(self) -> T_co:
        """Raises InvalidInput where a model refuses the paths."""


class CreditCalculation(msgspec.Struct, frozen=True, eq=False):
    """The credits of each model, in order."""

    models: tuple[ModelChoice, ...]
    paths: PathCounts

    def result(self) -> list[Credits]:
        return [choice.model().credits(self.paths) for choice in self.models]


class RemovalCalculation(msgspec.Struct, frozen=True, eq=False):
    """What is lost without some of the nodes."""

    removed: frozenset[int]
    paths: PathCounts

    def result(self) -> RemovalEffect:
        return removal_effect(self.paths, self.removed)
