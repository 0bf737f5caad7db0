"""A process of ours that works for the server: it inherits no secrets, and talks through its pipes."""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final, Self

_STEP: Final = 1 << 18
"""Bytes written at once, so that a large message does not hold up the event loop."""


class ChildProcess:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("the process needs pipes")
        self._process = process
        self._input = process.stdin
        self.output = process.stdout

    @classmethod
    async def start(cls, module: str, *arguments: str, environment: Mapping[str, str] = MappingProxyType({})) -> Self:
        """`python -m module arguments`, with no other environment than this one."""
        # A session of its own: Ctrl-C in the terminal reaches the server alone. No environment: no secrets.
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-m",
                module,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=dict(environment),  # uvloop takes nothing but a dict
                cwd="/",
                start_new_session=True,
            )
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    async def send(self, content: bytes | memoryview) -> None:
        """Raises ConnectionError when the process is gone."""
        view = memoryview(content)
        for start in range(0, len(view), _STEP):
            self._input.write(view[start : start + _STEP])
            await self._input.drain()

    async def end(self) -> None:
        """Kills the process, whatever it does, and returns when it is gone."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        self._input.close()
        await asyncio.gather(self.output.read(), self._process.wait(), return_exceptions=True)
