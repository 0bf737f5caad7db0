"""However many send the same events at once: each is stored once, each order counts once, each hour is exact."""

import asyncio
import random
from collections import Counter

from resolvers.context import Services
from resolvers.events.incoming import IncomingEvent
from resolvers.events.intake import Outcome, OutcomeStatus
from tests.resolvers.events.scene import Scene, new_scene

TASKS = 20


async def store_at_once(scene: Scene, batches: list[list[IncomingEvent]]) -> list[list[Outcome]]:
    return await asyncio.gather(*(scene.store(*batch) for batch in batches))


async def test_same_keys_sent_by_many_are_accepted_once_each(services: Services) -> None:
    scene = await new_scene(services)
    chance = random.Random(1)  # noqa: S311  # an order, no secret
    sent = [scene.impression(f"{number}") for number in range(100)]
    outcomes = await store_at_once(scene, [chance.sample(sent, len(sent)) for _ in range(TASKS)])
    found = Counter(outcome.status for batch in outcomes for outcome in batch)
    assert found == {OutcomeStatus.ACCEPTED: 100, OutcomeStatus.DUPLICATE: 100 * (TASKS - 1)}
    assert len(await scene.stored()) == 100
    assert await scene.hours() == await scene.counted_by_hour()


async def test_same_orders_reported_by_many_count_once_each(services: Services) -> None:
    scene = await new_scene(services)
    chance = random.Random(2)  # noqa: S311  # an order, no secret
    orders = list(range(30))

    def reports(task: int) -> list[IncomingEvent]:
        return [
            scene.conversion(f"{task} {order}", order_id=f"{order}", value_minor=100 + task, currency="EUR")
            for order in chance.sample(orders, len(orders))
        ]

    outcomes = await store_at_once(scene, [reports(task) for task in range(TASKS)])
    assert all(outcome.status is OutcomeStatus.ACCEPTED for batch in outcomes for outcome in batch)
    counted = Counter(stored.order_id for stored in await scene.stored() if stored.counted)
    assert counted == {f"{order}": 1 for order in orders}
    assert sum(outcome.counted for batch in outcomes for outcome in batch) == len(orders)
    assert await scene.hours() == await scene.counted_by_hour()


async def test_hours_shared_by_many_batches_are_exact(services: Services) -> None:
    scene = await new_scene(services)
    chance = random.Random(3)  # noqa: S311  # moments, no secret

    def batch(task: int) -> list[IncomingEvent]:
        moments = [f"2026-11-{chance.randrange(1, 4):02}T{chance.randrange(24):02}:30:00Z" for _ in range(150)]
        return [scene.impression(f"{task} {number}", occurred_at=moment) for number, moment in enumerate(moments)]

    await store_at_once(scene, [batch(task) for task in range(TASKS)])
    hours = await scene.hours()
    assert sum(row[5] for row in hours) == 150 * TASKS
    assert hours == await scene.counted_by_hour()
