"""A tenant with one of everything, made through the graph, and valid arguments for any field of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_required_input_field,
)

from resolvers.context import Services
from tests.actors import Actor, new_tenant
from tests.graph import data
from tests.resolvers.runs.scene import runner


class Inhabited(msgspec.Struct, frozen=True):
    """`ids` maps the prefix of every kind of node to the tenant's one of it."""

    actor: Actor
    ids: Mapping[str, str]


async def inhabited_tenant(services: Services, word: str) -> Inhabited:
    """`word` is in every name and title, so that it would be noticed elsewhere."""
    actor = await new_tenant(services)

    async def created(mutation: str, kind: str) -> str:
        [answer] = (await data(actor.context(), f"mutation {{ {mutation} }}")).values()
        assert kind in answer, answer
        return str(answer[kind]["id"])

    podcast = await created(
        f'createPodcast(input: {{title: "{word}"}}) {{ ... on CreatePodcastPayload {{ podcast {{ id }} }} }}', "podcast"
    )
    episode = await created(
        f'createEpisode(podcastId: "{podcast}", input: {{title: "{word}"}})'
        " { ... on CreateEpisodePayload { episode { id } } }",
        "episode",
    )
    advertiser = await created(
        f'createAdvertiser(input: {{name: "{word}"}}) {{ ... on CreateAdvertiserPayload {{ advertiser {{ id }} }} }}',
        "advertiser",
    )
    campaign = await created(
        f'createCampaign(advertiserId: "{advertiser}", input: {{name: "{word}", currency: "EUR"}})'
        " { ... on CreateCampaignPayload { campaign { id } } }",
        "campaign",
    )
    line_item = await created(
        f'createLineItem(campaignId: "{campaign}", input: {{name: "{word}", pricing: CPM, rateMinor: 1500}})'
        " { ... on CreateLineItemPayload { lineItem { id } } }",
        "lineItem",
    )
    placement = await created(
        f'createPlacement(lineItemId: "{line_item}", episodeId: "{episode}", input: {{position: MID_ROLL,'
        f' insertionType: DYNAMIC, readType: HOST_READ, promoCode: "{word}"}})'
        " { ... on CreatePlacementPayload { placement { id } } }",
        "placement",
    )
    api_key = await created(
        f'createApiKey(input: {{name: "{word}", scopes: [READ]}})'
        " { ... on CreateApiKeyPayload { apiKey { id } } }",
        "apiKey",
    )
    invite = await created(
        f'inviteMember(input: {{email: "{word.lower()}@example.com", role: MEMBER}})'
        " { ... on InviteMemberPayload { invite { id } } }",
        "invite",
    )
    events = await _events(actor, word, advertiser, placement)
    membership = (await data(actor.context(), "{ viewer { membership { id } } }"))["viewer"]["membership"]["id"]
    run = await _run(actor, campaign)
    change = await _billing_change(actor)
    found = [podcast, episode, advertiser, campaign, line_item, placement, *events, run, api_key, invite, membership]
    found.append(change)
    found += [f"ten_{actor.tenant_id}", f"usr_{actor.user_id}"]
    return Inhabited(actor=actor, ids={text[:3]: text for text in found})


async def _events(actor: Actor, word: str, advertiser: str, placement: str) -> list[str]:
    """The ids of an impression, a visit and a conversion of one household."""
    mutation = """mutation Track($events: [EventInput!]!) { trackEvents(events: $events) {
      ... on TrackEventsPayload { results { status eventId } } } }"""
    bought = {"orderId": word, "promoCode": word, "valueMinor": 5, "currency": "EUR"}
    happened: Mapping[str, Mapping[str, Any]] = {
        "AD_DELIVERED": {"placementId": placement},
        "VISIT": {"placementId": placement},
        "PURCHASE": {"advertiserId": advertiser, **bought},
    }
    at = actor.services.clock() - timedelta(hours=2)
    sent = [
        {"key": f"{word} {type_}", "type": type_, "occurredAt": at.isoformat(), "ipAddress": "203.0.113.7", **values}
        for type_, values in happened.items()
    ]
    results = (await data(actor.context(), mutation, events=sent))["trackEvents"]["results"]
    assert {result["status"] for result in results} == {"ACCEPTED"}
    return [result["eventId"] for result in results]


async def _billing_change(actor: Actor) -> str:
    """The id of what the history says of a plan that was chosen."""
    mutation = """mutation { changePlan(plan: TEAM, version: 0) { ... on ChangePlanPayload {
      billingSubscription { changes { nodes { id } } } } } }"""
    chosen = (await data(actor.context(), mutation))["changePlan"]["billingSubscription"]
    return str(chosen["changes"]["nodes"][0]["id"])


async def _run(actor: Actor, campaign: str) -> str:
    """The id of a run of the campaign that has succeeded."""
    mutation = """mutation Run($campaign: ID!, $from: DateTime!, $until: DateTime!) {
      runAttribution(campaignId: $campaign, input: {from: $from, until: $until, model: {kind: MARKOV}}) {
        ... on RunAttributionPayload { run { id } } } }"""
    now = actor.services.clock()
    asked = {"campaign": campaign, "from": (now - timedelta(days=1)).isoformat(), "until": now.isoformat()}
    run_id = (await data(actor.context(), mutation, **asked))["runAttribution"]["run"]["id"]
    status = "QUEUED"
    while status in {"QUEUED", "RUNNING"}:
        assert await runner(actor.services).work_once()
        state = await data(actor.context(), "query State($id: ID!) { attributionRun(id: $id) { status } }", id=run_id)
        status = state["attributionRun"]["status"]
    assert status == "SUCCEEDED"
    return str(run_id)


_BY_NAME: Mapping[str, Any] = {
    "email": "somebody@example.com",
    "password": "correct horse battery staple",
    "currency": "EUR",
    "language": "en",
    "url": "https://feeds.example/feed.xml",
    "promoCode": "PROMO1",
    "vanityUrl": "https://vanity.example/show",
    "startsOn": "2026-01-01",
    "endsOn": "2026-12-31",
    "until": "2026-01-31T00:00:00Z",
}
_BY_TYPE: Mapping[str, Any] = {
    "Int": 1,
    "Float": 1.0,
    "BigInt": 1,
    "Boolean": False,
    "String": "A text",
    "DateTime": "2026-01-01T00:00:00Z",
    "Date": "2026-01-01",
}


def valid_value(name: str, type_: GraphQLInputType) -> Any:
    """A value that the type and the use cases' rules accept; input objects are filled as far as required."""
    if isinstance(type_, GraphQLNonNull):
        return valid_value(name, type_.of_type)
    if isinstance(type_, GraphQLList):
        return [valid_value(name, type_.of_type)]
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if isinstance(type_, GraphQLInputObjectType):
        fields = type_.fields.items()
        required = {key: field for key, field in fields if is_required_input_field(field)}
        chosen = required or dict(list(fields)[:1])
        return {key: valid_value(key, field.type) for key, field in chosen.items()}
    return _BY_NAME.get(name, _BY_TYPE.get(get_named_type(type_).name))
