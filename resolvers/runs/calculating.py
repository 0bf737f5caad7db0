"""The server's end of a calculation: a process for each, so that the event loop goes on and any can be ended."""

import asyncio
import pickle
from collections.abc import Sequence
from math import ceil
from typing import Final, TypeVar, cast

from resolvers.child_process import ChildProcess
from resolvers.errors import InvalidInput
from resolvers.runs.calculations import Calculation
from resolvers.runs.messages import Answer, Defect, Refusal, Result, sent

T = TypeVar("T")

_CALCULATOR: Final = "resolvers.runs.calculator"


class CalculationLost(Exception):
    """The process ended before it answered: killed from outside, or out of memory."""


class CalculationDefect(Exception):
    """The calculation raised what it must not; the message is its traceback."""


async def calculated(calculation: Calculation[T], seconds: float) -> T:
    """The calculation's result, made by a process of its own; cancelling kills it.

    Raises InvalidInput as the models do, TimeoutError after `seconds`, CalculationLost, CalculationDefect.
    """
    process = await ChildProcess.start(_CALCULATOR, str(ceil(seconds) + 1), environment={"OPENBLAS_NUM_THREADS": "1"})
    try:
        async with asyncio.timeout(seconds):
            answer = await _answer(process, sent(calculation))
    finally:
        await asyncio.shield(process.end())
    match answer:
        case Result():
            return cast(T, answer.value)
        case Refusal():
            raise InvalidInput(answer.problems)
        case Defect():
            raise CalculationDefect(answer.traceback)


async def _answer(process: ChildProcess, parts: Sequence[memoryview]) -> Answer:
    try:
        for part in parts:
            await process.send(part)
        answer = await process.output.read()
    except ConnectionError as error:
        raise CalculationLost from error
    if not answer:
        raise CalculationLost
    found: Answer = await asyncio.to_thread(pickle.loads, answer)
    return found
