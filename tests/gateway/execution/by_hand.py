"""Queries that generators do not find: fields that are null unless they are asked for in just one way."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.cost.calibration.queries import GeneratedQuery

_SUBJECT: Final = "placement { id } lineItem { id } campaign { id } episode { id } podcast { id }"
_TOTALS: Final = """pathSetHash totals { conversions attributedConversions unattributedConversions
  values { currency attributed unattributed } }"""
_GROUPS: Final = ("PLACEMENT", "LINE_ITEM", "CAMPAIGN", "EPISODE", "PODCAST")

_TYPES: Final = {"places": "[ID!]!", "from": "DateTime!", "until": "DateTime!"}
_METRICS: Final = """{ campaign(id: $heard) {
    metrics(range: {from: $from, until: $until}, groupBy: GROUP, run: $first) {
      startsAt endsAt SUBJECT impressions reach frequency visits visitors visitationRate conversions conversionRate
      currency spend revenue cpm cpv cpa aov roas
      byCurrency { currency conversions revenue spend cpm cpv cpa aov roas } } } }"""
_BY_SUBJECT: Final = (
    "{ attributionRun(id: $first) { credits(groupBy: GROUP) { nodes { SUBJECT } edges { cursor } totalCount } } }",
    "{ attributionRun(id: $first) { diff(against: $second, groupBy: GROUP) { moved { nodes { SUBJECT } } } } }",
    """{ compareModels(campaignId: $heard, from: $from, until: $until, groupBy: GROUP,
      models: [{kind: LINEAR}, {kind: MARKOV}]) { TOTALS subjectCount rows(first: 5) { SUBJECT } } }""",
)
_ALONE: Final = (
    "{ campaign(id: $heard) { metrics(range: {from: $from, until: $until}) { aov roas byCurrency { aov roas } } } }",
    """{ removalEffect(placementIds: $places, campaignId: $heard, from: $from, until: $until) {
      effect conversionsLost TOTALS } }""",
    """{ overlap(placementIds: $places, range: {from: $from, until: $until}) {
      placements { placement { id } reach } pairs { first { id } second { id } } } }""",
    "{ attributionRun(id: $failed) { status error { code message } } }",
    """{ conversions(first: 200) { nodes { countedBy { id } reconciliation { conflicts { field reported } }
      promo { summary codes agrees outcomes { policy evidence placement { id } } matchingCount matching { id }
        proven { id } lastTouched { id } } } } }""",
    """{ podcasts(first: 50, filter: {archived: true}) { nodes { archivedAt feedUrl feedCheckedAt explicit imageUrl } }
      advertisers(filter: {archived: true}) { nodes { archivedAt } } }""",
    """{ campaigns(first: 50) { nodes { budget { amountMinor currency }
      lineItems(filter: {archived: true}) { nodes { archivedAt } }
      placements(filter: {archived: true}) { nodes { archivedAt } } } } }""",
    """{ podcasts(first: 50) { nodes { feedUrl feedCheckedAt
      episodes(first: 20) { nodes { explicit imageUrl websiteUrl } } } } }""",
)
_OF_VIEWERS: Final = (
    "{ viewer { tenant { apiKeys { nodes { createdBy { name } } } } } }",
    "{ viewer { apiKey { id name hint scopes createdAt lastUsedAt revokedAt budget { capacity restoreRate } } } }",
    "{ billingSubscription { canceledAt endedAt pendingPlan { name } status cancelAtPeriodEnd } }",
)


def queries_by_hand(ids: Mapping[str, Any]) -> Iterator[GeneratedQuery]:
    """`ids` as in `Populated`."""
    for group in (*_GROUPS, "NONE", "WEEK"):
        yield _query(_METRICS.replace("GROUP", group), ids)
    for text in _BY_SUBJECT:
        for group in _GROUPS:
            yield _query(text.replace("GROUP", group), ids)
    for text in (*_ALONE, *_OF_VIEWERS):
        yield _query(text, ids)


def queries_of_viewers() -> Iterator[GeneratedQuery]:
    """Those that other viewers see other things by."""
    for text in _OF_VIEWERS:
        yield _query(text, {})


def _query(text: str, ids: Mapping[str, Any]) -> GeneratedQuery:
    names = sorted(set(re.findall(r"\$(\w+)", text)))
    declared = ", ".join(f"${name}: {_TYPES.get(name, 'ID!')}" for name in names)
    whole = text.replace("SUBJECT", _SUBJECT).replace("TOTALS", _TOTALS)
    return GeneratedQuery(f"query{f'({declared})' if declared else ''} {whole}", {name: ids[name] for name in names})
