"""What samples say together: who is the primary, and which standbys may serve. No server is asked here."""

import pytest
from prometheus_client import CollectorRegistry

from ops.telemetry.metrics import ReplicaMetrics
from persistence.connections import Scope
from persistence.errors import DatabaseUnavailable
from persistence.opening import Opened, opened
from persistence.places import Places, Sample
from persistence.positions import position
from persistence.servers import BAD_SAMPLES, GOOD_SAMPLES, Server, Servers
from tests.persistence.sights import ScriptedSight

TENANT = 7
LAG_SECONDS = 4.0
URLS = tuple(f"postgresql+asyncpg://app@server{number}/podgraph" for number in range(3))


class Scene:
    """Three servers; the first is the primary at first. Time passes by `tick`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.opened: Opened = opened(
            URLS,
            pool_size=2,
            statement_timeout=1,
            lag_seconds=LAG_SECONDS,
            places=Places(5),
            metrics=ReplicaMetrics(self.registry),
        )
        self.now = 100.0

    @property
    def servers(self) -> Servers:
        return self.opened.servers

    def server(self, number: int) -> Server:
        return self.servers.all[number]

    def primary(self, number: int, lsn: int, timeline: int = 1, *, synchronous: bool = False) -> None:
        place = position(timeline, lsn)
        sample = Sample(self.now, False, timeline, place, place, synchronous, False)
        self.servers.sampled(self.server(number), sample)

    def standby(self, number: int, lsn: int, timeline: int = 1, *, received: int | None = None) -> None:
        known = position(timeline, lsn if received is None else received)
        sample = Sample(self.now, True, timeline, position(timeline, lsn), known, False, False)
        self.servers.sampled(self.server(number), sample)

    def tick(self, seconds: float = 0.1) -> None:
        self.now += seconds

    def healthy(self) -> list[int]:
        return [number for number in range(3) if self.server(number).healthy]

    async def reader(self, sight: ScriptedSight) -> int | None:
        """The number of the replica that a read goes to; None: the primary."""
        router = self.opened.sources.router
        assert router is not None
        found = await router.reader(sight, TENANT)
        return None if found is None else self.servers.all.index(found)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.primary(0, 1_000)
    scene.standby(1, 1_000)
    scene.standby(2, 1_000)
    return scene


def test_servers_are_used_from_their_first_answer_on(scene: Scene) -> None:
    assert scene.healthy() == [0, 1, 2]
    assert scene.servers.primary is scene.server(0)
    assert scene.servers.position == position(1, 1_000)


def test_replica_behind_the_limit_is_out_after_two_samples_and_back_after_five_good_ones(scene: Scene) -> None:
    scene.tick()
    scene.primary(0, 2_000)
    scene.tick(LAG_SECONDS + 0.1)
    scene.standby(1, 1_900)
    assert scene.healthy() == [0, 1, 2]
    scene.standby(1, 1_900)
    assert scene.healthy() == [0, 2]
    assert scene.value("podgraph_database_ejections_total", server="server1:5432/podgraph") == 1
    for _ in range(GOOD_SAMPLES - 1):
        scene.standby(1, 2_000)
    assert scene.healthy() == [0, 2]
    scene.standby(1, 2_000)
    assert scene.healthy() == [0, 1, 2]
    assert scene.value("podgraph_database_server_healthy", server="server1:5432/podgraph") == 1


def test_replica_between_half_the_limit_and_the_limit_stays_what_it_is(scene: Scene) -> None:
    scene.tick()
    scene.primary(0, 2_000)
    scene.tick(LAG_SECONDS * 3 / 4)
    for _ in range(GOOD_SAMPLES):
        scene.standby(1, 1_900)
    assert scene.healthy() == [0, 1, 2]
    scene.servers.lost(scene.server(2))
    for _ in range(2 * GOOD_SAMPLES):
        scene.standby(2, 1_900)
    assert scene.healthy() == [0, 1]


def test_one_sample_that_does_not_come_is_forgiven_and_a_second_is_not(scene: Scene) -> None:
    scene.servers.failed(scene.server(1))
    scene.standby(1, 1_000)
    scene.servers.failed(scene.server(1))
    assert scene.healthy() == [0, 1, 2]
    for _ in range(BAD_SAMPLES):
        scene.servers.failed(scene.server(1))
    assert scene.healthy() == [0, 2]


def test_server_that_takes_no_connections_is_out_at_once(scene: Scene) -> None:
    scene.servers.lost(scene.server(2))
    assert scene.healthy() == [0, 1]
    scene.servers.lost(scene.server(0))
    assert scene.servers.primary is None


def test_promoted_replica_is_the_primary_and_who_does_not_follow_it_is_out(scene: Scene) -> None:
    told: list[str] = []
    scene.servers.on_primary.append(lambda: told.append("another"))
    scene.servers.lost(scene.server(0))
    assert told == []
    scene.primary(1, 900, timeline=2)
    assert told == ["another"]
    assert scene.servers.primary is scene.server(1)
    assert scene.servers.position == position(2, 900)
    for _ in range(BAD_SAMPLES):
        scene.standby(2, 5_000, timeline=1)
    assert scene.healthy() == [1]
    for _ in range(GOOD_SAMPLES):
        scene.standby(2, 950, timeline=2)
    assert scene.healthy() == [1, 2]


def test_old_primary_that_does_not_know_of_the_promotion_is_not_the_primary(scene: Scene) -> None:
    scene.primary(1, 900, timeline=2)
    for _ in range(BAD_SAMPLES):
        scene.primary(0, 9_000, timeline=1)
    assert scene.servers.primary is scene.server(1)
    assert scene.healthy() == [1, 2]


def test_old_primary_that_follows_the_new_one_serves_reads(scene: Scene) -> None:
    scene.servers.lost(scene.server(0))
    scene.primary(1, 900, timeline=2)
    for _ in range(GOOD_SAMPLES):
        scene.standby(0, 900, timeline=2)
    assert scene.server(0) in scene.servers.replicas


def test_restarted_primary_is_the_same_one_and_nobody_is_told(scene: Scene) -> None:
    told: list[str] = []
    scene.servers.on_primary.append(lambda: told.append("another"))
    scene.servers.lost(scene.server(0))
    scene.primary(0, 1_100)
    assert scene.servers.primary is scene.server(0)
    assert told == []


def test_positions_by_the_clock_say_nothing_of_the_lag() -> None:
    scene = Scene()
    scene.primary(0, 50_000_000, timeline=0)
    for _ in range(2 * BAD_SAMPLES):
        scene.tick(LAG_SECONDS)
        scene.primary(0, 90_000_001, timeline=0)
        scene.standby(1, 45_000_000, timeline=0)
    assert scene.healthy() == [0, 1]
    assert scene.server(1).lag == 0


async def test_read_goes_to_the_least_busy_replica_that_has_reached_the_floor(scene: Scene) -> None:
    sight = ScriptedSight()
    scene.server(1).in_use = 1
    assert await scene.reader(sight) == 2
    scene.server(2).in_use = 2
    assert await scene.reader(sight) == 1
    scene.standby(2, 1_200)
    sight.floors[TENANT] = position(1, 1_100)
    assert await scene.reader(sight) == 2
    assert scene.value("podgraph_database_reads_total", where="replica") == 3


async def test_read_that_only_the_primary_can_answer_goes_there(scene: Scene) -> None:
    scene.tick(1.0)
    scene.primary(0, 1_200)
    for number in (1, 2):
        scene.tick(1.0)
        scene.standby(number, 1_100)
    sight = ScriptedSight()
    sight.floors[TENANT] = position(1, 1_200)
    assert await scene.reader(sight) is None, "both lag by too much to be waited for"
    sight.floors.clear()
    sight.writing.add(TENANT)
    assert await scene.reader(sight) is None
    sight.writing = {TENANT + 1}
    assert await scene.reader(sight) == 1
    sight.primary = True
    assert await scene.reader(sight) is None
    assert scene.value("podgraph_database_reads_total", where="primary") == 3


async def test_without_a_primary_the_most_advanced_of_those_that_show_all_they_have_serves(scene: Scene) -> None:
    scene.standby(1, 1_100)
    scene.standby(2, 1_200, received=1_300)
    scene.servers.lost(scene.server(0))
    sight = ScriptedSight()
    sight.primary = True
    assert await scene.reader(sight) == 1
    scene.standby(2, 1_300)
    assert await scene.reader(sight) == 2
    assert scene.value("podgraph_database_reads_total", where="degraded") == 2


@pytest.mark.parametrize(("synchronous", "lost", "served"), [(True, None, 2), (True, 1, None), (False, None, None)])
async def test_token_beyond_what_is_left_is_served_only_if_nothing_acknowledged_can_be_missing(
    scene: Scene, synchronous: bool, lost: int | None, served: int | None
) -> None:
    scene.primary(0, 1_500, synchronous=synchronous)
    scene.standby(2, 1_200)
    scene.servers.lost(scene.server(0))
    if lost is not None:
        scene.servers.lost(scene.server(lost))
    sight = ScriptedSight()
    assert await scene.reader(sight) == 2
    sight.token = position(1, 1_500)
    assert await scene.reader(sight) == served
    sight.token = position(1, 1_200)
    assert await scene.reader(sight) == 2


async def test_replica_that_cancelled_a_statement_stays_and_the_statement_goes_to_the_primary(scene: Scene) -> None:
    router = scene.opened.sources.router
    assert router is not None
    assert await router.elsewhere(scene.server(1), ScriptedSight(), TENANT, lost=False) is None
    assert scene.healthy() == [0, 1, 2]
    assert await router.elsewhere(scene.server(1), ScriptedSight(), TENANT, lost=True) is scene.server(2)
    assert scene.healthy() == [0, 2]
    assert scene.value("podgraph_database_read_retries_total", server="server1:5432/podgraph") == 2


def test_one_server_needs_no_router() -> None:
    alone = opened(
        URLS[:1],
        pool_size=2,
        statement_timeout=1,
        lag_seconds=1,
        places=Places(5),
        metrics=ReplicaMetrics(CollectorRegistry()),
    )
    assert alone.sources.router is None


async def test_servers_that_nobody_can_reach_are_unavailable() -> None:
    nowhere = opened(
        ["postgresql+asyncpg://app@127.0.0.1:1/podgraph"],
        pool_size=2,
        statement_timeout=1,
        lag_seconds=1,
        places=Places(5),
        metrics=ReplicaMetrics(CollectorRegistry()),
    )
    with pytest.raises(DatabaseUnavailable):
        await nowhere.sources.primary.take(Scope(1, 0))
