"""What every attribution model answers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Literal

import msgspec

from resolvers.attribution.exact import decimal
from resolvers.attribution.paths import Credits, PathCounts, Reason, SinglePath, Touch, TouchShare


class ParameterSpec(msgspec.Struct, frozen=True):
    """One parameter of a model; values come as text, from the graph and from the command line alike."""

    name: str
    description: str
    default: str
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    kind: Literal["number", "boolean"] = "number"


class Parameters(msgspec.Struct, frozen=True):
    """Every parameter of a model, checked."""

    numbers: Mapping[str, Decimal]
    flags: Mapping[str, bool]


class Model(ABC):
    """A way to divide conversions among the touches before them.

    A model has no state. Whoever changes what it computes, in the last digit too, raises its version.
    """

    kind: ClassVar[str]
    """Its stable name, UPPER_SNAKE."""
    version: ClassVar[int] = 1
    description: ClassVar[str]
    parameters: ClassVar[tuple[ParameterSpec, ...]] = ()
    needs_ages: ClassVar[bool] = False
    """Whether `PathCounts.ages` must be there."""
    needs_nulls: ClassVar[bool] = False
    """Whether journeys without a conversion change the credits."""
    additive: ClassVar[bool] = True
    """Whether the totals are the sums of the shares of single conversions, but for the rounding of the latter."""
    weight: ClassVar[str | None] = None
    """What `Credits.weights` are, in words for a column's head; None where there are none."""

    def contradiction(self, parameters: Parameters) -> tuple[str, str] | None:
        """A parameter that does not go with the others, and the sentence that says so."""
        return None

    @abstractmethod
    def credits(self, paths: PathCounts, parameters: Parameters) -> Credits:
        """What each node earned."""

    @abstractmethod
    def divided(
        self, paths: Sequence[SinglePath], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[list[int]]:
        """What each touch of each path earned of its conversion, in 10^-12: those of a path sum to exactly 10^12.

        `weights` are those of `Credits`, by node. An empty path has nobody who earns.
        """

    @abstractmethod
    def reasons(
        self, path: Sequence[Touch], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[Reason]:
        """Why each touch of one path earned what `divided` says."""

    def explain(
        self, path: Sequence[Touch], weights: Mapping[int, Decimal] | None, parameters: Parameters
    ) -> list[TouchShare]:
        """What each touch of one path, oldest first, earned, and why."""
        alone = SinglePath([touch.node for touch in path], [touch.age_seconds for touch in path])
        [units] = self.divided([alone], weights, parameters)
        return [
            TouchShare(weight=reason.weight, share=decimal(earned), arithmetic=reason.arithmetic)
            for earned, reason in zip(units, self.reasons(path, weights, parameters), strict=True)
        ]
