"""Attribution models: which there are, and how a client chooses one.

Both are made of the registry: a model that is added there appears in the graph by itself.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, cast

import msgspec
import strawberry

from resolvers.attribution.model import Model, ParameterSpec
from resolvers.attribution.registry import ChosenModel, chosen, models
from resolvers.errors import invalid
from schema.enums import described
from schema.fields import batched
from schema.info import Info

LARGEST_CHOICE = 20
"""Parameters of one choice; no model has as many."""


def _kinds() -> type[StrEnum]:
    made: Any = StrEnum("AttributionModelKind", {kind: kind for kind in models()})  # type: ignore[misc]  # no literal
    return cast(type[StrEnum], made)


AttributionModelKind = described(
    kinds := _kinds(),
    "A way to divide conversions among the touches before them; `attributionModels` tells more of each.",
    {kind: models()[kind].description for kind in kinds},
)


@strawberry.input(description="The value of one parameter of a model.")
class ModelParameterInput:
    name: str = strawberry.field(description="The parameter's name, such as 'halfLifeHours'.")
    value: str = strawberry.field(description="Its value as text, such as '168', '0.4' or 'true'.")


@strawberry.input(description="A model, and where its parameters differ from their defaults.")
class AttributionModelInput:
    kind: str = strawberry.field(graphql_type=AttributionModelKind, description="Which model.")
    parameters: list[ModelParameterInput] = strawberry.field(
        default_factory=list, description="Parameters that differ from their defaults, at most 20."
    )


ModelArgument = Annotated[AttributionModelInput, strawberry.argument(description="How to divide conversions.")]


def chosen_model(given: AttributionModelInput, *path: str) -> ChosenModel:
    """Raises InvalidInput (TOO_MANY_PARAMETERS, REPEATED_PARAMETER, UNKNOWN_PARAMETER, INVALID_PARAMETER)."""
    if len(given.parameters) > LARGEST_CHOICE:
        raise invalid("TOO_MANY_PARAMETERS", f"At most {LARGEST_CHOICE} parameters at once.", *path, "parameters")
    named = {parameter.name: parameter.value for parameter in given.parameters}
    if len(named) < len(given.parameters):
        raise invalid("REPEATED_PARAMETER", "Give each parameter once.", *path, "parameters")
    return chosen(str(given.kind), None, named, *path)


@strawberry.type(description="One parameter of a model.")
class AttributionModelParameter:
    name: str = strawberry.field(description="Its name, such as 'halfLifeHours'.")
    description: str = strawberry.field(description="What it does, with its unit.")
    default: str = strawberry.field(description="Its value if left out, as text.")

    @batched(graphql_type=str | None, description="The smallest value, as text; null if there is none.")
    @staticmethod
    def minimum(parents: Sequence[ParameterSpec], info: Info) -> list[str | None]:
        return [None if spec.minimum is None else f"{spec.minimum:f}" for spec in parents]

    @batched(graphql_type=str | None, description="The largest value, as text; null if there is none.")
    @staticmethod
    def maximum(parents: Sequence[ParameterSpec], info: Info) -> list[str | None]:
        return [None if spec.maximum is None else f"{spec.maximum:f}" for spec in parents]


@strawberry.type(description="A way to divide conversions among the touches before them.")
class AttributionModel:
    kind: str = strawberry.field(graphql_type=AttributionModelKind, description="Its name.")
    version: int = strawberry.field(
        description="Number of its arithmetic, counted from 1: it grows when any figure would come out differently."
    )
    description: str = strawberry.field(description="Whom it credits, in a sentence.")
    additive: bool = strawberry.field(
        description="Whether totals are the sums of what single conversions explain; false for MARKOV, which weighs"
        " placements by all conversions at once."
    )

    @batched(
        graphql_type=list[AttributionModelParameter], description="What can be set, by name.", longest=LARGEST_CHOICE
    )
    @staticmethod
    def parameters(parents: Sequence[Model], info: Info) -> list[list[ParameterSpec]]:
        return [sorted(model.parameters, key=lambda spec: spec.name) for model in parents]


class ParameterValue(msgspec.Struct, frozen=True):
    name: str
    value: str


@strawberry.type(description="The value that a model used for one of its parameters.")
class ModelParameterValue:
    name: str = strawberry.field(description="The parameter's name.")
    value: str = strawberry.field(description="Its value, as canonical text.")


def parameter_values(parameters: Mapping[str, str]) -> list[ParameterValue]:
    """By name."""
    return [ParameterValue(name, value) for name, value in sorted(parameters.items())]
