"""`podgraph bench cache`: that it measures what it says, not how fast this machine is."""

from pathlib import Path

import msgspec

from gateway.commands.bench_cache import CacheFigures
from tests.gateway.commands.terminal import Terminal
from tests.services.redis_server import RedisServer


def test_every_tier_is_measured_beside_what_it_stands_on(
    terminal: Terminal, redis_server: RedisServer, tmp_path: Path
) -> None:
    terminal.set(PODGRAPH_REDIS__URL=redis_server.url)
    said = terminal.run("bench", "cache", "--batch", "50", "--rounds", "3", "--json", str(tmp_path / "figures.json"))
    assert said.status == 0, said.err
    done = msgspec.json.decode((tmp_path / "figures.json").read_bytes(), type=CacheFigures)
    assert (done.batch, done.rounds) == (50, 3)
    assert [figure.tier for figure in done.figures] == ["memory", "redis", "miss"]
    assert all(figure.ms > 0 and figure.bare_ms > 0 and figure.ratio > 0 for figure in done.figures)
    memory, redis, miss = done.figures
    assert memory.ms < redis.ms
    assert memory.ms < miss.ms


def test_without_redis_what_needs_it_is_left_out(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal.run("bench", "cache", "--batch", "10", "--rounds", "2", "--json", str(tmp_path / "figures.json"))
    assert said.status == 0, said.err
    done = msgspec.json.decode((tmp_path / "figures.json").read_bytes(), type=CacheFigures)
    assert [figure.tier for figure in done.figures] == ["memory", "miss"]
    assert "map(dict.get)" in said.out
