"""A process that is killed loses what it counted since it last wrote, and nothing else."""

import asyncio
import secrets
import sys
from pathlib import Path

from persistence.database import Database
from persistence.repositories.usage import last_uses
from tests.gateway.documents.usage_process import DAY, EVERY_SECONDS


async def test_kill_loses_at_most_what_was_counted_since_the_last_writing(database: Database, app_url: str) -> None:
    client = f"killed-{secrets.token_hex(4)}"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.gateway.documents.usage_process", app_url, client),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    counted: list[tuple[float, int]] = []
    async with asyncio.timeout(30):
        while not counted or counted[-1][0] < 4 * EVERY_SECONDS:
            seconds, number = (await process.stdout.readline()).split()
            counted.append((float(seconds), int(number)))
    process.kill()
    rest = (await process.stdout.read()).splitlines()
    await process.wait()
    counted += [(float(line.split()[0]), int(line.split()[1])) for line in rest if len(line.split()) == 2]
    async with database.read_account() as session:
        [written] = [
            each.uses for each in await last_uses(session, DAY) if (each.coordinate, each.client) == ("Query.b", client)
        ]
    end, most = counted[-1]
    # An interval, and as long again for the writing itself on a busy machine.
    before = max(number for seconds, number in counted if seconds <= end - 2 * EVERY_SECONDS)
    assert before > 0
    assert before <= written <= most + 1
