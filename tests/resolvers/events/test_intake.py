"""Events are stored once each, with their hour; a bad one spoils no other; nothing foreign gets in."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import delete, insert

from ops.telemetry.metrics import EventMetrics
from persistence.errors import MissingReference, WriteConflict
from persistence.ids import AdvertiserId, EventId, PlacementId
from persistence.records import EventRecord
from persistence.repositories import event_intake
from persistence.repositories.event_intake import EventIntake, NewEvent
from persistence.tables import event_keys, events
from resolvers.context import Services
from resolvers.events.identity import Households, event_id
from resolvers.events.incoming import IncomingEvent
from resolvers.events.intake import Intake, IntakeSettings, Outcome, OutcomeStatus
from resolvers.events.kinds import EventType
from tests.conftest import KEEP_MONTHS
from tests.resolvers.campaigns.scene import new_advertiser
from tests.resolvers.events.scene import HOUSEHOLD, Scene, codes, event, new_scene

ACCEPTED, DUPLICATE, REJECTED = OutcomeStatus


@pytest.fixture
async def scene(services: Services) -> Scene:
    return await new_scene(services)


def statuses(outcomes: list[Outcome]) -> list[OutcomeStatus]:
    return [outcome.status for outcome in outcomes]


async def test_impression_is_stored_with_its_placements_advertiser(scene: Scene) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    intake = scene.actor.services.intake.at(lambda: now)
    sent = scene.impression("k", occurred_at="2026-11-23T12:59:59.5+01:00")
    [outcome] = await intake.store(scene.actor.tenant_id, [sent])
    row = event_id(scene.actor.tenant_id, "k")
    assert outcome == Outcome(ACCEPTED, row, "AD_DELIVERED", (), scene.advertiser_id, counted=True)
    assert await scene.stored() == [
        EventRecord(
            tenant_id=scene.actor.tenant_id,
            id=row,
            occurred_at=datetime(2026, 11, 23, 11, 59, 59, 500_000, tzinfo=UTC),
            received_at=now,
            type="AD_DELIVERED",
            key="k",
            household=Households("tests", scene.actor.tenant_id).household(HOUSEHOLD),
            advertiser_id=scene.advertiser_id,
            placement_id=scene.placement_id,
            source=None,
            order_id=None,
            value_minor=None,
            currency=None,
            promo_code=None,
            counted=True,
        )
    ]
    hour = datetime(2026, 11, 23, 11, tzinfo=UTC)
    assert await scene.hours() == [(scene.placement_id, hour, "AD_DELIVERED", scene.advertiser_id, "", 1, 0)]


async def test_conversion_is_stored_with_what_it_says(scene: Scene) -> None:
    values = {"order_id": "17", "value_minor": 1250.0, "currency": "EUR", "promo_code": "show", "source": "PIXEL"}
    assert statuses(await scene.store(scene.conversion("k", **values))) == [ACCEPTED]
    [stored] = await scene.stored()
    assert (stored.order_id, stored.value_minor, stored.currency) == ("17", 1250, "EUR")
    assert (stored.promo_code, stored.source, stored.placement_id) == ("SHOW", "PIXEL", None)
    assert [row[4:] for row in await scene.hours()] == [("EUR", 1, 1250)]


async def test_visit_by_a_link_is_the_placements_and_one_without_is_the_advertisers(scene: Scene) -> None:
    by_link = {"advertiser_id": None, "placement_id": f"plc_{scene.placement_id}"}
    assert statuses(await scene.store(scene.visit("a"), scene.visit("b", **by_link))) == [ACCEPTED, ACCEPTED]
    stored = await scene.stored()
    assert [found.placement_id for found in stored] == [None, scene.placement_id]
    assert [found.advertiser_id for found in stored] == [scene.advertiser_id, scene.advertiser_id]
    assert await scene.hours() == await scene.counted_by_hour()


async def test_same_batch_again_is_all_duplicates_and_changes_nothing(scene: Scene) -> None:
    batch = [scene.impression("a"), scene.visit("b"), scene.conversion("c", order_id="1"), scene.conversion("d")]
    first = await scene.store(*batch)
    stored, hours = await scene.stored(), await scene.hours()
    again = await scene.store(*batch)
    assert statuses(first) == [ACCEPTED] * 4
    assert again == [Outcome(DUPLICATE, outcome.event_id, outcome.type) for outcome in first]
    assert (await scene.stored(), await scene.hours()) == (stored, hours)


async def test_first_event_of_a_key_wins_whatever_a_later_one_says(scene: Scene) -> None:
    await scene.store(scene.impression("k"))
    stored = await scene.stored()
    [outcome] = await scene.store(
        scene.conversion("k", occurred_at="2026-11-01T00:00:00Z", value_minor=5, currency="EUR")
    )
    assert outcome == Outcome(DUPLICATE, stored[0].id, "AD_DELIVERED")
    assert await scene.stored() == stored
    assert await scene.hours() == await scene.counted_by_hour()


async def test_duplicate_within_a_batch(scene: Scene) -> None:
    outcomes = await scene.store(scene.impression("k"), scene.visit("k"), scene.impression("k"))
    assert statuses(outcomes) == [ACCEPTED, DUPLICATE, DUPLICATE]
    assert {outcome.type for outcome in outcomes} == {"AD_DELIVERED"}
    assert len(await scene.stored()) == 1
    assert [row[5] for row in await scene.hours()] == [1]


async def test_key_of_a_rejected_event_is_free(scene: Scene) -> None:
    bad = scene.impression("k", occurred_at="never")
    unknown = event(key="k", type="AD_DELIVERED", placement_id="plc_9000000000000000000")
    assert statuses(await scene.store(bad, unknown, scene.impression("k"))) == [REJECTED, REJECTED, ACCEPTED]


async def test_one_bad_event_among_a_thousand_spoils_no_other(scene: Scene) -> None:
    batch = [scene.impression(f"{number}") for number in range(1_000)]
    batch[500] = scene.impression("500", ip_address="10.0.0.1")
    outcomes = await scene.store(*batch)
    assert Counter(statuses(outcomes)) == {ACCEPTED: 999, REJECTED: 1}
    assert codes(outcomes[500]) == [("ADDRESS_NOT_PUBLIC", ("ipAddress",))]
    assert len(await scene.stored()) == 999
    assert sum(row[5] for row in await scene.hours()) == 999


async def test_batch_of_bad_events_alone_asks_nothing_of_the_database(scene: Scene) -> None:
    assert statuses(await scene.store(IncomingEvent(), IncomingEvent(type="VISIT"))) == [REJECTED, REJECTED]
    assert await scene.store() == []


async def test_nothing_of_another_tenant_can_be_named(scene: Scene, services: Services) -> None:
    foreign = await new_scene(services)
    named = f"plc_{foreign.placement_id}"
    sent = [
        scene.impression("a"),
        event(key="b", type="AD_DELIVERED", placement_id=named),
        event(key="c", type="VISIT", advertiser_id=f"adv_{foreign.advertiser_id}"),
        event(key="d", type="LEAD", advertiser_id=f"adv_{foreign.advertiser_id}"),
        event(key="e", type="VISIT", placement_id=named, advertiser_id=f"adv_{scene.advertiser_id}"),
        event(key="f", type="VISIT", placement_id=named, advertiser_id=f"adv_{foreign.advertiser_id}"),
        event(key="g", type="VISIT", advertiser_id="adv_9000000000000000000"),
        scene.visit("h", placement_id=f"plc_{scene.placement_id}", advertiser_id=f"adv_{foreign.advertiser_id}"),
        scene.visit("i", placement_id=f"plc_{scene.placement_id}", advertiser_id="adv_9000000000000000000"),
    ]
    unknown_placement, unknown_advertiser = (
        ("UNKNOWN_PLACEMENT", ("placementId",)),
        ("UNKNOWN_ADVERTISER", ("advertiserId",)),
    )
    mismatch = ("ADVERTISER_MISMATCH", ("advertiserId",))
    assert [codes(outcome) for outcome in await scene.store(*sent)] == [
        [],
        [unknown_placement],
        [unknown_advertiser],
        [unknown_advertiser],
        [unknown_placement],
        [unknown_placement, unknown_advertiser],
        [unknown_advertiser],
        [mismatch],
        [mismatch],
    ]
    assert [stored.key for stored in await scene.stored()] == ["a"]
    assert (await foreign.stored(), await foreign.hours()) == ([], [])


async def test_keys_and_orders_of_another_tenant_are_other_ones(scene: Scene, services: Services) -> None:
    other = await new_scene(services)
    for tenant in (scene, other):
        [outcome] = await tenant.store(tenant.conversion("k", order_id="1"))
        assert (outcome.status, outcome.counted) == (ACCEPTED, True)


async def test_placement_of_another_advertiser_of_the_tenant_is_a_mismatch(scene: Scene) -> None:
    other = await another_advertiser(scene)
    [outcome] = await scene.store(
        event(key="k", type="VISIT", placement_id=f"plc_{scene.placement_id}", advertiser_id=f"adv_{other}")
    )
    assert codes(outcome) == [("ADVERTISER_MISMATCH", ("advertiserId",))]


async def another_advertiser(scene: Scene) -> AdvertiserId:
    return (await new_advertiser(scene.actor, "Another")).id


async def test_statement_refuses_a_placement_that_is_not_the_advertisers(scene: Scene) -> None:
    """What the look-up before it would have missed, the statement itself does not write."""
    other = await another_advertiser(scene)
    moment = datetime.now(UTC)

    def new(key: str, advertiser_id: AdvertiserId, placement_id: int | None) -> NewEvent:
        placement = None if placement_id is None else PlacementId(placement_id)
        row = event_id(scene.actor.tenant_id, key)
        return NewEvent(row, moment, "VISIT", key, 1, advertiser_id, placement, None, None, None, None, None)

    sent = [
        new("a", scene.advertiser_id, scene.placement_id),
        new("b", other, scene.placement_id),
        new("c", other, 2**62),
        new("d", other, None),
    ]
    async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
        stored = await EventIntake(session).insert(sent, moment)
    assert stored == {sent[0].id: True, sent[3].id: True}
    assert [found.key for found in await scene.stored()] == ["a", "d"]


async def test_statement_refuses_an_advertiser_of_another_tenant(scene: Scene, services: Services) -> None:
    foreign = await new_scene(services)
    moment = datetime.now(UTC)
    row = event_id(scene.actor.tenant_id, "k")
    sent = NewEvent(row, moment, "VISIT", "k", 1, foreign.advertiser_id, None, None, None, None, None, None)
    with pytest.raises(MissingReference):
        async with services.database.write(scene.actor.tenant_id) as session:
            await EventIntake(session).insert([sent], moment)
    assert await scene.stored() == []


async def test_event_that_the_statement_leaves_out_is_no_duplicate(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look-up says yes and the statement no, as if one of them were wrong: nothing of the batch is stored."""
    other = await another_advertiser(scene)

    async def wrong(_self: EventIntake, placement_ids: set[PlacementId]) -> dict[PlacementId, AdvertiserId]:
        return dict.fromkeys(placement_ids, other)

    monkeypatch.setattr(event_intake.EventIntake, "advertisers_of", wrong)
    with pytest.raises(MissingReference):
        await scene.store(scene.impression("a"), scene.visit("b"))
    assert await scene.stored() == []


async def test_order_counts_once_and_a_further_report_is_kept_as_evidence(scene: Scene) -> None:
    order = {"order_id": "17", "value_minor": 1000, "currency": "EUR"}
    [first] = await scene.store(scene.conversion("pixel", source="PIXEL", **order))
    [second] = await scene.store(scene.conversion("server", **{**order, "value_minor": 1490}))
    assert (first.status, first.counted) == (ACCEPTED, True)
    assert (second.status, second.counted) == (ACCEPTED, False)
    assert [(found.key, found.counted) for found in await scene.stored()] == [("pixel", True), ("server", False)]
    assert [row[4:] for row in await scene.hours()] == [("EUR", 1, 1000)]


async def test_first_report_of_an_order_within_a_batch_counts(scene: Scene) -> None:
    outcomes = await scene.store(
        scene.conversion("z", order_id="17"), scene.conversion("a", order_id="17"), scene.conversion("b", order_id="18")
    )
    assert [outcome.counted for outcome in outcomes] == [True, False, True]
    assert await scene.hours() == await scene.counted_by_hour()


async def test_same_order_id_of_another_type_or_advertiser_is_another_order(scene: Scene) -> None:
    other = await another_advertiser(scene)
    outcomes = await scene.store(
        scene.conversion("a", order_id="17"),
        scene.conversion("b", order_id="17", type="SIGNUP"),
        scene.conversion("c", order_id="17", advertiser_id=f"adv_{other}"),
    )
    assert [outcome.counted for outcome in outcomes] == [True, True, True]


async def test_key_whose_hash_is_taken_by_another_key_is_rejected(scene: Scene) -> None:
    """The stored key is changed in place, since nobody can find two keys of one hash."""
    await scene.store(scene.impression("k"))
    async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
        own = events.c.tenant_id == scene.actor.tenant_id
        await session.execute(events.update().where(own).values(key="another"))
    outcomes = await scene.store(scene.impression("k"), scene.impression("k"), scene.impression("l"))
    assert statuses(outcomes) == [REJECTED, REJECTED, ACCEPTED]
    assert codes(outcomes[0]) == codes(outcomes[1]) == [("KEY_COLLISION", ("key",))]
    assert outcomes[0].event_id is None


async def test_key_of_an_event_that_was_dropped_is_still_a_duplicate(scene: Scene) -> None:
    await scene.store(scene.impression("k"))
    async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
        await session.execute(delete(events).where(events.c.tenant_id == scene.actor.tenant_id))
    [outcome] = await scene.store(scene.visit("k"))
    assert outcome == Outcome(DUPLICATE, event_id(scene.actor.tenant_id, "k"), "VISIT")


async def test_hours_of_late_events_are_added_to(scene: Scene) -> None:
    late = {"occurred_at": "2026-10-05T07:30:00Z"}
    for number in range(3):
        await scene.store(scene.impression(f"{number}", **late), scene.impression(f"new {number}"))
    assert await scene.hours() == await scene.counted_by_hour()
    assert (await scene.hours())[0][5] == 3


async def test_sum_of_an_hour_has_no_largest_value(scene: Scene) -> None:
    most = {"value_minor": 2**53 - 1, "currency": "EUR", "occurred_at": "2026-11-01T00:00:00Z"}
    for batch in range(2):
        await scene.store(*(scene.conversion(f"{batch} {number}", **most) for number in range(600)))
    [row] = await scene.hours()
    assert row[5:] == (1200, 1200 * (2**53 - 1))
    assert row[6] > 2**63


async def test_currencies_are_summed_apart(scene: Scene) -> None:
    when = "2026-11-01T00:00:00Z"
    await scene.store(
        scene.conversion("a", value_minor=1, currency="EUR", occurred_at=when),
        scene.conversion("b", value_minor=2, currency="USD", occurred_at=when),
        scene.conversion("c", occurred_at=when),
    )
    assert [row[4:] for row in await scene.hours()] == [("", 1, 0), ("EUR", 1, 1), ("USD", 1, 2)]


async def test_missing_partition_is_made_and_the_batch_stored(scene: Scene) -> None:
    later = datetime.now(UTC) + timedelta(days=31 * 7)
    intake = scene.actor.services.intake.at(lambda: later)
    sent = scene.impression("k", occurred_at=later.isoformat())
    assert statuses(await intake.store(scene.actor.tenant_id, [sent])) == [ACCEPTED]
    assert await scene.hours() == await scene.counted_by_hour()


async def test_batch_that_met_another_is_stored_on_the_second_try(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0
    real = EventIntake.insert

    async def unlucky(self: EventIntake, new: list[NewEvent], received_at: datetime) -> dict[EventId, bool]:
        nonlocal tries
        tries += 1
        stored = await real(self, new, received_at)
        if tries == 1:
            raise WriteConflict("deadlock detected")
        return stored

    monkeypatch.setattr(EventIntake, "insert", unlucky)
    assert statuses(await scene.store(scene.impression("k"))) == [ACCEPTED]
    assert tries == 2
    assert await scene.hours() == await scene.counted_by_hour()


async def test_interrupted_batch_is_stored_by_nothing_of_it(scene: Scene) -> None:
    with pytest.raises(RuntimeError):
        async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
            row = event_id(scene.actor.tenant_id, "k")
            moment = datetime.now(UTC)
            new = NewEvent(row, moment, "VISIT", "k", 1, scene.advertiser_id, None, None, None, None, None, None)
            await EventIntake(session).insert([new], moment)
            raise RuntimeError
    assert (await scene.stored(), await scene.hours()) == ([], [])
    assert statuses(await scene.store(scene.visit("k"))) == [ACCEPTED]


async def test_outcomes_are_counted_by_status_and_type(scene: Scene) -> None:
    registry = CollectorRegistry()
    services = scene.actor.services
    intake = Intake(
        services.database,
        IntakeSettings("tests", KEEP_MONTHS),
        services.clock,
        EventMetrics(registry, EventType),
    )
    sent = [scene.impression("a"), scene.impression("a"), scene.visit("b"), event(key="c", type="A client's own")]
    await intake.store(scene.actor.tenant_id, sent)

    def counted(status: str, kind: str) -> float | None:
        return registry.get_sample_value("podgraph_events_total", {"status": status, "type": kind})

    assert counted("ACCEPTED", "AD_DELIVERED") == 1
    assert counted("DUPLICATE", "AD_DELIVERED") == 1
    assert counted("ACCEPTED", "VISIT") == 1
    assert counted("REJECTED", "other") == 1
    assert registry.get_sample_value("podgraph_event_batch_seconds_count") == 1


async def test_another_tenant_sees_neither_events_nor_keys(scene: Scene, services: Services) -> None:
    other = await new_scene(services)
    await scene.store(scene.impression("k"))
    async with services.database.read(other.actor.tenant_id) as session:
        row = event_id(scene.actor.tenant_id, "k")
        assert await EventIntake(session).known([row]) == {}
        assert await EventIntake(session).advertisers_of([scene.placement_id]) == {}
        assert await EventIntake(session).existing_advertisers([scene.advertiser_id]) == set()
        assert await session.scalar(event_keys.select().where(event_keys.c.id == row)) is None


async def test_row_level_security_keeps_events_out_of_another_tenants_rows(scene: Scene, services: Services) -> None:
    other = await new_scene(services)
    values = {"tenant_id": scene.actor.tenant_id, "id": 1, "occurred_at": datetime.now(UTC)}
    with pytest.raises(Exception, match="row-level security"):
        async with services.database.write(other.actor.tenant_id) as session:
            await session.execute(insert(event_keys).values(**values))
