"""A worker without a gateway: `python -m tests.gateway.workers.plain_worker DIRECTORY NUMBER LISTENER CHANNEL`.

It appends its number to the file `begun`, and the names of signals to `signals`. While there is a file `broken` it
cannot start, while there is one `deaf` it stays, and while there is one `asks` it writes what all count to `whole<n>`.
"""

import asyncio
import signal
import socket
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from gateway.workers.link import Link


async def main(directory: Path, number: int, channel: socket.socket) -> None:
    with (directory / "begun").open("a") as begun:
        begun.write(f"{number}\n")
    if (directory / "broken").exists():
        return
    registry = CollectorRegistry()
    Gauge("podgraph_numbers", "Its number.", registry=registry).set(number)
    link = Link(number, channel, registry)
    told = asyncio.Event()

    def signalled(name: str) -> None:
        with (directory / "signals").open("a") as signals:
            signals.write(f"{name}\n")
        if not (directory / "deaf").exists():
            told.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, signalled, one.name)
    async with link.open(retire=told.set, leave=told.set):
        link.started()
        if (directory / "asks").exists():
            whole = await link.exposition()
            while b'podgraph_worker_up{worker="%d"} 1' % number not in whole:  # until it is known to have started
                whole = await link.exposition()
            (directory / f"whole{number}").write_bytes(whole)
        await told.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), socket.socket(fileno=int(sys.argv[4]))))
