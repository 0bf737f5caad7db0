"""Reconciliation: what the reports of one order say, what its promo codes prove, and whether touches agree."""

from collections.abc import Sequence

import strawberry

from persistence.records import EventRecord, PlacementRecord
from persistence.repositories.conversion_paths import MOST_REPORTS
from resolvers.paths import conversions
from resolvers.paths.promo import PromoFinding as PromoFindingRecord
from resolvers.paths.promo import PromoOutcome as PromoOutcomeRecord
from resolvers.paths.reconciliation import Reconciliation as ReconciliationRecord
from resolvers.paths.reconciliation import ReconciliationStatus, ReportField
from resolvers.paths.reconciliation import ReportConflict as ReportConflictRecord
from resolvers.paths.rules import Evidence, PromoPolicy
from schema.enums import described
from schema.fields import LONGEST, batched
from schema.info import Info
from schema.relay import of_record
from schema.types.paths import LazyConversion, RulesArgument, certain_placements, placements_of
from schema.types.placements import Placement

LARGEST_MATCH = 100
"""Placements of a promo code that are told."""

described(
    ReconciliationStatus,
    "Whether the reports of an order say the same.",
    {
        ReconciliationStatus.SINGLE_REPORT: "There is one report.",
        ReconciliationStatus.AGREED: "There are several, and none contradicts another.",
        ReconciliationStatus.CONFLICT: "There are several, and some contradict each other.",
    },
)
described(
    ReportField,
    "In what reports of an order contradict each other.",
    {
        ReportField.VALUE: "The value in minor units, among reports of one currency.",
        ReportField.CURRENCY: "The currency.",
        ReportField.PROMO_CODE: "The promo code.",
        ReportField.HOUSEHOLD: "The household.",
        ReportField.OCCURRED_AT: "When it happened, by more than an hour.",
    },
)


@strawberry.type(description="In what the reports of an order contradict each other.")
class ReportConflict:
    is_type_of = of_record(ReportConflictRecord)

    field: ReportField = strawberry.field(description="In what.")
    reported: list[str | None] = strawberry.field(
        description="What each report says, in the order of the reports; null where it says nothing."
    )


@strawberry.type(description="What the reports of one order say, such as a pixel's and a server's.")
class Reconciliation:
    is_type_of = of_record(ReconciliationRecord)

    status: ReconciliationStatus = strawberry.field(description="Whether they agree.")
    reports: list[LazyConversion] = strawberry.field(
        description=f"The report that counts first, then the others as they were received; at most {MOST_REPORTS}.",
        metadata={LONGEST: MOST_REPORTS},
    )
    reports_omitted: int = strawberry.field(description="Number of reports that are not told and not compared.")
    conflicts: list[ReportConflict] = strawberry.field(
        description="In what they contradict each other.", metadata={LONGEST: len(ReportField)}
    )


@strawberry.type(description="What a promo policy makes of a conversion.")
class PromoOutcome:
    is_type_of = of_record(PromoOutcomeRecord)

    policy: PromoPolicy = strawberry.field(description="The policy.")
    evidence: Evidence = strawberry.field(description="What decides under it.")

    @batched(
        graphql_type=Placement | None,
        description="The placement that earns all of it by its code; null where touches decide, or nothing does.",
    )
    @staticmethod
    async def placement(parents: Sequence[PromoOutcomeRecord], info: Info) -> list[PlacementRecord | None]:
        return await placements_of([outcome.placement_id for outcome in parents], info)


@strawberry.type(description="What the promo codes of an order say, beside the touches.")
class PromoFinding:
    is_type_of = of_record(PromoFindingRecord)

    summary: str = strawberry.field(description="What both say, in a sentence.")
    codes: list[str] = strawberry.field(description="The codes that the order's reports name, in upper case.")
    agrees: bool | None = strawberry.field(
        description="Whether the last touch is of a placement of the codes; null where codes or touches say nothing."
    )
    outcomes: list[PromoOutcome] = strawberry.field(
        description="What each of the three policies makes of it.", metadata={LONGEST: len(PromoPolicy)}
    )
    matching_count: int = strawberry.field(
        description="Number of the advertiser's placements that the codes belong to, archived ones too."
    )

    @batched(
        graphql_type=list[Placement],
        description=f"Placements that the codes belong to, the first {LARGEST_MATCH} made.",
        longest=LARGEST_MATCH,
    )
    @staticmethod
    async def matching(parents: Sequence[PromoFindingRecord], info: Info) -> list[list[PlacementRecord]]:
        told = [finding.matches[:LARGEST_MATCH] for finding in parents]
        wanted = [placement_id for own in told for placement_id in own]
        found = dict(zip(wanted, await certain_placements(wanted, info), strict=True))
        return [[found[placement_id] for placement_id in own] for own in told]

    @batched(graphql_type=Placement | None, description="The placement that the codes prove; null if none is theirs.")
    @staticmethod
    async def proven(parents: Sequence[PromoFindingRecord], info: Info) -> list[PlacementRecord | None]:
        return await placements_of([finding.proven for finding in parents], info)

    @batched(graphql_type=Placement | None, description="The placement of the last eligible touch; null if none is.")
    @staticmethod
    async def last_touched(parents: Sequence[PromoFindingRecord], info: Info) -> list[PlacementRecord | None]:
        return await placements_of([finding.last_touched for finding in parents], info)


@batched(graphql_type=Reconciliation, description="What all reports of its order say, and whether they agree.")
async def conversion_reconciliation(parents: Sequence[EventRecord], info: Info) -> list[ReconciliationRecord]:
    return await conversions.reconciliations(info.context, parents)


@batched(
    graphql_type=PromoFinding | None,
    description="What the promo codes of its order say, beside its touches, and if they agree; null without a code.",
)
async def conversion_promo(
    parents: Sequence[EventRecord], info: Info, rules: RulesArgument = None
) -> list[PromoFindingRecord | None]:
    return await conversions.promo_findings(info.context, parents, rules)
