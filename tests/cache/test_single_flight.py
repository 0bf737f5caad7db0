"""One load for all: several real processes, one real Redis, one cold key."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from redis import Redis

from tests.services.redis_server import RedisServer

ROOT = Path(__file__).parents[2]
PROCESSES = 4
REQUESTS = 50

PROGRAM = f"""
import asyncio, sys
from cache.tiers import Loaded
from tests.cache.primary import ScriptedPrimary
from tests.cache.processes import Podcast, process, whole

async def main(url):
    primary = ScriptedPrimary()
    async with process(url, primary) as one:
        async def load(keys):
            await one.redis.incr("loads")
            await asyncio.sleep(0.02)  # what a statement takes
            return Loaded([Podcast(key, "first") for key in keys], whole(), primary.position)
        async def request():
            moment = await one.trusted()
            fetched = await one.cache.fetch(one.shelf, [1], load, moment)
            return fetched.values == [Podcast(1, "first")]
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await one.trusted()
        print(sum(await asyncio.gather(*(request() for _ in range({REQUESTS})))), flush=True)

asyncio.run(main(sys.argv[1]))
"""


def test_two_hundred_requests_for_a_cold_key_on_four_processes_load_it_once(redis_server: RedisServer) -> None:
    command = [sys.executable, "-c", PROGRAM, redis_server.url]
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(PROCESSES)
        ]
        assert _lines(started) == ["ready"] * PROCESSES
        for one in started:
            assert one.stdin is not None
            one.stdin.write("\n")
            one.stdin.flush()
        assert _lines(started) == [str(REQUESTS)] * PROCESSES
    with Redis.from_url(redis_server.url) as redis:
        assert redis.get("loads") == b"1"


def _lines(processes: list[subprocess.Popen[str]]) -> list[str]:
    """The next one of each, but for what it logs; nothing if it ended."""
    said = []
    for one in processes:
        assert one.stdout is not None
        said.append(next((line.strip() for line in one.stdout if "coherence." not in line), ""))
    return said
