"""The server's end of a calculation: a process for each, so that the event loop goes on and any can be ended."""

import asyncio
import pickle
import sys
from collections.abc import Sequence
from contextlib import suppress
from math import ceil
from typing import Final, TypeVar, cast

from resolvers.errors import InvalidInput
from resolvers.runs.calculations import Calculation
from resolvers.runs.messages import Answer, Defect, Refusal, Result, sent

T = TypeVar("T")

_CALCULATOR: Final = "resolvers.runs.calculator"
_STEP: Final = 1 << 18


class CalculationLost(Exception):
    """The process ended before it answered: killed from outside, or out of memory."""


class CalculationDefect(Exception):
    """The calculation raised what it must not; the message is its traceback."""


async def calculated(calculation: Calculation[T], seconds: float) -> T:
    """The calculation's result, made by a process of its own; cancelling kills it.

    Raises InvalidInput as the models do, TimeoutError after `seconds`, CalculationLost, CalculationDefect.
    """
    # A session of its own: Ctrl-C in the terminal reaches the server alone. No environment: no secrets.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        _CALCULATOR,
        str(ceil(seconds) + 1),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"OPENBLAS_NUM_THREADS": "1"},
        cwd="/",
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            answer = await _answer(process, sent(calculation))
    finally:
        await asyncio.shield(_end(process))
    match answer:
        case Result():
            return cast(T, answer.value)
        case Refusal():
            raise InvalidInput(answer.problems)
        case Defect():
            raise CalculationDefect(answer.traceback)


async def _answer(process: asyncio.subprocess.Process, parts: Sequence[memoryview]) -> Answer:
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process needs pipes")
    try:
        for part in parts:
            for start in range(0, len(part), _STEP):
                process.stdin.write(part[start : start + _STEP])
                await process.stdin.drain()
        answer = await process.stdout.read()
    except ConnectionError as error:
        raise CalculationLost from error
    if not answer:
        raise CalculationLost
    found: Answer = await asyncio.to_thread(pickle.loads, answer)
    return found


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    if process.stdin is not None:
        process.stdin.close()
    rest = process.stdout.read() if process.stdout is not None else asyncio.sleep(0, b"")
    await asyncio.gather(rest, process.wait(), return_exceptions=True)
