"""Models side by side, and what is lost without some placements."""

from collections.abc import Sequence
from decimal import Decimal

import strawberry

from resolvers.attribution.registry import ChosenModel
from resolvers.runs.comparison import MOST_MODELS, ComparedCredits, ModelComparison, first_rows
from resolvers.runs.comparison import ComparedCredit as ComparedCreditRecord
from resolvers.runs.reading import Amount
from resolvers.runs.results import Totals
from schema.fields import CURRENCIES, LONGEST, batched
from schema.info import Info
from schema.relay import First, of_record
from schema.types.attribution_models import (
    LARGEST_CHOICE,
    AttributionModelKind,
    ModelParameterValue,
    ParameterValue,
    parameter_values,
)
from schema.types.credits import CreditSubject, ExactMoney
from schema.types.runs import AttributionTotals


@strawberry.type(description="A model as it was asked for.")
class ComparedModel:
    kind: str = strawberry.field(graphql_type=AttributionModelKind, description="The model.")
    version: int = strawberry.field(description="Number of the model's arithmetic, its version.")

    @batched(
        graphql_type=list[ModelParameterValue],
        description="Every parameter of the model, by name.",
        longest=LARGEST_CHOICE,
    )
    @staticmethod
    def parameters(parents: Sequence[ChosenModel], info: Info) -> list[list[ParameterValue]]:
        return [parameter_values(choice.parameters) for choice in parents]


@strawberry.type(description="What one model gives.")
class ComparedCredit:
    conversions: Decimal = strawberry.field(description="Number of conversions earned, to 12 decimals.")

    @batched(
        graphql_type=list[ExactMoney],
        description="The value earned, one amount for each currency.",
        longest=CURRENCIES,
    )
    @staticmethod
    def values(parents: Sequence[ComparedCreditRecord], info: Info) -> list[list[Amount]]:
        return [[Amount(value, currency) for currency, value in credit.values.items()] for credit in parents]


@strawberry.type(description="What a placement, or all placements of a group, earns by each model.")
class ComparedCreditRow(CreditSubject):
    is_type_of = of_record(ComparedCredits)

    credits: list[ComparedCreditRecord] = strawberry.field(
        graphql_type=list[ComparedCredit],
        description="One for each model, in the order of `models`.",
        metadata={LONGEST: MOST_MODELS},
    )


@strawberry.type(description="Several models over the same paths.")
class AttributionComparison:
    path_set_hash: str = strawberry.field(
        description="SHA-256 of the paths, in hexadecimal: a run over the same ones has the same."
    )
    models: list[ChosenModel] = strawberry.field(
        graphql_type=list[ComparedModel], description="The models, in the order asked."
    )
    totals: Totals = strawberry.field(
        graphql_type=AttributionTotals, description="What every model divides, to the last digit."
    )
    subject_count: int = strawberry.field(description="Number of placements or groups, of which `rows` are the first.")

    @batched(
        graphql_type=list[ComparedCreditRow],
        description="Who earns what by each model; who earns most by the first one first.",
    )
    @staticmethod
    def rows(parents: Sequence[ModelComparison], info: Info, first: First = None) -> list[Sequence[ComparedCredits]]:
        return [first_rows(comparison, first) for comparison in parents]


@strawberry.type(description="What would be lost without some placements.")
class RemovalEffect:
    path_set_hash: str = strawberry.field(
        description="SHA-256 of the paths, in hexadecimal: a run over the same ones has the same."
    )
    totals: Totals = strawberry.field(graphql_type=AttributionTotals, description="What there is to lose.")
    effect: Decimal = strawberry.field(
        description="conversions lost ÷ attributed conversions, 0 to 1, to 12 decimals: 1 if none would be left."
    )
    conversions_lost: Decimal = strawberry.field(description="Number of attributed conversions that would be lost.")
